// A caller who lacks scopes: what it sees, what it may call, and what it is told to ask for.
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hashStaticKey } from '../../node/identity/static-keys.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern, legacySession, type RawReply } from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import { json, serve, type LocalServer } from '../node/identity/local-server.ts'
import { configOf, Mesh } from './mesh.ts'

const CALLERS = {
  // What the upstream is used for is more than a tool of it.
  staff: ['tool:fx/echo', 'ns:staff'],
  guest: ['tool:fx/echo'],
  stranger: ['ns:other'],
} as const

type Caller = keyof typeof CALLERS

const KEYS = Object.keys(CALLERS).map((name) => [name, randomBytes(32).toString('base64url')])
const keyOf = new Map(KEYS as [Caller, string][])

let mesh: Mesh
let fixture: FixtureServer
let issuer: LocalServer
let node: RunningNode

beforeEach(async () => {
  mesh = new Mesh()
  fixture = await FixtureServer.start()
  issuer = await serve(json({ access_token: 'tok', token_type: 'Bearer', expires_in: 300 }))
  const client = { id: 'node', secret: 's' }
  const server = { issuer: issuer.url, tokenEndpoint: `${issuer.url}/token` }
  const own = { scopes: ['read'], requires: ['ns:staff'] }
  const auth = { mode: 'client_credentials', ...server, client, ...own }
  const keys = [...keyOf].map(([name, key]) => {
    return { name, hash: hashStaticKey(key), scopes: CALLERS[name] }
  })
  node = await mesh.startConfig({
    ...configOf('home', {
      upstreams: { fixture: { http: { url: fixture.url }, auth } },
      namespaces: { fx: { from: ['fixture'] } },
      endpoints: { main: { namespaces: ['*'], auth: { keys, dpop: 'accepted' } } },
    }),
    issuer: {},
  })
  await until(() => node.status().endpoints.every(({ tools }) => tools > 0), 'it lists tools')
})

afterEach(async () => {
  await mesh.close()
  await fixture.close()
  await issuer.close()
})

const ECHO = { name: 'fx__echo', arguments: { message: 'hi' } }

/** One request of a caller, in either era. */
async function ask(
  era: '2025' | '2026',
  who: Caller,
  method: string,
  params: object,
): Promise<RawReply> {
  const url = node.endpointUrl('main')
  const headers = { authorization: `Bearer ${keyOf.get(who)}` }
  if (era === '2026') return callModern(url, method, { ...params }, { headers })
  const session = await legacySession(url, { headers })
  return session.call(method, { ...params })
}

async function listed(era: '2025' | '2026', who: Caller): Promise<readonly string[]> {
  const { result } = await ask(era, who, 'tools/list', {})
  return (result['tools'] as { name: string }[]).map(({ name }) => name)
}

describe.each(['2025', '2026'] as const)('a caller of era %s', (era) => {
  test('who has all it takes sees it, and may call it', async () => {
    expect(await listed(era, 'staff')).toEqual(['fx__echo'])
    const reply = await ask(era, 'staff', 'tools/call', ECHO)
    expect(reply.result['content']).toEqual([{ type: 'text', text: 'hi' }])
  })

  test.each<Caller>(['guest', 'stranger'])(
    'row 50: %s sees nothing of it, and one challenge says all it takes',
    async (who) => {
      expect(await listed(era, who)).toEqual([])
      const reply = await ask(era, who, 'tools/call', ECHO)
      expect([reply.status, reply.error.code]).toEqual([403, -31_011])
      const challenges = [reply.headers['www-authenticate']].flat().join()
      expect(challenges).toContain('error="insufficient_scope", scope="ns:staff tool:fx/echo"')
      expect(challenges).toContain(`${node.url}/.well-known/oauth-protected-resource/mcp/main`)
      expect(fixture.calls()).toEqual([])
    },
  )

  test('row 19: what was never there is unknown to all alike', async () => {
    for (const who of ['staff', 'guest', 'stranger'] as const) {
      const reply = await ask(era, who, 'tools/call', { ...ECHO, name: 'fx__nothing' })
      expect([reply.status, reply.error.code]).toEqual([200, -32_602])
    }
  })
})
