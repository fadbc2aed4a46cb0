// A certified OpenID Connect provider with its own pages to sign in and to consent, for one client.
// Argument: JSON with the client. It prints its address; PUT /test/accounts/{id} sets what it knows of a person.
import http from 'node:http'
import { Provider } from 'oidc-provider'

const settings = JSON.parse(process.argv[2])
const accounts = new Map()

const server = http.createServer()
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`
  const provider = new Provider(issuer, {
    clients: [settings.client],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'picture'] },
    conformIdTokenClaims: settings.conformIdTokenClaims ?? false,
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...accounts.get(id) }) }),
    features: { devInteractions: { enabled: true } },
    pkce: { required: () => true },
    cookies: { keys: ['of the tests'] },
    scopes: ['openid', 'email', 'profile', 'offline_access'],
  })
  const handle = provider.callback()
  server.on('request', (request, response) => {
    const match = /^\/test\/accounts\/(.+)$/.exec(request.url)
    if (!match) return handle(request, response)
    let body = ''
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => {
      accounts.set(decodeURIComponent(match[1]), JSON.parse(body))
      response.writeHead(204).end()
    })
  })
  console.log(JSON.stringify({ what: 'ready', issuer }))
})
