// The limits of a node against a model that remembers every request, and what they forget.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RateGauge } from '../../../node/core/gauges.ts'
import { Limited, type Lease } from '../../../node/core/meter.ts'
import { call, Clock, meterOf, PER_SECOND, quota, quotasOf } from './quota-rules.ts'

function refusal(run: () => unknown): Limited {
  try {
    run()
  } catch (error) {
    if (error instanceof Limited) return error
    throw error
  }
  throw new Error('not refused')
}

/** The figure `r` of a limit in the header. */
function leftIn(lease: Lease | undefined, name: string): number {
  const field = lease?.headers[3] ?? ''
  return Number(new RegExp(`"${name}";r=(\\d+)`).exec(field)?.[1])
}

test('without limits there is no meter, and it comes and goes with them', () => {
  const quotas = quotasOf([])
  expect(quotas.meter).toBeUndefined()
  const rules = { classes: {}, tags: {} }
  quotas.configure({ ...rules, quotas: [quota('a', { rate: PER_SECOND })] })
  expect(quotas.meter).toBeDefined()
  quotas.configure({ ...rules, quotas: [] })
  expect(quotas.meter).toBeUndefined()
})

describe('a refusal', () => {
  test('names the limit, the node and the time to wait', () => {
    const meter = meterOf(
      quotasOf([quota('few', { rate: { count: 2, periodMs: 60_000, burst: 1 } })]),
    )
    meter.take(call('ann'))
    const limited = refusal(() => meter.take(call('ann')))
    expect(limited.message).toBe('limit "few" of acme/edge is used up: 2 in 1m; come again in 30 s')
    expect(limited.data).toEqual({ limit: 'few', node: 'id', retryAfterMs: 30_000 })
    expect(limited.headers).toEqual([
      'retry-after',
      '30',
      'ratelimit-policy',
      '"few";q=2;w=60',
      'ratelimit',
      '"few";r=0;t=30',
    ])
  })

  test('for want of a place knows no time', () => {
    const meter = meterOf(quotasOf([quota('few', { concurrent: 1, per: 'all' })]))
    meter.take(call('ann'))
    const limited = refusal(() => meter.take(call('bob')))
    expect(limited.message).toMatch(/1 at a time, for all callers together; wait for the answer/)
    expect(limited.data).toEqual({ limit: 'few', node: 'id' })
    expect(limited.headers).not.toContain('retry-after')
  })

  test('by several tells the longest wait, and a wait that is known before one that is not', () => {
    const clock = new Clock()
    const slow = quota('slow', { rate: { count: 1, periodMs: 9_000, burst: 1 } })
    const fast = quota('fast', { rate: { count: 1, periodMs: 3_000, burst: 1 } })
    const busy = quota('busy', { concurrent: 1 })
    for (const limits of [
      [slow, fast, busy],
      [busy, fast, slow],
      [fast, busy, slow],
    ]) {
      const meter = meterOf(quotasOf(limits, clock))
      meter.take(call('ann'))
      expect(refusal(() => meter.take(call('ann'))).quota).toBe('slow')
    }
  })
})

test('what is about nothing its caller sees is counted by no limit about something', () => {
  const limits = [quota('tools', { rate: PER_SECOND, kinds: { tools: [{ name: '*' }] } })]
  const meter = meterOf(quotasOf(limits))
  for (let count = 0; count < 9; count += 1) expect(meter.take(call('ann'))).toBeUndefined()
  meter.take(call('ann', 'fx__a'))
  meter.take(call('ann', 'fx__b'))
  expect(refusal(() => meter.take(call('ann', 'fx__c'))).quota).toBe('tools')
})

test('limits count for their classes, and callers of one are told nothing of what all share', () => {
  const shared = quota('shared', { for: ['people'], per: 'all', rate: PER_SECOND })
  const meter = meterOf(quotasOf([shared]))
  expect(meter.take(call('bob'))).toBeUndefined()
  expect(meter.take(call('ann'))?.headers).toEqual([])
})

