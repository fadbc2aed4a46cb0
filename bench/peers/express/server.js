// The seed's own stack: Express and Prisma. PEER_FORM says how rights are kept:
// "code" filters by membership in each query, "claims" sets them in a transaction and leaves it to the policies.
import express from 'express'
import jwt from 'jsonwebtoken'
import { PrismaPg } from '@prisma/adapter-pg'
import prismaPackage from '@prisma/client'

const { PrismaClient } = prismaPackage
const adapter = new PrismaPg({ connectionString: process.env.PEER_DATABASE_URL, max: 20 })
const prisma = new PrismaClient({ adapter })
const byClaims = process.env.PEER_FORM === 'claims'
const app = express()
app.disable('x-powered-by')
app.use(express.json())

app.use((req, res, next) => {
  const token = req.headers.authorization?.split(' ')[1]
  if (!token) return res.status(401).json({ error: 'Access token required' })
  try {
    req.user = jwt.verify(token, process.env.PEER_SECRET, { algorithms: ['HS256'], audience: 'authenticated' })
    next()
  } catch {
    res.status(401).json({ error: 'Invalid token' })
  }
})

// The work as the asker: alone, or in a transaction that holds the claims.
const as = (req, work) => byClaims
  ? prisma.$transaction(async tx => {
      await tx.$queryRaw`select auth.set_actor(${JSON.stringify(req.user)}, ${req.user.sub}::uuid, ${req.user.session_id}::uuid)`
      return work(tx)
    })
  : work(prisma)
const mine = req => byClaims ? {} : { members: { some: { userId: req.user.sub } } }
const answer = handler => async (req, res) => {
  try {
    const data = await handler(req)
    if (data === null) return res.status(404).json({ success: false })
    res.status(req.method === 'POST' ? 201 : 200).json({ success: true, data })
  } catch (error) {
    console.error(error)
    res.status(500).json({ success: false })
  }
}

const newest = [{ createdAt: 'desc' }, { id: 'desc' }]
app.get('/api/v1/projects', answer(req => as(req, db => db.project.findMany({ where: mine(req), orderBy: newest, take: 20 }))))
app.get('/api/v1/projects/:id/tasks', answer(req => as(req, async db => {
  const project = await db.project.findFirst({ where: { id: req.params.id, ...mine(req) }, select: { id: true } })
  if (!project) return null
  return db.task.findMany({ where: { projectId: req.params.id }, orderBy: newest, take: Number(req.query.limit ?? 20) })
})))
app.get('/api/v1/tasks/:id', answer(req => as(req, db => db.task.findFirst({
  where: { id: req.params.id, ...(byClaims ? {} : { project: mine(req) }) }
}))))
app.post('/api/v1/projects/:id/tasks', answer(req => as(req, async db => {
  const project = await db.project.findFirst({ where: { id: req.params.id, ...mine(req) }, select: { id: true } })
  if (!project) return null
  const { title, description, priority, tags } = req.body
  return db.task.create({ data: { title, description, priority, tags, projectId: req.params.id } })
})))
app.listen(Number(process.env.PORT), '127.0.0.1')
