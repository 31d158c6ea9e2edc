import { parseScope } from '../../protocol/token/scopes.ts'
import type { Audit } from '../core/audit.ts'
import type { Authenticator, OAuthService } from '../core/authentication.ts'
import type { NodeConfig, UpstreamConfig } from '../core/config-types.ts'
import type { Delegator } from '../core/delegation.ts'
import type { Provenance } from '../core/provenance.ts'
import type { Logger } from '../core/logger.ts'
import type { Principal } from '../core/principal.ts'
import { systemClock, type Clock } from './clock.ts'
import { ConsentDelegators } from './consent/consent-delegators.ts'
import { CALLBACK_PATH } from './consent/consent-pages.ts'
import { Delegators } from './delegators.ts'
import type { Keys } from './keys.ts'
import { openKeys } from './minting.ts'
import { OAuthRoutes } from './oauth-routes.ts'
import {
  followsRevocations,
  issuerIdOf,
  makesTokens,
  signerIdOf,
  signsGrants,
} from './own-issuer.ts'
import { proofCheckers, type ProofCheckers } from './proof-checkers.ts'
import { ProofMaker } from './proof-maker.ts'
import { MemoryReplay } from './replay.ts'
import { RevocationPoll } from './revocation-poll.ts'
import { askRevocations } from './revocation-source.ts'
import { auditSubject, loadSecrets, volatileSecrets, type IdentitySecrets } from './secrets.ts'
import { MemoryRevocations } from './service/revocations.ts'
import { TokenService } from './service/service.ts'
import {
  clientIdOf,
  type IssuerPolicy,
  type ServedEndpoint,
  type ServiceSettings,
} from './service/settings.ts'
import { hasProvenance, Provenances } from './provenance/provenances.ts'
import { clientAuthenticator } from './verifier/client-authentication.ts'
import { EndpointAuthenticator } from './verifier/endpoint-authenticator.ts'
import { issuerOf } from './verifier/endpoint-policy.ts'
import { Networks } from './verifier/networks.ts'
import { keySubject } from './verifier/principals.ts'

/** What identity needs of the rest of the node. */
export interface IdentityOptions {
  /** The state folder; undefined keeps keys in memory. */
  readonly folder: string | undefined
  /** Scopes a caller of an endpoint may ask for, as far as it is known what is there. */
  readonly scopesOf: (endpoint: string) => readonly string[]
  readonly audit: Audit
  readonly log: Logger
  /** Default: the clock of the system. */
  readonly clock?: Clock
}

/** Whether a configuration speaks of identity at all: without it nothing of this is made. */
export function hasIdentity({ issuer, endpoints, upstreams }: NodeConfig): boolean {
  if (issuer !== undefined) return true
  if (Object.values(endpoints).some(({ auth }) => auth !== 'none')) return true
  return Object.values(upstreams).some(
    (one) => hasProvenance(one) || (one.kind !== 'stdio' && one.auth.mode !== 'none'),
  )
}

/**
 * Everything of a node that has to do with who calls: tells callers, issues tokens, and passes callers on. Made before the
 * node listens; what needs to know its address waits for `begin`.
 */
export class Identity {
  readonly authenticator: Authenticator
  readonly #options: IdentityOptions
  readonly #clock: Clock
  readonly #keys: Keys
  readonly #secrets: IdentitySecrets
  readonly #networks: Networks
  readonly #replay: MemoryReplay
  readonly #proofs: ProofCheckers
  readonly #revocations: MemoryRevocations
  readonly #endpoints: EndpointAuthenticator
  readonly #delegators: Delegators
  readonly #consents: ConsentDelegators
  readonly #provenances: Provenances
  #config: NodeConfig
  #base: string | undefined
  #service: TokenService | undefined
  #poll: RevocationPoll | undefined
  #routes: OAuthService | undefined

