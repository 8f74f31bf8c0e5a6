// server.mjs OPTIONS - the certified oidc-provider as somebody's login service, on a free loopback port. OPTIONS is JSON:
//   {"origin": ORIGIN}   the page that may log in; it is sent back to ORIGIN/back
//   {"name": HOST}       what the issuer calls itself instead of 127.0.0.1 (optional)
// Says RESULT {"issuer", "port"} when it is ready, then reads one JSON job a line and answers each with a RESULT line:
//   {"do": "rotate"}     new signing keys; the old ones stay published
//   {"do": "withdraw"}   publishes nothing but the keys that sign
//   {"do": "silent"}     accepts connections and answers none; {"do": "speak"} ends it, what waited is answered
//   {"do": "count"}      how often the key set was asked for
// Which access token a client gets depends on the resource it names, see RESOURCES. End of input ends the process.
import http from 'node:http';
import crypto from 'node:crypto';
import readline from 'node:readline';
import { Provider } from 'oidc-provider';

const { origin, name = '127.0.0.1' } = JSON.parse(process.argv[2]);
const say = (result) => console.log('RESULT ' + JSON.stringify(result));

const USERS = {
  alice: { password: 'alice-password', claims: { name: 'Alice Archer', groups: ['engineering', 'everybody'] } },
  bob: { password: 'bob-password', claims: { name: 'Bob Baker', groups: ['everybody'] } },
};
const RESOURCES = {
  'https://roomkey.test/rs256': { audience: 'roomkey', alg: 'RS256', ttl: 3600 },
  'https://roomkey.test/es256': { audience: 'roomkey', alg: 'ES256', ttl: 3600 },
  'https://roomkey.test/brief': { audience: 'roomkey', alg: 'RS256', ttl: 1 },
  'https://other.test/': { audience: 'other-service', alg: 'RS256', ttl: 3600 },
};

function freshKeys() {
  const pairs = [
    ['RS256', crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['ES256', crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ];
  return pairs.map(([alg, { privateKey }]) => (
    { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: `${alg}-${crypto.randomUUID()}` }));
}

let keys = freshKeys(); // the first of each kind signs
let handle;
let provider;
let silent = false;
let asked = 0;
const waiting = [];

const server = http.createServer((request, response) => {
  asked += request.url === '/jwks';
  const answer = () => answerTo(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
  if (silent) waiting.push(answer);
  else answer();
});
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const { port } = server.address();
const issuer = `http://${name}:${port}`;
const cookieKey = crypto.randomBytes(32).toString('hex');

// Keys of a provider are fixed, so every change makes a new one; logins are kept outside (the library's memory adapter).
function publish() {
  provider = new Provider(issuer, {
    jwks: { keys },
    cookies: { keys: [cookieKey] },
    clients: [{
      client_id: 'page',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      redirect_uris: [`${origin}/back`],
    }],
    clientBasedCORS: (ctx, asker) => asker === origin,
    pkce: { required: () => true },
    findAccount: (ctx, id) => USERS[id] && { accountId: id, claims: () => ({ sub: id, ...USERS[id].claims }) },
    extraTokenClaims: (ctx, token) => USERS[token.accountId]?.claims,
    interactions: { url: (ctx, interaction) => `/login/${interaction.uid}` },
    // One page, one organisation: who logs in has agreed.
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({ accountId: ctx.oidc.session.accountId, clientId: ctx.oidc.client.clientId });
      grant.addOIDCScope('openid');
      for (const resource of Object.keys(RESOURCES)) grant.addResourceScope(resource, 'join');
      await grant.save();
      return grant;
    },
    features: {
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo(ctx, resource) {
          const { audience, alg, ttl } = RESOURCES[resource];
          return { scope: 'join', audience, accessTokenTTL: ttl, accessTokenFormat: 'jwt', jwt: { sign: { alg } } };
        },
      },
    },
    ttl: { Session: 600, Grant: 600, Interaction: 600, IdToken: 600, AuthorizationCode: 60 },
  });
  handle = provider.callback();
}

const FORM = `<!doctype html><title>Log in</title><form method="post">
<label>User <input name="user"></label> <label>Password <input name="password" type="password"></label>
<button>Log in</button></form>`;

async function answerTo(request, response) {
  if (!request.url.startsWith('/login/')) return handle(request, response);
  if (request.method !== 'POST') return response.writeHead(200, { 'Content-Type': 'text/html' }).end(FORM);
  let body = '';
  for await (const part of request) body += part;
  const form = new URLSearchParams(body);
  const user = form.get('user');
  if (!Object.hasOwn(USERS, user) || USERS[user].password !== form.get('password')) return response.writeHead(403).end('no');
  return provider.interactionFinished(request, response, { login: { accountId: user } });
}

const JOBS = {
  rotate() { keys = [...freshKeys(), ...keys]; publish(); },
  withdraw() { keys = keys.slice(0, 2); publish(); },
  silent() { silent = true; },
  speak() { silent = false; waiting.splice(0).forEach((answer) => answer()); },
  count() {},
};

publish();
say({ issuer, port });
for await (const line of readline.createInterface({ input: process.stdin })) {
  JOBS[JSON.parse(line).do]();
  say({ asked, kids: keys.map(({ kid }) => kid) });
}
process.exit(0);
