// A legacy system on node-soap, from nothing but its WSDL: the population register of mappings/population-register, or
// the European Commission's VIES.
//
//     legacy_soap.js register|vies WSDL [PORT]    prints `ready PORT`, then a line `PersonQuery CODE` or
//                                                 `checkVat NUMBER` for each request
//
// The register answers 99999999999 with a fault, 00000000000 with a failure in a normal reply; VIES answers number 100 as
// valid, 200 as not valid, 300 with the fault INVALID_INPUT and any other with MS_UNAVAILABLE.
'use strict';

const fs = require('fs');
const http = require('http');
const soap = require('soap');

const [system, wsdlFile, port = '0'] = process.argv.slice(2);

function person(query) {
  return {
    Code: query.PersonCode,
    GivenName: ' Mari ',
    Surname: 'Kask & Tamm',
    BirthDate: '1985-02-28',
    Status: 'A',
    Address: { attributes: { country: 'EE' }, Line1: 'Pikk 1', City: '---', PostalCode: '10123' },
    Children: { Child: [{ Code: '61001010001', Name: 'Jüri <Kask>' }, { Code: '61001010002', Name: 'Anu' }] },
  };
}

function PersonQuery(query, _reply, header) {
  console.log(`PersonQuery ${query.PersonCode}`);
  if (!header || !header.service || header.service.serviceCode !== 'PersonQuery') {
    throw fault('BAD_HEADER', 'no service header');
  }
  if (query.PersonCode === '99999999999') throw fault('ACCESS_DENIED', 'not for you');
  // Attributes come along in what node-soap makes of a request; they are not part of the echo.
  const request = { PersonCode: query.PersonCode, Reason: query.Reason, Channel: query.Channel };
  if (query.PersonCode === '00000000000') return { request, response: { error: 'no such person' } };
  return { request, response: { person: person(query) } };
}

function fault(code, text) {
  return {
    Fault: {
      faultcode: 'soap:Client',
      faultstring: text,
      detail: { 'r:PersonQueryFault': { attributes: { 'xmlns:r': 'urn:example:population-register:2004' }, 'r:code': code, 'r:text': text } },
    },
  };
}

function checkVat({ countryCode, vatNumber }) {
  console.log(`checkVat ${vatNumber}`);
  const answer = { countryCode, vatNumber, requestDate: '2026-11-23' };
  if (vatNumber === '100') return { ...answer, valid: true, name: 'Õunapuu & Pojad OÜ', address: 'Pikk 1\nTallinn' };
  if (vatNumber === '200') return { ...answer, valid: false, name: '---', address: '---' };
  throw { Fault: { faultcode: 'soap:Server', faultstring: vatNumber === '300' ? 'INVALID_INPUT' : 'MS_UNAVAILABLE' } };
}

const services = {
  register: { PopulationRegister: { Soap: { PersonQuery } } },
  vies: { checkVatService: { checkVatPort: { checkVat } } },
};

// node-soap takes the first part of a message for its body, so a header's part that stands beside it is left out; node-soap
// reads headers without it.
const wsdl = fs
  .readFileSync(wsdlFile, 'utf8')
  .replace(/<wsdl:part name="service"[^>]*>/, '')
  .replace(/<soap:header [^>]*>/, '');

const server = http.createServer((_, response) => {
  response.statusCode = 404;
  response.end();
});
server.listen(Number(port), '127.0.0.1', () => {
  soap.listen(server, '/soap', services[system], wsdl);
  console.log(`ready ${server.address().port}`);
});
