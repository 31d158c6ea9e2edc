// A token service behind real HTTP on loopback, with everybody it deals with: nodes, peers, an identity provider, a
// platform and workloads. Time stands still until a test moves it.
import { randomUUID } from 'node:crypto'
import type { ExchangeLine } from '../../../../node/core/audit.ts'
import { NO_AUTHENTICATION } from '../../../../node/core/authentication.ts'
import { SILENT } from '../../../../node/core/logger.ts'
import type { TrustRecord } from '../../../../node/core/config-identity-types.ts'
import { Keys } from '../../../../node/identity/keys.ts'
import { signJwt } from '../../../../node/identity/jwt.ts'
import { proofCheckers } from '../../../../node/identity/proof-checkers.ts'
import { ProofMaker } from '../../../../node/identity/proof-maker.ts'
import { MemoryReplay } from '../../../../node/identity/replay.ts'
import { volatileSecrets } from '../../../../node/identity/secrets.ts'
import { hashClientSecret } from '../../../../node/identity/service/client-secret.ts'
import { MemoryRevocations } from '../../../../node/identity/service/revocations.ts'
import type { LocalIssuer, MintRequest } from '../../../../node/identity/service/local-issuer.ts'
import { TokenService } from '../../../../node/identity/service/service.ts'
import type {
  IssuerPolicy,
  ServiceParts,
  ServiceSettings,
} from '../../../../node/identity/service/settings.ts'
import { SigningKey } from '../../../../node/identity/signing-key.ts'
import { Admission } from '../../../../node/inbound/admission.ts'
import { HttpServer } from '../../../../node/inbound/http.ts'
import { readAccessClaims } from '../../../../protocol/token/access.ts'
import type { AccessClaims, GrantClaims } from '../../../../protocol/token/claims.ts'
import { TYP } from '../../../../protocol/token/claims.ts'
import { readCompact } from '../../../../protocol/token/compact.ts'
import { readGrantClaims } from '../../../../protocol/token/grant.ts'
import { URN } from '../../../../protocol/token/metadata.ts'
import { send, type Headers } from '../../../fixtures/raw-client.ts'
import { isObject, type JsonObject } from '../../../fixtures/wire.ts'

export const EDGE = 'https://edge.acme.example/oauth/client.json'
export const EDGE_MAIN = 'https://edge.acme.example/mcp/main'
export const OTHER = 'https://other.acme.example/oauth/client.json'
export const OTHER_MAIN = 'https://other.acme.example/mcp/main'
export const PEER = 'https://gw.a.example'
export const PEER_CLIENT = 'https://gw.a.example/oauth/client.json'
export const FAR = 'https://gw.c.example'
export const FAR_PUB = 'https://gw.c.example/mcp/pub'
export const IDP = 'https://idp.example'
export const PROVIDER = 'https://login.acme.example'
export const KUBE = 'https://kube.example'
export const POD = 'system:serviceaccount:crm:reader'
export const SECRET = 'a secret & nothing: less+50%'

/** What a token request was answered with. */
export interface TokenReply {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly raw: string
  readonly json: JsonObject
  readonly error: unknown
  /** @throws Error when there is none */
  readonly token: string
}

export type Form = Readonly<Record<string, string | undefined>>

export interface Asking {
  /** The key the request is proved with; null: no proof. Default: the asking client's own. */
  readonly proof?: ProofMaker | null
  readonly headers?: Headers
  readonly path?: string
}

type Holder = (typeof HOLDERS)[number]

const HOLDERS = [
  'edge',
  'other',
  'peer',
  'peerClient',
  'idp',
  'provider',
  'kube',
  'nightly',
  'stranger',
] as const

/** Keys of everybody but the service. */
export const KEYS: Readonly<Record<Holder, SigningKey>> = Object.fromEntries(
  HOLDERS.map((holder) => [holder, SigningKey.generate()]),
) as Record<Holder, SigningKey>

