import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ParkedCalls, type Parked } from '../../../node/hop/parked-calls.ts'
import { faultOf } from '../../protocol/fault.ts'

function call(owner: string, round = 1, abandon = (): void => undefined): Parked {
  return { owner, round, abandon }
}

describe('parked calls', () => {
  test('are taken once, by their owner, in their round', () => {
    const lot = new ParkedCalls(2)
    const mine = call('me')
    const id = lot.park(mine)
    expect(lot.take(id, 'you', 1)).toBeUndefined()
    expect(lot.take(id, 'me', 2)).toBeUndefined()
    expect(lot.take('', 'me', 1)).toBeUndefined()
    expect(lot.take(id, 'me', 1)).toBe(mine)
    expect(lot.take(id, 'me', 1)).toBeUndefined()
    expect(lot.size).toBe(0)
  })

  test('are limited for each owner alone', () => {
    const lot = new ParkedCalls(2)
    const first = lot.park(call('me'))
    lot.park(call('me'))
    expect(faultOf(() => lot.park(call('me')))?.code).toBe('overloaded')
    lot.park(call('you'))
    lot.drop(first)
    lot.park(call('me'))
    expect(lot.size).toBe(3)
  })

  test('are ended with the node', () => {
    const lot = new ParkedCalls(2)
    const ended: number[] = []
    lot.park(call('me', 1, () => ended.push(1)))
    lot.drop(lot.park(call('me', 1, () => ended.push(2))))
    lot.close()
    expect([ended, lot.size]).toEqual([[1], 0])
  })

  test('law: when all are dropped or taken, as many fit as before', () => {
    const step = fc.record({
      owner: fc.constantFrom('a', 'b'),
      take: fc.boolean(),
      twice: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const lot = new ParkedCalls(1)
        for (const { owner, take, twice } of steps) {
          const id = lot.park(call(owner))
          if (take) lot.take(id, owner, 1)
          else lot.drop(id)
          if (twice) lot.drop(id)
        }
        expect(lot.size).toBe(0)
        lot.park(call('a'))
        lot.park(call('b'))
        expect(lot.size).toBe(2)
      }),
    )
  })
})
