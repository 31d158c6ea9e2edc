import { Fault } from '../../../protocol/errors.ts'
import {
  checkAccessClaims,
  checkAccessHeader,
  readAccessClaims,
  type ExpectedAccess,
} from '../../../protocol/token/access.ts'
import type { AccessClaims } from '../../../protocol/token/claims.ts'
import { readCompact, TOKEN_DEPTH } from '../../../protocol/token/compact.ts'
import { TokenFault } from '../../../protocol/token/faults.ts'
import { verifyWith, type KeyFinder } from '../jwt.ts'
import { unverifiable } from './unverifiable.ts'

/** What an endpoint takes, but for the time. */
export interface AccessRules extends Omit<ExpectedAccess, 'now'> {
  /** Of the one issuer. */
  readonly keys: KeyFinder
  /** Longest token, bytes. */
  readonly maxBytes: number
}

/**
 * Verifies an access token (RFC 9068 §4): size and grammar, type, algorithm, issuer, audience, depth, then the signature,
 * then the dates. Nothing is fetched, and no signature computed, for a token of another issuer or resource. That its sender
 * is the one it is bound to is for the caller to check.
 *
 * @param clock seconds since 1970
 * @throws TokenFault; Fault `overloaded` when no keys of the issuer can be had. A promise rejects with them.
 */
export function verifyAccessToken(
  raw: string,
  rules: AccessRules,
  clock: () => number,
): AccessClaims | Promise<AccessClaims> {
  const token = readCompact(raw, { bytes: rules.maxBytes, depth: TOKEN_DEPTH })
  const claims = readAccessClaims(token.payload, rules.wanted)
  checkAccessHeader(token.header, claims, { ...rules, now: clock() })
  const dated = (): AccessClaims => {
    const now = clock()
    checkAccessClaims(claims, { ...rules, now })
    const { sessionExpiry = Infinity } = claims
    if (sessionExpiry + rules.leeway <= now) throw new TokenFault('expired', 'the session is over')
    return claims
  }
  try {
    const key = verifyWith(rules.keys, token)
    return key instanceof Promise ? key.then(dated, refuseKeys) : dated()
  } catch (error) {
    return refuseKeys(error)
  }
}

function refuseKeys(cause: unknown): never {
  if (cause instanceof TokenFault || !(cause instanceof Fault)) throw cause
  throw unverifiable(cause)
}
