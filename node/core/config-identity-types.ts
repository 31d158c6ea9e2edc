import type { Secret } from './secret.ts'

/** Signature algorithms that are accepted; the node itself signs with ES256. */
export type SignatureAlgorithm = 'ES256' | 'EdDSA' | 'RS256' | 'PS256' | 'ES384'

/** Public keys of somebody else: fetched, or as they stand in the file. */
export type KeySource =
  | { readonly jwksUri: string }
  /** JSON Web Keys (RFC 7517), public parts only. */
  | { readonly static: readonly Readonly<Record<string, unknown>>[] }

/** Public keys of a client; `metadataUri` is that of its client metadata document, which names or holds them. */
export type ClientKeySource = KeySource | { readonly metadataUri: string }

/** Where the node may connect to for keys, metadata, tokens and upstreams. */
export interface EgressSettings {
  /** Whether addresses that are not public (loopback, private, link-local and the like) may be connected to. */
  readonly allowPrivate: boolean
}

/** How the node proves to a foreign authorization server which client it is. */
export interface ClientCredentials {
  /** Default for own issuers: the URL of the node's client metadata document. */
  readonly id: string
  /** Absent: `private_key_jwt` with the node's client key. */
  readonly secret?: Secret
  /** Signs assertions in place of the node's client key: an ES256 key in PKCS #8, PEM. */
  readonly key?: Secret
  /** Absent: `client_secret_basic` with a secret, else `private_key_jwt`. */
  readonly method?: ClientAuthMethod
}

/** How a client authenticates at a token endpoint (RFC 7591 §2, RFC 7523 §2.2). */
export type ClientAuthMethod =
  'none' | 'client_secret_basic' | 'client_secret_post' | 'private_key_jwt'

/**
 * Who signs the grants of an organisation whose authorization server cannot. Its keys and its identifier are its own, so
 * that no key of the one is ever good for the other; it makes nothing but grants, and they are made from a token of
 * that server for one endpoint of the node that asks, verified anew and narrowed by the law of all delegation. Who acted
 * and how far a call may go counts where that token says it; where it does not, the chain begins with the node that
 * asks, and the budget is that of the call. Other organisations list this identifier in their trust records.
 */
export interface GrantSigner {
  /** `embedded`: this process; `node`: another node of the organisation. */
  readonly mode: 'embedded' | 'node'
  /** Issuer identifier of the grants. Absent only in mode `embedded`: the node's base URL. */
  readonly url?: string
  /** Mode `node` only; absent: from the metadata of that issuer. */
  readonly tokenEndpoint?: string
}

/** Whether DPoP proofs must hold a nonce of this node (RFC 9449 §8 and §9). */
export type NonceDemand = 'required' | 'off'

/** The organisation's token issuer, as this node sees it. Times are milliseconds. */
export interface IssuerSettings {
  /** `embedded`: the token service of this process; `node`: that of another node of the organisation; `external`: a foreign authorization server. */
  readonly mode: 'embedded' | 'node' | 'external'
  /** Issuer identifier. Absent only in mode `embedded`: the node's base URL. */
  readonly url?: string
  /** Absent: from the metadata of the issuer (RFC 8414). */
  readonly tokenEndpoint?: string
  /** Absent: from the metadata of the issuer. */
  readonly jwksUri?: string
  readonly algs: readonly SignatureAlgorithm[]
  /** Types of its access tokens besides `at+jwt`; none unless mode is `external`. */
  readonly types: readonly string[]
  /** Mode `external` only. */
  readonly client?: ClientCredentials
  /** Mode `external` only; absent: the authorization server makes grants itself. */
  readonly grants?: GrantSigner
  /** Longest life of an access token the embedded service issues, ms. */
  readonly tokenTtl: number
  /** Life of a grant for another organisation, ms. */
  readonly grantTtl: number
  /** At the token endpoint of this node, where it has one. */
  readonly dpopNonces: NonceDemand
  /** How long a signing key is used before the next one takes over, ms; each is published ahead and kept until its tokens are gone. */
  readonly keyLifetime: number
  /** Between questions what was revoked, where another node of the organisation knows, ms. */
  readonly revocationPoll: number
  readonly egress: EgressSettings
}

/** What grants for one issuer of another organisation may say. */
export interface GrantRule {
  readonly issuer: string
  /** Endpoints over there; absent: any. */
  readonly resources?: readonly string[]
  readonly scopes: {
    /** Scopes of what the node spends to those over there; absent: as for all it reaches. */
    readonly map?: Readonly<Record<string, readonly string[]>>
    /** Absent: no bound besides the map. */
    readonly max?: readonly string[]
  }
  /** The most it learns of who calls. */
  readonly subject: 'pairwise' | 'public'
  /** The most it learns of who acted before. */
  readonly disclose: 'full' | 'self' | 'hashed'
}

