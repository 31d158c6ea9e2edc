import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Fault } from '../../protocol/errors.ts'
import {
  duplicateKey,
  elements,
  memberOf,
  members,
  skipString,
  type Member,
  type Span,
} from '../../protocol/json-bytes.ts'
import { checkValue } from '../../protocol/json-check.ts'
import { faultOf } from './fault.ts'
import { arrayText, objectText, parse, space, valueText } from './json-text.ts'

/** The end of a value whose strings are only gone over. */
function skipValue(bytes: Buffer, at: number, depth = 1_000): number {
  return checkValue(bytes, at, depth, skipString)
}

function textAt(bytes: Buffer, { start, end }: Span): string {
  return bytes.toString('utf8', start, end)
}

describe('finding', () => {
  test('law: members are found as they are written, wherever the object stands', () => {
    fc.assert(
      fc.property(space, objectText, valueText, (before, { text, entries }, after) => {
        const bytes = Buffer.from(`${before}${text},${after}`)
        const found = members(bytes, before.length)
        expect(found.map((member) => textAt(bytes, member))).toEqual(entries.map((e) => e.value))
        expect(found.map(({ key }) => key)).toEqual(entries.map((e) => parse(e.key)))
        const keys = found.map(({ keyStart }, index) => {
          return bytes.toString(
            'utf8',
            keyStart,
            keyStart + Buffer.byteLength(entries[index]?.key ?? ''),
          )
        })
        expect(keys).toEqual(entries.map((e) => e.key))
      }),
    )
  })

  test('law: elements are found as they are written', () => {
    fc.assert(
      fc.property(arrayText, valueText, ({ text, items }, after) => {
        const bytes = Buffer.from(`${text}]${after}`)
        expect(elements(bytes, 0).map((span) => textAt(bytes, span))).toEqual(items)
      }),
    )
  })

  test('law: a value ends where its text ends, whatever comes behind it', () => {
    fc.assert(
      fc.property(valueText, fc.constantFrom('', ' ', ',1', '}', ']', '\n"'), (text, after) => {
        const bytes = Buffer.from(text + after)
        expect(skipValue(bytes, 0)).toBe(Buffer.byteLength(text))
      }),
    )
  })

  test('law: objects looked into have the members a second scan finds', () => {
    const into = new Set(['a', 'b'])
    fc.assert(
      fc.property(objectText, objectText, valueText, (one, other, value) => {
        const bytes = Buffer.from(
          `{"a":${one.text},"\\u0062" : ${other.text},"c":${one.text},"a":${value}}`,
        )
        const looked = members(bytes, 0, 100, into)
        const plain = members(bytes, 0)
        expect(
          looked.map(({ key, keyStart, start, end }) => ({ key, keyStart, start, end })),
        ).toEqual(plain)
        for (const { key, start, inside } of looked) {
          const wanted = into.has(key) && bytes[start] === 0x7b
          expect(inside).toEqual(wanted ? members(bytes, start, 100, into) : undefined)
        }
      }),
    )
  })

  test('of a key that stands twice the last counts, as with JSON.parse', () => {
    const bytes = Buffer.from('{"a":1,"\\u0061":2}')
    const list = members(bytes, 0)
    expect(list.map(({ key }) => key)).toEqual(['a', 'a'])
    expect(memberOf(list, 'a')).toBe(list[1])
    expect(duplicateKey(list)).toBe('a')
  })

  test('law: a duplicate is found in lists of any length', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 40 }), (keys) => {
        const list = keys.map((key): Member => ({ key: `${key}`, keyStart: 0, start: 0, end: 0 }))
        const found = duplicateKey(list)
        const twice = keys.some((key, index) => keys.indexOf(key) !== index)
        expect(found !== undefined).toBe(twice)
        expect(found === undefined || list.filter(({ key }) => key === found).length > 1).toBe(true)
      }),
    )
  })
})

