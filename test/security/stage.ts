// A whole node with a guarded endpoint in front of one upstream that counts what reaches it. Attacks are run against it.
import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { parseConfig } from '../../node/core/config.ts'
import type { NodeConfig } from '../../node/core/config-types.ts'
import type { AuditLine } from '../../node/core/audit-chain.ts'
import { SILENT, type LogFacts } from '../../node/core/logger.ts'
import { Keys } from '../../node/identity/keys.ts'
import { proofCheckers } from '../../node/identity/proof-checkers.ts'
import { MemoryReplay } from '../../node/identity/replay.ts'
import { signJwt } from '../../node/identity/jwt.ts'
import { clientAuthenticator } from '../../node/identity/verifier/client-authentication.ts'
import { EndpointAuthenticator } from '../../node/identity/verifier/endpoint-authenticator.ts'
import { Networks } from '../../node/identity/verifier/networks.ts'
import { compose } from '../../node/main/compose.ts'
import { RunningNode } from '../../node/main/running-node.ts'
import { canary } from '../canary/canary.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import {
  callModern,
  type Headers,
  type ModernOptions,
  type RawReply,
} from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import { configOf } from '../mesh/mesh.ts'
import { accessTokenHash, ForgeKey, type Json } from './forge.ts'

export interface StagePlan {
  /** `auth` of the endpoint `main`; default: tokens of the own issuer, bound or not. */
  readonly auth?: Json | 'none'
  /** Default `{}`: embedded. */
  readonly issuer?: Json
  readonly node?: Json
  readonly limits?: Json
  /** PEM, for what the node fetches. */
  readonly ca?: readonly string[]
}

/** What a refusal must look like. */
export interface Refusal {
  /** Default 401. */
  readonly status?: number
  /** JSON-RPC code; default -31010. */
  readonly code?: number
  /** `error` of the challenge; undefined: a challenge without; null: no challenge. */
  readonly error?: string | undefined | null
}

export class Stage {
  readonly fixture: FixtureServer
  readonly node: RunningNode
  readonly authenticator: EndpointAuthenticator
  /** Another client's key. */
  readonly key: ForgeKey = new ForgeKey()
  readonly revoked: Set<string>
  readonly #keys: Keys
  readonly #clock: { skew: number }
  readonly #networks: Networks
  readonly #config: NodeConfig
  readonly #audited: AuditLine[]
  #mark = 0

  private constructor(made: {
    fixture: FixtureServer
    node: RunningNode
    authenticator: EndpointAuthenticator
    revoked: Set<string>
    keys: Keys
    clock: { skew: number }
    networks: Networks
    config: NodeConfig
    audited: AuditLine[]
  }) {
    this.fixture = made.fixture
    this.node = made.node
    this.authenticator = made.authenticator
    this.revoked = made.revoked
    this.#keys = made.keys
    this.#clock = made.clock
    this.#networks = made.networks
    this.#config = made.config
    this.#audited = made.audited
  }