/** A node that may use token exchange at the service of this one. */
export interface NodeClient {
  /** Client id: the URL of its client metadata document. */
  readonly client: string
  readonly keys: ClientKeySource
  /** Its client id at the authorization server of the organisation; absent: the same. */
  readonly alias?: string
  /** Scopes of that server in the names of what it spends; absent: what is of our grammar, as it is written. */
  readonly scopeMap?: Readonly<Record<string, readonly string[]>>
  /** Resources of its own: the tokens it may trade in. */
  readonly spends: readonly string[]
  /** Resources it may get tokens for, and issuers it may get grants for. */
  readonly reaches: readonly string[]
  /** Rules for some of those issuers; the others get opaque names, and are told of every actor. */
  readonly grants?: readonly GrantRule[]
  /** Scopes of what it spends in the names of what it reaches; absent: both have the same names. */
  readonly scopes?: ScopeMap
}

/** A program with an identity of its own: client credentials (RFC 6749 §4.4), or a platform's JWT (RFC 7523). */
export interface WorkloadClient {
  readonly client: string
  /** Signs its client assertions. Exactly one of `keys`, `secretHash` and `federated` is there. */
  readonly keys?: KeySource
  /** `scrypt$<N>$<r>$<p>$<salt>$<hash>` of its secret. */
  readonly secretHash?: string
  /** Tokens of a platform (Kubernetes, SPIFFE, CI) that stand for it. */
  readonly federated?: {
    readonly issuer: string
    readonly keys: KeySource
    readonly algs: readonly SignatureAlgorithm[]
    /** Exact subject. */
    readonly subject: string
    /** Its `aud` must be one of these; empty: the issuer identifier of this node. */
    readonly audiences: readonly string[]
  }
  readonly resources: readonly string[]
  readonly scopes: readonly string[]
}

/** How the subjects of a foreign issuer are taken over. */
export interface SubjectRule {
  /** `pairwise`: opaque, checked against `pattern`; `mapped`: only those in `map`; `public`: as they come, under the issuer's name. */
  readonly mode: 'pairwise' | 'mapped' | 'public'
  readonly pattern: string
  readonly map: Readonly<Record<string, string>>
  /** Whether grants whose subject is the calling node itself are taken. */
  readonly anonymous: boolean
}

/** What another organisation's issuer may make this one issue (identity.md, trust record). */
export interface TrustRecord {
  /** Exact string, also the key. */
  readonly issuer: string
  readonly keys: KeySource
  /** RFC 7638 thumbprints; when there are any, keys must be among them. */
  readonly pins: readonly string[]
  readonly algs: readonly SignatureAlgorithm[]
  /** Client ids its grants may name, with the keys of their assertions. */
  readonly clients: readonly { readonly id: string; readonly keys: ClientKeySource }[]
  /** What tokens are bound to; `none` is for laboratories and third-party assertions. */
  readonly cnf: 'dpop' | 'none'
  /** Whether third-party assertions (ID-JAG) are taken besides, or instead of, our own grants. */
  readonly profiles: readonly ('mesh' | 'id-jag')[]
  readonly resources: readonly string[]
  readonly subjects: SubjectRule
  /** Issuers whose subjects it may relay. */
  readonly transit: readonly string[]
  readonly scopes: {
    /** Its scope to ours; what is not in it is nothing. */
    readonly map: Readonly<Record<string, readonly string[]>>
    readonly max: readonly string[]
  }
  readonly maxDepth: number
  /** ms. */
  readonly maxTtl: number
  /** ms since 1970; absent: no end. */
  readonly notAfter?: number
  readonly exchangesPerMinute: number
}

/** A key for small set-ups: a bearer secret that is not a token. */
export interface StaticKey {
  /** Names its holder; the subject. */
  readonly name: string
  /** `sha256$<base64url>` of the key, which has at least 256 random bits. */
  readonly hash: string
  readonly scopes: readonly string[]
  /** ms since 1970; absent: no end. */
  readonly notAfter?: number
}

/** Who may call an endpoint. */
export interface EndpointAuth {
  /** The one issuer whose tokens are taken. Absent: the organisation's. */
  readonly issuer?: string
  /** Absent: from the metadata of the issuer. */
  readonly jwksUri?: string
  readonly algs: readonly SignatureAlgorithm[]
  /** Types of its tokens besides `at+jwt`, for issuers older than RFC 9068. */
  readonly types: readonly string[]
  /** Opaque tokens are asked about here (RFC 7662). */
  readonly introspection?: {
    readonly url: string
    readonly client: ClientCredentials
  }
  /** `required`: bearer tokens are refused; `accepted`: a token that is bound must be proved. */
  readonly dpop: 'required' | 'accepted'
  readonly dpopNonces: NonceDemand
  /** Scopes of foreign tokens in our names; what is not in it is taken as it is written if it is of our grammar. */
  readonly scopeMap: Readonly<Record<string, readonly string[]>>
  readonly keys: readonly StaticKey[]
  /** For keys, metadata and introspection of `issuer`; absent issuer: as that of the organisation. */
  readonly egress: EgressSettings
}

