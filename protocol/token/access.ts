import { z } from 'zod'
import type { JsonObject } from '../jsonrpc.ts'
import { actDepth, readAct } from './act.ts'
import { TYP, type AccessClaims } from './claims.ts'
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

/** Longest life of an access token where nothing else is said, seconds: a day. */
export const MAX_ACCESS_LIFETIME = 86_400

/** What an endpoint expects of a token (RFC 9068 §4). Times are seconds. */
export interface ExpectedAccess {
  readonly issuer: string
  /** Resource identifier of the endpoint. */
  readonly audience: string
  readonly algs: readonly string[]
  readonly now: number
  readonly leeway: number
  /** Default {@link MAX_ACCESS_LIFETIME}. */
  readonly maxLifetime?: number
  /** Actors at most. */
  readonly maxDepth: number
  /** Types taken besides `at+jwt`, for foreign issuers that know none; never one of {@link TYP}. */
  readonly otherTypes?: readonly string[]
  /** Members that are kept besides those of {@link AccessClaims}; default none. */
  readonly wanted?: ReadonlySet<string>
}

const partySchema = z
  .object({ iss: identifier.optional(), sub: visibleName.optional() })
  .transform(present)

const accessSchema = z.object({
  iss: identifier,
  sub: visibleName,
  aud: soleAudience,
  client_id: identifier.optional(),
  azp: identifier.optional(),
  jti: visibleName,
  iat: numericDate,
  exp: numericDate,
  act: z.unknown().optional(),
  may_act: partySchema.optional(),
  ...delegation,
})

/**
 * Reads the claims of an access token (RFC 9068 §2.2), of members nobody asked for none. `azp` (OpenID Connect Core §2)
 * stands in for a missing `client_id`.
 *
 * @param wanted further members to keep; default none
 * @throws TokenFault `claims`, `audience`, `scope`, `depth`
 */
export function readAccessClaims(
  payload: JsonObject,
  wanted: ReadonlySet<string> = NONE,
): AccessClaims {
  const read = readClaims(accessSchema, payload)
  const { client_id: client, azp, act, may_act: mayAct, session_expiry: sessionExpiry } = read
  const clientId = client ?? azp
  if (clientId === undefined || (azp !== undefined && azp !== clientId)) {
    throw new TokenFault('claims', 'the claim "client_id" is missing, or another than "azp"')
  }
  const { iss, sub, aud, jti, iat, exp, nbf, scope, cnf, txn, sid, mesh } = read
  const others = wanted.size === 0 ? undefined : membersOf(payload, wanted)
  const optional = {
    nbf,
    act: readAct(act, iss),
    mayAct,
    cnf,
    txn,
    sessionExpiry,
    sid,
    mesh,
    others,
  }
  return { iss, sub, aud, clientId, jti, iat, exp, scope, ...present(optional) }
}

const NONE: ReadonlySet<string> = new Set()

function membersOf(payload: JsonObject, wanted: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(payload).filter(([name]) => wanted.has(name)))
}

/** The claims as they are signed: the reverse of {@link readAccessClaims}. */
export function writeAccessClaims(claims: AccessClaims): JsonObject {
  const { clientId, scope, mayAct, sessionExpiry, others: _, ...rest } = claims
  const renamed = { may_act: mayAct, session_expiry: sessionExpiry }
  return { ...rest, client_id: clientId, scope: scope.join(' '), ...present(renamed) }
}

/**
 * What is checked before a signature is (RFC 9068 §4): type, algorithm, issuer, audience, and the depth of the chain.
 *
 * @throws TokenFault `typ`, `algorithm`, `issuer`, `audience`, `depth`
 */
export function checkAccessHeader(
  header: JoseHeader,
  claims: AccessClaims,
  expected: ExpectedAccess,
): void {
  const { typ, alg } = header
  if (typ !== TYP.accessToken && !isOtherType(typ, expected.otherTypes ?? [])) {
    throw new TokenFault('typ', 'the token is no access token')
  }
  if (!expected.algs.includes(alg)) {
    throw new TokenFault('algorithm', 'the signature algorithm is not allowed for this issuer')
  }
  if (claims.iss !== expected.issuer) {
    throw new TokenFault('issuer', 'the token is of another issuer')
  }
  if (claims.aud !== expected.audience) {
    throw new TokenFault('audience', 'the token is for another resource')
  }
  if (actDepth(claims.act) > expected.maxDepth) {
    throw new TokenFault('depth', 'the token has been passed on too often')
  }
}

const OWN_TYPES: ReadonlySet<string> = new Set(Object.values(TYP))

function isOtherType(typ: string | undefined, others: readonly string[]): boolean {
  return typ !== undefined && !OWN_TYPES.has(typ) && others.includes(typ)
}

/**
 * What is checked once the signature is verified: the dates.
 *
 * @throws TokenFault `expired`, `not_yet_valid`, `lifetime`
 */
export function checkAccessClaims(claims: AccessClaims, expected: ExpectedAccess): void {
  const { now, leeway, maxLifetime = MAX_ACCESS_LIFETIME } = expected
  checkTimes(claims, { now, leeway, maxLifetime })
}

/** Both checks in turn, for a token whose signature is verified already or stands for nothing. */
export function checkAccess(
  header: JoseHeader,
  claims: AccessClaims,
  expected: ExpectedAccess,
): void {
  checkAccessHeader(header, claims, expected)
  checkAccessClaims(claims, expected)
}
