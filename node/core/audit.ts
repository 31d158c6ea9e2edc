import type { Fault } from '../../protocol/errors.ts'
import type { OAuthError, TokenProblem } from '../../protocol/token/faults.ts'
import type { Principal } from './principal.ts'
import type { Delegated, Received, Returned } from './stages.ts'

/** Which door a token was asked for at. */
export type ExchangeKind =
  | 'token_exchange'
  | 'jwt_bearer'
  | 'client_credentials'
  /** In this process, for an upstream of its own. */
  | 'local'
  /** By this node at another issuer, for an upstream. */
  | 'obtained'
  /** By a caller that signed in at an upstream itself. */
  | 'consent'
  /** `banyan token`. */
  | 'mint'
  | 'revocation'
  | 'introspection'
  /** Refused before it was known. */
  | 'unknown'

/** One decision about a token. Holds no byte of a token, proof, assertion or secret, and no subject by name. */
export interface ExchangeLine {
  readonly kind: ExchangeKind
  readonly decision: 'issued' | 'refused' | 'revoked' | 'told'
  /** Why it was refused: the problem, or where there is none the error that went to the client. */
  readonly reason?: TokenProblem | OAuthError
  /** The authenticated client; absent when there is none. */
  readonly client?: string
  /** HMAC of issuer and subject under the audit key, base64url. */
  readonly subject?: string
  /** Issuer of what came in. */
  readonly issuer?: string
  /** Who acts, outermost first: names, or hashes where they are not disclosed. */
  readonly actors?: readonly string[]
  /** What the token that goes out is for, or the resource that was asked for. */
  readonly audience?: string
  readonly scopesIn?: readonly string[]
  readonly scopesOut?: readonly string[]
  readonly txn?: string
  /** Ids of what came in and what went out: lines of several nodes are joined by them. */
  readonly jtiIn?: string
  readonly jtiOut?: string
  /** When what went out ends, seconds since 1970. */
  readonly expiresAt?: number
  /** Issuer of what went out. */
  readonly issuerOut?: string
}

/** Where decisions about tokens are written down. Never throws, and never waits. */
export interface Audit {
  /** @param seconds from the question to the decision */
  exchange(line: ExchangeLine, seconds?: number): void
}

/** What is known of one call when it is over; of a refused one mostly less. */
export interface CallFacts {
  readonly endpoint?: string | undefined
  readonly received?: Pick<Received, 'endpoint' | 'request' | 'header' | 'scope'> | undefined
  readonly principal?: Principal | undefined
  /** What it was about. */
  readonly target?: { readonly kind: string; readonly name: string } | undefined
  /** Present when it was settled what goes upstream. */
  readonly delegated?: Delegated | undefined
  /** What the upstream answered. */
  readonly returned?: Returned | undefined
  /** Why there is no such answer. */
  readonly fault?: Fault | undefined
  /** By `performance.now()`. */
  readonly startedAt?: number | undefined
}

/** Where calls are written down, also those that were refused. Never throws, and never waits. */
export interface CallAudit {
  call(facts: CallFacts): void
}
