import type {
  ClientAuthMethod,
  NonceDemand,
  ProvenanceMode,
  SignatureAlgorithm,
  SubjectRule,
  TrustRecord,
} from './config-identity-types.ts'
import type { DurationInput, SecretInput } from './config-input.ts'

/** Scopes to what they become. */
type ScopeMapInput = Readonly<Record<string, readonly string[]>>

/** A day, to its end in UTC, or a time of RFC 3339. */
export type EndInput = string

/** Public keys: exactly one of the two. */
export interface KeysInput {
  readonly jwksUri?: string
  readonly static?: readonly Readonly<Record<string, unknown>>[]
}

/** {@link UpstreamInput} `provenance`. */
export interface ProvenanceInput {
  readonly results?: ProvenanceMode
  readonly descriptors?: ProvenanceMode
  readonly signers?: readonly {
    readonly url: string
    readonly organisation: string
    readonly keys?: KeysInput
    readonly pins?: readonly string[]
  }[]
  readonly pin?: 'off' | 'flag' | 'refuse'
}

export interface EgressInput {
  readonly allowPrivate: boolean
}

export interface CredentialsInput {
  readonly id: string
  readonly secret?: SecretInput
  readonly key?: SecretInput
  readonly method?: ClientAuthMethod
}

/** The part `issuer`. */
export interface IssuerInput {
  readonly mode?: 'embedded' | 'node' | 'external'
  readonly url?: string
  readonly tokenEndpoint?: string
  readonly jwksUri?: string
  readonly algs?: readonly SignatureAlgorithm[]
  readonly types?: readonly string[]
  readonly client?: CredentialsInput
  readonly grants?: {
    readonly mode?: 'embedded' | 'node'
    readonly url?: string
    readonly tokenEndpoint?: string
  }
  readonly tokenTtl?: DurationInput
  readonly grantTtl?: DurationInput
  readonly keyLifetime?: DurationInput
  readonly revocationPoll?: DurationInput
  readonly dpopNonces?: NonceDemand
  readonly egress?: EgressInput
}

/** An item of `nodes[].reaches` that is no URL alone. */
export interface GrantRuleInput {
  readonly issuer: string
  readonly resources?: readonly string[]
  readonly scopes?: { readonly map?: ScopeMapInput; readonly max?: readonly string[] }
  readonly subject?: 'pairwise' | 'public'
  readonly disclose?: 'full' | 'self' | 'hashed'
}

/** An item of `nodes`. */
export interface NodeClientInput {
  readonly client: string
  readonly keys?: KeysInput
  readonly alias?: string
  readonly spends: readonly string[]
  readonly scopeMap?: ScopeMapInput
  readonly reaches: readonly (string | GrantRuleInput)[]
  readonly scopes?: { readonly map: ScopeMapInput }
}

/** An item of `workloads`: exactly one of `keys`, `secretHash` and `federated`. */
export interface WorkloadInput {
  readonly client: string
  readonly keys?: KeysInput
  readonly secretHash?: string
  readonly federated?: {
    readonly issuer: string
    readonly keys: KeysInput
    readonly algs?: readonly SignatureAlgorithm[]
    readonly subject: string
    readonly audiences?: readonly string[]
  }
  readonly resources: readonly string[]
  readonly scopes: readonly string[]
}

/** An item of `trust`. */
export interface TrustInput {
  readonly issuer: string
  readonly keys: KeysInput
  readonly pins?: readonly string[]
  readonly algs?: readonly SignatureAlgorithm[]
  readonly clients: readonly (string | { readonly id: string; readonly keys: KeysInput })[]
  readonly cnf?: TrustRecord['cnf']
  readonly profiles?: TrustRecord['profiles']
  readonly resources: readonly string[]
  readonly subjects?: Partial<SubjectRule>
  readonly transit?: readonly string[]
  readonly scopes: { readonly map: ScopeMapInput; readonly max: readonly string[] }
  readonly maxDepth?: number
  readonly maxTtl?: DurationInput
  readonly notAfter?: EndInput
  readonly rate?: { readonly exchangesPerMin?: number }
}

/** The field `auth` of an endpoint. */
export interface EndpointAuthInput {
  readonly issuer?: string
  readonly jwksUri?: string
  readonly algs?: readonly SignatureAlgorithm[]
  readonly types?: readonly string[]
  readonly introspection?: { readonly url: string; readonly client: CredentialsInput }
  readonly dpop?: 'required' | 'accepted'
  readonly dpopNonces?: NonceDemand
  readonly scopeMap?: ScopeMapInput
  readonly keys?: readonly {
    readonly name: string
    readonly hash: string
    readonly scopes: readonly string[]
    readonly notAfter?: EndInput
  }[]
  readonly egress?: EgressInput
}

/** The field `auth` of an upstream; which fields go with which mode is in `banyan.schema.json`. */
export interface UpstreamAuthInput {
  readonly mode?:
    'none' | 'exchange' | 'chain' | 'client_credentials' | 'oauth' | 'workload' | 'xaa'
  readonly issuer?: string
  readonly tokenEndpoint?: string
  readonly client?: CredentialsInput
  readonly scopes?:
    { readonly map: ScopeMapInput; readonly accept?: readonly string[] } | readonly string[]
  readonly requires?: readonly string[]
  readonly subject?: 'pairwise' | 'public'
  readonly disclose?: 'full' | 'self' | 'hashed'
  readonly requireChain?: boolean
  readonly lists?: { readonly issuer?: string; readonly subject: string }
  readonly assertion?: string
  readonly provider?: {
    readonly issuer: string
    readonly tokenEndpoint?: string
    readonly client: CredentialsInput
    readonly idToken: string
  }
}
