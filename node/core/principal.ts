import type { AccessClaims } from '../../protocol/token/claims.ts'

/**
 * Stands for the credential a caller came with, so that no other part of the node holds its bytes: only `node/identity/`
 * can turn it into them, and does so for one purpose, `subject_token` to the own issuer. Prints as what it is.
 */
export interface Credential {
  toString(): string
}

/** The one verified caller of a request. */
export interface Principal {
  /** Who vouches for the caller; empty where nobody does. */
  readonly issuer: string
  readonly subject: string
  readonly clientId: string
  /** Two requests with equal keys come from the same caller; sessions and caches are bound to it. */
  readonly key: string
  /** What it may do, in the names of this endpoint, sorted. Undefined only where there is no authentication: everything. */
  readonly scopes: readonly string[] | undefined
  /** The claims of its token; undefined for a static key, and where there is no authentication. */
  readonly claims: AccessClaims | undefined
  /** What it came with; undefined where there is no authentication. */
  readonly credential: Credential | undefined
  /** When what it came with ends, milliseconds since 1970; Infinity where it does not. Nothing of its outlives it but calls. */
  readonly expiresAt: number
}

/** Whoever reaches a node that listens on loopback without authentication. */
export const LOCAL_CALLER: Principal = {
  issuer: '',
  subject: 'local',
  clientId: 'local',
  key: 'local',
  scopes: undefined,
  claims: undefined,
  credential: undefined,
  expiresAt: Infinity,
}
