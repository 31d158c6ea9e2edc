import type { Party } from '../../protocol/token/act.ts'
import type { Parent, Target } from '../../protocol/token/narrow.ts'
import { present } from '../../protocol/token/fields.ts'
import type { Audit } from '../core/audit.ts'
import type { ClientCredentials, UpstreamAuth } from '../core/config-identity-types.ts'
import type { UpstreamConfig } from '../core/config-types.ts'
import type { Logger } from '../core/logger.ts'
import {
  ChainBackend,
  ClientCredentialsBackend,
  ExchangeBackend,
  LocalBackend,
  OwnBackend,
} from './delegation/backends.ts'
import { AuditedBackend } from './delegation/audited-backend.ts'
import type { Backend } from './delegation/backend.ts'
import { DelegationEntry } from './delegation/delegation-entry.ts'
import type { GrantPlan, LocalLink } from './delegation/grant-plan.ts'
import { LocalGrants, RemoteGrants } from './delegation/grant-source.ts'
import type { TokenRequests } from './delegation/token-requests.ts'
import { UpstreamDelegator } from './delegation/upstream-delegator.ts'
import { linkPolicy, type LinkPolicy } from './link-policy.ts'
import { makesTokens, signsGrants } from './own-issuer.ts'
import {
  OwnNameBackends,
  tokenRequests,
  type BackendParts,
  type OwnNameAuth,
} from './own-name-backends.ts'
import { HintingBackend } from './retry-hint.ts'
import type { IdentitySecrets } from './secrets.ts'
import type { LocalIssuer } from './service/local-issuer.ts'
import type { RevocableClaims, Revocation } from './service/revocations.ts'
import { TELL_ALL } from './telling.ts'

/** What delegators are made with, the same for all upstreams of a node. */
export interface DelegatorParts extends BackendParts {
  /** Identifier of the organisation's issuer. */
  readonly issuer: () => string
  /** Identifier grants of the organisation are signed under; that of the issuer unless it cannot. */
  readonly signer: () => string
  /** Client id of the node: the URL of its metadata document. */
  readonly client: () => string
  /** Base URL of the node. */
  readonly base: () => string
  /** The token service of this process; undefined where it is elsewhere. */
  readonly local: () => LocalIssuer | undefined
  readonly secrets: IdentitySecrets
  /** Whether a token is revoked. */
  readonly isRevoked: (claims: RevocableClaims) => boolean
  readonly audit: Audit
  readonly log: Logger
}

type Reached = Exclude<UpstreamConfig, { kind: 'stdio' }>

/** Ways in which the node passes a caller on by what it is narrowed to. */
type NarrowingAuth = Extract<UpstreamAuth, { mode: 'exchange' | 'chain' }>

/** Makes what tells upstreams who calls, one for each, as each is configured. */
export class Delegators {
  readonly #parts: DelegatorParts
  readonly #made = new Map<string, UpstreamDelegator>()
  /** The node's own tokens of an issuer elsewhere, by label. */
  readonly #selves = new Map<string, DelegationEntry>()
  readonly #ownNames: OwnNameBackends

  constructor(parts: DelegatorParts) {
    this.#parts = parts
    this.#ownNames = new OwnNameBackends(parts)
  }

