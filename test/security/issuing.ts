// A whole node with a token service and everybody it knows: a node of its organisation, another organisation, and an
// identity provider with an application. What comes of a token request is seen at the endpoint behind it.
import { randomUUID } from 'node:crypto'
import { signJwt } from '../../node/identity/jwt.ts'
import { ProofMaker } from '../../node/identity/proof-maker.ts'
import { SigningKey } from '../../node/identity/signing-key.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { TYP } from '../../protocol/token/claims.ts'
import { URN } from '../../protocol/token/metadata.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern, send, type Headers, type RawReply } from '../fixtures/raw-client.ts'
import { isObject, type JsonObject } from '../fixtures/wire.ts'
import { Mesh } from '../mesh/mesh.ts'
import { Records } from '../mesh/records.ts'
import { pairwise } from './middle.ts'

export const PEER = 'https://gw.a.example'
export const IDP = 'https://idp.example'
export const EDGE_MAIN = 'https://edge.acme.example/mcp/main'

/** Client ids: of the other organisation's node, of the application, of the node of the own organisation, of nobody. */
export const CLIENTS = {
  peer: 'https://gw.a.example/oauth/client.json',
  app: 'app',
  edge: 'https://edge.acme.example/oauth/client.json',
  stranger: 'https://x.example/oauth/client.json',
} as const

export type Who = keyof typeof CLIENTS

export type Form = Readonly<Record<string, string | undefined>>

const clock = (): number => Date.now() / 1_000

function jwks(key: SigningKey): JsonObject {
  return { static: [{ ...key.jwk, kid: key.kid }] }
}

export class Issuing {
  readonly keys: Readonly<Record<Who | 'peerIssuer' | 'idp', SigningKey>> = {
    peer: SigningKey.generate(),
    app: SigningKey.generate(),
    edge: SigningKey.generate(),
    stranger: SigningKey.generate(),
    peerIssuer: SigningKey.generate(),
    idp: SigningKey.generate(),
  }
  readonly prover: ProofMaker = new ProofMaker(SigningKey.generate(), clock)
  readonly records: Records
  readonly fixture: FixtureServer
  readonly node: RunningNode
  readonly #mesh: Mesh
  #mark = 0

  private constructor(made: {
    mesh: Mesh
    fixture: FixtureServer
    node: RunningNode
    records: Records
  }) {
    this.#mesh = made.mesh
    this.fixture = made.fixture
    this.node = made.node
    this.records = made.records
  }

