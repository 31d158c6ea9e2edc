// Ways to a token for an upstream, each with the real token services it needs on loopback.
import type { ExchangeLine } from '../../node/core/audit.ts'
import type { GrantRule, UpstreamAuth } from '../../node/core/config-identity-types.ts'
import type { NodeConfig, UpstreamConfig } from '../../node/core/config-types.ts'
import type { LogFacts, Logger } from '../../node/core/logger.ts'
import { SILENT } from '../../node/core/logger.ts'
import type { Principal } from '../../node/core/principal.ts'
import { CredentialHolder } from '../../node/identity/credential.ts'
import { Delegators } from '../../node/identity/delegators.ts'
import type { UpstreamDelegator } from '../../node/identity/delegation/upstream-delegator.ts'
import { Discovery } from '../../node/identity/discovery.ts'
import { GuardedFetch } from '../../node/identity/guarded-fetch.ts'
import { ProofMaker } from '../../node/identity/proof-maker.ts'
import { volatileSecrets } from '../../node/identity/secrets.ts'
import { SigningIssuer, type LocalIssuer } from '../../node/identity/service/local-issuer.ts'
import { MemoryRevocations } from '../../node/identity/service/revocations.ts'
import { SigningKey } from '../../node/identity/signing-key.ts'
import type { Telling } from '../../node/identity/telling.ts'
import { clientAuthenticator } from '../../node/identity/verifier/client-authentication.ts'
import { tokenPrincipal } from '../../node/identity/verifier/principals.ts'
import type { AccessClaims } from '../../protocol/token/claims.ts'
import { accessOf, type TokenLab } from '../node/identity/service/token-lab.ts'

/** One node with one upstream, and what it does to be let in there. */
export interface Bench {
  readonly delegator: UpstreamDelegator
  readonly delegators: Delegators
  /** What tokens must say of themselves. */
  readonly resource: string
  readonly issuer: string
  /** Who signs what goes over, in the name of the organisation. */
  readonly signer: string
  readonly node: string
  readonly jkt: string
  readonly map: Readonly<Record<string, readonly string[]>>
  readonly pairwise: boolean
  /** URLs that were posted to, in turn. */
  readonly posted: string[]
  /** Bodies and headers of all that was sent to somebody else than the own issuer. */
  readonly foreign: string[]
  readonly audit: ExchangeLine[]
  readonly logged: string[]
  readonly revocations: MemoryRevocations
  /** The caller's token, as the own issuer would have made it for an endpoint of the node. */
  caller(change?: Partial<AccessClaims>): Caller
  advance(seconds: number): void
  now(): number
  close(): Promise<void>
}

export interface Caller {
  readonly principal: Principal
  readonly raw: string
}

export interface Way {
  readonly name: string
  /** Whether another issuer is asked. */
  readonly asks: boolean
  readonly make: (change?: WayChange) => Promise<Bench>
}

/** What of a bench is another than usual. */
export interface WayChange {
  /** The upstream; default one that the issuers know. */
  readonly resource?: string
  readonly map?: Readonly<Record<string, readonly string[]>>
  /** What the issuer of the organisation makes of the node's scopes; default: the same. */
  readonly within?: Readonly<Record<string, readonly string[]>>
  /** What the peer makes of scopes; default: the same. */
  readonly across?: Readonly<Record<string, readonly string[]>>
  readonly accept?: readonly string[]
  /** What the upstream says may be told; default pseudonyms, and all actors. */
  readonly telling?: Partial<Telling>
  /** What whoever signs for this node says of grants for the peer; default: nothing. */
  readonly rule?: Partial<GrantRule>
}

export interface Own {
  /** Issuer identifier of the organisation, its key, client id and key of the node, and an endpoint of it. */
  readonly issuer: string
  readonly sts: SigningKey
  readonly client: string
  readonly key: SigningKey
  readonly home: string
  readonly mode: 'embedded' | 'node' | 'external'
  /** Who signs grants, where the issuer does not; `key` where that is this process. */
  readonly grants?: { readonly url: string; readonly key?: SigningKey }
}

/** What a bench is made of. */
export interface Plan {
  readonly own: Own
  readonly auth: UpstreamAuth
  readonly resource: string
  readonly issuer: string
  readonly labs: readonly [TokenLab, ...TokenLab[]]
}

