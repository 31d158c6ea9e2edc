// A bus behind wss://, with a certificate of an authority of its own: the only port that some networks let through.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { programEnvironment } from '../needs.ts'
import { Authority } from '../security/certificates.ts'
import type { BlockedReport } from './blocked-node.ts'
import { NatsMesh } from './mesh.ts'
import { freePort, NatsServer } from './server.ts'

const UNTIL = { timeout: 20_000, interval: 50 }

const mesh = new NatsMesh()
const children: ChildProcess[] = []
let authority: Authority
let server: NatsServer
let url: string

beforeAll(async () => {
  authority = await Authority.make()
  const { certFile, keyFile } = await authority.issue('nats')
  const port = await freePort()
  url = `wss://127.0.0.1:${port}`
  const tls = `tls { cert_file: "${certFile}", key_file: "${keyFile}" }`
  server = await NatsServer.start(`websocket { host: 127.0.0.1, port: ${port}, ${tls} }`)
})

afterAll(async () => {
  for (const child of children) {
    const ended = once(child, 'exit')
    child.disconnect()
    await ended
  }
  await mesh.close()
  await server.stop()
  await authority.remove()
})

/** A node that believes the certificates of the system, and these. */
function node(ca: string | undefined): ChildProcess {
  const file = fileURLToPath(new URL('blocked-node.ts', import.meta.url))
  const more = ca === undefined ? {} : { NODE_EXTRA_CA_CERTS: ca }
  const child = fork(file, [url], { env: { ...programEnvironment(), ...more }, silent: true })
  children.push(child)
  return child
}

async function report(child: ChildProcess, of: string): Promise<BlockedReport> {
  const answer = once(child, 'message')
  child.send({ of })
  const [value] = (await answer) as [BlockedReport]
  return value
}

test('a node learns over it what others say, and one that does not know the authority stays away', async () => {
  const one = mesh.add([server.url])
  const [knowing, doubting] = [node(authority.ca.certFile), node(undefined)]
  await vi.waitFor(async () => {
    const { revision, state } = await report(knowing, one.id)
    expect({ revision, state }).toEqual({ revision: 'r0', state: 'live' })
  }, UNTIL)
  one.change('r1')
  await vi.waitFor(async () => expect((await report(knowing, one.id)).revision).toBe('r1'), UNTIL)
  const { id } = await report(knowing, one.id)
  await vi.waitFor(() => expect(one.revisionOf(id)).toBe('r0'), UNTIL)
  await vi.waitFor(
    async () => expect((await report(doubting, one.id)).problem).toBeDefined(),
    UNTIL,
  )
  const other = await report(doubting, one.id)
  expect([other.state, other.revision]).toEqual(['lost', undefined])
}, 40_000)
