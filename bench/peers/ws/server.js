// The usual Node server: rooms in memory, every message made once and sent to all others in the room.
import { WebSocketServer, WebSocket } from 'ws'

const rooms = new Map()
const server = new WebSocketServer({ port: Number(process.env.PORT), perMessageDeflate: false })

server.on('connection', (socket) => {
  let room = null
  socket.on('message', (data) => {
    const said = JSON.parse(data)
    if (said.type === 'auth') {
      socket.userId = said.token.slice(-36)
      socket.send(JSON.stringify({ type: 'ready' }))
    } else if (said.type === 'join') {
      if (!rooms.has(said.projectId)) rooms.set(said.projectId, new Set())
      room = rooms.get(said.projectId)
      room.add(socket)
      socket.send(JSON.stringify({ type: 'joined', projectId: said.projectId, version: 0 }))
    } else if (said.type === 'cursor_position' && room) {
      const told = JSON.stringify({
        type: 'cursor_update', userId: socket.userId, projectId: said.projectId,
        position: said.position, timestamp: Date.now(),
      })
      for (const other of room) {
        if (other !== socket && other.readyState === WebSocket.OPEN) other.send(told)
      }
    }
  })
  socket.on('close', () => room?.delete(socket))
})