  /** @param more of its configuration */
  static async start(more: JsonObject = {}): Promise<Issuing> {
    const [mesh, fixture] = [new Mesh(), await FixtureServer.start()]
    const records = new Records()
    const node = await mesh.startConfig(configOf(fixture.url, more), { log: records.log })
    const issuing = new Issuing({ mesh, fixture, node, records })
    await node.reload(configOf(fixture.url, { ...more, ...issuing.#known() }))
    await node.ready()
    return issuing
  }

  get url(): string {
    return this.node.endpointUrl('main')
  }

  /** Begins a test: nothing has been done yet. */
  begin(): void {
    this.records.clear()
    this.#mark = this.fixture.requests.length
  }

  /** What the upstream was sent since the test began. */
  get arrived(): readonly string[] {
    return this.fixture.requests.slice(this.#mark).map(({ body, httpMethod }) => body || httpMethod)
  }

  /** How a request was refused, as far as the client, the audit and the upstream can tell. */
  refusal({ status, error }: { readonly status: number; readonly error: unknown }): object {
    const line = this.records.audit.at(-1)
    const audited = line?.decision === 'refused' && line.reason !== undefined
    const issued = this.records.audit.filter(({ decision }) => decision === 'issued').length
    return { status, error, audited, issued, arrived: this.arrived }
  }

  /** A client assertion, right unless changed. */
  assertion(who: Who, change: JsonObject = {}): string {
    const now = Math.floor(clock())
    const id = CLIENTS[who]
    const right = { iss: id, sub: id, aud: this.node.url, jti: randomUUID(), iat: now }
    return signJwt(this.keys[who], TYP.clientAssertion, { ...right, exp: now + 60, ...change })
  }

  /** The form of an authenticated client. */
  as(who: Who, form: Form, change: JsonObject = {}): Form {
    return {
      client_assertion_type: URN.clientAssertion,
      client_assertion: this.assertion(who, change),
      ...form,
    }
  }

  grant(change: JsonObject = {}): string {
    const now = Math.floor(clock())
    return signJwt(this.keys.peerIssuer, TYP.grant, {
      iss: PEER,
      sub: pairwise('alice'),
      aud: this.node.url,
      client_id: CLIENTS.peer,
      resource: this.url,
      scope: 'ns:fx',
      jti: randomUUID(),
      iat: now,
      exp: now + 60,
      session_expiry: now + 300,
      txn: 'txn-of-a',
      act: { iss: PEER, sub: CLIENTS.peer },
      cnf: { jkt: this.prover.jkt },
      mesh: { v: 1, budget: 3 },
      ...change,
    })
  }

  idJag(change: JsonObject = {}): string {
    const now = Math.floor(clock())
    return signJwt(this.keys.idp, TYP.idJag, {
      iss: IDP,
      sub: 'alice',
      aud: this.node.url,
      client_id: CLIENTS.app,
      resource: this.url,
      scope: 'fx.use',
      jti: randomUUID(),
      iat: now,
      exp: now + 300,
      ...change,
    })
  }

  redeem(who: Who, assertion: string, more: Form = {}): Promise<TokenReply> {
    return this.ask(this.as(who, { grant_type: URN.jwtBearer, assertion, ...more }))
  }

  /** A token exchange of the node of the own organisation, right unless changed. */
  async exchange(who: Who, more: Form = {}): Promise<TokenReply> {
    const subject = await this.redeem('peer', this.grant({ resource: EDGE_MAIN }))
    this.records.clear()
    const form = {
      grant_type: URN.tokenExchange,
      subject_token: subject.token,
      subject_token_type: URN.accessToken,
      resource: this.url,
      ...more,
    }
    return this.ask(this.as(who, form))
  }

  ask(form: Form, path = '/oauth/token'): Promise<TokenReply> {
    const fields = Object.entries(form).filter(([, value]) => value !== undefined)
    return this.post(new URLSearchParams(fields as [string, string][]).toString(), {}, { path })
  }

  /** Any body at all. */
  async post(
    body: string,
    headers: Headers = {},
    { path = '/oauth/token', query = '' }: { path?: string; query?: string } = {},
  ): Promise<TokenReply> {
    const url = `${this.node.url}${path}`
    const reply = await send(`${url}${query}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        dpop: this.prover.proof({ method: 'POST', url }),
        ...headers,
      },
      body,
    })
    return readReply(reply)
  }

  /** Calls the tool with a token, proved. */
  call(token: string): Promise<RawReply> {
    const { url } = this
    const dpop = this.prover.proof({ method: 'POST', url, accessToken: token })
    const params = { name: 'fx__echo', arguments: { message: 'hi' } }
    const headers = { authorization: `DPoP ${token}`, dpop }
    return callModern(url, 'tools/call', params, { headers })
  }

  async close(): Promise<void> {
    await this.#mesh.close()
    await this.fixture.close()
  }

  #known(): JsonObject {
    const { keys, url } = this
    return {
      nodes: [{ client: CLIENTS.edge, keys: jwks(keys.edge), spends: [EDGE_MAIN], reaches: [url] }],
      trust: [
        {
          issuer: PEER,
          keys: jwks(keys.peerIssuer),
          clients: [{ id: CLIENTS.peer, keys: jwks(keys.peer) }],
          resources: [url, EDGE_MAIN],
          scopes: { map: { 'ns:fx': ['ns:fx'] }, max: ['ns:fx'] },
        },
        {
          issuer: IDP,
          keys: jwks(keys.idp),
          clients: [{ id: CLIENTS.app, keys: jwks(keys.app) }],
          profiles: ['id-jag'],
          resources: [url],
          subjects: { mode: 'public' },
          scopes: { map: { 'fx.use': ['ns:fx'] }, max: ['ns:fx'] },
        },
      ],
    }
  }
}

/** What a token request was answered with. */
export interface TokenReply {
  readonly status: number
  readonly error: unknown
  readonly retryAfter: string | undefined
  /** @throws Error when there is none */
  readonly token: string
}

function readReply({ status, raw, headers }: RawReply): TokenReply {
  const parsed: unknown = raw === '' ? {} : JSON.parse(raw)
  const body = isObject(parsed) ? parsed : {}
  const { access_token: token } = body
  return {
    status,
    error: body['error'],
    retryAfter: headers['retry-after'],
    get token() {
      if (typeof token !== 'string') throw new Error(`no token: ${raw}`)
      return token
    },
  }
}

function configOf(url: string, known: JsonObject): object {
  return {
    node: { name: 'b', organisation: 'b', listen: '127.0.0.1:0', state: 'memory' },
    issuer: {},
    // Each refusal is looked for; a flood is another matter.
    audit: { refusalsPerSecond: 1_000 },
    upstreams: { origin: { http: { url } } },
    namespaces: { fx: { from: ['origin'] } },
    endpoints: { main: { namespaces: ['*'], auth: {} } },
    ...known,
  }
}
