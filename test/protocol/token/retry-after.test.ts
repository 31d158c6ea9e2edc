import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readRetryAfter } from '../../../protocol/token/retry-after.ts'

const HOUR = 3_600_000

describe('when to come again', () => {
  test('law: is as many seconds as are said, and no more than an hour', () => {
    fc.assert(
      fc.property(fc.nat(2_000_000), (seconds) => {
        expect(readRetryAfter(String(seconds), undefined)).toBe(Math.min(seconds * 1_000, HOUR))
      }),
    )
  })

  test('law: is the time from one date of the server to the other, whatever its clock says', () => {
    const at = fc.date({
      min: new Date('1990-01-01T00:00:00Z'),
      max: new Date('2090-01-01T00:00:00Z'),
      noInvalidDate: true,
    })
    fc.assert(
      fc.property(at, fc.integer({ min: 0, max: 5_000 }), (now, seconds) => {
        const later = new Date(now.getTime() + seconds * 1_000)
        const wait = readRetryAfter(later.toUTCString(), now.toUTCString())
        expect(wait).toBe(Math.min(seconds * 1_000, HOUR))
      }),
    )
  })

  test('law: of any text is nothing, or between now and an hour from now', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (value, date) => {
        const wait = readRetryAfter(value, date)
        expect(wait === undefined || (wait >= 0 && wait <= HOUR)).toBe(true)
      }),
    )
  })

  test.each([
    [undefined, undefined],
    ['', undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['9 ', undefined],
    ['12345678901', undefined],
    ['soon', undefined],
    ['Sun, 06 Nov 1994 08:49:37 GMT', undefined],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 'Sun, 06 Nov 1994 08:49:38 GMT'],
    ['Sun, 99 Nov 1994 08:49:37 GMT', 'Sun, 06 Nov 1994 08:49:38 GMT'],
  ])('is not said by %j at %j', (value, date) => {
    expect(readRetryAfter(value, date)).toBeUndefined()
  })
})
