// Entry of every process of the bench except the nodes: `node role.ts upstream | floor ORIGIN | sdk-server | sdk-relay ORIGIN | load`.
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import { createFloor } from './floor.ts'
import { answerParent } from './ipc.ts'
import { loadCommands } from './load.ts'
import { createSdkRelay } from './sdk-relay.ts'
import { createSdkUpstream } from './sdk-upstream.ts'
import { createUpstream } from './upstream.ts'

function listen(server: Server): void {
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo
    process.send?.({ event: 'ready', url: `http://127.0.0.1:${port}` })
  })
  // Without a parent nobody would ever end this process.
  process.on('disconnect', () => {
    server.close()
    server.closeAllConnections()
  })
}

const [role, origin = ''] = process.argv.slice(2)

if (role === 'upstream') listen(createUpstream())
else if (role === 'sdk-server') listen(createSdkUpstream())
else if (role === 'sdk-relay') listen(createSdkRelay(origin))
else if (role === 'floor') listen(createFloor(origin))
else if (role === 'load') {
  answerParent(loadCommands())
  process.send?.({ event: 'ready', url: '' })
} else throw new Error(`no such role: ${role}`)
