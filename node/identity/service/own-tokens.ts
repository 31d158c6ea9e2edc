import { MAX_ACTORS } from '../../../protocol/token/act.ts'
import {
  checkAccessClaims,
  checkAccessHeader,
  readAccessClaims,
} from '../../../protocol/token/access.ts'
import type { AccessClaims } from '../../../protocol/token/claims.ts'
import { HEADER_TOKEN_LIMITS, readCompact } from '../../../protocol/token/compact.ts'
import { TokenFault } from '../../../protocol/token/faults.ts'
import { verifyWith } from '../jwt.ts'
import type { Client } from './roster.ts'
import type { GrantContext } from './grants.ts'

/**
 * The claims of an access token of this issuer that has not ended; undefined for whatever else somebody may send. Whether
 * it is revoked is not looked at.
 */
export async function readOwnToken(
  raw: string,
  { policy, parts }: Pick<GrantContext, 'policy' | 'parts'>,
): Promise<AccessClaims | undefined> {
  try {
    const token = readCompact(raw, HEADER_TOKEN_LIMITS)
    const claims = readAccessClaims(token.payload)
    const expected = {
      issuer: policy.identifier,
      audience: claims.aud,
      algs: ['ES256'],
      now: parts.clock(),
      leeway: 0,
      // What is signed here is known however deep it is.
      maxDepth: MAX_ACTORS,
    }
    checkAccessHeader(token.header, claims, expected)
    await verifyWith(parts.keys.ring('sts'), token)
    checkAccessClaims(claims, expected)
    return claims
  } catch (error) {
    if (error instanceof TokenFault) return undefined
    throw error
  }
}

/** Whether a token is a client's business: it was issued to it, or is for an endpoint of its own. */
export function concerns({ clientId, aud }: AccessClaims, client: Client): boolean {
  return clientId === client.id || client.node?.spends.includes(aud) === true
}
