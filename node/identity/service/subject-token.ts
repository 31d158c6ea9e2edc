import {
  checkAccessClaims,
  checkAccessHeader,
  readAccessClaims,
} from '../../../protocol/token/access.ts'
import type { AccessClaims } from '../../../protocol/token/claims.ts'
import { HEADER_TOKEN_LIMITS, readCompact } from '../../../protocol/token/compact.ts'
import { TokenFault } from '../../../protocol/token/faults.ts'
import { present } from '../../../protocol/token/fields.ts'
import { parentOf, type Parent } from '../../../protocol/token/narrow.ts'
import type { NodeClient } from '../../core/config-identity-types.ts'
import { verifyWith } from '../jwt.ts'
import type { GrantContext } from './grants.ts'
import { organisationTokens } from './own-tokens.ts'

/** A subject token that was verified, and what it is worth. */
export interface Subject {
  readonly claims: AccessClaims
  readonly parent: Parent
}

/**
 * Verifies a subject token: an access token for an endpoint of the very node that presents it, of the one issuer that
 * endpoint takes tokens of. What it is bound to is the previous caller's key, which the node cannot prove again; that
 * the node is authenticated and the token is for it stand in for the proof.
 *
 * @throws TokenFault; Fault `upstream_*` when keys cannot be fetched
 */
export async function readSubjectToken(
  raw: string,
  node: NodeClient,
  context: GrantContext,
): Promise<Subject> {
  const { policy, parts } = context
  const token = readCompact(raw, HEADER_TOKEN_LIMITS)
  const claims = readAccessClaims(token.payload)
  if (!node.spends.includes(claims.aud)) {
    throw new TokenFault('audience', 'the subject token is not for an endpoint of this client')
  }
  const foreign = context.endpoints.find(({ resource }) => resource === claims.aud)?.subjects
  const rule = foreign ?? organisationTokens(context)
  const { issuer, algs, otherTypes } = rule
  const expected = {
    issuer,
    algs,
    audience: claims.aud,
    now: parts.clock(),
    leeway: policy.leeway,
    maxDepth: policy.maxDepth,
    ...present({ otherTypes }),
  }
  checkAccessHeader(token.header, claims, expected)
  await verifyWith(rule.keys, token)
  checkAccessClaims(claims, expected)
  if (parts.revocations.isRevoked(claims)) throw new TokenFault('revoked', 'the token is revoked')
  const parent = parentOf(claims, foreign === undefined ? 'own' : 'edge')
  return { claims, parent: { ...parent, scopes: rule.scopes(parent.scopes, node.scopeMap) } }
}
