// Many limits at once, held against a model that remembers every request.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Limited, type Lease, type Meter } from '../../../node/core/meter.ts'
import type { Quota } from '../../../protocol/quota/quota.ts'
import { call, Clock, KEYS, meterOf, quota, quotasOf } from './quota-rules.ts'

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
      ended?.lease.release()
      if (twice) ended?.lease.release()
      for (const memory of ended?.about ?? []) memory.end(ended?.who ?? '')
    }

    /** Ends all that is open, and says who is refused long after it. */
    refusedAtLast(): readonly string[] {
      while (this.#open.length > 0) this.end(0, false)
      return KEYS.filter((who) => {
        this.pause(10_000)
        const lease = this.#take(who, 'fx__a')
        if (lease === 'refused') return true
        lease?.release()
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
          const wait = waitOf(() => meter.take(call('ann', 'fx__a'))?.release())
          if (wait === undefined) continue
          // Whole milliseconds, and never too few of them.
          clock.ms += wait
          waits.push(waitOf(() => meter.take(call('ann', 'fx__a'))?.release()) ?? 0)
        }
        expect(waits.filter((again) => again > 0)).toEqual([])
      }),
    )
  })
})
