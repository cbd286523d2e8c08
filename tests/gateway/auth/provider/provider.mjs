// An OpenID provider that does as it is told: a line of JSON on standard input, a line of JSON on standard output.
//   {"keys": ["a", "b"]}  is there, with these keys, of which the first signs; new ones are made, old ones are kept
//   {"away": true}        hangs up, and takes no connections until it is told its keys again
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const AUDIENCE = 'opticom-gateway';
const clients = JSON.parse(process.argv[2]);
const made = new Map();
let server;
let port = 0;
let handled = {};

function key(id) {
  if (!made.has(id)) {
    const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
    made.set(id, { ...jwk, kid: id, alg: 'RS256', use: 'sig' });
  }
  return made.get(id);
}

function providing(ids) {
  return new Provider(`http://127.0.0.1:${port}`, {
    jwks: { keys: ids.map(key) },
    clients: Object.keys(clients).map((id) => ({
      client_id: id, client_secret: 'secret', grant_types: ['client_credentials'], redirect_uris: [], response_types: [],
    })),
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: 'portal', audience: AUDIENCE, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    extraTokenClaims: (_, token) => clients[token.clientId],
    ttl: { ClientCredentials: 600 },
  }).callback();
}

async function here(ids) {
  const listening = server !== undefined;
  if (!listening) {
    server = createServer((request, response) => {
      handled[request.url] = (handled[request.url] ?? 0) + 1;
      server.answer(request, response);
    });
    await new Promise((up) => server.listen(port, '127.0.0.1', up));
    port = server.address().port;
  }
  server.answer = providing(ids);
}

async function away() {
  const gone = new Promise((closed) => server.close(closed));
  server.closeAllConnections();
  await gone;
  server = undefined;
}

for await (const line of createInterface({ input: process.stdin })) {
  const told = JSON.parse(line);
  if (told.keys) await here(told.keys);
  if (told.away) await away();
  console.log(JSON.stringify({ issuer: `http://127.0.0.1:${port}`, handled }));
  handled = {};
}
process.exit(0);
