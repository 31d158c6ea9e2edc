import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  MAX_DURATION,
  formatDuration,
  formatSize,
  parseDuration,
  parseSize,
} from '../../../node/core/units.ts'

describe('durations', () => {
  test.each([
    ['0ms', 0],
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['24h', 86_400_000],
    ['7d', 604_800_000],
  ])('%s is %d ms', (text, value) => {
    expect(parseDuration(text)).toEqual({ ok: true, value })
  })

  test.each([[30], ['30'], [0]])('%j has no unit, and the hint adds one', (input) => {
    expect(parseDuration(input)).toEqual({
      ok: false,
      message: 'a duration needs a unit',
      hint: `write "${input}s" or "${input}ms"`,
    })
  })

  test.each([
    [''],
    ['s'],
    ['-1s'],
    ['1.5s'],
    ['1 s'],
    ['1S'],
    ['1min'],
    ['1s1ms'],
    ['1constructor'],
    [' 1s'],
    ['1s\n'],
    [null],
    [undefined],
    [true],
    [{}],
    [['1s']],
  ])('%j is refused', (input) => {
    expect(parseDuration(input)).toMatchObject({ ok: false, message: 'not a duration' })
  })

  test('what no timer can wait is refused', () => {
    expect(parseDuration(`${MAX_DURATION}ms`)).toEqual({ ok: true, value: MAX_DURATION })
    expect(parseDuration(`${MAX_DURATION + 1}ms`)).toMatchObject({ ok: false })
    expect(parseDuration('999999999999d')).toMatchObject({ ok: false })
  })

  test('law: formatting and parsing are inverse', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: MAX_DURATION }), (value) => {
        expect(parseDuration(formatDuration(value))).toEqual({ ok: true, value })
      }),
    )
  })
})

describe('sizes', () => {
  test.each([
    [0, 0],
    [1_024, 1_024],
    ['17B', 17],
    ['64KiB', 65_536],
    ['4MiB', 4_194_304],
    ['1GiB', 1_073_741_824],
  ])('%s is %d bytes', (input, value) => {
    expect(parseSize(input)).toEqual({ ok: true, value })
  })

  test.each([
    ['4MB'],
    ['4mib'],
    ['4'],
    ['1.5MiB'],
    ['-1B'],
    [-1],
    [1.5],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    ['999999999999GiB'],
    ['1toString'],
    [null],
    [undefined],
    [[]],
  ])('%j is refused', (input) => {
    expect(parseSize(input)).toMatchObject({ ok: false, message: 'not a size' })
  })

  test('law: formatting and parsing are inverse', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999_999 }), (value) => {
        expect(parseSize(formatSize(value))).toEqual({ ok: true, value })
      }),
    )
  })
})
