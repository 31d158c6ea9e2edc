import { MAX_ACTORS } from '../../../protocol/token/act.ts'
import {
  checkAccessClaims,
  checkAccessHeader,
  readAccessClaims,
} from '../../../protocol/token/access.ts'
import type { AccessClaims } from '../../../protocol/token/claims.ts'
import { HEADER_TOKEN_LIMITS, readCompact } from '../../../protocol/token/compact.ts'
import { TokenFault } from '../../../protocol/token/faults.ts'
import { present } from '../../../protocol/token/fields.ts'
import { verifyWith } from '../jwt.ts'
import type { Client } from './roster.ts'
import type { GrantContext } from './grants.ts'
import type { SubjectIssuer } from './settings.ts'

/** The tokens of the organisation: of this service, or of the authorization server it signs grants for. */
export function organisationTokens({
  policy,
  parts,
}: Pick<GrantContext, 'policy' | 'parts'>): SubjectIssuer {
  const { subjects, identifier: issuer } = policy
  if (subjects !== undefined) return subjects
  const keys = parts.keys.ring('sts')
  return { issuer, keys, algs: ['ES256'], scopes: (scopes) => scopes }
}

/**
 * The claims of an access token of the organisation that has not ended; undefined for whatever else somebody may send. Whether
 * it is revoked is not looked at.
 */
export async function readOwnToken(
  raw: string,
  { policy, parts }: Pick<GrantContext, 'policy' | 'parts'>,
): Promise<AccessClaims | undefined> {
  try {
    const token = readCompact(raw, HEADER_TOKEN_LIMITS)
    const claims = readAccessClaims(token.payload)
    const { issuer, keys, algs, otherTypes } = organisationTokens({ policy, parts })
    const expected = {
      issuer,
      audience: claims.aud,
      algs,
      now: parts.clock(),
      leeway: 0,
      // What is signed here is known however deep it is.
      maxDepth: MAX_ACTORS,
      ...present({ otherTypes }),
    }
    checkAccessHeader(token.header, claims, expected)
    await verifyWith(keys, token)
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