export function jwk(key: SigningKey): Record<string, unknown> {
  return { ...key.jwk, kid: key.kid }
}

function keysOf(key: SigningKey): { readonly static: readonly Record<string, unknown>[] } {
  return { static: [jwk(key)] }
}

const hash = await hashClientSecret(SECRET)

export class TokenLab {
  now = 1_800_000_000
  readonly clock = (): number => this.now
  readonly lines: ExchangeLine[] = []
  readonly revocations: MemoryRevocations
  readonly prover: ProofMaker
  readonly strangersProver: ProofMaker
  base = ''
  #server: HttpServer | undefined
  #service: TokenService | undefined
  parts: ServiceParts | undefined

  private constructor() {
    this.revocations = new MemoryRevocations({ clock: this.clock, capacity: 1_000 })
    this.prover = new ProofMaker(SigningKey.generate(), this.clock)
    this.strangersProver = new ProofMaker(SigningKey.generate(), this.clock)
  }

  static async open(change: Change = {}): Promise<TokenLab> {
    const lab = new TokenLab()
    await lab.#open(change)
    return lab
  }

  get service(): TokenService {
    if (this.#service === undefined) throw new Error('not open')
    return this.#service
  }

  get local(): LocalIssuer {
    const { local } = this.service
    if (local === undefined) throw new Error('there is no issuer')
    return local
  }

  get main(): string {
    return `${this.base}/mcp/main`
  }

  get strict(): string {
    return `${this.base}/mcp/strict`
  }

  /** What went out, by the audit. */
  get issued(): readonly ExchangeLine[] {
    return this.lines.filter(({ decision, kind }) => decision === 'issued' && kind !== 'mint')
  }

  get last(): ExchangeLine | undefined {
    return this.lines.at(-1)
  }

  async close(): Promise<void> {
    this.service.close()
    await this.#server?.close(0)
  }

  /** Sends a form to the token endpoint, or another. */
  async ask(
    form: Form,
    { proof = this.prover, headers = {}, path }: Asking = {},
  ): Promise<TokenReply> {
    const url = `${this.base}${path ?? '/oauth/token'}`
    const body = new URLSearchParams(
      Object.entries(form).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value] as [string, string]],
      ),
    ).toString()
    const dpop = proof === null ? undefined : proof.proof({ method: 'POST', url })
    return this.raw(url, body, { dpop, ...headers })
  }

  async raw(url: string, body: string, headers: Headers = {}): Promise<TokenReply> {
    const type = 'application/x-www-form-urlencoded'
    const given = { 'content-type': type, ...headers }
    const reply = await send(url, { method: 'POST', headers: given, body })
    return read(reply.status, reply.headers, reply.raw)
  }

  /** A client assertion, right unless changed. */
  assertion(
    id: string,
    key: SigningKey,
    change: JsonObject = {},
    typ: string = TYP.clientAssertion,
  ): string {
    const now = this.now
    const right = { iss: id, sub: id, aud: this.base, jti: randomUUID(), iat: now, exp: now + 60 }
    return signJwt(key, typ, { ...right, ...change })
  }

  as(id: string, key: SigningKey, change: JsonObject = {}): Form {
    return {
      client_assertion_type: URN.clientAssertion,
      client_assertion: this.assertion(id, key, change),
    }
  }

  edge(): Form {
    return this.as(EDGE, KEYS.edge)
  }

  peer(): Form {
    return this.as(PEER_CLIENT, KEYS.peerClient)
  }

  /** A token of a user, for the edge node unless changed. */
  subject(change: Partial<MintRequest> = {}): string {
    return this.local.mint({
      subject: 'alice',
      resource: EDGE_MAIN,
      scopes: ['ns:sales'],
      ttl: 600,
      clientId: 'a-client',
      owner: { iss: this.base, sub: EDGE },
      budget: 5,
      ...change,
    }).token
  }

  /** A token exchange of the edge node, right unless changed. */
  exchange(change: Form = {}): Form {
    return {
      ...this.edge(),
      grant_type: URN.tokenExchange,
      subject_token: this.subject(),
      subject_token_type: URN.accessToken,
      resource: this.main,
      ...change,
    }
  }

  /** A grant of the peer's issuer, right unless changed. */
  grant(change: JsonObject = {}, key: SigningKey = KEYS.peer, typ: string = TYP.grant): string {
    const { now } = this
    return signJwt(key, typ, {
      iss: PEER,
      sub: 'p'.repeat(43),
      aud: this.base,
      client_id: PEER_CLIENT,
      resource: this.main,
      scope: 'ns:crm:read',
      jti: randomUUID(),
      iat: now,
      exp: now + 60,
      session_expiry: now + 300,
      txn: 'txn-of-a',
      act: { iss: PEER, sub: PEER_CLIENT },
      cnf: { jkt: this.prover.jkt },
      mesh: { v: 1, budget: 3 },
      ...change,
    })
  }

  redeem(assertion: string, change: Form = {}): Form {
    return { ...this.peer(), grant_type: URN.jwtBearer, assertion, ...change }
  }

  idJag(change: JsonObject = {}): string {
    const { now } = this
    return signJwt(KEYS.idp, TYP.idJag, {
      iss: IDP,
      sub: 'alice',
      aud: this.base,
      client_id: 'agent',
      resource: this.main,
      scope: 'sales.read',
      jti: randomUUID(),
      iat: now,
      exp: now + 300,
      ...change,
    })
  }

  platform(change: JsonObject = {}, key: SigningKey = KEYS.kube, typ = 'JWT'): string {
    const { now } = this
    const right = { iss: KUBE, sub: POD, aud: [this.base], iat: now, exp: now + 3_600 }
    return signJwt(key, typ, { ...right, ...change })
  }

  readonly byAgent: Headers = {
    authorization: `Basic ${Buffer.from(`agent:${encodeURIComponent(SECRET)}`).toString('base64')}`,
  }

  async #open({ policy = {}, parts = {}, settings = {} }: Change): Promise<void> {
    const { clock } = this
    this.#server = new HttpServer({
      admission: new Admission({ loopback: true, hosts: [], origins: [] }),
      authenticator: NO_AUTHENTICATION,
      oauth: () => this.#service,
      handle: () => undefined,
      readiness: () => ({ ready: true, facts: {} }),
      log: SILENT,
      headerBytes: 32_768,
      headersReadTimeout: 10_000,
      requestReadTimeout: 10_000,
      connections: 200,
    })
    const { port } = await this.#server.listen('127.0.0.1', 0)
    this.base = `http://127.0.0.1:${port}`
    const secrets = volatileSecrets()
    const replay = new MemoryReplay({ clock })
    this.parts = {
      clock,
      secrets,
      replay,
      keys: await Keys.open({ folder: undefined, clock, lifetime: 86_400, overlap: 600 }),
      fetch: { getJson: () => Promise.reject(new Error('nothing is fetched here')) },
      proofs: proofCheckers({ replay, clock, secret: secrets.sealing }),
      revocations: this.revocations,
      audit: { exchange: (line) => void this.lines.push(line) },
      ...parts,
    }
    this.#service = new TokenService(this.settings(policy, settings), this.parts)
  }

  settings(
    policy: Partial<IssuerPolicy> = {},
    change: Partial<ServiceSettings> = {},
  ): ServiceSettings {
    const { base } = this
    const endpoint = { issuer: base, dpopRequired: false, scopes: () => ['ns:sales', 'ns:crm'] }
    const subjects = {
      issuer: PROVIDER,
      keys: { find: () => KEYS.provider.public },
      algs: ['ES256'],
      scopes: (scopes: readonly string[]) => scopes,
    } as const
    return {
      base,
      name: 'b',
      endpoints: [
        { ...endpoint, name: 'main', resource: this.main, title: 'Main' },
        { ...endpoint, name: 'strict', resource: this.strict, dpopRequired: true },
        { ...endpoint, name: 'people', resource: `${base}/mcp/people`, issuer: PROVIDER, subjects },
      ],
      issuer: { ...this.#policy(), ...policy },
      ...change,
    }
  }

  #policy(): IssuerPolicy {
    const { base } = this
    return {
      identifier: base,
      base,
      algs: ['ES256', 'EdDSA'],
      tokenTtl: 120,
      grantTtl: 60,
      dpopNonces: 'off',
      maxDepth: 8,
      maxBudget: 6,
      leeway: 5,
      requestsPerMinute: 1_000,
      nodes: [
        {
          client: EDGE,
          keys: keysOf(KEYS.edge),
          spends: [EDGE_MAIN],
          reaches: [this.main, this.strict, OTHER_MAIN, FAR],
        },
        { client: OTHER, keys: keysOf(KEYS.other), spends: [OTHER_MAIN], reaches: [EDGE_MAIN] },
      ],
      workloads: [
        {
          client: 'nightly',
          keys: keysOf(KEYS.nightly),
          resources: [this.main, this.strict],
          scopes: ['ns:sales', 'ns:crm:read'],
        },
        { client: 'agent', secretHash: hash, resources: [this.main], scopes: ['ns:sales:read'] },
        {
          client: 'reader',
          federated: {
            issuer: KUBE,
            keys: keysOf(KEYS.kube),
            algs: ['ES256'],
            subject: POD,
            audiences: [],
          },
          resources: [this.main],
          scopes: ['ns:crm:read'],
        },
      ],
      trust: [
        this.trust(),
        this.trust({
          issuer: IDP,
          keys: keysOf(KEYS.idp),
          clients: [{ id: 'agent', keys: { static: [] } }],
          cnf: 'none',
          profiles: ['id-jag'],
          subjects: { mode: 'public', pattern: '.*', map: {}, anonymous: false },
          scopes: { map: { 'sales.read': ['ns:sales:read'] }, max: ['ns:sales:read'] },
        }),
      ],
    }
  }

  trust(change: Partial<TrustRecord> = {}): TrustRecord {
    return {
      issuer: PEER,
      keys: keysOf(KEYS.peer),
      pins: [],
      algs: ['ES256'],
      clients: [{ id: PEER_CLIENT, keys: keysOf(KEYS.peerClient) }],
      cnf: 'dpop',
      profiles: ['mesh'],
      resources: [this.main],
      subjects: { mode: 'pairwise', pattern: '^[A-Za-z0-9_-]{43}$', map: {}, anonymous: false },
      transit: [],
      scopes: {
        map: { 'ns:crm:read': ['ns:sales:read'], 'ns:crm': ['ns:sales'] },
        max: ['ns:sales:read'],
      },
      maxDepth: 3,
      maxTtl: 90_000,
      exchangesPerMinute: 1_000,
      ...change,
    }
  }
}

/** What of a lab is another than usual. */
export interface Change {
  readonly policy?: Partial<IssuerPolicy>
  readonly parts?: Partial<ServiceParts>
  readonly settings?: Partial<ServiceSettings>
}

function read(status: number, headers: TokenReply['headers'], raw: string): TokenReply {
  const parsed: unknown = raw === '' ? {} : JSON.parse(raw)
  const json = isObject(parsed) ? parsed : {}
  return {
    status,
    headers,
    raw,
    json,
    error: json['error'],
    get token() {
      const token = json['access_token']
      if (typeof token !== 'string') throw new Error(`no token: ${raw}`)
      return token
    },
  }
}

export function accessOf(token: string): AccessClaims {
  return readAccessClaims(readCompact(token).payload)
}

export function grantOf(token: string): GrantClaims {
  return readGrantClaims(readCompact(token).payload)
}
