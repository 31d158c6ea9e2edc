// Organisations A and C, real nodes, with a malicious one between them.
import { randomBytes, randomUUID } from 'node:crypto'
import { hashStaticKey } from '../../node/identity/static-keys.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { canary } from '../canary/canary.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern, type Headers, type RawReply } from '../fixtures/raw-client.ts'
import type { JsonObject } from '../fixtures/wire.ts'
import { Mesh } from '../mesh/mesh.ts'
import { Records } from '../mesh/records.ts'
import { json, serve, type LocalServer } from '../node/identity/local-server.ts'
import { ForgeKey, type Json } from './forge.ts'
import { Middle, type Visit } from './middle.ts'

const FX = { 'ns:fx': ['ns:fx'] }
const KEYS = {
  alice: randomBytes(32).toString('base64url'),
  bob: randomBytes(32).toString('base64url'),
} as const

export type Person = 'alice' | 'bob'

export class Three {
  readonly mesh: Mesh = new Mesh()
  readonly records: { readonly a: Records; readonly c: Records } = {
    a: new Records(),
    c: new Records(),
  }
  /** Signs tokens of the identity provider of A's people. */
  readonly provider: ForgeKey = new ForgeKey()
  readonly a: RunningNode
  readonly b: Middle
  readonly c: RunningNode
  /** The server behind C. */
  readonly origin: FixtureServer
  readonly #login: LocalServer
  #mark = 0

  private constructor(made: {
    mesh: Mesh
    records: Three['records']
    provider: ForgeKey
    login: LocalServer
    a: RunningNode
    b: Middle
    c: RunningNode
    origin: FixtureServer
  }) {
    this.mesh = made.mesh
    this.records = made.records
    this.provider = made.provider
    this.#login = made.login
    this.a = made.a
    this.b = made.b
    this.c = made.c
    this.origin = made.origin
  }

  static async start(): Promise<Three> {
    const [mesh, provider] = [new Mesh(), new ForgeKey()]
    const records = { a: new Records(), c: new Records() }
    const [origin, b] = [await FixtureServer.start(), await Middle.start()]
    const login = await serve(json({ keys: [provider.published()] }))
    const c = await mesh.startConfig(inC(origin.url), { log: records.c.log })
    const a = await mesh.startConfig(inA(b, login.url), { log: records.a.log })
    const made = { mesh, records, provider, login, a, b, c, origin }
    const three = new Three(made)
    await c.reload(inC(origin.url, [three.trustInC()]))
    await a.reload(inA(b, login.url, [three.trustInA()]))
    await c.ready()
    await a.ready()
    b.meet({ issuer: c.url, resource: c.endpointUrl('main') })
    return three
  }

  /** What C believes of the middle. */
  trustInC(change: Json = {}): Json {
    const { a, b, c } = this
    return {
      issuer: b.issuer,
      keys: { jwksUri: `${b.issuer}/oauth/jwks` },
      clients: [b.client],
      resources: [c.endpointUrl('main')],
      transit: [a.url],
      scopes: { map: { ...FX, 'ns:all': ['ns:fx', 'ns:secret'] }, max: ['ns:fx'] },
      maxTtl: '60s',
      ...change,
    }
  }

  /** What A believes of the middle: it may call back. */
  trustInA(): Json {
    const { a, b } = this
    return {
      issuer: b.issuer,
      keys: { jwksUri: `${b.issuer}/oauth/jwks` },
      clients: [b.client],
      resources: [a.endpointUrl('partners')],
      scopes: { map: { 'ns:b': ['ns:b'] }, max: ['ns:b'] },
    }
  }

  /** C believes something else of the middle from now on. */
  async distrust(change: Json): Promise<void> {
    await this.c.reload(inC(this.origin.url, [this.trustInC(change)]))
  }

