import type { AccessClaims } from '../../../protocol/token/claims.ts'
import { MAX_ACCESS_LIFETIME } from '../../../protocol/token/access.ts'
import { OAuthFault } from '../../../protocol/token/faults.ts'
import { MAX_NAME } from '../../../protocol/token/fields.ts'
import { MAX_LEEWAY } from '../../../protocol/token/times.ts'
import { refusal } from '../../../protocol/token/refusals.ts'
import type { OAuthResponse } from '../../core/authentication.ts'
import { authenticated, type GrantContext, type GrantRequest } from './grants.ts'
import { delegationName } from './local-issuer.ts'
import { concerns, organisationTokens, readOwnToken } from './own-tokens.ts'
import { respondEmpty } from './rescue.ts'
import type { Revocation } from './revocations.ts'

/**
 * Revocation (RFC 7009), by `token` or, for nodes of the organisation, by `sid`: the end of a session at the identity
 * provider. What is no token of this issuer, or none any more, needs none.
 *
 * @throws OAuthFault `invalid_client`, `invalid_request`, `unauthorized_client` for somebody else's token or session
 */
export async function revoke(request: GrantRequest, context: GrantContext): Promise<OAuthResponse> {
  const { form, trail } = request
  const client = authenticated(request.client)
  const [token, sid] = [form.get('token'), form.get('sid')]
  if ((token === undefined) === (sid === undefined)) {
    throw new OAuthFault('invalid_request', 'either token or sid must be there')
  }
  if (sid !== undefined) {
    if (client.node === undefined) throw notYours()
    // No token has a longer one, and other nodes are told of it.
    if (sid.length > MAX_NAME) throw new OAuthFault('invalid_request', 'the sid is too long')
    endSession(sid, context)
    trail.end('revoked')
    return respondEmpty(200)
  }
  const claims = await readOwnToken(token ?? '', context)
  if (claims !== undefined) {
    trail.noteInput(claims)
    if (!concerns(claims, client)) throw notYours()
    revokeToken(claims, context)
  }
  trail.end('revoked')
  return respondEmpty(200)
}

function notYours(): OAuthFault {
  return refusal('unauthorized_client', 'client', 'this is not for this client to revoke')
}

function endSession(sid: string, { policy, parts }: GrantContext): void {
  // Tokens of the session that are out may be exchanged for as long as any token lives.
  const until = parts.clock() + MAX_ACCESS_LIFETIME + MAX_LEEWAY
  const { issuer } = organisationTokens({ policy, parts })
  parts.revocations.revoke({ issuer, by: 'sid', id: sid, until })
}

/** Revokes a token of the organisation, with all that descends from it if the delegation begins with it. */
function revokeToken(claims: AccessClaims, { policy, parts }: GrantContext): void {
  for (const revocation of revocationsOf(claims, policy.identifier, parts.secrets.sealing)) {
    parts.revocations.revoke(revocation)
  }
}

/**
 * What is to be revoked when a token is: the token, and where nobody has acted yet the delegation that is named after
 * it. In the middle of a chain other branches have the same name, and live on.
 *
 * @param own issuer identifier of what descends from it
 * @param secret the one `txn` is made with
 */
export function revocationsOf(
  claims: AccessClaims,
  own: string,
  secret: Buffer,
): readonly Revocation[] {
  const { iss, jti, act, txn, exp } = claims
  const until = exp + MAX_LEEWAY
  const token: Revocation = { issuer: iss, by: 'jti', id: jti, until }
  if (act !== undefined) return [token]
  const id = txn ?? delegationName(secret, { iss, jti })
  // What others made of the delegation has its name from the token alone.
  const issuers = txn === undefined ? [own] : new Set([own, iss])
  return [token, ...[...issuers].map((issuer): Revocation => ({ issuer, by: 'txn', id, until }))]
}