  static async start(plan: StagePlan = {}): Promise<Stage> {
    const fixture = await FixtureServer.start()
    const config = parseConfig(
      {
        ...configOf('edge', {
          upstreams: {
            fixture: { http: { url: fixture.url } },
            twin: { http: { url: fixture.url } },
          },
          namespaces: { fx: { from: ['fixture'] }, quiet: { from: ['twin'] } },
          endpoints: {
            main: { namespaces: ['*'], auth: plan.auth ?? { dpop: 'accepted' } },
            sibling: { namespaces: ['*'], auth: { dpop: 'accepted' } },
            narrow: { namespaces: ['quiet'], auth: { dpop: 'accepted' } },
          },
          ...(plan.node && { node: plan.node }),
          ...(plan.limits && { limits: plan.limits }),
        }),
        issuer: plan.issuer ?? {},
        // Each attack has a line of its own, however many there are in a second.
        audit: { refusalsPerSecond: 1_000_000 },
      },
      {},
    )
    const time = { skew: 0 }
    const clock = (): number => Date.now() / 1_000 + time.skew
    const keys = await Keys.open({ folder: undefined, clock, lifetime: 86_400, overlap: 600 })
    const revoked = new Set<string>()
    const { tokenResponseBytes: maxBytes, fetchTimeout: timeoutMs } = config.limits
    const networks = new Networks({ maxBytes, timeoutMs, ...(plan.ca && { ca: plan.ca }) }, clock)
    let base = ''
    const authenticator = new EndpointAuthenticator(config, {
      limits: config.limits,
      baseUrl: () => base,
      ownKeys: config.issuer?.mode === 'embedded' ? keys.ring('sts') : undefined,
      proofs: proofCheckers({
        replay: new MemoryReplay({ clock }),
        clock,
        secret: Buffer.alloc(32, 7),
      }),
      isRevoked: ({ jti }) => revoked.has(jti),
      scopesOf: () => ['ns:fx'],
      network: (egress) => networks.of(egress),
      authenticateClient: clientAuthenticator(keys.ring('client'), clock),
      clock,
    })
    const audited: AuditLine[] = []
    const info = ({ audit }: LogFacts): void => {
      if (audit !== undefined) audited.push(audit as AuditLine)
    }
    const parts = await compose(config, canary.log({ ...SILENT, info }), { other: authenticator })
    const { port } = await parts.http.listen('127.0.0.1', 0)
    base = `${config.node.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
    parts.identity?.begin(base)
    const node = new RunningNode(parts, { config, url: base, baseDir: undefined }).start()
    await node.ready()
    await until(() => fixture.openStreams > 1, 'the node listens to its upstream')
    const stage = new Stage({
      fixture,
      node,
      authenticator,
      revoked,
      keys,
      clock: time,
      networks,
      config,
      audited,
    })
    stage.mark()
    return stage
  }

  get url(): string {
    return this.node.endpointUrl('main')
  }

  /** The embedded issuer. */
  get issuer(): string {
    return this.node.url
  }

  get now(): number {
    return Math.floor(Date.now() / 1_000 + this.#clock.skew)
  }

  /** Lets time pass for all that judges tokens. @param seconds */
  pass(seconds: number): void {
    this.#clock.skew += seconds
  }

  /** Forgets what the upstream has been sent so far. */
  mark(): void {
    this.#mark = this.fixture.requests.length
    this.#audited.length = 0
  }

  /** The first refusal that was written down since the mark and is nobody's yet. */
  #takeRefusal(): AuditLine | undefined {
    const at = this.#audited.findIndex(({ decision }) => decision === 'refused')
    return at === -1 ? undefined : this.#audited.splice(at, 1)[0]
  }

  /** What the upstream has been sent since the mark. */
  get upstreamTraffic(): readonly string[] {
    return this.fixture.requests.slice(this.#mark).map(({ body, httpMethod }) => body || httpMethod)
  }

  /** Claims of a good token; undefined members are left out. */
  claims(differ: Json = {}): Json {
    const { now } = this
    return {
      iss: this.issuer,
      sub: 'ada',
      aud: this.url,
      client_id: 'https://client.example/app.json',
      jti: randomUUID(),
      iat: now,
      exp: now + 120,
      scope: 'ns:fx',
      ...differ,
    }
  }

  /** A token of the embedded issuer. */
  token(differ: Json = {}, typ = 'at+jwt'): string {
    return signJwt(this.#keys.ring('sts').signing(), typ, this.claims(differ))
  }

  /** The PEM of nothing secret: the public key of the embedded issuer. */
  get publicJwk(): Json {
    return { ...this.#keys.ring('sts').signing().jwk }
  }

  get kid(): string {
    return this.#keys.ring('sts').signing().kid
  }

  /** A header of a good token. */
  get header(): Json {
    return { alg: 'ES256', typ: 'at+jwt', kid: this.kid }
  }

  /** A token bound to a key, and the headers that prove it. */
  bound(key: ForgeKey = this.key, differ: Json = {}): string {
    return this.token({ cnf: { jkt: key.thumbprint }, ...differ })
  }

  proof(token: string, claims: Json = {}, header: Json = {}): string {
    const ath = accessTokenHash(token)
    return this.key.proof({ htu: this.url, iat: this.now, ath, ...claims }, header)
  }

  /** Calls the tool `fx__echo`. */
  call(headers: Headers, options: ModernOptions & { url?: string } = {}): Promise<RawReply> {
    const params = { name: 'fx__echo', arguments: { text: 'x' } }
    return callModern(options.url ?? this.url, 'tools/call', params, { ...options, headers })
  }

  /** With a token as Bearer. */
  bearer(token: string, options: ModernOptions & { url?: string } = {}): Promise<RawReply> {
    return this.call({ authorization: `Bearer ${token}` }, options)
  }

  /** With a bound token and a proof. */
  proved(token: string, proof: string | string[] | undefined): Promise<RawReply> {
    return this.call({ authorization: `DPoP ${token}`, dpop: proof })
  }

  /** That a request was refused as it must be, and nothing went upstream. */
  expectRefused(reply: RawReply, refusal: Refusal = {}): void {
    const { status = 401, code = -31_010 } = refusal
    const error = 'error' in refusal ? refusal.error : 'invalid_token'
    expect({ status: reply.status, code: reply.error.code }).toEqual({ status, code })
    const challenge = challengeOf(reply)
    const expected = error === undefined || error === null ? '' : `error="${error}"`
    if (error === null) expect(challenge).toBe('')
    else expect(challenge).toContain(`resource_metadata="${this.metadataUrl()}"`)
    expect(challenge.match(/error="[^"]*"/)?.[0] ?? '').toBe(expected)
    expect(this.upstreamTraffic).toEqual([])
    expect(this.#takeRefusal(), 'each attack leaves a line of the audit').toBeDefined()
  }

  expectServed(reply: RawReply): void {
    expect(reply.result['content']).toBeDefined()
    expect(reply.status).toBe(200)
    expect(this.upstreamTraffic.some((body) => body.includes('tools/call'))).toBe(true)
    this.mark()
  }

  /** Takes the configuration once more, as after a change of its files. */
  reload(): Promise<void> {
    return this.node.apply(this.#config)
  }

  /** Has the authenticator follow the configuration once more. */
  reconfigure(): void {
    this.authenticator.configure(this.#config)
  }

  metadataUrl(endpoint = 'main'): string {
    return `${this.node.url}/.well-known/oauth-protected-resource/mcp/${endpoint}`
  }

  async close(): Promise<void> {
    await this.node.close()
    this.authenticator.close()
    await this.#networks.close()
    await this.fixture.close()
  }
}

/** All challenges of an answer, as one text. */
export function challengeOf({ headers }: RawReply): string {
  return [headers['www-authenticate'] ?? []].flat().join(', ')
}