  /** A takes its configuration once more, as after a change of its files. */
  reload(): Promise<void> {
    return this.a.reload(inA(this.b, this.#login.url, [this.trustInA()]))
  }

  /** Begins a test: nothing has been done yet, and the middle is honest. */
  begin(): void {
    this.b.misdeed = undefined
    this.b.answer = (right) => right
    this.b.visits.length = 0
    this.records.a.clear()
    this.records.c.clear()
    this.#mark = this.origin.calls().length
  }

  /** Calls that arrived at the end since the test began. */
  get arrived(): number {
    return this.origin.calls().length - this.#mark
  }

  /** A person of A calls the tool that lies behind the middle. */
  call(person: Person, headers: Headers = {}, more: JsonObject = {}): Promise<RawReply> {
    const params = { name: 'b__echo', arguments: { message: 'hi' } }
    const authorization = `Bearer ${KEYS[person]}`
    const options = { headers: { authorization, ...headers }, ...more }
    return callModern(this.a.endpointUrl('main'), 'tools/call', params, options)
  }

  /** Somebody of the identity provider calls it, with a token that says what they like. */
  callAs(claims: JsonObject, more: JsonObject = {}): Promise<RawReply> {
    const token = this.personsToken(claims)
    const params = { name: 'b__echo', arguments: { message: 'hi' } }
    const headers = { authorization: `Bearer ${token}` }
    return callModern(this.a.endpointUrl('people'), 'tools/call', params, { headers, ...more })
  }

  /** A token of the identity provider, which says what they like. */
  personsToken(claims: JsonObject = {}): string {
    const url = this.a.endpointUrl('people')
    const now = Math.floor(Date.now() / 1_000)
    const right = {
      iss: this.#login.url,
      aud: url,
      sub: 'carol',
      client_id: 'app',
      jti: randomUUID(),
    }
    return this.provider.access({
      ...right,
      iat: now,
      exp: now + 300,
      scope: 'ns:b',
      ...claims,
    })
  }

  /** A call of a person, as the middle has it. */
  async visit(person: Person = 'alice'): Promise<Visit> {
    await this.call(person)
    const visit = this.b.visits.at(-1)
    if (visit === undefined) throw new Error('nobody came by')
    return visit
  }

  /** What A's issuer vouched for towards the middle in the last call: the claims of the grant. */
  get vouched(): JsonObject {
    return this.b.visits.at(-1)?.grant ?? {}
  }

  /** Why C refused a token last, by its audit; undefined when it did not. */
  get refusedByC(): string | undefined {
    const line = this.records.c.audit.at(-1)
    return line?.decision === 'refused' ? line.reason : undefined
  }

  /** How the last call ended at A or C, by its audit: that it was refused, or failed, and why. */
  audited(at: 'a' | 'c'): string | undefined {
    const line = this.records[at].calls.at(-1)
    return line && `${line.decision}: ${line.reason ?? ''}`
  }

  async close(): Promise<void> {
    await this.mesh.close()
    await this.b.close()
    await this.origin.close()
    await this.#login.close()
  }
}

/**
 * The middle is a program of the test and sends on what it was given: that is what is tested. In every other way no
 * credential may go out here either.
 */
export function expectNoOtherLeak(): void {
  const others = canary.take().filter(({ channel }) => channel !== 'outbound')
  if (others.length > 0) throw new Error(`credentials went out: ${JSON.stringify(others)}`)
}

function common(name: string): object {
  return {
    node: { name, organisation: name, listen: '127.0.0.1:0', state: 'memory' },
    issuer: {},
    // Each refusal is looked for; a flood is another matter.
    audit: { refusalsPerSecond: 1_000 },
  }
}

function inC(url: string, trust: readonly Json[] = []): object {
  return {
    ...common('c'),
    upstreams: { origin: { http: { url } } },
    namespaces: { fx: { from: ['origin'] }, secret: { from: ['origin'] } },
    endpoints: { main: { namespaces: ['*'], auth: {} } },
    ...(trust.length > 0 && { trust }),
  }
}

function inA(b: Middle, login: string, trust: readonly Json[] = []): object {
  const keys = Object.entries(KEYS).map(([name, key]) => ({
    name,
    hash: hashStaticKey(key),
    scopes: ['ns:b'],
  }))
  const auth = { mode: 'chain', issuer: b.issuer, scopes: { map: { 'ns:b': ['ns:fx'] } } }
  return {
    ...common('a'),
    upstreams: { b: { http: { url: b.resource }, auth } },
    namespaces: { b: { from: ['b'] } },
    endpoints: {
      main: { namespaces: ['*'], auth: { keys } },
      people: { namespaces: ['*'], auth: { issuer: login, jwksUri: `${login}/keys` } },
      partners: { namespaces: ['*'], auth: {} },
    },
    ...(trust.length > 0 && { trust }),
  }
}
