import type { Party } from '../../protocol/token/act.ts'
import type { Parent, Target } from '../../protocol/token/narrow.ts'
import { present } from '../../protocol/token/fields.ts'
import type { Audit } from '../core/audit.ts'
import type {
  AssertionAuth,
  ClientCredentials,
  UpstreamAuth,
} from '../core/config-identity-types.ts'
import type { NodeConfig, UpstreamConfig } from '../core/config-types.ts'
import type { Logger } from '../core/logger.ts'
import type { Clock } from './clock.ts'
import {
  ChainBackend,
  ClientCredentialsBackend,
  ExchangeBackend,
  LocalBackend,
  OwnBackend,
} from './delegation/backends.ts'
import { EnterpriseBackend, WorkloadBackend } from './delegation/assertion-backends.ts'
import { AuditedBackend } from './delegation/audited-backend.ts'
import type { Backend } from './delegation/backend.ts'
import { DelegationEntry } from './delegation/delegation-entry.ts'
import {
  LocalGrants,
  RemoteGrants,
  type GrantPlan,
  type LinkPolicy,
  type LocalLink,
} from './delegation/grant-source.ts'
import { TokenRequests } from './delegation/token-requests.ts'
import { UpstreamDelegator } from './delegation/upstream-delegator.ts'
import type { ProofMaker } from './proof-maker.ts'
import { RefusedAssertion } from './refused-assertion.ts'
import type { IdentitySecrets } from './secrets.ts'
import type { LocalIssuer } from './service/local-issuer.ts'
import type { RevocableClaims, Revocation } from './service/revocations.ts'
import type { AuthenticateClient } from './verifier/client-authentication.ts'
import type { NetworkOf } from './verifier/networks.ts'

/** What delegators are made with, the same for all upstreams of a node. */
export interface DelegatorParts {
  /** The configuration that holds now. */
  readonly config: () => NodeConfig
  /** Identifier of the organisation's issuer. */
  readonly issuer: () => string
  /** The node: its organisation's issuer and its client id. */
  readonly self: () => Party
  /** Base URL of the node. */
  readonly base: () => string
  /** The token service of this process; undefined where it is elsewhere. */
  readonly local: () => LocalIssuer | undefined
  readonly secrets: IdentitySecrets
  readonly proofs: ProofMaker
  readonly network: NetworkOf
  readonly authenticateClient: AuthenticateClient
  /** Whether a token is revoked. */
  readonly isRevoked: (claims: RevocableClaims) => boolean
  readonly audit: Audit
  readonly clock: Clock
  readonly log: Logger
}

type Reached = Exclude<UpstreamConfig, { kind: 'stdio' }>

/** Ways in which the node passes a caller on by what it is narrowed to. */
type NarrowingAuth = Extract<UpstreamAuth, { mode: 'exchange' | 'chain' }>

/** Ways in which it goes in its own name, whoever calls. */
type OwnNameAuth = Extract<UpstreamAuth, { mode: 'client_credentials' | 'workload' | 'xaa' }>

/** Makes what tells upstreams who calls, one for each, as each is configured. */
export class Delegators {
  readonly #parts: DelegatorParts
  readonly #made = new Map<string, UpstreamDelegator>()
  /** The node's own tokens of an issuer elsewhere, by label. */
  readonly #selves = new Map<string, DelegationEntry>()
  /** Assertions that were refused, by label. */
  readonly #refused = new Map<string, RefusedAssertion>()

  constructor(parts: DelegatorParts) {
    this.#parts = parts
  }

  /** Takes the place of the one there was for that label; undefined where the upstream is not told who calls. */
  of(label: string, upstream: UpstreamConfig): UpstreamDelegator | undefined {
    this.#made.get(label)?.clear()
    this.#made.delete(label)
    this.#selves.delete(label)
    this.#refused.delete(label)
    if (upstream.kind === 'stdio') return undefined
    const { auth } = upstream
    // Where callers sign in themselves nothing is made from what they came with.
    if (auth.mode === 'none' || auth.mode === 'oauth') return undefined
    const made = this.#make(label, upstream, auth)
    this.#made.set(label, made)
    return made
  }

