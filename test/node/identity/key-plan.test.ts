import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  currentKey,
  KEY_LEAD_SECONDS,
  keysWithout,
  plannedKeys,
  publishedKeys,
  rotatedKeys,
  type KeyPlanner,
  type PlannedKey,
} from '../../../node/identity/key-plan.ts'

const LIFETIME = 30 * 86_400
const OVERLAP = 125

function planner(): KeyPlanner<PlannedKey> {
  let made = 0
  return {
    lifetime: LIFETIME,
    lead: KEY_LEAD_SECONDS,
    overlap: OVERLAP,
    make: (madeAt, usedFrom) => ({ kid: `key ${(made += 1)}`, madeAt, usedFrom }),
  }
}

const kids = (keys: readonly PlannedKey[]): string[] => keys.map(({ kid }) => kid)

describe('the plan', () => {
  test('the first key signs at once', () => {
    const plan = planner()
    const keys = plannedKeys([], 1_000, plan)
    expect(keys).toEqual([{ kid: 'key 1', madeAt: 1_000, usedFrom: 1_000 }])
    expect(plannedKeys(keys, 1_000, plan)).toBe(keys)
  })

  test('the next is published fifteen minutes ahead, and the old one is kept until its tokens are gone', () => {
    const plan = planner()
    const start = 1_000
    const end = start + LIFETIME
    let keys = plannedKeys([], start, plan)
    expect(plannedKeys(keys, end - KEY_LEAD_SECONDS - 1, plan)).toBe(keys)
    keys = plannedKeys(keys, end - KEY_LEAD_SECONDS, plan)
    expect(keys[1]).toEqual({ kid: 'key 2', madeAt: end - KEY_LEAD_SECONDS, usedFrom: end })
    expect(currentKey(keys, end - 1).kid).toBe('key 1')
    expect(kids(publishedKeys(keys, end - 1, plan))).toEqual(['key 1', 'key 2'])
    expect(currentKey(keys, end).kid).toBe('key 2')
    expect(kids(publishedKeys(keys, end + OVERLAP - 1, plan))).toEqual(['key 1', 'key 2'])
    expect(kids(plannedKeys(keys, end + OVERLAP, plan))).toEqual(['key 2'])
  })

  test('after a long time off the old key signs until the next has been published long enough', () => {
    const plan = planner()
    const now = 10 * LIFETIME
    const keys = plannedKeys(plannedKeys([], 0, plan), now, plan)
    expect(currentKey(keys, now).kid).toBe('key 1')
    expect(keys[1]?.usedFrom).toBe(now + KEY_LEAD_SECONDS)
  })

  test('rotation makes one next key, however often it is asked for', () => {
    const plan = planner()
    const once = rotatedKeys(plannedKeys([], 0, plan), 5_000, plan)
    expect(once[1]?.usedFrom).toBe(5_000 + KEY_LEAD_SECONDS)
    expect(rotatedKeys(once, 5_100, plan)).toBe(once)
  })

  test('rotation brings a planned key forward, as far as its publication allows', () => {
    const plan = planner()
    const line = [
      { kid: 'a', madeAt: 0, usedFrom: 0 },
      { kid: 'b', madeAt: 1_000, usedFrom: 90_000 },
    ]
    expect(rotatedKeys(line, 1_100, plan)[1]?.usedFrom).toBe(1_000 + KEY_LEAD_SECONDS)
    expect(rotatedKeys(line, 50_000, plan)[1]?.usedFrom).toBe(50_000)
  })

  test('a key that is removed signs no more: the next one does, never an old one', () => {
    const plan = planner()
    const line = [
      { kid: 'old', madeAt: 0, usedFrom: 0 },
      { kid: 'current', madeAt: 100, usedFrom: 1_000 },
      { kid: 'next', madeAt: 1_005, usedFrom: 3_000 },
    ]
    const without = keysWithout(line, 'current', 1_010, plan)
    expect(currentKey(without, 1_010).kid).toBe('next')
    expect(kids(without)).toEqual(['old', 'next'])
    const fresh = keysWithout(line.slice(0, 2), 'current', 1_010, plan)
    expect(currentKey(fresh, 1_010).kid).toBe('key 1')
    expect(currentKey(keysWithout(line, 'next', 1_010, plan), 1_010).kid).toBe('current')
    expect(keysWithout(line, 'none', 1_010, plan)).toBe(line)
  })

  test('a clock that was set back finds a key nevertheless', () => {
    expect(currentKey([{ kid: 'a', madeAt: 5_000, usedFrom: 5_000 }], 10).kid).toBe('a')
  })
})

const step = fc.record({
  wait: fc.oneof(fc.nat(2_000), fc.nat(2 * LIFETIME)),
  what: fc.constantFrom('plan', 'plan', 'rotate'),
})

test('law: whoever looks every ten minutes knows each key before it signs, and as long as its tokens live', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const plan = planner()
      let now = 1_000
      let keys = plannedKeys([], now, plan)
      /** When each key signed for the last time. */
      const lastSigned = new Map([[currentKey(keys, now).kid, now]])
      const first = kids(keys)[0]
      for (const { wait, what } of steps) {
        now += wait
        const signer = currentKey(keys, now)
        // Published for ten minutes at least, except for the very first.
        expect(signer.kid === first || now - signer.madeAt >= 600).toBe(true)
        lastSigned.set(signer.kid, now)
        const needed = [...lastSigned].filter(([, at]) => now - at < OVERLAP).map(([kid]) => kid)
        expect(kids(publishedKeys(keys, now, plan))).toEqual(expect.arrayContaining(needed))
        keys = plannedKeys(keys, now, plan)
        if (what === 'rotate') keys = rotatedKeys(keys, now, plan)
        expect(kids(keys)).toContain(signer.kid)
        expect(keys.length).toBeLessThanOrEqual(4)
      }
    }),
  )
})