/** Puts a node together that is so, with the token services it needs. */
export function bench({ own, auth, resource, issuer, labs }: Plan): Bench {
  const [{ clock }] = labs
  const signer = own.grants?.url ?? own.issuer
  const fetch = new GuardedFetch({ allowPrivate: true })
  const posted: string[] = []
  const foreign: string[] = []
  const watched: Pick<GuardedFetch, 'getJson' | 'postForm' | 'postJson'> = {
    getJson: (url, request) => fetch.getJson(url, request),
    postForm: (url, form, request) => {
      posted.push(url)
      if (!url.startsWith(signer)) foreign.push(JSON.stringify([url, form, request]))
      return fetch.postForm(url, form, request)
    },
    postJson: (url, json, request) => fetch.postJson(url, json, request),
  }
  const network = { fetch: watched, discovery: new Discovery({ fetch, clock }) }
  const secrets = volatileSecrets()
  const revocations = new MemoryRevocations({ clock, capacity: 1_000 })
  const proofs = new ProofMaker(SigningKey.generate(), clock)
  const { sealing: secret } = secrets
  const issuing = (of: string, key: SigningKey): LocalIssuer =>
    new SigningIssuer({ issuer: of, keys: { signing: () => key }, secret, clock })
  const local = own.mode === 'embedded' ? own.sts : own.grants?.key
  const audit: ExchangeLine[] = []
  const logged: string[] = []
  const delegators = new Delegators({
    config: () => configOf(own),
    issuer: () => own.issuer,
    signer: () => signer,
    client: () => own.client,
    base: () => new URL(own.home).origin,
    local: () => local && issuing(signer, local),
    secrets,
    proofs,
    network: () => network,
    authenticateClient: clientAuthenticator({ signing: () => own.key }, clock),
    isRevoked: (claims) => revocations.isRevoked(claims),
    audit: { exchange: (line) => void audit.push(line) },
    clock,
    log: writing(logged),
  })
  revocations.onRevoked((revocation) => delegators.revoked(revocation))
  const upstream = { kind: 'http', http: { url: resource }, auth, egress: { allowPrivate: true } }
  const delegator = delegators.of('up', upstream as unknown as UpstreamConfig)
  if (delegator === undefined) throw new Error('nobody is told')
  const map = auth.mode === 'exchange' || auth.mode === 'chain' ? auth.scopes.map : {}
  return {
    delegator,
    delegators,
    resource,
    issuer,
    signer,
    map,
    posted,
    foreign,
    audit,
    logged,
    revocations,
    node: own.client,
    jkt: proofs.jkt,
    pairwise: auth.mode === 'chain',
    caller: (change = {}) => callerOf(issuing(own.issuer, own.sts), own, clock(), change),
    advance: (seconds) => {
      for (const lab of labs) lab.now += seconds
    },
    now: clock,
    close: async () => {
      await fetch.close()
      for (const lab of labs) await lab.close()
    },
  }
}

function callerOf(
  signer: LocalIssuer,
  own: Own,
  now: number,
  change: Partial<AccessClaims>,
): Caller {
  const { token: raw } = signer.sign({
    iss: own.issuer,
    sub: 'alice',
    aud: own.home,
    clientId: 'a-client',
    jti: `${Math.random()}`,
    iat: now,
    exp: now + 600,
    scope: ['ns:sales', 'ns:crm:read'],
    mayAct: { iss: own.issuer, sub: own.client },
    cnf: { jkt: 'c'.repeat(43) },
    txn: 'txn-of-the-caller',
    mesh: { v: 1, budget: 5 },
    ...change,
  })
  const rules = { map: {}, everything: true }
  return { raw, principal: tokenPrincipal(accessOf(raw), rules, new CredentialHolder(raw)) }
}

function configOf({ mode, issuer, grants }: Own): NodeConfig {
  const signs = grants && { mode: grants.key ? 'embedded' : 'node', url: grants.url }
  const config = {
    issuer: {
      mode,
      url: issuer,
      tokenTtl: 120_000,
      grantTtl: 60_000,
      egress: { allowPrivate: true },
      ...(signs && { grants: signs }),
    },
    limits: { delegatedTokens: 8_192, actDepth: 8, hopBudget: 6 },
    nodes: [],
    endpoints: {},
  }
  return config as unknown as NodeConfig
}

function writing(lines: string[]): Logger {
  const write = (facts: LogFacts, message: string): void => {
    lines.push(`${message} ${JSON.stringify(facts)}`)
  }
  return { ...SILENT, debug: write, info: write, warn: write, error: write }
}
