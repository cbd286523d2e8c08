// An OpenID provider that does as it is told: a line of JSON on standard input, a line of JSON on standard output.
//   {"keys": ["a", "b"]}  is there, with these keys, of which the first signs; new ones are made, old ones are kept
//   {"away": true}        hangs up, and takes no connections until it is told its keys again
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider, { errors } from 'oidc-provider';

const AUDIENCE = 'opticom-gateway';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const clients = JSON.parse(process.argv[2]); // the claims of each client's tokens
const registered = JSON.parse(process.argv[3] ?? '{}'); // what else is registered of a client
const made = new Map();
let server;
let port = 0;
let handled = {};
let exchanged = [];

function key(id) {
  if (!made.has(id)) {
    const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
    made.set(id, { ...jwk, kid: id, alg: 'RS256', use: 'sig' });
  }
  return made.get(id);
}

// RFC 8693, as far as the gateway needs it: a token of this provider's own for one of whom it is of.
function exchanging(provider) {
  provider.registerGrantType(EXCHANGE, async (ctx) => {
    const { client, params } = ctx.oidc;
    const [head, body, signature] = params.subject_token.split('.');
    const { kid } = JSON.parse(Buffer.from(head, 'base64url'));
    const signed = made.has(kid) && verify(
      'sha256', `${head}.${body}`, createPublicKey({ key: key(kid), format: 'jwk' }), Buffer.from(signature, 'base64url'));
    const claims = JSON.parse(Buffer.from(body, 'base64url'));
    if (!signed || params.audience === 'nobody') throw new errors.InvalidGrant('the subject_token is not taken');
    exchanged.push({ of: claims.sub, audience: params.audience, resource: params.resource, by: client.clientId });
    const token = new provider.ClientCredentials({ client, scope: 'portal', extra: { for: claims.sub } });
    token.resourceServer = new provider.ResourceServer(params.resource, {
      scope: 'portal', audience: params.audience, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } },
    });
    ctx.body = {
      access_token: await token.save(), issued_token_type: params.subject_token_type, token_type: 'Bearer',
      expires_in: token.expiration,
    };
  }, ['subject_token', 'subject_token_type', 'audience', 'resource', 'scope', 'requested_token_type']);
  return provider;
}

function providing(ids) {
  return exchanging(new Provider(`http://127.0.0.1:${port}`, {
    jwks: { keys: ids.map(key) },
    clients: Object.keys(clients).map((id) => ({
      client_id: id, client_secret: 'secret', grant_types: ['client_credentials', EXCHANGE], redirect_uris: [],
      response_types: [], ...registered[id],
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
    extraTokenClaims: (_, token) => ({ ...clients[token.clientId], ...token.extra }),
    ttl: { ClientCredentials: 600 },
  })).callback();
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
  console.log(JSON.stringify({ issuer: `http://127.0.0.1:${port}`, handled, exchanged }));
  handled = {};
  exchanged = [];
}
process.exit(0);
