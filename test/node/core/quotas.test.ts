// The limits of a node against a model that remembers every request, and what they forget.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RateGauge } from '../../../node/core/gauges.ts'
import { Limited, type Lease, type Meter, type MeteredRequest } from '../../../node/core/meter.ts'
import { LOCAL_CALLER, type Principal } from '../../../node/core/principal.ts'
import { Quotas } from '../../../node/core/quotas.ts'
import { READING_HINTS } from '../../../protocol/policy/policy.ts'
import type { Quota } from '../../../protocol/quota/quota.ts'

function quota(name: string, more: Partial<Quota>): Quota {
  const plain = { for: ['*'], endpoints: ['*'], methods: undefined, kinds: {} } as const
  return { name, ...plain, per: 'caller', ...more }
}

const PER_SECOND = { count: 1, periodMs: 1_000, burst: 2 }

const KEYS = ['ann', 'bob'] as const
const people: Readonly<Record<string, Principal>> = Object.fromEntries(
  KEYS.map((name) => [name, { ...LOCAL_CALLER, subject: name, clientId: 'x', key: name }]),
)

class Clock {
  ms = 5_000
  readonly now = (): number => this.ms
}

function quotasOf(quotas: readonly Quota[], clock: Clock = new Clock()): Quotas {
  const classes = { people: [{ keys: ['ann'] }] }
  const parts = { now: clock.now, callers: 100, node: 'id', name: 'acme/edge' }
  return new Quotas({ quotas, classes, tags: {} }, parts)
}

function call(who: string, tool?: string): MeteredRequest {
  const principal = people[who] ?? LOCAL_CALLER
  const subject =
    tool === undefined ? undefined : { kind: 'tools' as const, label: tool, hints: READING_HINTS }
  return { principal, endpoint: 'main', method: 'tools/call', subject }
}

function meterOf(quotas: Quotas): Meter {
  const { meter } = quotas
  if (meter === undefined) throw new Error('nothing is limited')
  return meter
}

function refusal(run: () => unknown): Limited {
  try {
    run()
  } catch (error) {
    if (error instanceof Limited) return error
    throw error
  }
  throw new Error('not refused')
}

/** Milliseconds a refusal tells to wait; undefined when there is none. */
function waitOf(run: () => unknown): number | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (error instanceof Limited) return Number(error.data?.['retryAfterMs'])
    throw error
  }
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
  meter.take(call('ann'))?.release?.()
  const again = { ...call('ann'), resumes: true }
  meter.check(again)
  const lease = meter.take(again)
  expect(refusal(() => meter.take(again)).quota).toBe('q')
  lease?.release?.()
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
    lease?.release?.()
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
          expect(gauge.wait(key, now)).toBeLessThanOrEqual(unlimited.wait(key, now))
          if (unlimited.wait(key, now) === 0) {
            gauge.take(key, now)
            unlimited.take(key, now)
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
            expect(small.wait(key, now)).toBe(large.wait(key, now))
            if (large.wait(key, now) > 0) continue
            small.take(key, now)
            large.take(key, now)
          }
        },
      ),
    )
  })
})

