import type { Fault } from '../../protocol/errors.ts'
import { LOCAL_CALLER, type Principal } from './principal.ts'

/** What of a request says who sent it. */
export interface CredentialFacts {
  /** The endpoint's name. */
  readonly endpoint: string
  /** HTTP method of the request. */
  readonly method: string
  /** All header lines of one name, in order; more than one is for the authenticator to refuse. */
  readonly header: (name: string) => readonly string[]
  /** SHA-256 of the client's certificate (DER), base64url, when the connection is mutual TLS that ends here. */
  readonly certificate: string | undefined
}

/** A credential that was presented once, for requests that come later on the same connection. */
export interface Standing {
  /**
   * The caller, if the credential is as good now as when it was presented: neither expired nor revoked, and by the same
   * configuration. Asked for each request; at once whenever nothing has to be fetched.
   *
   * @throws Fault `unauthenticated`, `unknown_endpoint`, `overloaded`; the promise rejects with it too
   */
  principal(): Principal | Promise<Principal>
}

/** Makes the principal of a request. */
export interface Authenticator {
  /**
   * The caller; at once whenever nothing has to be fetched.
   *
   * @throws Fault `unauthenticated`, `overloaded`; the promise rejects with it too
   */
  authenticate(facts: CredentialFacts): Principal | Promise<Principal>
  /**
   * Takes a credential for many requests: what a proof shows is shown once, all else is looked at for each of them.
   *
   * @throws Fault as `authenticate`
   */
  stand(facts: CredentialFacts): Standing | Promise<Standing>
  /**
   * What a refusal of code `unauthenticated` or `insufficient_scope` says in its headers: names and values in turn
   * (RFC 6750 §3, RFC 9449 §7.1, RFC 9728 §5.1). None for any other.
   */
  challenge(endpoint: string, fault: Fault): readonly string[]
}

const NO_HEADERS: readonly string[] = []

/** Of whoever comes to where nobody is asked who it is. */
export const LOCAL_STANDING: Standing = { principal: () => LOCAL_CALLER }

/** Of a node that listens on loopback without authentication: all its callers are one. */
export const NO_AUTHENTICATION: Authenticator = {
  authenticate: () => LOCAL_CALLER,
  stand: () => LOCAL_STANDING,
  challenge: () => NO_HEADERS,
}

/** A request of an OAuth endpoint of the node. */
export interface OAuthRequest {
  readonly method: string
  /** Path without query, for example `/oauth/token`. */
  readonly path: string
  /** Whether the URL had a query: none of the endpoints for programs takes one. */
  readonly hasQuery: boolean
  /** What stands behind the question mark, as it came; browsers are sent back with it. */
  readonly query?: string
  readonly header: (name: string) => readonly string[]
  /** The body, at most `maxBodyBytes` long; empty when there is none. */
  readonly body: Buffer
  readonly certificate: string | undefined
}

/** The answer to an {@link OAuthRequest}. */
export interface OAuthResponse {
  readonly status: number
  /** Names and values in turn. */
  readonly headers: readonly string[]
  readonly body: string
}

/** What the node serves besides endpoints: metadata documents, keys, and its token service. */
export interface OAuthService {
  /** The largest body it takes, bytes. */
  readonly maxBodyBytes: number
  /** Whether a path is one of its own, cheaply. */
  owns(path: string): boolean
  /** Answers; never rejects. */
  serve(request: OAuthRequest): Promise<OAuthResponse>
}
