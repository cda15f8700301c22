// A portal in a browser, as a web team writes one: @connectrpc/connect-web over fetch, by gRPC-Web and HTTP/1.1.
//
//     web_portal.js ADDRESS package.Service/Method JSON --descriptors FILE [--metadata NAME=VALUE]...
//                   [--timeout MS]
//
// FILE is a FileDescriptorSet, as `protoc --include_imports -o` makes it. Prints one line of JSON, in the shape of ../python/portal.py; of the details of a failure only their types.
'use strict';

const fs = require('fs');
const { parseArgs } = require('util');
const { Code, ConnectError } = require('@connectrpc/connect');
const { createGrpcWebTransport } = require('@connectrpc/connect-web');
const { createFileRegistry, fromBinary, fromJson, toJson } = require('@bufbuild/protobuf');
const { FileDescriptorSetSchema } = require('@bufbuild/protobuf/wkt');

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    descriptors: { type: 'string' },
    metadata: { type: 'string', multiple: true, default: [] },
    timeout: { type: 'string', default: '10000' },
  },
});
const [address, target, message = '{}'] = positionals;

function methodOf(registry) {
  const [service, name] = target.split('/');
  return registry.getService(service).methods.find((method) => method.name === name);
}

async function main() {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, fs.readFileSync(options.descriptors)));
  const method = methodOf(registry);
  const transport = createGrpcWebTransport({ baseUrl: `http://${address}` });
  const headers = options.metadata.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]);
  const request = fromJson(method.input, JSON.parse(message), { registry });
  try {
    const answer = await transport.unary(method, undefined, Number(options.timeout), headers, request);
    const reply = toJson(method.output, answer.message, { registry, useProtoFieldName: true });
    console.log(JSON.stringify({ ok: true, reply, trailing: Object.fromEntries(answer.trailer) }));
  } catch (error) {
    const failure = ConnectError.from(error);
    const details = failure.details.map((detail) => detail.type);
    console.log(JSON.stringify({ ok: false, code: Code[failure.code], message: failure.rawMessage, details }));
  }
}

main();
