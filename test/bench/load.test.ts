// The bench's own parts against each other: a wrong answer must be noticed, a right one must pass.
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { createFloor } from './floor.ts'
import { loadCommands } from './load.ts'
import { createUpstream, facePath } from './upstream.ts'
import type { Era, Operation } from './wire.ts'

const servers: Server[] = []

async function listen(server: Server): Promise<string> {
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

afterEach(async () => {
  for (const server of servers.splice(0)) {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
})

const OPERATIONS: readonly Operation[] = [
  { kind: 'call', payload: 100 },
  { kind: 'call', payload: 65_536 },
  { kind: 'call', payload: 1_048_576 },
  { kind: 'list', tools: 1_000 },
]
const CASES = (['2025', '2026'] as const).flatMap((era: Era) =>
  OPERATIONS.map((operation) => ({ era, operation })),
)

describe.each(CASES)('$era $operation', ({ era, operation }) => {
  test('passes the floor unchanged, without faults', async () => {
    const upstream = await listen(createUpstream())
    const floor = await listen(createFloor(upstream))
    const load = loadCommands()
    const url = floor + facePath(era, operation.kind === 'list' ? operation.tools : 10)
    const { target, pages } = await load.open({ url, era, operation, inFlight: 4 })
    const limit = { inFlight: 4, requests: 20, seconds: 30 }
    const outcome = await load.run({ target, ...limit })
    expect(outcome).toMatchObject({ requests: 20, resets: 0, faults: [] })
    expect(outcome.p99).toBeGreaterThanOrEqual(outcome.p50)
    expect(pages).toBe(1)
    await load.close(target)
  })
})

test('sessions of era 2025 are opened anew for each one held', async () => {
  const upstream = createUpstream()
  let initialised = 0
  upstream.prependListener('request', (req) => {
    if (req.headers['mcp-session-id'] === undefined) initialised++
  })
  const url = (await listen(upstream)) + facePath('2025', 10)
  const load = loadCommands()
  const operation = { kind: 'call', payload: 100 } as const
  const { target } = await load.open({ url, era: '2025', operation, inFlight: 2 })
  await load.hold({ target, sessions: 5 })
  expect(initialised).toBe(7)
  await load.close(target)
})

test('an answer to another request is a fault', async () => {
  const upstream = createUpstream()
  const [answer] = upstream.listeners('request') as ((...args: unknown[]) => void)[]
  let turn = 0
  let held: (() => void) | undefined
  // The second of two calls in flight gets an answer that is not its own, as from a relay that mixes up ids.
  upstream.removeAllListeners('request')
  upstream.on('request', (req, res) => {
    if (turn++ === 0) answer?.(req, res)
    else if (held === undefined) {
      held = () => answer?.(req, res)
    } else {
      res.writeHead(200, { 'content-type': 'application/json' })
      res.end('{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"not mine"}]}}')
      held()
    }
  })
  const url = (await listen(upstream)) + facePath('2026', 10)
  const load = loadCommands()
  const operation = { kind: 'call', payload: 30 } as const
  const { target } = await load.open({ url, era: '2026', operation, inFlight: 2 })
  const outcome = await load.run({ target, inFlight: 2, requests: 2, seconds: 30 })
  expect(outcome.faults).toHaveLength(1)
  expect(outcome.faults[0]).toContain('not mine')
  await load.close(target)
})

test('a broken connection is a reset', async () => {
  const upstream = createUpstream()
  const url = (await listen(upstream)) + facePath('2026', 10)
  const load = loadCommands()
  const operation = { kind: 'call', payload: 100 } as const
  const { target } = await load.open({ url, era: '2026', operation, inFlight: 1 })
  upstream.removeAllListeners('request')
  upstream.on('request', (req) => req.socket.destroy())
  const outcome = await load.run({ target, inFlight: 1, requests: 10, seconds: 30 })
  expect(outcome.resets).toBe(3)
  expect(outcome.requests).toBe(3)
  await load.close(target)
})