/** How an upstream is told who calls. */
export type UpstreamAuth =
  | { readonly mode: 'none' }
  /** RFC 8693 at the organisation's issuer. */
  | { readonly mode: 'exchange'; readonly scopes: ScopeMap; readonly requireChain: boolean }
  /** A grant of the own issuer, redeemed at the upstream's (identity chaining). */
  | {
      readonly mode: 'chain'
      readonly issuer: string
      /** Absent: from the metadata of that issuer. */
      readonly tokenEndpoint?: string
      readonly scopes: ScopeMap & {
        /** Scopes its tokens may have besides those asked for: what the trust record over there makes of them. */
        readonly accept: readonly string[]
      }
      readonly subject: 'pairwise' | 'public'
      readonly disclose: 'full' | 'self' | 'hashed'
      readonly requireChain: boolean
    }
  /** The node's own identity, whoever calls (RFC 6749 §4.4); `scopes` must be covered by the caller's. */
  | {
      readonly mode: 'client_credentials'
      /** Absent: the one authorization server the upstream names (RFC 9728). */
      readonly issuer?: string
      readonly tokenEndpoint?: string
      readonly client: ClientCredentials
      readonly scopes: readonly string[]
      /** Scopes, in the names of this node, a caller must have. */
      readonly requires: readonly string[]
    }
  | ConsentAuth
  | AssertionAuth
  | EnterpriseAuth

/** Each caller signs in there itself (authorization code with PKCE), and its token is kept here, sealed. */
export interface ConsentAuth {
  readonly mode: 'oauth'
  /** Absent: the first authorization server the upstream names. */
  readonly issuer?: string
  /** Where it is elsewhere than on the host of the issuer. */
  readonly tokenEndpoint?: string
  /** Absent: the node's client metadata document, or else a registration of its own. */
  readonly client?: ClientCredentials
  /** Absent: as the upstream asks for. */
  readonly scopes?: readonly string[]
  /** Scopes, in the names of this node, a caller must have to be asked at all. */
  readonly requires: readonly string[]
  /** Whose sign-in the node lists with. Absent: the one caller of a node without authentication, or nobody's. */
  readonly lists?: { readonly issuer?: string; readonly subject: string }
}

/** The node itself, by a token its platform gives it (workload identity, RFC 7523 §2.1). */
export interface AssertionAuth {
  readonly mode: 'workload'
  /** Absent: the one authorization server the upstream names (RFC 9728). */
  readonly issuer?: string
  readonly tokenEndpoint?: string
  /** File of the platform's token; read anew for each request, because platforms renew it. */
  readonly assertion: string
  readonly scopes: readonly string[]
  readonly requires: readonly string[]
}

/** The node itself, by a grant its identity provider makes for the authorization server of the upstream (ID-JAG). */
export interface EnterpriseAuth {
  readonly mode: 'xaa'
  /** Absent: the one authorization server the upstream names (RFC 9728). */
  readonly issuer?: string
  readonly tokenEndpoint?: string
  /** Who the node is at the issuer of the upstream. */
  readonly client: ClientCredentials
  readonly scopes: readonly string[]
  readonly requires: readonly string[]
  readonly provider: {
    readonly issuer: string
    readonly tokenEndpoint?: string
    /** Who the node is at the identity provider. */
    readonly client: ClientCredentials
    /** File of an ID token that was issued to this very client. */
    readonly idToken: string
  }
}

/** The caller's scopes in the names of the upstream; what is not in it does not go over. */
export interface ScopeMap {
  readonly map: Readonly<Record<string, readonly string[]>>
}

/** A node that is believed about the tools of its organisation. */
export interface SignerRecord {
  /** Base URL, also the key. */
  readonly url: string
  readonly organisation: string
  /** Absent: at `<url>/oauth/result-jwks`. */
  readonly keys?: KeySource
  /** RFC 7638 thumbprints; when there are any, keys must be among them. */
  readonly pins: readonly string[]
}

/** What is done about statements of origins: nothing, sign, check, let through only what is verified. */
export type ProvenanceMode = 'off' | 'attach' | 'verify' | 'require'

/** How results and descriptions of tools of one upstream are proved to be their origin's. */
export interface ProvenanceSettings {
  readonly results: ProvenanceMode
  readonly descriptors: ProvenanceMode
  readonly signers: readonly SignerRecord[]
  /** What is done about descriptions that are not those written down. */
  readonly pin: 'off' | 'flag' | 'refuse'
}
