import { z } from 'zod'
import type { JsonObject } from '../jsonrpc.ts'
import { TYP } from './claims.ts'
import type { JoseHeader } from './compact.ts'
import { TokenFault } from './faults.ts'
import {
  identifier,
  numericDate,
  present,
  readClaims,
  soleAudience,
  visibleName,
} from './fields.ts'
import { checkTimes } from './times.ts'

/** A client's proof of who it is (RFC 7523 §3, private_key_jwt). */
export interface AssertionClaims {
  readonly iss: string
  readonly sub: string
  readonly aud: string
  readonly jti: string
  readonly exp: number
  readonly iat?: number
  readonly nbf?: number
}

/** A workload's token of the platform it runs on (Kubernetes, SPIFFE, CI). */
export interface PlatformClaims {
  readonly iss: string
  readonly sub: string
  readonly aud: readonly string[]
  readonly exp: number
  readonly iat?: number
  readonly nbf?: number
  readonly jti?: string
}

/** Longest life of a client assertion, seconds. */
export const MAX_ASSERTION_LIFETIME = 60

/** Longest life of a platform's token, seconds: a day. */
export const MAX_PLATFORM_LIFETIME = 86_400

/** What an issuer expects of a client assertion. Times are seconds. */
export interface ExpectedAssertion {
  readonly clientId: string
  /** Own issuer identifier; never the URL of the token endpoint (rfc7523bis). */
  readonly audience: string
  readonly algs: readonly string[]
  readonly now: number
  readonly leeway: number
}

/** What an issuer expects of a platform's token. Times are seconds. */
export interface ExpectedPlatform {
  readonly issuer: string
  readonly subject: string
  /** Every audience of the token must be one of these. */
  readonly audiences: readonly string[]
  readonly algs: readonly string[]
  readonly now: number
  readonly leeway: number
  /** Default {@link MAX_PLATFORM_LIFETIME}. */
  readonly maxLifetime?: number
}

const dates = { exp: numericDate, iat: numericDate.optional(), nbf: numericDate.optional() }

const assertionSchema = z
  .object({ iss: identifier, sub: identifier, aud: soleAudience, jti: visibleName, ...dates })
  .transform(present)

const platformSchema = z
  .object({
    iss: identifier,
    sub: visibleName,
    aud: z
      .union([identifier, z.array(identifier).min(1).max(16)])
      .transform((aud) => (typeof aud === 'string' ? [aud] : aud)),
    jti: visibleName.optional(),
    ...dates,
  })
  .transform(present)

/** @throws TokenFault `claims`, `audience` */
export function readAssertionClaims(payload: JsonObject): AssertionClaims {
  return readClaims(assertionSchema, payload)
}

/** @throws TokenFault `claims`, `audience` */
export function readPlatformClaims(payload: JsonObject): PlatformClaims {
  return readClaims(platformSchema, payload)
}

/** Types under which client assertions and platform tokens go about; they were there before types were (RFC 8725). */
const UNTYPED: ReadonlySet<string | undefined> = new Set([undefined, 'jwt', 'jose'])

function checkAlg({ alg }: JoseHeader, algs: readonly string[]): void {
  if (!algs.includes(alg)) {
    throw new TokenFault('algorithm', 'the signature algorithm is not allowed for this client')
  }
}

/**
 * What is checked before the signature of a client assertion is.
 *
 * @throws TokenFault `typ`, `algorithm`, `client`, `audience`
 */
export function checkAssertionHeader(
  header: JoseHeader,
  { iss, sub, aud }: AssertionClaims,
  { algs, clientId, audience }: ExpectedAssertion,
): void {
  if (header.typ !== TYP.clientAssertion && !UNTYPED.has(header.typ)) {
    throw new TokenFault('typ', 'this is no client assertion')
  }
  checkAlg(header, algs)
  if (iss !== clientId || sub !== clientId) {
    throw new TokenFault('client', 'the assertion is of another client')
  }
  if (aud !== audience) throw new TokenFault('audience', 'the assertion is for another issuer')
}

/**
 * What is checked once the signature of a client assertion is verified: the dates.
 *
 * @throws TokenFault `expired`, `not_yet_valid`, `lifetime`
 */
export function checkAssertionClaims(claims: AssertionClaims, expected: ExpectedAssertion): void {
  const { now, leeway } = expected
  checkTimes(claims, { now, leeway, maxLifetime: MAX_ASSERTION_LIFETIME })
}

/**
 * What is checked before the signature of a platform's token is.
 *
 * @throws TokenFault `typ`, `algorithm`, `issuer`, `audience`, `subject`
 */
export function checkPlatformHeader(
  header: JoseHeader,
  { iss, sub, aud }: PlatformClaims,
  expected: ExpectedPlatform,
): void {
  if (!UNTYPED.has(header.typ)) throw new TokenFault('typ', 'this is no token of a platform')
  checkAlg(header, expected.algs)
  if (iss !== expected.issuer) throw new TokenFault('issuer', 'the token is of another issuer')
  if (!aud.every((one) => expected.audiences.includes(one))) {
    throw new TokenFault('audience', 'the token is for others too')
  }
  if (sub !== expected.subject) throw new TokenFault('subject', 'the token is of another workload')
}

/**
 * What is checked once the signature of a platform's token is verified: the dates.
 *
 * @throws TokenFault `expired`, `not_yet_valid`, `lifetime`
 */
export function checkPlatformClaims(claims: PlatformClaims, expected: ExpectedPlatform): void {
  const { now, leeway, maxLifetime = MAX_PLATFORM_LIFETIME } = expected
  checkTimes(claims, { now, leeway, maxLifetime })
}
