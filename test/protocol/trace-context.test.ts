import { describe, expect, test } from 'vitest'
import * as fc from 'fast-check'
import { readTraceparent, writeTraceparent } from '../../protocol/trace-context.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

const hex = (length: number): fc.Arbitrary<string> =>
  fc
    .string({
      unit: fc.constantFrom(...'0123456789abcdef'.split('')),
      minLength: length,
      maxLength: length,
    })
    .filter((text) => !/^0+$/.test(text))

describe('traceparent (W3C Trace Context §3.2)', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(hex(32), hex(16), fc.boolean(), (traceId, spanId, sampled) => {
        const parent = { traceId, spanId, sampled }
        expect(readTraceparent(writeTraceparent(parent))).toEqual(parent)
      }),
    )
  })

  test('of a version to come what is known counts', () => {
    const read = { traceId: TRACE, spanId: SPAN, sampled: true }
    expect(readTraceparent(`cc-${TRACE}-${SPAN}-01-what-comes`)).toEqual(read)
    expect(readTraceparent(`cc-${TRACE}-${SPAN}-03`)).toEqual(read)
  })

  test.each([
    ['no text', 1],
    ['nothing', ''],
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['more behind version 00', `00-${TRACE}-${SPAN}-01-more`],
    ['capitals', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['a trace of zeroes', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a span of zeroes', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['too short', `00-${TRACE}-${SPAN}-1`],
    ['a line more', `00-${TRACE}-${SPAN}-01\n`],
    ['far too long', `cc-${TRACE}-${SPAN}-01-${'x'.repeat(1_000)}`],
  ])('%s is none', (_, value) => {
    expect(readTraceparent(value)).toBeUndefined()
  })
})
