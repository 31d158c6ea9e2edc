import type { Confirmation } from '../../../protocol/token/claims.ts'
import { present } from '../../../protocol/token/fields.ts'
import type { OAuthResponse } from '../../core/authentication.ts'
import type { GrantOutcome } from './grants.ts'
import { respond } from './rescue.ts'

/** The answer to a token request (RFC 6749 §5.1, RFC 8693 §2.2.1). There is never a refresh token. */
export function tokenAnswer(
  { issued, issuedType, tokenType }: GrantOutcome,
  now: number,
  headers: readonly string[] = [],
): OAuthResponse {
  const { claims, token } = issued
  const body = {
    access_token: token,
    token_type: tokenType ?? typeBy(claims.cnf),
    expires_in: Math.max(0, Math.floor(claims.exp - now)),
    scope: claims.scope.join(' '),
    ...present({ issued_token_type: issuedType }),
  }
  return respond(200, body, headers)
}

function typeBy(cnf: Confirmation | undefined): 'DPoP' | 'Bearer' {
  return cnf?.jkt === undefined ? 'Bearer' : 'DPoP'
}
