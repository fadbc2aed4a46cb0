// PostGraphile 5 over the same tables and policies: it sets the claims in the transaction of each request.
import { createServer } from 'node:http'
import jwt from 'jsonwebtoken'
import { postgraphile } from 'postgraphile'
import { makePgService } from 'postgraphile/adaptors/pg'
import { grafserv } from 'postgraphile/grafserv/node'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'

const pool = { max: 10 }
const preset = {
  extends: [PostGraphileAmberPreset],
  pgServices: [
    makePgService({ connectionString: process.env.PEER_DATABASE_URL, schemas: ['public'], pubsub: false, poolConfig: pool }),
  ],
  grafserv: { graphqlPath: '/graphql', graphiql: false, watch: false },
  grafast: {
    context(request) {
      const token = request.node?.req.headers.authorization?.split(' ')[1]
      const claims = jwt.verify(token, process.env.PEER_SECRET, { algorithms: ['HS256'], audience: 'authenticated' })
      return {
        pgSettings: {
          'request.jwt.claims': JSON.stringify(claims),
          'request.jwt.claim.sub': claims.sub,
          'monynha.system_role': 'authenticated',
        },
      }
    },
  },
}
const served = postgraphile(preset).createServ(grafserv)
const server = createServer()
await served.addTo(server)
server.listen(Number(process.env.PORT), '127.0.0.1')
