// A notice board on node-soap, whose one operation is one-way, and which takes notices from a known user only: it demands a
// UsernameToken of WS-Security.
//
//     legacy_board.js WSDL USER PASSWORD TYPE    TYPE is PasswordText or PasswordDigest; prints `ready PORT`, then a line
//                                                `Announce SUBJECT` for each notice
//
// Where a request has a Timestamp, node-soap answers with an envelope that is empty; without one, with nothing.
'use strict';

const fs = require('fs');
const http = require('http');
const soap = require('soap');

const [wsdlFile, user, password, type] = process.argv.slice(2);
const seen = new Set();

function text(value) {
  return value && typeof value === 'object' ? value.$value : value;
}

// As WSS4J does: the right user, the password as it was agreed, a time that is now, and no nonce twice.
function authenticate(security) {
  const { UsernameToken: token, Timestamp: timestamp } = security || {};
  if (!token || text(token.Username) !== user) return false;
  const [nonce, created] = [text(token.Nonce), text(token.Created)];
  const age = Date.now() - Date.parse(created);
  if (seen.has(nonce) || !(age > -1000 && age < 300000)) return false;
  seen.add(nonce);
  if (!token.Password.attributes.Type.endsWith(`#${type}`)) return false;
  if (timestamp && !(Date.parse(text(timestamp.Expires)) > Date.now())) return false;
  const expected = type === 'PasswordDigest' ? soap.passwordDigest(nonce, created, password) : password;
  return text(token.Password) === expected;
}

function Announce({ Subject }) {
  console.log(`Announce ${Subject}`);
}

const server = http.createServer((_, response) => {
  response.statusCode = 404;
  response.end();
});
server.listen(0, '127.0.0.1', () => {
  const board = soap.listen(server, {
    path: '/soap',
    services: { Board: { Http: { Announce } } },
    xml: fs.readFileSync(wsdlFile, 'utf8'),
    oneWay: { emptyBody: true, responseCode: 202 },
  });
  board.authenticate = authenticate;
  console.log(`ready ${server.address().port}`);
});
