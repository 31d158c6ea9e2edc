import type { Parent } from '../../../protocol/token/narrow.ts'
import type { Credential } from '../../core/principal.ts'
import type { Origin } from '../service/local-issuer.ts'
import type { DelegatedToken } from './delegated-token.ts'

/** For whom a token is wanted. */
export interface Delegation {
  /** What it is made from: the caller's token, or the node itself. Its budget is no more than that of the call. */
  readonly parent: Parent
  /** The caller's token, closed; undefined when the node acts for itself, or vouches for a caller without a token. */
  readonly credential: Credential | undefined
  /** Names of the caller's token, after which a delegation without a name is named; undefined where there is none. */
  readonly origin?: Origin | undefined
  /** The budget the caller's token itself has: all an issuer elsewhere goes by. */
  readonly tokenBudget?: number | undefined
  /** When the caller's token was issued, seconds since 1970. */
  readonly issuedAt?: number | undefined
}

/**
 * One way to a token for one upstream. May block for the network, never longer than its time-outs; may be called
 * concurrently.
 */
export interface Backend {
  /**
   * A token that is no more than the parent, for this upstream alone.
   *
   * @throws OAuthFault when it is refused, FetchFault when an issuer cannot be asked, TokenFault when its answer is not what
   *   was asked for
   */
  obtain(delegation: Delegation): DelegatedToken | Promise<DelegatedToken>
}
