// What every memory of what may be used once promises, wherever it keeps it.
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ReplayMemory } from '../../node/identity/replay.ts'
import { Fault } from '../../protocol/errors.ts'
import { TokenFault } from '../../protocol/token/faults.ts'

/** How a memory under contract is made. */
export interface ReplayBounds {
  /** Seconds since 1970. */
  readonly clock: () => number
  readonly capacity: number
}

/** Runs the contract over one kind of memory. */
export function replayContract(name: string, make: (bounds: ReplayBounds) => ReplayMemory): void {
  describe(`replay memory: ${name}`, () => {
    let now = 1_000_000
    let memory: ReplayMemory

    function start(capacity = 1_000): void {
      memory = make({ clock: () => now, capacity })
    }

    async function tried(scope: string, id: string, until: number): Promise<string> {
      try {
        await memory.remember(scope, id, until)
        return 'new'
      } catch (error) {
        if (error instanceof TokenFault) return error.problem
        if (error instanceof Fault) return error.code
        throw error
      }
    }

    beforeEach(() => {
      now = 1_000_000
    })
    afterEach(() => memory.close())

    test('an id is new once, up to its time', async () => {
      start()
      expect(await tried('a', 'x', now + 60)).toBe('new')
      expect(await tried('a', 'x', now + 60)).toBe('replayed')
      now += 59
      expect(await tried('a', 'x', now + 60)).toBe('replayed')
      now += 1
      expect(await tried('a', 'x', now + 60)).toBe('new')
      now += 59
      expect(await tried('a', 'x', now + 60)).toBe('replayed')
    })

    test('ids of others are others, however they are put together', async () => {
      start()
      const pairs = [
        ['a', 'b'],
        ['b', 'a'],
        ['', 'ab'],
        ['ab', ''],
        ['a\0b', ''],
        ['a', '\0b'],
        ['1 a', 'b'],
        ['a', 'b'.repeat(300)],
        ['a', 'b'.repeat(301)],
        ['__proto__', 'constructor'],
      ] as const
      for (const [scope, id] of pairs) expect(await tried(scope, id, now + 9)).toBe('new')
      for (const [scope, id] of pairs) expect(await tried(scope, id, now + 9)).toBe('replayed')
    })

    test('what is over already is refused', async () => {
      start()
      expect(await tried('a', 'x', now)).toBe('expired')
      expect(await tried('a', 'y', now - 5)).toBe('expired')
      expect(await tried('a', 'z', Number.NaN)).toBe('expired')
    })

    test('a full memory refuses, and forgets nobody before the time', async () => {
      start(10)
      for (let id = 0; id < 10; id += 1) expect(await tried('a', `${id}`, now + 60)).toBe('new')
      expect(await tried('a', 'more', now + 60)).toBe('overloaded')
      for (let id = 0; id < 10; id += 1)
        expect(await tried('a', `${id}`, now + 60)).toBe('replayed')
      // At the latest when the ten seconds are over that end together.
      now += 70
      expect(await tried('a', 'more', now + 60)).toBe('new')
    })

    test('attack 12: of fifty at once exactly one gets through', async () => {
      start()
      const all = await Promise.all(
        Array.from({ length: 50 }, () => tried('https://a.example', 'grant', now + 60)),
      )
      expect(all.filter((outcome) => outcome === 'new')).toHaveLength(1)
      expect(all.filter((outcome) => outcome === 'replayed')).toHaveLength(49)
    })

    test('law: it says what a list of everything would say', async () => {
      const step = fc.record({
        wait: fc.nat(15),
        scope: fc.constantFrom('a', 'b'),
        id: fc.constantFrom('x', 'y', 'z'),
        life: fc.integer({ min: 1, max: 40 }),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
          start()
          const model = new Map<string, number>()
          for (const { wait, scope, id, life } of steps) {
            now += wait
            const key = JSON.stringify([scope, id])
            const expected = (model.get(key) ?? 0) > now ? 'replayed' : 'new'
            expect(await tried(scope, id, now + life)).toBe(expected)
            if (expected === 'new') model.set(key, now + life)
          }
          memory.close()
        }),
      )
    })
  })
}
