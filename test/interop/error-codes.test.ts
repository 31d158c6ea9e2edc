// Codes that mean something to a transport, used by a tool: each hop hands them on, and none takes them for its own.
import { afterEach, expect, test } from 'vitest'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern } from '../fixtures/raw-client.ts'
import type { Era } from '../fixtures/wire.ts'
import { Mesh } from '../mesh/mesh.ts'

const mesh = new Mesh()
const servers: FixtureServer[] = []

afterEach(async () => {
  await mesh.close()
  for (const server of servers.splice(0)) await server.close()
})

const CODES: readonly (readonly [string, number, number])[] = [
  ['method not found', -32_601, 200],
  ['missing capability, which is the caller to mend', -32_021, 400],
  ['unsupported version', -32_022, 200],
  ['header mismatch', -32_020, 400],
  ['session unknown', -32_001, 200],
  ['anything of a server', -32_000, 200],
]
const ERAS: readonly Era[] = ['2025', '2026']
const ROWS = ERAS.flatMap((era) =>
  CODES.map(([what, code, status]) => ({ era, what, code, status })),
)

test.each(ROWS)(
  '$code, $what, of a $era server through two nodes',
  async ({ era, code, status }) => {
    const server = await FixtureServer.start({ era })
    servers.push(server)
    const [outermost] = await mesh.chain(server.url, 2)
    const error = { code, message: 'no', data: { why: 1 } }
    const url = outermost?.endpointUrl('main') ?? ''
    const reply = await callModern(url, 'tools/call', { name: 'fx__error', arguments: error })
    expect(reply.error).toEqual(error)
    expect(reply.status).toBe(status)
    expect(server.calls('error')).toHaveLength(1)
  },
)
