import type { Fault } from '../../protocol/errors.ts'
import type { Principal } from './principal.ts'

/** HTTP methods of the transport. */
export type HttpMethod = 'POST' | 'GET' | 'DELETE'

/** What is known of a token that went out, for the audit. */
export interface ShownToken {
  readonly issuer?: string | undefined
  readonly jti?: string | undefined
  readonly audience: string
  readonly scopes: readonly string[]
  /** Seconds since 1970. */
  readonly expiresAt: number
  readonly txn?: string | undefined
}

/**
 * In whose name requests go to one upstream, and how that is shown there. Made for one principal, or for the node itself,
 * and for exactly one audience.
 */
export interface Authorization {
  /**
   * The header lines of one request, names and values in turn, with a proof that is good once; at once whenever a token
   * is at hand.
   *
   * @throws Fault `delegation_refused`, `insufficient_scope`, `upstream_unavailable`; the promise rejects with it too
   */
  lines(method: HttpMethod): readonly string[] | Promise<readonly string[]>
  /**
   * The upstream took none of the last lines (401). Forgets what they were made of.
   *
   * @param nonce what it wants proofs to hold from now on (RFC 9449 §8, §9), if it said so
   * @returns whether to try once more
   */
  refused(nonce: string | undefined): boolean
  /** What the last lines were made of; undefined before there were any, and where there is no token. */
  readonly shown?: ShownToken | undefined
}

/** What the call is for which a token is wanted; it restricts, and never widens. */
export interface DelegationFacts {
  /** Exchanges that the caller's own hop budget still allows. */
  readonly budget: number
}

/** Passes callers on to one upstream. The only source of authorizations. */
export interface Delegator {
  /** The node itself: for what it lists and watches there. */
  readonly own: Authorization
  /**
   * A principal, narrowed to this upstream; at once when it was done before.
   *
   * @throws Fault `delegation_refused`, `insufficient_scope`, `upstream_unavailable`; the promise rejects with it too
   */
  delegate(principal: Principal, facts: DelegationFacts): Authorization | Promise<Authorization>
  /**
   * What a caller is told when the upstream refuses a call for want of scopes: a challenge of this node's own, in the
   * names of this node, where there are any (403 `insufficient_scope`); otherwise that the upstream denied it.
   *
   * @param scopes as the upstream names them
   */
  denied(principal: Principal, scopes: readonly string[]): Fault
}
