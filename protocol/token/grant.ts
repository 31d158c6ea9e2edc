import { z } from 'zod'
import type { JsonObject } from '../jsonrpc.ts'
import { actDepth, readAct } from './act.ts'
import { TYP, type GrantClaims } from './claims.ts'
import type { JoseHeader } from './compact.ts'
import { TokenFault } from './faults.ts'
import {
  delegation,
  identifier,
  numericDate,
  present,
  readClaims,
  soleAudience,
  visibleName,
} from './fields.ts'
import { checkTimes } from './times.ts'

/** Our own grants, or those of third-party identity providers (ID-JAG). */
export type GrantProfile = 'mesh' | 'id-jag'

/** Longest life of a grant of our own profile, seconds; ours are made for 60. */
export const MAX_GRANT_LIFETIME = 120

/** Longest life of an ID-JAG, seconds. */
export const MAX_ID_JAG_LIFETIME = 300

const PROFILES = {
  mesh: { typ: TYP.grant, maxLifetime: MAX_GRANT_LIFETIME },
  'id-jag': { typ: TYP.idJag, maxLifetime: MAX_ID_JAG_LIFETIME },
} as const

/** What an issuer expects of a grant. Times are seconds. */
export interface ExpectedGrant {
  readonly profile: GrantProfile
  /** Issuer of the trust record whose keys verify it. */
  readonly issuer: string
  /** Own issuer identifier. */
  readonly audience: string
  readonly algs: readonly string[]
  readonly now: number
  readonly leeway: number
  /** Actors at most. */
  readonly maxDepth: number
}

const grantSchema = z.object({
  iss: identifier,
  sub: visibleName,
  aud: soleAudience,
  client_id: identifier,
  resource: soleAudience,
  jti: visibleName,
  iat: numericDate,
  exp: numericDate,
  act: z.unknown().optional(),
  ...delegation,
})

/**
 * Reads the claims of a grant, ours or an ID-JAG (draft-ietf-oauth-identity-assertion-authz-grant §6.1; `resource` by MCP
 * enterprise-managed authorization).
 *
 * @throws TokenFault `claims`, `audience`, `scope`, `depth`
 */
export function readGrantClaims(payload: JsonObject): GrantClaims {
  const read = readClaims(grantSchema, payload)
  const { client_id: clientId, act, session_expiry: sessionExpiry } = read
  const { iss, sub, aud, resource, jti, iat, exp, nbf, scope, cnf, txn, sid, mesh } = read
  const optional = { nbf, act: readAct(act, iss), cnf, txn, sessionExpiry, sid, mesh }
  return { iss, sub, aud, clientId, resource, jti, iat, exp, scope, ...present(optional) }
}

/** The claims as they are signed: the reverse of {@link readGrantClaims}. */
export function writeGrantClaims(claims: GrantClaims): JsonObject {
  const { clientId, scope, sessionExpiry, ...rest } = claims
  const renamed = present({ session_expiry: sessionExpiry })
  return { ...rest, client_id: clientId, scope: scope.join(' '), ...renamed }
}

/** Which profile a type is of; undefined when it is no grant. */
export function grantProfile({ typ }: JoseHeader): GrantProfile | undefined {
  if (typ === TYP.grant) return 'mesh'
  return typ === TYP.idJag ? 'id-jag' : undefined
}

/**
 * What is checked before the signature of a grant is.
 *
 * @throws TokenFault `typ`, `algorithm`, `issuer`, `audience`, `depth`
 */
export function checkGrantHeader(
  { typ, alg }: JoseHeader,
  claims: GrantClaims,
  expected: ExpectedGrant,
): void {
  if (typ !== PROFILES[expected.profile].typ) throw new TokenFault('typ', 'this is no such grant')
  if (!expected.algs.includes(alg)) {
    throw new TokenFault('algorithm', 'the signature algorithm is not allowed for this issuer')
  }
  if (claims.iss !== expected.issuer) {
    throw new TokenFault('issuer', 'the grant is of another issuer')
  }
  if (claims.aud !== expected.audience) {
    throw new TokenFault('audience', 'the grant is for another issuer')
  }
  if (actDepth(claims.act) > expected.maxDepth) {
    throw new TokenFault('depth', 'the grant has been passed on too often')
  }
}

/**
 * What is checked once the signature of a grant is verified: the dates.
 *
 * @throws TokenFault `expired`, `not_yet_valid`, `lifetime`
 */
export function checkGrantClaims(claims: GrantClaims, expected: ExpectedGrant): void {
  const { now, leeway, profile } = expected
  checkTimes(claims, { now, leeway, maxLifetime: PROFILES[profile].maxLifetime })
}
