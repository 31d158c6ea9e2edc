import { array, assert, double, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { difference, paired, quantile, ratio, spread } from './stats.ts'

const figures = array(double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 })

describe('quantile', () => {
  test.each([
    [[7], 0.5, 7],
    [[1, 2, 3], 0.5, 2],
    [[1, 2, 3, 4], 0.5, 2.5],
    [[0, 10], 0.99, 9.9],
    [[1, 2, 3], 0, 1],
    [[1, 2, 3], 1, 3],
    [[1, 2, 3], 7, 3],
  ])('of %j at %d is %d', (samples, q, expected) => {
    expect(quantile(samples, q)).toBeCloseTo(expected, 9)
  })

  test('refuses no samples', () => {
    expect(() => quantile([], 0.5)).toThrow(RangeError)
  })

  test('lies between its neighbours and grows with the share', () => {
    assert(
      property(figures, double({ min: 0, max: 1, noNaN: true }), (values, q) => {
        const sorted = Float64Array.from(values).toSorted()
        const value = quantile(sorted, q)
        expect(value).toBeGreaterThanOrEqual(quantile(sorted, 0))
        expect(value).toBeLessThanOrEqual(quantile(sorted, 1) + 1e-6)
        expect(quantile(sorted, q / 2)).toBeLessThanOrEqual(value + 1e-6)
      }),
    )
  })
})

describe('spread', () => {
  test('sorts by value, not as text', () => {
    expect(spread([10, 9, 100])).toEqual({ median: 10, min: 9, max: 100 })
  })

  test('leaves its input alone', () => {
    const values = [3, 1, 2]
    spread(values)
    expect(values).toEqual([3, 1, 2])
  })

  test('does not depend on the order', () => {
    assert(
      property(figures, (values) => {
        expect(spread(values.toReversed())).toEqual(spread(values))
      }),
    )
  })
})

describe('paired', () => {
  test('cancels what slows a whole round down', () => {
    const slow = [1, 3, 0.5]
    const relay = slow.map((factor) => 60 * factor)
    const floor = slow.map((factor) => 40 * factor)
    expect(paired(relay, floor, ratio)).toEqual({ median: 1.5, min: 1.5, max: 1.5 })
  })

  test('takes the median of the differences, not the difference of the medians', () => {
    expect(paired([10, 20, 90], [1, 15, 10], difference).median).toBe(9)
  })

  test('refuses series of different length', () => {
    expect(() => paired([1], [1, 2], ratio)).toThrow(RangeError)
  })
})
