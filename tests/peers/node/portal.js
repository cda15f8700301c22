// A portal as a Node team writes one: @grpc/grpc-js with the contract's .proto, loaded by @grpc/proto-loader.
//
//     portal.js ADDRESS package.Service/Method JSON --proto FILE --include FOLDER [--metadata NAME=VALUE]...
//               [--timeout MS] [--repeat N] [--ca FILE [--cert FILE --key FILE]]
//
// FOLDER holds google/rpc/*.proto among others. Prints one line of JSON for each call, in the shape of
// ../python/portal.py; 64-bit numbers are strings, enums names.
'use strict';

const fs = require('fs');
const path = require('path');
const { parseArgs } = require('util');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const protobuf = require('protobufjs');

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    proto: { type: 'string' },
    include: { type: 'string', multiple: true, default: [] },
    metadata: { type: 'string', multiple: true, default: [] },
    timeout: { type: 'string', default: '10000' },
    repeat: { type: 'string', default: '1' },
    ca: { type: 'string' },
    cert: { type: 'string' },
    key: { type: 'string' },
  },
});
const [address, target, message = '{}'] = positionals;
const [service, method] = target.split('/');
const shape = { keepCase: true, longs: String, enums: String, bytes: String };

const rpcTypes = new protobuf.Root();
rpcTypes.resolvePath = (_, name) =>
  options.include.map((folder) => path.join(folder, name)).find((file) => fs.existsSync(file)) ?? name;
rpcTypes.loadSync(['google/rpc/status.proto', 'google/rpc/error_details.proto'], { keepCase: true });

function decoded(type, bytes) {
  const found = rpcTypes.lookupType(type);
  return found.toObject(found.decode(bytes), shape);
}

// google.rpc.Status travels in trailing metadata; its details are messages of google.rpc.
function detailsOf(metadata) {
  const [bytes] = metadata.get('grpc-status-details-bin');
  if (!bytes) return [];
  const status = rpcTypes.lookupType('google.rpc.Status').decode(bytes);
  return status.details.map((any) => ({
    '@type': any.type_url,
    ...decoded(any.type_url.split('/').pop(), any.value),
  }));
}

function plain(metadata) {
  const pairs = Object.entries(metadata.getMap());
  return Object.fromEntries(pairs.filter(([, value]) => typeof value === 'string'));
}

function credentials() {
  if (!options.ca) return grpc.credentials.createInsecure();
  const read = (file) => (file ? fs.readFileSync(file) : null);
  return grpc.credentials.createSsl(read(options.ca), read(options.key), read(options.cert));
}

function call(client, request) {
  const metadata = new grpc.Metadata();
  for (const pair of options.metadata) {
    const at = pair.indexOf('=');
    metadata.add(pair.slice(0, at), pair.slice(at + 1));
  }
  const deadline = Date.now() + Number(options.timeout);
  return new Promise((resolve) => {
    let told;
    let trailing = {};
    const running = client[method](request, metadata, { deadline }, (error, reply) => {
      told = error
        ? {
            ok: false,
            code: grpc.status[error.code],
            message: error.details,
            details: detailsOf(error.metadata),
            trailing: plain(error.metadata),
          }
        : { ok: true, reply };
      if (error) resolve(told);
      else setImmediate(() => resolve({ ...told, trailing }));
    });
    running.on('status', (status) => {
      trailing = plain(status.metadata);
    });
  });
}

async function main() {
  const definition = loader.loadSync(options.proto, { ...shape, oneofs: true, includeDirs: options.include });
  const loaded = grpc.loadPackageDefinition(definition);
  const Service = service.split('.').reduce((scope, name) => scope[name], loaded);
  const client = new Service(address, credentials());
  for (let n = 0; n < Number(options.repeat); n += 1) {
    console.log(JSON.stringify(await call(client, JSON.parse(message))));
  }
  client.close();
}

main();
