import { writeAccessClaims } from '../../../protocol/token/access.ts'
import type { AccessClaims } from '../../../protocol/token/claims.ts'
import type { OAuthResponse } from '../../core/authentication.ts'
import { authenticated, required, type GrantContext, type GrantRequest } from './grants.ts'
import { concerns, readOwnToken } from './own-tokens.ts'
import { respond } from './rescue.ts'

/** Unknown, ended, revoked, or not for the client to know: one answer for all (RFC 7662 §2.2). */
const INACTIVE = { active: false }

/**
 * Introspection (RFC 7662), for the client a token was issued to, and the node it is for.
 *
 * @throws OAuthFault `invalid_client`, `invalid_request`
 */
export async function introspect(
  request: GrantRequest,
  context: GrantContext,
): Promise<OAuthResponse> {
  const { form, trail } = request
  const client = authenticated(request.client)
  const claims = await readOwnToken(required(form, 'token'), context)
  const isRevoked = claims !== undefined && context.parts.revocations.isRevoked(claims)
  const isTold = claims !== undefined && concerns(claims, client) && !isRevoked
  if (isTold) trail.noteInput(claims)
  trail.end('told')
  return respond(200, isTold ? answer(claims) : INACTIVE)
}

function answer(claims: AccessClaims): object {
  const type = claims.cnf?.jkt === undefined ? 'Bearer' : 'DPoP'
  return { active: true, token_type: type, ...writeAccessClaims(claims) }
}