  /** Takes the place of the one there was for that label; undefined where the upstream is not told who calls. */
  of(label: string, upstream: UpstreamConfig): UpstreamDelegator | undefined {
    this.#made.get(label)?.clear()
    this.#made.delete(label)
    this.#selves.delete(label)
    this.#ownNames.forget(label)
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
    this.#ownNames.clear()
    for (const delegator of this.#made.values()) delegator.clear()
  }

  #make(label: string, upstream: Reached, auth: NarrowingAuth | OwnNameAuth): UpstreamDelegator {
    const { config, issuer, signer, proofs, isRevoked, clock, log } = this.#parts
    const url = urlOf(upstream)
    const map = isNarrowing(auth) ? auth.scopes.map : undefined
    return new UpstreamDelegator({
      label,
      url,
      ...this.#backends(label, upstream, auth),
      map,
      requires: isNarrowing(auth) ? [] : auth.requires,
      self: () => this.#selfParent(auth, Object.keys(map ?? {})),
      ownIssuer: issuer,
      signer: auth.mode === 'exchange' ? issuer : signer,
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
      const { egress } = upstream
      const audited = (backend: Backend): Backend => this.#audited(backend, auth, url)
      return { backend: this.#ownNames.of({ label, url, egress, auth }, audited) }
    }
    const backend = this.#delegating(upstream, auth, url)
    return this.#isHere(auth)
      ? { backend }
      : { backend, ownBackend: this.#asItself(label, upstream, backend) }
  }

  #delegating(upstream: Reached, auth: NarrowingAuth, url: string): Backend {
    const { issuer, client, proofs, clock } = this.#parts
    const isHere = this.#isHere(auth)
    const target = (): Target =>
      auth.mode === 'chain'
        ? { resource: url, issuer: auth.issuer }
        : { resource: url, issuer: issuer(), ...present({ owner: this.#ownerOf(url) }) }
    const { map } = auth.scopes
    const actor = (): Party => this.#selfOf(auth)
    const aliases = (): readonly Party[] => [this.#inside()]
    const plan: GrantPlan = { target, map, actor, aliases, jkt: proofs.jkt, clock }
    const policy = (): LinkPolicy => this.#policy(auth)
    const link: LocalLink = { issuer: () => this.#local(), plan, policy }
    const { requireChain } = auth
    const rules = { plan, policy, requireChain }
    if (auth.mode === 'exchange') {
      return isHere
        ? new LocalBackend(link)
        : this.#audited(new ExchangeBackend(this.#ownRequests(upstream), rules), auth, url)
    }
    const grants = isHere
      ? new LocalGrants(link)
      : new RemoteGrants(this.#grantRequests(upstream), {
          plan,
          policy,
          telling: this.#asksNode() ? auth : undefined,
        })
    const who = (): ClientCredentials => ({ id: client() })
    const requests = tokenRequests(this.#parts, upstream.egress, { ...auth, client: who })
    const { accept } = auth.scopes
    return this.#audited(new ChainBackend(grants, requests, { ...rules, accept }), auth, url)
  }

  /** Whether what goes to an upstream is signed in this process. */
  #isHere({ mode }: NarrowingAuth): boolean {
    const { issuer } = this.#parts.config()
    return mode === 'chain' ? signsGrants(issuer) : makesTokens(issuer)
  }

  /** Whether grants are asked for at a node. */
  #asksNode(): boolean {
    const { mode, grants } = this.#parts.config().issuer ?? {}
    return mode === 'node' || grants?.mode === 'node'
  }

  /** The node, as the issuer of the organisation knows it. */
  #inside(): Party {
    const { config, issuer, client } = this.#parts
    return { iss: issuer(), sub: config().issuer?.client?.id ?? client() }
  }

  /** The node, as who acts towards an upstream. */
  #selfOf({ mode }: UpstreamAuth): Party {
    const { signer, client } = this.#parts
    return mode === 'exchange' ? this.#inside() : { iss: signer(), sub: client() }
  }

  #audited(backend: Backend, auth: UpstreamAuth, resource: string): Backend {
    const { audit, secrets } = this.#parts
    const self = (): Party => this.#selfOf(auth)
    const options = { resource, self, audit, secret: secrets.audit }
    return new HintingBackend(new AuditedBackend(backend, options))
  }

  #policy(auth: NarrowingAuth): LinkPolicy {
    const { config, secrets } = this.#parts
    const { issuer, limits } = config()
    const ttl = auth.mode === 'chain' ? issuer?.grantTtl : issuer?.tokenTtl
    return linkPolicy(auth.mode === 'chain' ? auth : TELL_ALL, {
      maxTtl: (ttl ?? 0) / 1_000,
      maxDepth: limits.actDepth,
      maxBudget: limits.hopBudget,
      secret: secrets.pairwise,
    })
  }

  /** The node itself, at the issuer of the organisation that is elsewhere. */
  #asItself(label: string, upstream: Reached, backend: Backend): Backend {
    const { clock } = this.#parts
    const requests = this.#ownRequests(upstream)
    const entry = new DelegationEntry({
      clock,
      obtain: () => {
        const plan = { resource: this.#ownEndpoint(), scopes: ['*'], clock }
        return new ClientCredentialsBackend(requests, plan).obtain()
      },
    })
    this.#selves.set(label, entry)
    const inner = new OwnBackend(
      () => entry.token(),
      backend,
      () => this.#inside(),
    )
    return new HintingBackend(inner)
  }

  /** An endpoint of this node, for which it can have a token itself. */
  #ownEndpoint(): string {
    const [name = ''] = Object.entries(this.#parts.config().endpoints)
      .filter(([, { auth }]) => auth !== 'none')
      .map(([endpoint]) => endpoint)
    return `${this.#parts.base()}/mcp/${name}`
  }

  #ownRequests(upstream: Reached): TokenRequests {
    const { config, issuer, client: ownId } = this.#parts
    const { egress = upstream.egress } = config().issuer ?? {}
    return tokenRequests(this.#parts, egress, {
      issuer: issuer(),
      // Both may change while the node runs.
      get tokenEndpoint() {
        return config().issuer?.tokenEndpoint
      },
      client: (): ClientCredentials => config().issuer?.client ?? { id: ownId() },
    })
  }

  /** Where grants are asked for: a node that signs them, or the issuer of the organisation. */
  #grantRequests(upstream: Reached): TokenRequests {
    const { config, signer, client } = this.#parts
    const { grants, egress = upstream.egress } = config().issuer ?? {}
    if (grants === undefined) return this.#ownRequests(upstream)
    const { tokenEndpoint } = grants
    const who = (): ClientCredentials => ({ id: client() })
    const account = { issuer: signer(), client: who, ...present({ tokenEndpoint }) }
    return tokenRequests(this.#parts, egress, account)
  }

  #local(): LocalIssuer {
    const local = this.#parts.local()
    // Calls come after the node listens, and by then it is there.
    if (local === undefined) throw new TypeError('the token service is not there yet')
    return local
  }

  #selfParent(auth: UpstreamAuth, scopes: readonly string[]): Parent {
    const { config, clock } = this.#parts
    const { iss: issuer, sub } = this.#selfOf(auth)
    const expiresAt = clock() + (config().issuer?.tokenTtl ?? 0) / 1_000
    return { issuer, subject: sub, clientId: sub, scopes, expiresAt }
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