/** The spans a reader finds; none when it ends with a Fault of the two it may. */
function spansOrFault(read: () => readonly Span[] | number): readonly Span[] {
  let found: readonly Span[] | number = []
  const fault = faultOf(() => {
    found = read()
  })
  expect([undefined, 'parse_error', 'too_deep']).toContain(fault?.code)
  return typeof found === 'number' ? [{ start: 0, end: found }] : found
}

describe('text that is not JSON', () => {
  const jsonish = fc.string({
    unit: fc.constantFrom('{', '}', '[', ']', '"', '\\', 'u', ':', ',', ' ', '1', 'é', '\n'),
    maxLength: 40,
  })
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array)),
    fc
      .tuple(fc.constantFrom('{', '[', '"', '{"a":'), jsonish)
      .map((parts) => Buffer.from(parts.join(''))),
    fc.tuple(objectText, fc.nat(), fc.nat(255)).map(([{ text }, at, byte]) => {
      const out = Buffer.from(text)
      out[at % out.length] = byte
      return out
    }),
  )

  test('law: it is a Fault or spans within bounds, never anything else', () => {
    fc.assert(
      fc.property(bytes, fc.nat(45), (text, at) => {
        const readers = [members, elements, skipValue].flatMap((reader) => [
          () => reader(text, 0),
          () => reader(text, at),
        ])
        for (const { start, end } of readers.flatMap(spansOrFault)) {
          expect(start).toBeGreaterThanOrEqual(0)
          expect(end).toBeGreaterThan(start)
          expect(end).toBeLessThanOrEqual(text.length)
        }
        expect(readers).toHaveLength(6)
      }),
      { numRuns: 1_000 },
    )
  })

  test('law: an object or array that was cut off is refused', () => {
    const container = fc.oneof(objectText, arrayText).map(({ text }) => text)
    fc.assert(
      fc.property(container, fc.nat(), (text, seed) => {
        const whole = Buffer.from(text)
        const cut = whole.subarray(0, seed % whole.length)
        const read = text.startsWith('{') ? members : elements
        expect(() => read(cut, 0)).toThrow(Fault)
        expect(() => skipValue(cut, 0)).toThrow(Fault)
      }),
    )
  })

  test('a key with an escape that does not exist is refused', () => {
    expect(() => members(Buffer.from('{"\\q":1}'), 0)).toThrow(Fault)
  })
})

function nested(levels: number): string {
  const pairs = levels >> 1
  return `${'[{"a":'.repeat(pairs)}${levels % 2 === 0 ? '1' : '[]'}${'}]'.repeat(pairs)}`
}

describe('depth', () => {
  test('law: what nests as deep as allowed is read, and one level more is refused', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), (levels) => {
        const value = Buffer.from(nested(levels))
        const object = Buffer.from(`{"x":${nested(levels - 1)}}`)
        const array = Buffer.from(`[${nested(levels - 1)}]`)
        expect(skipValue(value, 0, levels)).toBe(value.length)
        expect(members(object, 0, levels)).toHaveLength(1)
        expect(members(object, 0, levels, new Set('a'))).toHaveLength(1)
        expect(elements(array, 0, levels)).toHaveLength(1)
        const tooDeep = expect.objectContaining({ code: 'too_deep' }) as Error
        expect(() => skipValue(value, 0, levels - 1)).toThrow(tooDeep)
        expect(() => members(object, 0, levels - 1)).toThrow(tooDeep)
        expect(() => members(object, 0, levels - 1, new Set('a'))).toThrow(tooDeep)
        expect(() => elements(array, 0, levels - 1)).toThrow(tooDeep)
      }),
    )
  })

  test('a million brackets end in a Fault, not in the end of the stack', () => {
    expect(() => skipValue(Buffer.alloc(1_000_000, '['), 0)).toThrow(Fault)
    expect(() => members(Buffer.from('{"a":'.repeat(200_000)), 0, 512, new Set('a'))).toThrow(Fault)
  })

  test('a million escaped quotes take no quadratic time', () => {
    const text = Buffer.from(`"${'\\"'.repeat(1_000_000)}\\\\"`)
    expect(skipValue(text, 0)).toBe(text.length)
  })
})
