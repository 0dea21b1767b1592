// An OpenID Connect provider on this machine: oidc-provider, with a login page that takes passwords and codes.
// Standard input has its configuration in its first line, as JSON; each further line `rotate` has it sign with a new key,
// publish the one before beside that, and forget who is logged in. It ends when standard input does.
//   {"port": 9000, "client": {"client_id": "…", as OpenID Connect Dynamic Client Registration 1.0 has it},
//    "people": {"ann": {"password": "…", "code": "…" or null, "claims": {"email": "…", "groups": ["…"]}}}}
// Standard output says `ready` when it listens, and `rotated` when it has; standard error is its log.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

console.info = console.warn = console.error; // it would warn where others read what it says
// The last that Node.js 18 runs, which Debian 12 has: the next ones miss crypto.hash there.
const { default: Provider } = await import('oidc-provider');

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { port, client, people } = JSON.parse((await lines.next()).value);
const issuer = `http://127.0.0.1:${port}`;
const cookieKey = randomBytes(32).toString('hex');
const scopes = ['openid', 'profile', 'email', 'groups'];
const keys = [];
let provider;

function rotate() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  keys.unshift({ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: randomBytes(8).toString('hex') });
  provider = new Provider(issuer, {
    clients: [client],
    jwks: { keys: keys.slice(0, 2) },
    cookies: { keys: [cookieKey] },
    scopes,
    claims: {
      openid: ['sub', 'amr'],
      profile: ['name', 'preferred_username', 'department'],
      email: ['email', 'email_verified'],
      groups: ['groups'],
    },
    conformIdTokenClaims: false, // claims stand in the ID token, as at most companies' providers
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: { enabled: true, logoutSource, postLogoutSuccessSource },
    },
    findAccount: (ctx, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id].claims }) },
    interactions: { url: (ctx, interaction) => `/login/${interaction.uid}` },
    loadExistingGrant, // nobody is asked for consent: the company has given it
  });
  for (const event of ['authorization.error', 'grant.error', 'backchannel.error', 'server_error']) {
    provider.on(event, (ctx, error) => console.error(event, error));
  }
}

async function loadExistingGrant({ oidc }) {
  const known = oidc.session.grantIdFor(oidc.client.clientId);
  const found = known && await oidc.provider.Grant.find(known);
  if (found) return found;
  const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
  grant.addOIDCScope(scopes.join(' '));
  await grant.save();
  return grant;
}

const page = (title, content) => `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>body { font: 1rem/1.6 system-ui; max-width: 22rem; margin: 4rem auto; padding: 0 1rem }
input { display: block; width: 100%; box-sizing: border-box; margin-bottom: 1rem; font: inherit } button { font: inherit }</style>
<h1>${title}</h1>
${content}
</html>`;

const loginPage = (problem) => page('Corporate login', `<p role="alert">${problem}</p>
<form method="post">
<label>User <input name="user" autocomplete="username" required autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<label>Code, if you have one <input name="code" autocomplete="one-time-code" inputmode="numeric"></label>
<button>Log in</button>
</form>`);

function logoutSource(ctx, form) {
  ctx.body = page('Corporate logout', `${form}<button form="op.logoutForm" name="logout" value="yes">Log out everywhere</button>`);
}

function postLogoutSuccessSource(ctx) {
  ctx.body = page('You are logged out', '');
}

async function login(request, response) {
  await provider.interactionDetails(request, response); // throws unless this browser is at a login
  let problem = '';
  if (request.method === 'POST') {
    const typed = new URLSearchParams(await text(request));
    const person = Object.hasOwn(people, typed.get('user')) ? people[typed.get('user')] : null;
    const code = typed.get('code') || null;
    if (person?.password === typed.get('password') && [null, person.code].includes(code)) {
      const amr = code === null ? ['pwd'] : ['pwd', 'otp', 'mfa']; // RFC 8176
      await provider.interactionFinished(request, response, { login: { accountId: typed.get('user'), amr } });
      return;
    }
    problem = 'That is not right.';
  }
  response.writeHead(problem ? 403 : 200, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' });
  response.end(loginPage(problem));
}

rotate();
const server = createServer((request, response) => {
  if (!request.url.startsWith('/login/')) return provider.callback()(request, response);
  return login(request, response).catch((error) => {
    console.error(error);
    response.writeHead(400, { 'Content-Type': 'text/html; charset=utf-8' });
    response.end(page('This login is over', '<p>Please begin again where you came from.</p>'));
  });
});
await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
console.log('ready');

for await (const line of lines) {
  if (line === 'rotate') {
    rotate();
    console.log('rotated');
  }
}
process.exit();
