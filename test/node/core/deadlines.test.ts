import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Deadlines, type Due } from '../../../node/core/deadlines.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

function due(): Due & { readonly seen: number[] } {
  const seen: number[] = []
  return { seen, check: (now) => void seen.push(now) }
}

test('everything open is looked at again and again, what was taken out no more', () => {
  const deadlines = new Deadlines()
  const [one, other] = [due(), due()]
  const place = deadlines.add(one)
  deadlines.add(other)
  vi.advanceTimersByTime(100)
  deadlines.delete(place)
  vi.advanceTimersByTime(100)
  expect(one.seen).toHaveLength(2)
  expect(other.seen).toHaveLength(4)
})

test('no timer is left once nothing is open, and one comes back with the next', () => {
  const deadlines = new Deadlines()
  deadlines.delete(deadlines.add(due()))
  expect(vi.getTimerCount()).toBe(1)
  vi.advanceTimersByTime(50)
  expect(vi.getTimerCount()).toBe(0)
  const again = due()
  deadlines.add(again)
  vi.advanceTimersByTime(50)
  expect(again.seen).toHaveLength(1)
})
