import { refusal } from '../../../protocol/token/refusals.ts'
import { MAX_REVOKED, writeRevocationList } from '../../../protocol/token/revocation-list.ts'
import type { OAuthResponse } from '../../core/authentication.ts'
import { authenticated, type GrantContext, type GrantRequest } from './grants.ts'
import { respond } from './rescue.ts'

/**
 * What was revoked here since a node of the organisation asked last, so that it refuses it too. Leaves no line in the
 * audit: nothing is decided, and each node asks all day.
 *
 * @throws OAuthFault `invalid_client`, `unauthorized_client` for who is no node of the organisation
 */
export async function listRevocations(
  { client, form }: GrantRequest,
  { parts }: GrantContext,
): Promise<OAuthResponse> {
  if (authenticated(client).node === undefined) {
    throw refusal('unauthorized_client', 'client', 'this client is told of no revocations')
  }
  const list = parts.revocations.since(form.get('cursor'), MAX_REVOKED)
  return respond(200, writeRevocationList(list))
}
