/**
 * What an answer says of limits in its headers (draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy` §3, `RateLimit`
 * §4; RFC 9651 for how they are written; RFC 9110 §10.2.3 for `Retry-After`).
 */

import type { Quota } from './quota.ts'
import type { Rate } from './rate.ts'

/** A limit as it stands for one caller. */
export type Level =
  | {
      readonly name: string
      readonly left: number
      /** Until there is one more, µs; 0: it is full. */
      readonly moreIn: number
    }
  /** Of places nobody knows when there is one more. */
  | { readonly name: string; readonly left: number }

/** Whole seconds, never too few. */
export function secondsOf(microseconds: number): number {
  return Math.ceil(microseconds / 1_000_000)
}

/** How often a limit lets requests through. */
export function policyField({ name, rate }: Pick<Quota, 'name'> & { readonly rate: Rate }): string {
  return `"${name}";q=${rate.count};w=${Math.ceil(rate.periodMs / 1_000)}`
}

/** How many it lets be under way. One name must not stand for two policies. */
export function placesField({
  name,
  concurrent,
}: Pick<Quota, 'name'> & { readonly concurrent: number }): string {
  return `"${name}.concurrent";q=${concurrent};qu="concurrent-requests"`
}

/** How it stands. */
export function levelField(level: Level): string {
  if (!('moreIn' in level)) return `"${level.name}.concurrent";r=${level.left}`
  const wait = level.moreIn === 0 ? '' : `;t=${secondsOf(level.moreIn)}`
  return `"${level.name}";r=${level.left}${wait}`
}

const NOTHING: readonly string[] = []

/**
 * Header names and values in turn; none for no limit.
 *
 * @param policy `policyField` of each, with commas between
 * @param levels `levelField` of each, likewise
 */
export function rateLimitFields(policy: string, levels: string): readonly string[] {
  return policy === '' ? NOTHING : ['ratelimit-policy', policy, 'ratelimit', levels]
}