  revoked(revocation: Revocation): void {
    for (const delegator of this.#made.values()) delegator.revoked(revocation)
  }

  /** Another policy holds: tokens are asked for anew. */
  clear(): void {
    for (const entry of this.#selves.values()) entry.forget()
    for (const refused of this.#refused.values()) refused.forget()
    for (const delegator of this.#made.values()) delegator.clear()
  }

  #make(label: string, upstream: Reached, auth: NarrowingAuth | OwnNameAuth): UpstreamDelegator {
    const { config, issuer, proofs, isRevoked, clock, log } = this.#parts
    const url = urlOf(upstream)
    const map = isNarrowing(auth) ? auth.scopes.map : undefined
    return new UpstreamDelegator({
      label,
      url,
      ...this.#backends(label, upstream, auth),
      map,
      requires: isNarrowing(auth) ? [] : auth.requires,
      self: () => this.#selfParent(Object.keys(map ?? {})),
      ownIssuer: issuer,
      proofs,
      isRevoked,
      capacity: config().limits.delegatedTokens,
      clock,
      log,
    })
  }

  #backends(
    label: string,
    upstream: Reached,
    auth: NarrowingAuth | OwnNameAuth,
  ): { readonly backend: Backend; readonly ownBackend?: Backend } {
    const url = urlOf(upstream)
    if (!isNarrowing(auth)) {
      const backend = this.#audited(this.#inOwnName(upstream, auth, url), url)
      return { backend: auth.mode === 'workload' ? this.#once(label, auth, backend) : backend }
    }
    const backend = this.#delegating(upstream, auth, url)
    const isHere = this.#parts.config().issuer?.mode === 'embedded'
    return isHere ? { backend } : { backend, ownBackend: this.#asItself(label, upstream, backend) }
  }

  #inOwnName(upstream: Reached, auth: OwnNameAuth, resource: string): Backend {
    const { clock } = this.#parts
    const plan = { resource, scopes: auth.scopes, clock }
    const client = (): ClientCredentials | undefined =>
      auth.mode === 'workload' ? undefined : auth.client
    const requests = this.#requests(upstream, { ...auth, client })
    if (auth.mode === 'client_credentials') return new ClientCredentialsBackend(requests, plan)
    if (auth.mode === 'workload') {
      return new WorkloadBackend(requests, { ...plan, file: auth.assertion })
    }
    const { provider } = auth
    const { idToken } = provider
    const there = this.#requests(upstream, { ...provider, client: () => provider.client })
    return new EnterpriseBackend(there, requests, { ...plan, idToken })
  }

  /** Around the audit: what is not shown again is no attempt. */
  #once(label: string, { assertion: file }: AssertionAuth, backend: Backend): Backend {
    const { config, clock } = this.#parts
    const seconds = (): number => config().limits.refusedAssertion / 1_000
    const made = new RefusedAssertion(backend, { file, seconds, clock })
    this.#refused.set(label, made)
    return made
  }

  #delegating(upstream: Reached, auth: NarrowingAuth, url: string): Backend {
    const { issuer, self, proofs, clock } = this.#parts
    const isHere = this.#parts.config().issuer?.mode === 'embedded'
    const target = (): Target =>
      auth.mode === 'chain'
        ? { resource: url, issuer: auth.issuer }
        : { resource: url, issuer: issuer(), ...present({ owner: this.#ownerOf(url) }) }
    const { map } = auth.scopes
    const plan: GrantPlan = { target, map, actor: self, jkt: proofs.jkt, clock }
    const policy = (): LinkPolicy => this.#policy(auth)
    const link: LocalLink = { issuer: () => this.#local(), plan, policy }
    const { requireChain } = auth
    const rules = { plan, policy, requireChain }
    if (auth.mode === 'exchange') {
      return isHere
        ? new LocalBackend(link)
        : this.#audited(new ExchangeBackend(this.#ownRequests(upstream), rules), url)
    }
    const grants = isHere
      ? new LocalGrants(link)
      : new RemoteGrants(this.#ownRequests(upstream), plan, policy)
    const client = (): ClientCredentials => ({ id: self().sub })
    const requests = this.#requests(upstream, { ...auth, client })
    const { accept } = auth.scopes
    return this.#audited(new ChainBackend(grants, requests, { ...rules, accept }), url)
  }

  #audited(backend: Backend, resource: string): Backend {
    const { self, audit, secrets } = this.#parts
    return new AuditedBackend(backend, { resource, self, audit, secret: secrets.audit })
  }

  #policy(auth: NarrowingAuth): LinkPolicy {
    const { config, secrets } = this.#parts
    const { issuer, limits } = config()
    const ttl = auth.mode === 'chain' ? issuer?.grantTtl : issuer?.tokenTtl
    const isPairwise = auth.mode === 'chain' && auth.subject === 'pairwise'
    return {
      maxTtl: (ttl ?? 0) / 1_000,
      maxDepth: limits.actDepth,
      maxBudget: limits.hopBudget,
      subject: isPairwise ? { rule: 'pairwise', secret: secrets.pairwise } : { rule: 'same' },
      disclose: auth.mode === 'chain' ? auth.disclose : 'full',
    }
  }

  /** The node itself, at the issuer of the organisation that is elsewhere. */
  #asItself(label: string, upstream: Reached, backend: Backend): Backend {
    const { clock, self } = this.#parts
    const requests = this.#ownRequests(upstream)
    const entry = new DelegationEntry({
      clock,
      obtain: () => {
        const plan = { resource: this.#ownEndpoint(), scopes: ['*'], clock }
        return new ClientCredentialsBackend(requests, plan).obtain()
      },
    })
    this.#selves.set(label, entry)
    return new OwnBackend(() => entry.token(), backend, self)
  }

  /** An endpoint of this node, for which it can have a token itself. */
  #ownEndpoint(): string {
    const [name = ''] = Object.entries(this.#parts.config().endpoints)
      .filter(([, { auth }]) => auth !== 'none')
      .map(([endpoint]) => endpoint)
    return `${this.#parts.base()}/mcp/${name}`
  }

  #ownRequests(upstream: Reached): TokenRequests {
    const { config, issuer, self } = this.#parts
    const { tokenEndpoint, client, egress = upstream.egress } = config().issuer ?? {}
    const who = (): ClientCredentials => client ?? { id: self().sub }
    return this.#requests(
      { ...upstream, egress },
      {
        issuer: issuer(),
        ...present({ tokenEndpoint }),
        client: who,
      },
    )
  }

  #requests(
    { egress }: Pick<Reached, 'egress'>,
    server: {
      readonly issuer: string
      readonly tokenEndpoint?: string
      readonly client: () => ClientCredentials | undefined
    },
  ): TokenRequests {
    const { network, authenticateClient, proofs } = this.#parts
    const { issuer, tokenEndpoint: url, client } = server
    const parts = { network: network(egress), authenticateClient, proofs }
    return new TokenRequests({ issuer, url, client }, parts)
  }

  #local(): LocalIssuer {
    const local = this.#parts.local()
    // Calls come after the node listens, and by then it is there.
    if (local === undefined) throw new TypeError('the token service is not there yet')
    return local
  }

  #selfParent(scopes: readonly string[]): Parent {
    const { config, issuer, self, clock } = this.#parts
    const { sub } = self()
    const expiresAt = clock() + (config().issuer?.tokenTtl ?? 0) / 1_000
    return { issuer: issuer(), subject: sub, clientId: sub, scopes, expiresAt }
  }

  /** The node of the organisation that may exchange tokens for an endpoint in turn. */
  #ownerOf(resource: string): Party | undefined {
    const owner = this.#parts.config().nodes.find(({ spends }) => spends.includes(resource))
    return owner === undefined ? undefined : { iss: this.#parts.issuer(), sub: owner.client }
  }
}

function isNarrowing(auth: NarrowingAuth | OwnNameAuth): auth is NarrowingAuth {
  return auth.mode === 'exchange' || auth.mode === 'chain'
}

/** The resource identifier of an upstream: its URL as it is configured (RFC 8707). */
function urlOf(upstream: Reached): string {
  return upstream.kind === 'http' ? upstream.http.url : upstream.node.url
}
