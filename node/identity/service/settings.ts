import type { ScopeMapping } from '../../../protocol/token/scopes.ts'
import type {
  NodeClient,
  NonceDemand,
  SignatureAlgorithm,
  TrustRecord,
  WorkloadClient,
} from '../../core/config-identity-types.ts'
import type { Audit } from '../../core/audit.ts'
import type { Clock } from '../clock.ts'
import type { GuardedFetch } from '../guarded-fetch.ts'
import type { KeyFinder } from '../jwt.ts'
import type { Keys } from '../keys.ts'
import type { ProofCheckers } from '../proof-checkers.ts'
import type { ReplayMemory } from '../replay.ts'
import type { IdentitySecrets } from '../secrets.ts'
import type { Revocations } from './revocations.ts'

/** A foreign issuer whose access tokens an endpoint of this node takes. */
export interface SubjectIssuer {
  readonly issuer: string
  readonly keys: KeyFinder
  readonly algs: readonly SignatureAlgorithm[]
  /** Types besides `at+jwt`. */
  readonly otherTypes?: readonly string[]
  /**
   * Its scopes in the names of the endpoint.
   *
   * @param map of the node the token is for, where that is another
   */
  readonly scopes: (scopes: readonly string[], map?: ScopeMapping) => readonly string[]
}

/** An endpoint of this node that asks for tokens. */
export interface ServedEndpoint {
  readonly name: string
  /** Resource identifier. */
  readonly resource: string
  readonly title?: string
  /** The authorization server its callers are sent to. */
  readonly issuer: string
  readonly dpopRequired: boolean
  /** All there are, asked for at each request: what an endpoint shows comes and goes. */
  readonly scopes: () => readonly string[]
  /** Present where `issuer` is not the organisation's. */
  readonly subjects?: SubjectIssuer
}

/**
 * What the token service decides by. Times are seconds but in the records of the configuration.
 */
export interface IssuerPolicy {
  /** Issuer identifier, the only audience assertions and grants may have. */
  readonly identifier: string
  /** URL its paths are below, without a slash at its end; of the same origin as the identifier. */
  readonly base: string
  /** Of client assertions. */
  readonly algs: readonly SignatureAlgorithm[]
  readonly tokenTtl: number
  readonly grantTtl: number
  /** Whether proofs of token requests must hold a nonce. */
  readonly dpopNonces: NonceDemand
  /** Actors at most. */
  readonly maxDepth: number
  /** Exchanges a new delegation may go through. */
  readonly maxBudget: number
  /** How far clocks may be off. */
  readonly leeway: number
  /** Token requests of one client. */
  readonly requestsPerMinute: number
  readonly nodes: readonly NodeClient[]
  readonly workloads: readonly WorkloadClient[]
  readonly trust: readonly TrustRecord[]
  /**
   * Present where the tokens of the organisation are those of an authorization server elsewhere: then nothing is made here
   * but grants for other issuers, from its tokens.
   */
  readonly subjects?: SubjectIssuer
}

/** What the service is configured with; replaced as a whole when the configuration changes. */
export interface ServiceSettings {
  /** Base URL of the node, without a slash at its end. */
  readonly base: string
  /** Name of the node, for people. */
  readonly name: string
  readonly endpoints: readonly ServedEndpoint[]
  /** Where browsers come back to; absent where no upstream is signed in to. */
  readonly redirectUri?: string
  /** Whether results or descriptions of tools are signed here; default no. */
  readonly signsResults?: boolean
  /** Absent where the organisation's issuer is elsewhere: then there are documents only. */
  readonly issuer?: IssuerPolicy
}

/** What the service works with; stays for as long as the process. */
export interface ServiceParts {
  readonly clock: Clock
  readonly keys: Pick<Keys, 'ring'>
  readonly secrets: IdentitySecrets
  /** For keys and documents of clients and issuers. */
  readonly fetch: Pick<GuardedFetch, 'getJson'>
  /** For the ids of grants and client assertions. */
  readonly replay: ReplayMemory
  readonly proofs: ProofCheckers
  readonly revocations: Revocations
  readonly audit: Audit
}

/** Paths of the service, below its base. */
export const PATHS = {
  token: '/oauth/token',
  revoke: '/oauth/revoke',
  introspect: '/oauth/introspect',
  /** What was revoked, for other nodes of the organisation. */
  revocations: '/oauth/revocations',
  jwks: '/oauth/jwks',
  clientJwks: '/oauth/client-jwks',
  /** Keys of what this node signs as the origin of tools. */
  resultJwks: '/oauth/result-jwks',
  client: '/oauth/client.json',
  /** Stands in the metadata, and refuses. */
  authorize: '/oauth/authorize',
} as const

/** The client id of the node: the URL of its metadata document. */
export function clientIdOf(base: string): string {
  return `${base}${PATHS.client}`
}