describe('many limits at once', () => {
  const rate = fc.record({
    count: fc.integer({ min: 1, max: 5 }),
    periodMs: fc.constant(1_000),
    burst: fc.integer({ min: 1, max: 4 }),
  })
  const limit = fc
    .record({
      rate: fc.option(rate, { nil: undefined }),
      concurrent: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      per: fc.constantFrom('caller' as const, 'all' as const),
      tool: fc.option(fc.constantFrom('fx__a', 'fx__*'), { nil: undefined }),
    })
    .filter((one) => one.rate !== undefined || one.concurrent !== undefined)
  const limits = fc.array(limit, { minLength: 1, maxLength: 4 }).map((all) =>
    all.map(({ tool, rate: often, concurrent, per }, index) =>
      quota(`q${index}`, {
        per,
        kinds: tool === undefined ? {} : { tools: [{ name: tool }] },
        ...(often !== undefined && { rate: often }),
        ...(concurrent !== undefined && { concurrent }),
      }),
    ),
  )
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        ask: fc.constantFrom(...KEYS),
        tool: fc.constantFrom('fx__a', 'fx__b', undefined),
      }),
    },
    { weight: 2, arbitrary: fc.record({ end: fc.nat(20), twice: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ pause: fc.nat(1_500) }) },
  )

  /** What one limit remembers: everything. */
  class Memory {
    readonly #limit: Quota
    readonly #times = new Map<string, number[]>()
    readonly open = new Map<string, number>()

    constructor(one: Quota) {
      this.#limit = one
    }

    isAbout(tool: string | undefined): boolean {
      const [selector] = this.#limit.kinds.tools ?? []
      if (selector === undefined) return true
      if (tool === undefined) return false
      return selector.name === 'fx__*' || selector.name === tool
    }

    keyOf(who: string): string {
      return this.#limit.per === 'all' ? 'all' : who
    }

    /** By counting: in every stretch that ends now there is room for one more. */
    allows(who: string, now: number): boolean {
      const { rate: often, concurrent } = this.#limit
      const key = this.keyOf(who)
      if (concurrent !== undefined && (this.open.get(key) ?? 0) >= concurrent) return false
      if (often === undefined) return true
      const interval = Math.ceil((often.periodMs * 1_000) / often.count)
      const times = this.#times.get(key) ?? []
      return times.every((from, index) => {
        const many = times.length - index + 1
        return many <= often.burst + Math.floor((now * 1_000 - from * 1_000) / interval)
      })
    }

    take(who: string, now: number): void {
      const key = this.keyOf(who)
      this.#times.set(key, [...(this.#times.get(key) ?? []), now])
      this.open.set(key, (this.open.get(key) ?? 0) + 1)
    }

    end(who: string): void {
      const key = this.keyOf(who)
      this.open.set(key, (this.open.get(key) ?? 0) - 1)
    }
  }

  /** The limits under test beside their memories. */
  class Twins {
    readonly #clock = new Clock()
    readonly #meter: Meter
    readonly #memories: readonly Memory[]
    readonly #open: { lease: Lease; who: string; about: Memory[] }[] = []
    /** Requests on which the two differed. */
    readonly wrong: string[] = []

    constructor(all: readonly Quota[]) {
      this.#meter = meterOf(quotasOf(all, this.#clock))
      this.#memories = all.map((one) => new Memory(one))
    }

    pause(milliseconds: number): void {
      this.#clock.ms += milliseconds
    }

    ask(who: string, tool: string | undefined): void {
      const about = this.#memories.filter((memory) => memory.isAbout(tool))
      const allowed = about.every((memory) => memory.allows(who, this.#clock.ms))
      const lease = this.#take(who, tool)
      if ((lease === 'refused') === allowed) this.wrong.push(`${who} ${tool}`)
      if (lease === 'refused') return
      for (const memory of about) memory.take(who, this.#clock.ms)
      if (lease !== undefined) this.#open.push({ lease, who, about })
    }

    end(which: number, twice: boolean): void {
      const [ended] = this.#open.splice(which % Math.max(1, this.#open.length), 1)
      ended?.lease.release?.()
      if (twice) ended?.lease.release?.()
      for (const memory of ended?.about ?? []) memory.end(ended?.who ?? '')
    }

    /** Ends all that is open, and says who is refused long after it. */
    refusedAtLast(): readonly string[] {
      while (this.#open.length > 0) this.end(0, false)
      return KEYS.filter((who) => {
        this.pause(10_000)
        const lease = this.#take(who, 'fx__a')
        if (lease === 'refused') return true
        lease?.release?.()
        return false
      })
    }

    #take(who: string, tool: string | undefined): Lease | undefined | 'refused' {
      try {
        return this.#meter.take(call(who, tool))
      } catch (error) {
        if (error instanceof Limited) return 'refused'
        throw error
      }
    }
  }

  test('allow what each of them allows, and a refusal takes nothing; places always come back', () => {
    fc.assert(
      fc.property(limits, fc.array(step, { maxLength: 60 }), (all, steps) => {
        const twins = new Twins(all)
        for (const one of steps) {
          if ('pause' in one) twins.pause(one.pause)
          else if ('end' in one) twins.end(one.end, one.twice)
          else twins.ask(one.ask, one.tool)
        }
        expect(twins.wrong).toEqual([])
        expect(twins.refusedAtLast()).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  test('let everybody in who waits as told', () => {
    fc.assert(
      fc.property(limits, fc.nat(30), (all, times) => {
        const clock = new Clock()
        const alone = all.map((one) => ({ ...one, per: 'caller' as const }))
        const meter = meterOf(quotasOf(alone, clock))
        const waits: number[] = []
        for (let count = 0; count <= times; count += 1) {
          const wait = waitOf(() => meter.take(call('ann', 'fx__a'))?.release?.())
          if (wait === undefined) continue
          // Whole milliseconds, and never too few of them.
          clock.ms += wait
          waits.push(waitOf(() => meter.take(call('ann', 'fx__a'))?.release?.()) ?? 0)
        }
        expect(waits.filter((again) => again > 0)).toEqual([])
      }),
    )
  })
})
