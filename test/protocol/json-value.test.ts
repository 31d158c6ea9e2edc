import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readValue } from '../../protocol/json-value.ts'
import { parse, space, valueText } from './json-text.ts'

function read(text: string): unknown {
  const bytes = Buffer.from(text)
  return readValue(bytes, { start: 0, end: bytes.length })
}

describe('what a JSON text means', () => {
  test('law: any text means what it says, whatever was read before', () => {
    fc.assert(
      fc.property(valueText, space, space, (text, before, after) => {
        const bytes = Buffer.from(`[${before}${text}${after}]`)
        const start = 1 + before.length
        const span = { start, end: start + Buffer.byteLength(text) }
        expect(isDeepStrictEqual(readValue(bytes, span), parse(text))).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    ['{"a":1,"\\\\":2}', '{"a":1,"\\t":2}', { a: 1, '\t': 2 }],
    ['{"a":1,"\\\\u00":2}', '{"a":1,"\\u006eame":2}', { a: 1, name: 2 }],
    ['[{"x\\\\u":2}]', '[{"x\\u0061b":2}]', [{ xab: 2 }]],
  ])(
    'a key spelt with an escape keeps its name after an object of that shape: %s, %s',
    (...row) => {
      const [before, text, meaning] = row
      JSON.parse(before)
      expect(read(text)).toEqual(meaning)
    },
  )

  test('the last of two members of one name counts, as in JSON.parse, and __proto__ is a name like others', () => {
    expect(read('{"a":"\\n","a":2}')).toEqual({ a: 2 })
    const value = read('{"__proto__":{"b":"\\n"}}') as object
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(Object.keys(value)).toEqual(['__proto__'])
  })

  test.each([
    '{"a\\n" 1}',
    '["\\n",]',
    '["\\n" 1]',
    '{"a":"\\n",}',
    '{1:"\\n"}',
    '"\\x"',
    '["\\n"] 1',
    '[',
  ])('what is not JSON is refused: %s', (text) => {
    expect(() => read(text)).toThrow(Error)
  })
})