test('what goes on with a call takes no more of a rate, but a place', () => {
  const meter = meterOf(
    quotasOf([quota('q', { rate: { ...PER_SECOND, burst: 1 }, concurrent: 1 })]),
  )
  meter.take(call('ann'))?.release()
  const again = { ...call('ann'), resumes: true }
  meter.check(again)
  const lease = meter.take(again)
  expect(refusal(() => meter.take(again)).quota).toBe('q')
  lease?.release()
  expect(meter.take(again)).toBeDefined()
})

test('to look takes nothing', () => {
  const meter = meterOf(quotasOf([quota('q', { rate: PER_SECOND, concurrent: 2 })]))
  for (let count = 0; count < 9; count += 1) meter.check(call('ann'))
  expect(leftIn(meter.take(call('ann')), 'q')).toBe(1)
})

describe('other limits', () => {
  const rules = { classes: {}, tags: {} }
  const kept = quota('kept', { rate: PER_SECOND, place: 'b.yaml:4' })

  test('leave those that stay as they are', () => {
    const quotas = quotasOf([kept])
    meterOf(quotas).take(call('ann'))
    const moved = { ...kept, place: 'b.yaml:9' }
    quotas.configure({ ...rules, quotas: [quota('new', { rate: PER_SECOND }), moved] })
    const lease = meterOf(quotas).take(call('ann'))
    expect([leftIn(lease, 'new'), leftIn(lease, 'kept')]).toEqual([1, 0])
  })

  test('begin full where they say something else', () => {
    const quotas = quotasOf([kept])
    meterOf(quotas).take(call('ann'))
    quotas.configure({ ...rules, quotas: [{ ...kept, rate: { ...PER_SECOND, burst: 3 } }] })
    expect(leftIn(meterOf(quotas).take(call('ann')), 'kept')).toBe(2)
  })

  test('take back the places that were taken before', () => {
    const busy = quota('busy', { concurrent: 1 })
    const quotas = quotasOf([busy])
    const lease = meterOf(quotas).take(call('ann'))
    quotas.configure({ ...rules, quotas: [kept, busy] })
    expect(refusal(() => meterOf(quotas).take(call('ann'))).quota).toBe('busy')
    lease?.release()
    expect(meterOf(quotas).take(call('ann'))).toBeDefined()
  })
})

describe('the memory of a rate', () => {
  const rate = { count: 1, periodMs: 1_000, burst: 1 }
  const limit = { ...quota('q', { rate }), rate }

  test('never holds more than it may, and forgets what is full first', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(40), fc.nat(400_000)), { maxLength: 200 }), (steps) => {
        const gauge = new RateGauge(limit, 16)
        const unlimited = new RateGauge(limit, 10_000)
        let now = 0
        for (const [who, pause] of steps) {
          now += pause
          const key = String(who)
          // Whoever is forgotten early is refused less, and never more.
          expect(gauge.cell(key, now).wait(now)).toBeLessThanOrEqual(
            unlimited.cell(key, now).wait(now),
          )
          if (unlimited.cell(key, now).wait(now) === 0) {
            gauge.cell(key, now).take(now)
            unlimited.cell(key, now).take(now)
          }
          expect(gauge.size).toBeLessThanOrEqual(16)
        }
      }),
    )
  })

  test('changes no decision as long as those who are not full fit in', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 200_000, max: 900_000 })), {
          maxLength: 100,
        }),
        (steps) => {
          // A bucket is full after a second: six at most are not.
          const [small, large] = [new RateGauge(limit, 10), new RateGauge(limit, 10_000)]
          let now = 0
          for (const [who, pause] of steps) {
            now += pause
            const key = String(who)
            expect(small.cell(key, now).wait(now)).toBe(large.cell(key, now).wait(now))
            if (large.cell(key, now).wait(now) > 0) continue
            small.cell(key, now).take(now)
            large.cell(key, now).take(now)
          }
        },
      ),
    )
  })
})
