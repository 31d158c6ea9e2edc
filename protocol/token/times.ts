import { TokenFault } from './faults.ts'

/** How times are judged; all are seconds. */
export interface Clockwork {
  /** Seconds since 1970. */
  readonly now: number
  /** How far the clock of whoever signed may be off. */
  readonly leeway: number
  /** Longest life from issue to expiry. */
  readonly maxLifetime: number
}

/** The longest leeway that may be configured, seconds. */
export const MAX_LEEWAY = 60

interface Dates {
  readonly iat?: number | undefined
  readonly nbf?: number | undefined
  readonly exp: number
}

/**
 * Judges the dates of a token (RFC 7519 §4.1.4–6). jose passes an `iat` in the future and an `exp` in ten years.
 *
 * @throws TokenFault `expired`, `not_yet_valid`, `lifetime`
 */
export function checkTimes({ iat, nbf, exp }: Dates, rule: Clockwork): void {
  const { now, maxLifetime } = rule
  const leeway = Math.min(rule.leeway, MAX_LEEWAY)
  if (exp + leeway <= now) throw new TokenFault('expired', 'the token has expired')
  if (Math.max(iat ?? 0, nbf ?? 0) > now + leeway) {
    throw new TokenFault('not_yet_valid', 'the token is not valid yet')
  }
  // Without a date of issue the life still ahead is all there is to measure.
  const issued = iat ?? now + leeway
  if (exp - issued > maxLifetime) throw new TokenFault('lifetime', 'the token lives too long')
}
