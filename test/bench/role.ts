// Entry of every process of the bench except the nodes: `node role.ts upstream | floor ORIGIN | sdk-server | sdk-relay ORIGIN | load`.
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import { answerParent } from './ipc.ts'
import type { LoadCommands } from './load.ts'

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

const [name = '', origin = ''] = process.argv.slice(2)

/** Each loads its own code only, for memory is measured too. */
const ROLES: Readonly<Record<string, () => Promise<void>>> = {
  upstream: async () => listen((await import('./upstream.ts')).createUpstream()),
  floor: async () => listen((await import('./floor.ts')).createFloor(origin)),
  'sdk-server': async () => listen((await import('./sdk-upstream.ts')).createSdkUpstream()),
  'sdk-relay': async () => listen((await import('./sdk-relay.ts')).createSdkRelay(origin)),
  load: async () => {
    answerParent<LoadCommands>((await import('./load.ts')).loadCommands())
    process.send?.({ event: 'ready', url: '' })
  },
}

const role = ROLES[name]
if (role === undefined) throw new Error(`no such role: ${name}`)
await role()
