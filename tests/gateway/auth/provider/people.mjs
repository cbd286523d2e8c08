// An OpenID provider at which people sign in, for pages in browsers: a public client, code flow with PKCE, refresh tokens.
// A line of JSON on standard input says how it is from now on, a line on standard output where it is and what it was asked:
//   {"pages": ["http://127.0.0.1:1/graphql"], "lifetime": 600}  the client's addresses, and the seconds of a token
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

const API = 'https://gateway.example';
const people = JSON.parse(process.argv[2]); // the claims of each person's tokens, by login
const jwk = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });
const key = { ...jwk, kid: 'people', alg: 'RS256', use: 'sig' };
let handled = {};
let provider;
let answer;

const page = (title, body) => `<!doctype html><html lang="en"><title>${title}</title><main><h1>${title}</h1>${body}</main></html>`;

function providing(issuer, { pages, lifetime }) {
  const made = new Provider(issuer, {
    jwks: { keys: [key] },
    clients: [{
      client_id: 'pages', token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'], redirect_uris: pages, post_logout_redirect_uris: pages,
    }],
    pkce: { required: () => true },
    clientBasedCORS: (_, origin) => pages.some((one) => new URL(one).origin === origin),
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, name: people[id].name }) }),
    claims: { openid: ['sub'], profile: ['name'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['of the tests'] },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    issueRefreshToken: async () => true,
    extraTokenClaims: (_, token) => people[token.accountId],
    ttl: { AccessToken: lifetime, IdToken: lifetime, Grant: 3600, Session: 3600, RefreshToken: 3600, Interaction: 600 },
    // Whoever signs in agrees.
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
      grant.addOIDCScope('openid profile');
      grant.addResourceScope(API, 'portal');
      await grant.save();
      return grant;
    },
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => API,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: 'portal', audience: 'opticom-gateway', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } },
        }),
      },
      rpInitiatedLogout: {
        logoutSource: (ctx, form) => {
          ctx.body = page('Sign out', `${form}<button form="op.logoutForm" name="logout" value="yes">Yes, sign me out</button>`);
        },
      },
    },
  });
  made.on('server_error', (_, error) => console.error(error));
  return made;
}

async function interaction(request, response) {
  if (request.method === 'GET') {
    await provider.interactionDetails(request, response);
    response.setHeader('Content-Type', 'text/html');
    response.end(page('Sign in', '<form method="post"><label>Login <input name="login"></label><button>Go on</button></form>'));
    return;
  }
  let body = '';
  for await (const part of request) body += part;
  const login = new URLSearchParams(body).get('login');
  const result = people[login] ? { login: { accountId: login } } : { error: 'access_denied', error_description: 'nobody of that name' };
  await provider.interactionFinished(request, response, result);
}

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://provider');
  handled[pathname] = (handled[pathname] ?? 0) + 1;
  if (pathname.startsWith('/interaction/')) interaction(request, response);
  else answer(request, response);
});
await new Promise((up) => server.listen(0, '127.0.0.1', up));
const issuer = `http://127.0.0.1:${server.address().port}`;

for await (const line of createInterface({ input: process.stdin })) {
  provider = providing(issuer, { lifetime: 600, pages: [`${issuer}/nowhere`], ...JSON.parse(line) });
  answer = provider.callback();
  console.log(JSON.stringify({ issuer, handled }));
  handled = {};
}
process.exit(0);
