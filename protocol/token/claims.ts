/** The claims Banyan's tokens carry, once they have been read strictly. Times are seconds since 1970 (RFC 7519 NumericDate). */

import type { JsonObject } from '../jsonrpc.ts'

/** What the JOSE header says a token is for; a token of one kind is never accepted where another belongs (RFC 8725 §3.11). */
export const TYP = {
  /** RFC 9068. */
  accessToken: 'at+jwt',
  /** What one organisation's issuer gives its node for another's (identity chaining, our own profile). */
  grant: 'mcp-mesh-grant+jwt',
  /** Identity Assertion Authorization Grant, from and towards third parties. */
  idJag: 'oauth-id-jag+jwt',
  /** RFC 9449. */
  dpop: 'dpop+jwt',
  /** RFC 7523 client assertion; the RFC names no type of its own. */
  clientAssertion: 'client-authentication+jwt',
  /** What an origin says of a result it gave (protocol/provenance). */
  result: 'mesh-result+jws',
  /** What an origin says of a tool it has. */
  descriptor: 'mesh-descriptor+jws',
} as const

/** Who acted: the outermost is the current actor, the nested are older and hearsay (RFC 8693 §4.1). */
export interface NamedActor {
  readonly iss: string
  readonly sub: string
  readonly act?: Actor
}

/** An older actor whose name is not disclosed: only that there was one, and which by comparison. */
export interface HashedActor {
  /** SHA-256 of the entry it stands for, base64url. */
  readonly hid: string
  readonly act?: Actor
}

export type Actor = NamedActor | HashedActor

/** RFC 7800, 9449 §6.1 and 8705 §3.1: the key or certificate whose holder alone may use the token. */
export interface Confirmation {
  readonly jkt?: string
  readonly 'x5t#S256'?: string
}

/** The part of our own profile; `v` makes it versioned. */
export interface MeshClaims {
  readonly v: 1
  /** Further exchanges the token may go through. */
  readonly budget: number
}

/** An access token for one endpoint (RFC 9068), in our profile. */
export interface AccessClaims {
  readonly iss: string
  readonly sub: string
  /** The one endpoint it is for. */
  readonly aud: string
  readonly clientId: string
  readonly jti: string
  readonly iat: number
  readonly exp: number
  readonly nbf?: number
  /** As granted, in the order of the token. */
  readonly scope: readonly string[]
  readonly act?: Actor
  /** Who may become actor: the one node that may exchange it (RFC 8693 §4.4). Empty: nobody. */
  readonly mayAct?: { readonly iss?: string; readonly sub?: string }
  readonly cnf?: Confirmation
  /** Names the delegation across all hops. */
  readonly txn?: string
  /** No descendant may live longer (IPSIE session_expiry). */
  readonly sessionExpiry?: number
  /** Names the session at the identity provider, for logout. */
  readonly sid?: string
  readonly mesh?: MeshClaims
  /** Members that classes of callers ask for, as they came. They are never signed again, and so never passed on. */
  readonly others?: JsonObject
}

/** A grant for another organisation's issuer. */
export interface GrantClaims {
  readonly iss: string
  readonly sub: string
  /** The issuer it is for. */
  readonly aud: string
  readonly clientId: string
  /** The endpoint the token will be for. */
  readonly resource: string
  readonly jti: string
  readonly iat: number
  readonly exp: number
  readonly nbf?: number
  readonly scope: readonly string[]
  readonly act?: Actor
  readonly cnf?: Confirmation
  readonly txn?: string
  readonly sessionExpiry?: number
  readonly sid?: string
  readonly mesh?: MeshClaims
}
