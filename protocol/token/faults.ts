import { Fault } from '../errors.ts'

/** Why a token, proof or grant is not accepted. Closed, for audit and metrics; callers learn no more than their surface says. */
export type TokenProblem =
  | 'missing'
  | 'ambiguous'
  | 'malformed'
  | 'too_large'
  | 'typ'
  | 'algorithm'
  | 'header'
  | 'issuer'
  | 'audience'
  | 'claims'
  | 'depth'
  | 'signature'
  | 'unknown_key'
  | 'expired'
  | 'not_yet_valid'
  | 'lifetime'
  | 'binding'
  | 'proof'
  | 'nonce'
  | 'replayed'
  | 'revoked'
  | 'client'
  | 'subject'
  | 'transit'
  | 'resource'
  | 'scope'
  | 'budget'
  | 'cycle'

/** A token, proof or grant was refused. The message is for the operator; it never holds a byte of the token. */
export class TokenFault extends Fault {
  override readonly name: string = 'TokenFault'
  readonly problem: TokenProblem

  constructor(problem: TokenProblem, message: string, options: { cause?: unknown } = {}) {
    super('unauthenticated', message, options)
    this.problem = problem
  }
}

/** Errors of the token endpoint (RFC 6749 §5.2, RFC 8693 §2.2.2, RFC 8707 §2, RFC 9449 §5 and §8). */
export type OAuthError =
  | 'invalid_request'
  | 'invalid_client'
  | 'invalid_grant'
  | 'unauthorized_client'
  | 'unsupported_grant_type'
  | 'invalid_scope'
  | 'invalid_target'
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'
  | 'temporarily_unavailable'
  | 'server_error'

/** A request to the token service was refused; `error` and `message` go to the client, and hold nothing secret. */
export class OAuthFault extends Fault {
  override readonly name: string = 'OAuthFault'
  readonly error: OAuthError

  constructor(error: OAuthError, message: string, options: { cause?: unknown } = {}) {
    super('oauth_refused', message, options)
    this.error = error
  }
}
