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
   * What lines would be made of now, to be compared and nothing else: whoever has shown that already, on a connection where
   * it counts for longer than one request, need not show it again. It counts as shown then. Undefined, or not there, where
   * that is not known without `lines`.
   */
  stamp?(): object | undefined
  /**
   * The upstream took none of the last lines (401), or wants more (403). After a 401 what they were made of is forgotten.
   *
   * @returns whether to try once more
   */
  refused(refusal: Refusal): boolean
  /** What the last lines were made of; undefined before there were any, and where there is no token. */
  readonly shown?: ShownToken | undefined
}

/** What an upstream said when it refused a request for want of authorization. For identity alone; it goes no further. */
export interface Refusal {
  readonly status: 401 | 403
  /** What it wants proofs to hold from now on (RFC 9449 §9). */
  readonly nonce?: string
  /** Its `WWW-Authenticate`. */
  readonly challenges?: string
}

/** What the call is for which a token is wanted; it restricts, and never widens. */
export interface DelegationFacts {
  /** Exchanges that the caller's own hop budget still allows. */
  readonly budget: number
}

/** Passes callers on to one upstream. The only source of authorizations. */
export interface Delegator {
  /**
   * Whether callers sign in there themselves, each as often as `delegate` throws `consent_required`. What the upstream
   * has may then be unknown until somebody did.
   */
  readonly signsIn?: boolean
  /** Whether the upstream is told who calls, and may list something else to each. */
  readonly perCaller?: boolean
  /** The node itself: for what it lists and watches there. */
  readonly own: Authorization
  /**
   * A principal, narrowed to this upstream; at once when it was done before.
   *
   * @throws Fault `delegation_refused`, `insufficient_scope`, `upstream_unavailable`, and `consent_required` when the caller
   *   must sign in there first; the promise rejects with it too
   */
  delegate(principal: Principal, facts: DelegationFacts): Authorization | Promise<Authorization>
  /**
   * What a caller is told when the upstream refuses a call for want of scopes: a challenge of this node's own, in the
   * names of this node, where there are any (403 `insufficient_scope`); otherwise that the upstream denied it, or that the
   * caller must sign in there again (`consent_required`).
   *
   * @param scopes as the upstream names them
   */
  denied(principal: Principal, scopes: readonly string[]): Fault
}
