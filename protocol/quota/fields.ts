/**
 * What an answer says of limits in its headers (draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy` §3, `RateLimit`
 * §4; RFC 9651 for how they are written; RFC 9110 §10.2.3 for `Retry-After`).
 */

import type { Rate } from './rate.ts'

/** A limit as it stands for one caller. */
export type Level =
  | {
      readonly name: string
      readonly rate: Rate
      readonly left: number
      /** Until there is one more, µs; 0: it is full. */
      readonly moreIn: number
    }
  | { readonly name: string; readonly concurrent: number; readonly left: number }

/** Whole seconds, never too few. */
export function secondsOf(microseconds: number): number {
  return Math.ceil(microseconds / 1_000_000)
}

/** What a limit is. */
export function policyField(level: Level): string {
  if ('concurrent' in level) {
    return `"${level.name}.concurrent";q=${level.concurrent};qu="concurrent-requests"`
  }
  const { count, periodMs } = level.rate
  return `"${level.name}";q=${count};w=${Math.ceil(periodMs / 1_000)}`
}

/** How it stands. */
export function levelField(level: Level): string {
  if ('concurrent' in level) return `"${level.name}.concurrent";r=${level.left}`
  const wait = level.moreIn === 0 ? '' : `;t=${secondsOf(level.moreIn)}`
  return `"${level.name}";r=${level.left}${wait}`
}

const NOTHING: readonly string[] = []

/** Header names and values in turn; none for no limit. */
export function rateLimitFields(levels: readonly Level[]): readonly string[] {
  if (levels.length === 0) return NOTHING
  const policy = levels.map(policyField).join(', ')
  return ['ratelimit-policy', policy, 'ratelimit', levels.map(levelField).join(', ')]
}
