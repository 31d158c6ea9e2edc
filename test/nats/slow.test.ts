// A node that does not come to read: the server cuts it off, and it finds out what it missed.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { connect } from '@nats-io/transport-node'
import { afterEach, expect, test, vi } from 'vitest'
import { recordSubject } from '../../topology/subjects.ts'
import type { BlockedReport } from './blocked-node.ts'
import { NatsMesh } from './mesh.ts'
import { NatsServer } from './server.ts'

const UNTIL = { timeout: 25_000, interval: 50 }
/** More than the kernel and the server keep for one connection together. */
const STORM = { messages: 600, bytes: 60_000 }

let child: ChildProcess | undefined
let server: NatsServer
const mesh = new NatsMesh()

afterEach(async () => {
  if (child?.connected === true) {
    const ended = once(child, 'exit')
    child.disconnect()
    await ended
  }
  await mesh.close()
  await server.stop()
})

async function report(of: string): Promise<BlockedReport> {
  if (child === undefined) throw new Error('no child')
  const answer = once(child, 'message')
  child.send({ of })
  const [value] = (await answer) as [BlockedReport]
  return value
}

test('a node whose loop is blocked is cut by the server, comes back and learns what it missed', async () => {
  server = await NatsServer.start(
    'write_deadline: "500ms"\nmax_pending: 1000000\nmax_payload: 500000',
  )
  const one = mesh.add([server.url])
  const file = fileURLToPath(new URL('blocked-node.ts', import.meta.url))
  child = fork(file, [server.url])
  await vi.waitFor(async () => expect((await report(one.id)).revision).toBe('r0'), UNTIL)
  const blocked = once(child, 'message')
  child.send({ block: 3_000 })
  await blocked
  const noise = await connect({ servers: server.url })
  for (let at = 0; at < STORM.messages; at += 1) {
    noise.publish(recordSubject('acme', `n${at}`), 'x'.repeat(STORM.bytes))
  }
  one.change('r1')
  await noise.drain()
  await vi.waitFor(async () => {
    const { losses, revision, state } = await report(one.id)
    expect({ losses, revision, state }).toEqual({ losses: 1, revision: 'r1', state: 'live' })
  }, UNTIL)
  // Everybody else heard all of it.
  expect(one.speaker.bus).toBe('live')
}, 60_000)
