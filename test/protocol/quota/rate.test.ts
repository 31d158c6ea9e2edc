// The rate of a limit, held against one that remembers everything.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ALWAYS_FULL,
  Bucket,
  intervalOf,
  isFull,
  type FullAt,
  type Rate,
} from '../../../protocol/quota/rate.ts'

const rate: fc.Arbitrary<Rate> = fc.record({
  count: fc.integer({ min: 1, max: 50 }),
  periodMs: fc.integer({ min: 1, max: 5_000 }),
  burst: fc.integer({ min: 1, max: 8 }),
})

/** Pauses between requests, µs; many of them shorter than what one request takes. */
const pauses = fc.array(fc.oneof(fc.constant(0), fc.nat(20_000), fc.nat(2_000_000)), {
  maxLength: 60,
})

/** Asks at each time, and says when it was let through. */
function admitted(limit: Rate, waits: readonly number[]): number[] {
  const bucket = new Bucket(limit)
  let fullAt: FullAt = ALWAYS_FULL
  let now = 1_000_000
  return waits.flatMap((pause) => {
    now += pause
    if (bucket.wait(fullAt, now) > 0) return []
    fullAt = bucket.take(fullAt, now)
    return [now]
  })
}

/** A token bucket that is filled by hand, in fractions without rounding: units of one interval are `interval` wide. */
function byTokens(limit: Rate, waits: readonly number[]): number[] {
  const interval = intervalOf(limit)
  const most = limit.burst * interval
  let tokens = most
  let now = 1_000_000
  let last = now
  return waits.flatMap((pause) => {
    now += pause
    tokens = Math.min(most, tokens + now - last)
    last = now
    if (tokens < interval) return []
    tokens -= interval
    return [now]
  })
}

describe('a rate', () => {
  test('lets through what a token bucket does, request by request', () => {
    fc.assert(
      fc.property(rate, pauses, (limit, waits) => {
        expect(admitted(limit, waits)).toEqual(byTokens(limit, waits))
      }),
    )
  })

  test('lets through no more than the burst and its rate, in any stretch of time', () => {
    fc.assert(
      fc.property(rate, pauses, (limit, waits) => {
        const times = admitted(limit, waits)
        for (const [first, from] of times.entries()) {
          for (const [last, until] of times.entries()) {
            if (last < first) continue
            const most = limit.burst + ((until - from) * limit.count) / (limit.periodMs * 1_000)
            expect(last - first + 1).toBeLessThanOrEqual(most)
          }
        }
      }),
    )
  })

  test('refuses nobody who waits as told, and anybody who comes earlier', () => {
    fc.assert(
      fc.property(rate, pauses, (limit, waits) => {
        const bucket = new Bucket(limit)
        let fullAt: FullAt = ALWAYS_FULL
        let now = 0
        for (const pause of waits) {
          now += pause
          const wait = bucket.wait(fullAt, now)
          const isTooLong = wait > 0 && bucket.wait(fullAt, now + wait - 1) !== 1
          expect(isTooLong).toBe(false)
          now += wait
          expect(bucket.wait(fullAt, now)).toBe(0)
          fullAt = bucket.take(fullAt, now)
        }
      }),
    )
  })

  test('says how many are left, and when there is one more', () => {
    fc.assert(
      fc.property(rate, pauses, (limit, waits) => {
        const bucket = new Bucket(limit)
        let fullAt: FullAt = ALWAYS_FULL
        let now = 0
        for (const pause of waits) {
          now += pause
          const left = bucket.left(fullAt, now)
          expect(left > 0).toBe(bucket.wait(fullAt, now) === 0)
          const more = bucket.untilMore(fullAt, now)
          expect(more === 0).toBe(left === limit.burst)
          // One more is there then, and not before.
          const before = bucket.left(fullAt, now + Math.max(0, more - 1))
          expect([before, bucket.left(fullAt, now + more)]).toEqual([
            left,
            more > 0 ? left + 1 : left,
          ])
          if (left > 0) fullAt = bucket.take(fullAt, now)
        }
      }),
    )
  })

  test('is the same for a bucket that is full again and for one nobody took from', () => {
    fc.assert(
      fc.property(rate, pauses, fc.nat(10_000_000), (limit, waits, later) => {
        const bucket = new Bucket(limit)
        const fullAt = waits.reduce<FullAt>((at, pause) => bucket.take(at, pause), ALWAYS_FULL)
        const now = fullAt + later
        expect(isFull(fullAt, now)).toBe(true)
        expect(bucket.wait(fullAt, now)).toBe(bucket.wait(ALWAYS_FULL, now))
        expect(bucket.left(fullAt, now)).toBe(limit.burst)
        expect(bucket.take(fullAt, now)).toBe(bucket.take(ALWAYS_FULL, now))
      }),
    )
  })
})
