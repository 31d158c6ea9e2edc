import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkString, checkValue, skipSpace } from '../../protocol/json-check.ts'
import { faultOf } from './fault.ts'
import { space, stringText, valueText } from './json-text.ts'

/** Whether the whole text is one JSON value, by our grammar. */
function accepts(bytes: Buffer): boolean {
  let end = -1
  const fault = faultOf(() => {
    end = skipSpace(bytes, checkValue(bytes, skipSpace(bytes, 0), 1_000))
  })
  return fault === undefined && end === bytes.length
}

/** The same by the engine's. */
function engineAccepts(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString('utf8'))
    return true
  } catch {
    return false
  }
}

const jsonish = fc
  .string({
    unit: fc.constantFrom(
      ...Array.from('{}[]":,\\ub/0123456789aef+-.eE \n\t'),
      'true',
      'false',
      'null',
      'é',
    ),
    maxLength: 14,
  })
  .map((text) => Buffer.from(text))

/** Valid text with one byte changed, put in or taken out. */
const damaged = fc
  .tuple(valueText, fc.nat(), fc.integer({ min: 0, max: 0x7f }), fc.constantFrom(0, 1, 2))
  .map(([text, seed, byte, kind]) => {
    const bytes = Buffer.from(text)
    const at = seed % bytes.length
    const behind = kind === 1 ? at : at + 1
    const put = kind === 2 ? [] : [byte]
    return Buffer.concat([bytes.subarray(0, at), Buffer.from(put), bytes.subarray(behind)])
  })
  // A byte taken out of a character leaves what is no UTF-8; that is refused before.
  .filter((bytes) => Buffer.from(bytes.toString('utf8')).equals(bytes))

describe('the grammar', () => {
  test('law: it is the grammar of JSON.parse', () => {
    const texts = fc.oneof(
      jsonish,
      damaged,
      valueText.map((text) => Buffer.from(text)),
    )
    fc.assert(
      fc.property(texts, (bytes) => {
        expect(accepts(bytes)).toBe(engineAccepts(bytes))
      }),
      { numRuns: 5_000 },
    )
  })

  test('law: a value ends where its text ends', () => {
    fc.assert(
      fc.property(space, valueText, (before, text) => {
        const bytes = Buffer.from(`${before}${text} ,`)
        const start = skipSpace(bytes, 0)
        expect(checkValue(bytes, start, 100)).toBe(start + Buffer.byteLength(text))
      }),
    )
  })

  test('law: a control character is found wherever it stands in a string of any length and alignment', () => {
    const place = fc.tuple(fc.nat(200), fc.nat(200), fc.integer({ min: 0, max: 0x1f }), fc.nat(7))
    fc.assert(
      fc.property(
        place,
        fc.constantFrom('x', 'é', '\u007f', ' '),
        ([before, after, byte, shift], fill) => {
          const bytes = Buffer.from(
            `${' '.repeat(shift)}"${fill.repeat(before)}\u0000${fill.repeat(after)}"`,
          )
          const at = bytes.indexOf(0)
          bytes[at] = byte
          expect(() => checkString(bytes, shift)).toThrow('not JSON')
          bytes[at] = 0x20
          expect(checkString(bytes, shift)).toBe(bytes.length)
        },
      ),
      { numRuns: 500 },
    )
  })

  test('strings of every length around the bounds of the search end at their quote, however they are aligned', () => {
    for (let shift = 0; shift < 8; shift += 1) {
      for (let length = 0; length < 80; length += 1) {
        const bytes = Buffer.from(`${' '.repeat(shift)}"${'x'.repeat(length)}"`)
        expect(checkString(bytes, shift)).toBe(bytes.length)
      }
    }
  })

  test('law: strings of any length end at their quote', () => {
    fc.assert(
      fc.property(stringText, fc.nat(3), (text, shift) => {
        const bytes = Buffer.from(`${' '.repeat(shift)}${text},"`)
        expect(checkString(bytes, shift)).toBe(shift + Buffer.byteLength(text))
      }),
    )
  })
})

describe('depth', () => {
  test('as deep as allowed, and one level more', () => {
    const bytes = Buffer.from('[{"a":[]}]')
    expect(checkValue(bytes, 0, 3)).toBe(bytes.length)
    expect(faultOf(() => checkValue(bytes, 0, 2))?.code).toBe('too_deep')
  })

  test('a million brackets end in a Fault, not in the end of the stack', () => {
    expect(faultOf(() => checkValue(Buffer.alloc(1_000_000, '['), 0, 1_000))?.code).toBe('too_deep')
  })
})
