// panva's oidc-provider with three people, on a free port of this machine; says its issuer once it answers. Below /_test/
// a test registers its client, and has the key changed.
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import http from 'node:http'
import { json } from 'node:stream/consumers'
import Provider from 'oidc-provider'

const PEOPLE = {
  alice: { email: 'alice@corp.example', email_verified: true, name: 'Alice', groups: ['ops', 'eng'] },
  bob: { email: 'bob@corp.example', email_verified: true, name: 'Bob', groups: ['eng'] },
  mallory: { email: 'alice@corp.example', email_verified: false, name: 'Mallory', groups: [] },
}

const newKey = () => ({
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
  use: 'sig',
  alg: 'RS256',
  kid: randomUUID(),
})

let issuer
let clients = []
let keys = [newKey()]
let handle

function build() {
  const provider = new Provider(issuer, {
    clients,
    jwks: { keys },
    cookies: { keys: ['of a test alone'] },
    // It would not tell a client on the loopback address that somebody has signed out.
    fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
    pkce: { required: () => true },
    scopes: ['openid', 'email', 'profile', 'groups'],
    claims: { openid: ['sub', 'sid'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
    // As most companies' providers do, into the ID token.
    conformIdTokenClaims: false,
    features: {
      devInteractions: { enabled: true },
      rpInitiatedLogout: { enabled: true },
      backchannelLogout: { enabled: true },
    },
    async findAccount(ctx, id) {
      return PEOPLE[id] && { accountId: id, claims: async () => ({ sub: id, ...PEOPLE[id] }) }
    },
  })
  provider.on('server_error', (ctx, error) => console.error(error))
  provider.on('backchannel.error', (ctx, error) => console.error(error))
  handle = provider.callback()
}

const server = http.createServer(async (request, response) => {
  if (request.url === '/_test/client') {
    clients = [await json(request)]
    build()
    response.end()
  } else if (request.url === '/_test/rotate') {
    keys = [newKey(), keys[0]]
    build()
    response.end()
  } else {
    handle(request, response)
  }
})
server.listen(0, '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${server.address().port}`
  build()
  console.log(issuer)
})