  private constructor(
    config: NodeConfig,
    options: IdentityOptions,
    kept: { readonly keys: Keys; readonly secrets: IdentitySecrets; readonly clock: Clock },
  ) {
    const { keys, secrets, clock } = kept
    const { limits } = config
    this.#config = config
    this.#options = options
    this.#clock = clock
    this.#keys = keys
    this.#secrets = secrets
    const { tokenResponseBytes: maxBytes, fetchTimeout: timeoutMs } = limits
    this.#networks = new Networks({ maxBytes, timeoutMs }, clock)
    this.#replay = new MemoryReplay({ clock, capacity: limits.replayEntries })
    this.#proofs = proofCheckers({ replay: this.#replay, clock, secret: secrets.sealing })
    this.#revocations = new MemoryRevocations({ clock, capacity: limits.revocations })
    this.#endpoints = this.#makeAuthenticator()
    this.#delegators = this.#makeDelegators()
    this.#consents = this.#makeConsents()
    this.#provenances = new Provenances({
      base: () => this.#baseUrl(),
      keys: keys.ring('result'),
      network: (egress) => this.#networks.of(egress),
      clock,
      leeway: limits.clockSkew / 1_000,
    })
    this.authenticator = this.#endpoints
    this.#revocations.onRevoked((revocation) => this.#delegators.revoked(revocation))
  }

  /** @throws StateError naming the file of the state folder that is damaged, open to others, or cannot be used */
  static async open(config: NodeConfig, options: IdentityOptions): Promise<Identity> {
    const { folder, clock = systemClock } = options
    const keys = await openKeys(config, folder, clock)
    const secrets = folder === undefined ? volatileSecrets() : await loadSecrets(folder)
    return new Identity(config, options, { keys, secrets, clock })
  }

  /** Metadata, keys, sign-ins, and the token service where it is in this process; undefined before the node listens. */
  get oauth(): OAuthService | undefined {
    return this.#routes
  }

  /** The node listens: from now on its names are known. @throws TypeError when the settings name somebody twice */
  begin(base: string): void {
    this.#base = base
    this.#service = new TokenService(this.#settings(), {
      clock: this.#clock,
      keys: this.#keys,
      secrets: this.#secrets,
      fetch: this.#networks.of(this.#egress).fetch,
      replay: this.#replay,
      proofs: this.#proofs,
      revocations: this.#revocations,
      audit: this.#options.audit,
    })
    this.#poll = this.#makePoll()
    this.#poll?.start()
    this.#routes = new OAuthRoutes([this.#service, this.#consents.pages])
    this.#keys.start((error) =>
      this.#options.log.error({ cause: error }, 'keys could not be looked after'),
    )
  }

  /** Follows a changed configuration. @throws TypeError when it names somebody twice, and all stays as it was */
  configure(config: NodeConfig): void {
    const before = this.#config
    this.#take(config)
    try {
      this.#service?.apply(this.#settings())
    } catch (error) {
      this.#take(before)
      throw error
    }
    this.#delegators.clear()
    if (before.issuer?.revocationPoll !== config.issuer?.revocationPoll) this.#poll?.rearm()
  }

  /** Looks after keys at once, instead of when it is time. */
  refresh(): Promise<void> {
    return this.#keys.refresh()
  }

  /** What tells an upstream who calls; undefined where it is not told. */
  delegator(label: string, upstream: UpstreamConfig): Delegator | undefined {
    this.#consents.forget(label)
    if (upstream.kind !== 'stdio' && upstream.auth.mode === 'oauth') {
      return this.#consents.of(label, upstream, upstream.auth)
    }
    return this.#delegators.of(label, upstream)
  }

  /** What signs for an upstream, or checks what comes from it; undefined where nothing does. */
  provenance(label: string, upstream: UpstreamConfig): Provenance | undefined {
    return this.#provenances.of(label, upstream)
  }

  /** How a caller is named in the audit; the same hash as in the lines about its tokens. */
  auditSubject({ issuer, subject, claims }: Principal): string {
    // What a key stands for has no issuer: this node vouches for it, as when it passes the caller on.
    return claims === undefined
      ? auditSubject(this.#secrets.audit, this.#signer(), keySubject(subject))
      : auditSubject(this.#secrets.audit, issuer, subject)
  }

  async close(): Promise<void> {
    this.#poll?.close()
    this.#service?.close()
    this.#provenances.close()
    this.#endpoints.close()
    this.#delegators.clear()
    this.#consents.clear()
    this.#replay.close()
    this.#keys.close()
    await this.#networks.close()
  }

  #take(config: NodeConfig): void {
    this.#config = config
    this.#endpoints.configure(config)
  }

  get #egress(): { readonly allowPrivate: boolean } {
    return this.#config.issuer?.egress ?? { allowPrivate: false }
  }

  #baseUrl(): string {
    const base = this.#base ?? this.#config.node.url
    if (base === undefined) throw new TypeError('the node does not listen yet')
    return base
  }

  // One that is elsewhere is known before the node listens.
  #issuer(): string {
    const { issuer } = this.#config
    return issuer?.url ?? issuerIdOf(issuer, this.#baseUrl())
  }

  #signer(): string {
    return signerIdOf(this.#config.issuer, this.#baseUrl())
  }

  #makeAuthenticator(): EndpointAuthenticator {
    const { limits, issuer } = this.#config
    return new EndpointAuthenticator(this.#config, {
      limits,
      baseUrl: () => this.#baseUrl(),
      ownKeys: makesTokens(issuer) ? this.#keys.ring('sts') : undefined,
      proofs: this.#proofs,
      isRevoked: (claims) => this.#revocations.isRevoked(claims),
      scopesOf: this.#options.scopesOf,
      network: (egress) => this.#networks.of(egress),
      authenticateClient: clientAuthenticator(this.#keys.ring('client'), this.#clock),
      clock: this.#clock,
    })
  }

  #makeDelegators(): Delegators {
    return new Delegators({
      config: () => this.#config,
      issuer: () => this.#issuer(),
      signer: () => this.#signer(),
      client: () => clientIdOf(this.#baseUrl()),
      base: () => this.#baseUrl(),
      local: () => this.#service?.local,
      secrets: this.#secrets,
      proofs: new ProofMaker(this.#keys.ring('dpop').signing(), this.#clock),
      isRevoked: (claims) => this.#revocations.isRevoked(claims),
      audit: this.#options.audit,
      network: (egress) => this.#networks.of(egress),
      authenticateClient: clientAuthenticator(this.#keys.ring('client'), this.#clock),
      clock: this.#clock,
      log: this.#options.log,
    })
  }

  #makeConsents(): ConsentDelegators {
    return new ConsentDelegators({
      config: () => this.#config,
      base: () => this.#baseUrl(),
      folder: this.#options.folder,
      secrets: this.#secrets,
      network: (egress) => this.#networks.of(egress),
      authenticateClient: clientAuthenticator(this.#keys.ring('client'), this.#clock),
      audit: this.#options.audit,
      clock: this.#clock,
      log: this.#options.log,
    })
  }

  /** Undefined where tokens are revoked in this process, or by nobody who would tell it. */
  #makePoll(): RevocationPoll | undefined {
    if (!followsRevocations(this.#config.issuer)) return undefined
    const authenticateClient = clientAuthenticator(this.#keys.ring('client'), this.#clock)
    return new RevocationPoll({
      ask: (cursor) => {
        const network = this.#networks.of(this.#egress)
        const who = { issuer: this.#signer(), client: clientIdOf(this.#baseUrl()) }
        return askRevocations({ ...who, network, authenticateClient }, cursor)
      },
      heeds: (issuer) => this.#issuers().includes(issuer),
      revocations: this.#revocations,
      interval: () => this.#config.issuer?.revocationPoll ?? 0,
      clock: this.#clock,
      log: this.#options.log,
    })
  }

  /** Everybody whose tokens count here. */
  #issuers(): readonly string[] {
    const ofEndpoints = Object.values(this.#config.endpoints).flatMap(({ auth }) =>
      auth === 'none' ? [] : (auth.issuer ?? []),
    )
    return [this.#issuer(), this.#signer(), ...ofEndpoints]
  }

  #settings(): ServiceSettings {
    const { issuer, node, upstreams } = this.#config
    const base = this.#baseUrl()
    const signsIn = Object.values(upstreams).some(
      (one) => one.kind !== 'stdio' && one.auth.mode === 'oauth',
    )
    const redirectUri = signsIn ? { redirectUri: `${base}${CALLBACK_PATH}` } : {}
    const signsResults = Object.values(upstreams).some(signs)
    const served = { base, name: node.name, endpoints: this.#served(base) }
    const documents = { ...served, ...redirectUri, signsResults }
    if (issuer === undefined || !signsGrants(issuer)) return documents
    return { ...documents, issuer: this.#policy(issuer) }
  }

  #served(base: string): readonly ServedEndpoint[] {
    return Object.entries(this.#config.endpoints).flatMap(([name, { auth, title }]) => {
      if (auth === 'none') return []
      const issuer = issuerOf(auth, this.#config.issuer, base)
      if (issuer === undefined) return []
      const subjects = this.#endpoints.subjects(name)
      return [
        {
          name,
          resource: `${base}/mcp/${name}`,
          issuer,
          dpopRequired: auth.dpop === 'required',
          scopes: () => this.#options.scopesOf(name).filter((one) => parseScope(one) !== undefined),
          ...(title === undefined ? {} : { title }),
          ...(subjects === undefined ? {} : { subjects }),
        },
      ]
    })
  }

  #policy(issuer: NonNullable<NodeConfig['issuer']>): IssuerPolicy {
    const { nodes, workloads, trust, limits } = this.#config
    const subjects = this.#endpoints.organisation()
    return {
      identifier: this.#signer(),
      base: this.#baseUrl(),
      algs: issuer.algs,
      tokenTtl: issuer.tokenTtl / 1_000,
      grantTtl: issuer.grantTtl / 1_000,
      dpopNonces: issuer.dpopNonces,
      maxDepth: limits.actDepth,
      maxBudget: limits.hopBudget,
      leeway: limits.clockSkew / 1_000,
      requestsPerMinute: limits.tokenRequestsPerMinute,
      nodes,
      workloads,
      trust,
      ...(subjects === undefined ? {} : { subjects }),
    }
  }
}

function signs({ provenance }: UpstreamConfig): boolean {
  return provenance?.results === 'attach' || provenance?.descriptors === 'attach'
}
