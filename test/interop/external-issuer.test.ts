// Three organisations, the middle one with an authorization server that is no node. What it cannot keep, nobody after it
// can: it does not write who acted, nor how far a call may go, unless it is told to.
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AuditLine } from '../../node/core/audit-chain.ts'
import { hashStaticKey } from '../../node/identity/static-keys.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern, send, type RawReply } from '../fixtures/raw-client.ts'
import { Mesh } from '../mesh/mesh.ts'
import { Records } from '../mesh/records.ts'
import type { Json } from '../security/forge.ts'
import { AuthorizationServer } from './authorization-server.ts'
import { addChaining, JWT_BEARER, TOKEN_EXCHANGE } from './grant-types.ts'

const KEY = randomBytes(32).toString('base64url')
const FX = { 'ns:fx': ['ns:fx'] }

let mesh: Mesh
let fixture: FixtureServer
let server: AuthorizationServer | undefined

beforeEach(async () => {
  mesh = new Mesh()
  fixture = await FixtureServer.start()
})
afterEach(async () => {
  await mesh.close()
  await server?.close()
  await fixture.close()
})

interface Chain {
  readonly a: RunningNode
  readonly b: RunningNode
  readonly c: RunningNode
  readonly issuer: string
  readonly records: Readonly<Record<'a' | 'b' | 'c', Records>>
}

function config(name: string, issuer: Json, rest: Json, auth: Json = {}): object {
  return {
    node: { name, organisation: name, listen: '127.0.0.1:0', state: 'memory' },
    issuer,
    endpoints: { main: { namespaces: ['*'], auth } },
    // Something of its own, until there is somebody to call.
    upstreams: { own: { http: { url: fixture.url } } },
    namespaces: { own: { from: ['own'] } },
    ...rest,
  }
}

function across(url: string, issuer: string, requireChain: boolean): object {
  const auth = { mode: 'chain', issuer, scopes: { map: FX }, requireChain }
  return { node: { url, as: '{namespace}' }, auth }
}

function clientOf(node: RunningNode): string {
  return `${node.url}/oauth/client.json`
}

/** A node as a client of the authorization server, which fetches nothing from loopback itself. */
async function registered(node: RunningNode): Promise<Json> {
  const { raw } = await send(`${node.url}/oauth/client-jwks`)
  return {
    client_id: clientOf(node),
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: JSON.parse(raw) as Json,
    grant_types: ['client_credentials', JWT_BEARER, TOKEN_EXCHANGE],
    redirect_uris: [],
    response_types: [],
  }
}

interface Ways {
  /** Whether the server writes chains. */
  readonly chains: boolean
  /** Whether A and B demand them. */
  readonly requireChain: boolean
}

async function chain({ chains, requireChain }: Ways): Promise<Chain> {
  const records = { a: new Records(), b: new Records(), c: new Records() }
  const inC = {
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
  }
  const c = await mesh.startConfig(config('c', {}, inC), { log: records.c.log })
  await c.ready()
  const keys = [{ name: 'alice', hash: hashStaticKey(KEY), scopes: ['ns:fx'] }]
  const a = await mesh.startConfig(config('a', {}, {}, { keys }), { log: records.a.log })
  let b: RunningNode | undefined
  server = await AuthorizationServer.start(async (url) => {
    b = await mesh.startConfig(config('b', { mode: 'external', url }, {}), { log: records.b.log })
    return { clients: [await registered(a), await registered(b)] }
  })
  const { issuer } = server
  if (b === undefined) throw new Error('was not started')
  const atB = b.endpointUrl('main')
  server.serve(atB, { scopes: ['ns:fx', '*'] })
  addChaining(server, {
    trusts: { [a.url]: `${a.url}/oauth/jwks` },
    spends: { [clientOf(b)]: [atB] },
    chains,
  })
  const trusted = {
    issuer,
    keys: { jwksUri: `${issuer}/jwks` },
    clients: [clientOf(b)],
    resources: [c.endpointUrl('main')],
    subjects: { anonymous: true },
    scopes: { map: FX, max: ['ns:fx'] },
    transit: chains ? [a.url] : [],
  }
  await c.reload(config('c', {}, { ...inC, trust: [trusted] }))
  const toC = across(c.endpointUrl('main'), c.url, true)
  await b.reload(
    config('b', { mode: 'external', url: issuer }, { upstreams: { c: toC }, namespaces: {} }),
  )
  const toB = across(atB, issuer, requireChain)
  await a.reload(config('a', {}, { upstreams: { b: toB }, namespaces: {} }, { keys }))
  await b.refresh(['c'])
  await a.refresh(['b'])
  return { a, b, c, issuer, records }
}

function call(node: RunningNode): Promise<RawReply> {
  const params = { name: 'fx__echo', arguments: { message: 'hi' } }
  const headers = { authorization: `Bearer ${KEY}` }
  return callModern(node.endpointUrl('main'), 'tools/call', params, { headers })
}

function lastIssued({ audit }: Records): AuditLine | undefined {
  return audit.findLast(({ kind, decision }) => kind === 'jwt_bearer' && decision === 'issued')
}

const actor = (issuer: string, node: RunningNode): string => `${issuer} ${clientOf(node)}`

describe('an external issuer in the middle', () => {
  test('passes calls on, each hop with a token of its own; who was before it is lost', async () => {
    const { a, b, c, issuer, records } = await chain({ chains: false, requireChain: false })
    const reply = await call(a)
    expect(server?.failures).toEqual([])
    expect(reply.result['content']).toEqual([{ type: 'text', text: 'hi' }])
    const [atA, atC] = [
      records.a.audit.findLast(({ kind }) => kind === 'obtained'),
      lastIssued(records.c),
    ]
    expect(atA).toMatchObject({ out: { aud: b.endpointUrl('main') }, decision: 'issued' })
    expect(atC).toMatchObject({
      in: { client: clientOf(b), iss: issuer },
      out: { aud: c.endpointUrl('main'), scope: ['ns:fx'] },
      // The law it cannot keep: A acted too. Neither transit nor depth nor budget of A can be told at C.
      actors: [actor(issuer, b)],
    })
    expect(atC?.txn).not.toBe(atA?.txn)
    for (const { text } of Object.values(records)) {
      expect(text).not.toContain(KEY)
      expect(text).not.toMatch(/eyJ[\w-]+\.[\w-]+\.[\w-]+/)
    }
    expect(JSON.stringify(fixture.requests)).not.toMatch(/authorization|eyJ/)
  })

  test('is refused where the chain is required, and nothing arrives', async () => {
    const { a, records } = await chain({ chains: false, requireChain: true })
    const before = fixture.calls().length
    const reply = await call(a)
    expect(reply.raw).toContain('"error"')
    expect(fixture.calls()).toHaveLength(before)
    expect(records.a.audit).toContainEqual(
      expect.objectContaining({ kind: 'obtained', decision: 'refused', reason: 'depth' }),
    )
  })

  test('that is told to write chains keeps the whole law', async () => {
    const { a, b, issuer, records } = await chain({ chains: true, requireChain: true })
    const reply = await call(a)
    expect(server?.failures).toEqual([])
    expect(reply.result['content']).toEqual([{ type: 'text', text: 'hi' }])
    const atC = lastIssued(records.c)
    expect(atC?.actors).toEqual([actor(issuer, b), actor(a.url, a)])
    const atA = records.a.audit.findLast(({ kind }) => kind === 'obtained')
    expect(atC?.txn).toBe(atA?.txn)
  })
})
