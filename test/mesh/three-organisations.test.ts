// A call across three organisations: each hop with a token of its own, each narrower than the one before.
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hashStaticKey } from '../../node/identity/static-keys.ts'
import type { RunningNode as BanyanNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern, type RawReply } from '../fixtures/raw-client.ts'
import { Mesh } from './mesh.ts'
import { Records } from './records.ts'

type Json = Readonly<Record<string, unknown>>

const KEY = randomBytes(32).toString('base64url')

let mesh: Mesh
let fixture: FixtureServer

beforeEach(async () => {
  mesh = new Mesh()
  fixture = await FixtureServer.start()
})

afterEach(async () => {
  await mesh.close()
  await fixture.close()
})

interface Plan {
  readonly upstreams: Readonly<Record<string, object>>
  readonly namespaces?: Readonly<Record<string, object>>
  readonly auth?: Json
  readonly trust?: readonly Json[]
}

function configOf(
  name: string,
  { upstreams, namespaces = {}, auth = {}, trust = [] }: Plan,
): object {
  return {
    node: { name, organisation: name, listen: '127.0.0.1:0', state: 'memory' },
    issuer: {},
    upstreams,
    namespaces,
    endpoints: { main: { namespaces: ['*'], auth } },
    ...(trust.length > 0 && { trust }),
  }
}

/** An upstream in another organisation; its namespaces keep their names. */
function across(node: BanyanNode, map: Json): object {
  const { url } = node
  return {
    node: { url: node.endpointUrl('main'), as: '{namespace}' },
    auth: { mode: 'chain', issuer: url, scopes: { map } },
  }
}

/** What one organisation believes of another. */
function trustIn(caller: BanyanNode, callee: BanyanNode, more: Json = {}): Json {
  return {
    issuer: caller.url,
    keys: { jwksUri: `${caller.url}/oauth/jwks` },
    clients: [`${caller.url}/oauth/client.json`],
    resources: [callee.endpointUrl('main')],
    subjects: { anonymous: true },
    scopes: { map: { 'ns:fx': ['ns:fx'] }, max: ['ns:fx'] },
    ...more,
  }
}

interface Chain {
  readonly a: BanyanNode
  readonly b: BanyanNode
  readonly c: BanyanNode
  readonly records: Readonly<Record<'a' | 'b' | 'c', Records>>
}

const FX = { 'ns:fx': ['ns:fx'] }

/** A, B and C, each an organisation of its own; `transit` is what C lets B relay. */
async function chain(transit: readonly ('a' | 'b')[] = ['a']): Promise<Chain> {
  const records = { a: new Records(), b: new Records(), c: new Records() }
  const inC: Plan = {
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
  }
  const c = await mesh.startConfig(configOf('c', inC), { log: records.c.log })
  await c.ready()
  const inB: Plan = { upstreams: { c: across(c, FX) } }
  const b = await mesh.startConfig(configOf('b', inB), { log: records.b.log })
  const keys = [{ name: 'alice', hash: hashStaticKey(KEY), scopes: ['ns:fx'] }]
  const inA: Plan = { upstreams: { b: across(b, FX) }, auth: { keys } }
  const a = await mesh.startConfig(configOf('a', inA), { log: records.a.log })
  const relayed = transit.map((name) => ({ a, b })[name].url)
  await c.reload(configOf('c', { ...inC, trust: [trustIn(b, c, { transit: relayed })] }))
  await b.reload(configOf('b', { ...inB, trust: [trustIn(a, b)] }))
  await b.refresh(['c'])
  await a.refresh(['b'])
  return { a, b, c, records }
}

function call(node: BanyanNode, authorization: string | undefined): Promise<RawReply> {
  const params = { name: 'fx__echo', arguments: { message: 'hi' } }
  return callModern(node.endpointUrl('main'), 'tools/call', params, {
    ...(authorization !== undefined && { headers: { authorization } }),
  })
}

/** The client id of a node. */
function client(node: BanyanNode): string {
  return `${node.url}/oauth/client.json`
}

/** A node as it stands among the actors. */
function actor(node: BanyanNode): string {
  return `${node.url} ${client(node)}`
}

describe('a call across three organisations', () => {
  test('arrives, and each issuer says who acted and for whom it was', async () => {
    const { a, b, c, records } = await chain()
    const reply = await call(a, `Bearer ${KEY}`)
    expect(reply.status).toBe(200)
    expect(reply.result['content']).toEqual([{ type: 'text', text: 'hi' }])
    const [atB, atC] = [records.b, records.c].map(({ audit }) =>
      audit.filter((line) => line.kind === 'jwt_bearer' && line.decision === 'issued').at(-1),
    )
    expect(atB).toMatchObject({
      client: client(a),
      audience: b.endpointUrl('main'),
      scopesOut: ['ns:fx'],
      actors: [actor(a)],
    })
    expect(atC).toMatchObject({
      client: client(b),
      audience: c.endpointUrl('main'),
      scopesOut: ['ns:fx'],
      actors: [actor(b), actor(a)],
    })
    // One delegation, and nobody is called by the same name twice.
    expect(atC?.txn).toBe(atB?.txn)
    expect(atC?.subject).not.toBe(atB?.subject)
  })

  test('invariant 14: no byte of the credential is in any log, and none of it reaches the server', async () => {
    const { a, records } = await chain()
    await call(a, `Bearer ${KEY}`)
    for (const { text } of Object.values(records)) {
      expect(text).not.toContain(KEY)
      expect(text).not.toMatch(/eyJ[\w-]+\.[\w-]+\.[\w-]+/)
    }
    expect(JSON.stringify(fixture.requests)).not.toContain('authorization')
  })

  test('attack 19: a node in the middle may not speak for another organisation unless it is allowed to', async () => {
    const { a, records } = await chain([])
    const before = fixture.requests.length
    const reply = await call(a, `Bearer ${KEY}`)
    expect(reply.raw).toContain('"error"')
    expect(fixture.requests.slice(before).filter(({ method }) => method === 'tools/call')).toEqual(
      [],
    )
    expect(records.c.audit).toContainEqual(
      expect.objectContaining({ kind: 'jwt_bearer', decision: 'refused', reason: 'transit' }),
    )
  })

  test('row 50: without a credential nobody gets in, and is told where to ask', async () => {
    const { a, b } = await chain()
    const before = fixture.requests.length
    for (const node of [a, b]) {
      const reply = await call(node, undefined)
      expect(reply.status).toBe(401)
      const challenge = String(reply.headers['www-authenticate'])
      expect(challenge).toContain(`${node.url}/.well-known/oauth-protected-resource/mcp/main`)
    }
    expect(fixture.requests).toHaveLength(before)
  })
})
