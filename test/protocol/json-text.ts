// JSON as others may spell it: white space, escapes, odd numbers, strings of every length around the scanner's bounds.
import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'

/** White space of RFC 8259, none most of the time. */
export const space: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.constantFrom(' ', '\n', '\t', '\r\n', ' \n  ') },
)

function escaped(unit: string): string {
  return [...Array(unit.length).keys()]
    .map((index) => `\\u${unit.charCodeAt(index).toString(16).padStart(4, '0')}`)
    .join('')
}

/** One character of a string literal: as it is, behind a backslash, or as a code. */
const character: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    ' ',
    '/',
    'é',
    '☃',
    '𝄞',
    '\u2028',
    '\u007f',
  ),
  fc.constantFrom('\\"', '\\\\', '\\/', '\\b', '\\f', '\\n', '\\r', '\\t'),
  fc.constantFrom('"', '\\', 'a', 'é', '𝄞', '\u0000', '\ud800').map(escaped),
)

/** A string literal. Runs of backslashes and quotes are common, and so are lengths near 48 bytes. */
export const stringText: fc.Arbitrary<string> = fc
  .oneof(
    fc.array(character, { maxLength: 8 }),
    fc
      .tuple(fc.integer({ min: 38, max: 52 }), fc.array(character, { maxLength: 12 }))
      .map(([length, rest]) => ['x'.repeat(length), ...rest]),
    fc.array(fc.constantFrom('\\\\', '\\"'), { minLength: 20, maxLength: 60 }),
  )
  .map((parts) => `"${parts.join('')}"`)

/** Numbers whose spelling would not survive a parser. */
export const numberText: fc.Arbitrary<string> = fc.constantFrom(
  '0',
  '-0',
  '1.0',
  '1e5',
  '-1.50E-2',
  '9007199254740993',
  '123456789012345678901234567890',
)

/** An object as text, and the texts it was made from. */
export interface ObjectText {
  readonly text: string
  readonly entries: readonly { readonly key: string; readonly value: string }[]
}

/** An array as text, and the texts it was made from. */
export interface ArrayText {
  readonly text: string
  readonly items: readonly string[]
}

function arrayOf(value: fc.Arbitrary<string>): fc.Arbitrary<ArrayText> {
  return fc
    .tuple(space, fc.array(fc.tuple(space, value, space), { maxLength: 4 }))
    .map(([inner, parts]) => ({
      text: parts.length === 0 ? `[${inner}]` : `[${parts.map((part) => part.join('')).join(',')}]`,
      items: parts.map(([, item]) => item),
    }))
}

function keyOf({ key }: { key: string }): string {
  return String(JSON.parse(key))
}

function objectOf(value: fc.Arbitrary<string>): fc.Arbitrary<ObjectText> {
  const entry = fc.record({ key: stringText, value, a: space, b: space, c: space, d: space })
  return fc
    .tuple(space, fc.uniqueArray(entry, { maxLength: 5, selector: keyOf }))
    .map(([inner, parts]) => {
      const members = parts.map(
        ({ key, value: text, a, b, c, d }) => a + key + b + ':' + c + text + d,
      )
      return {
        text: parts.length === 0 ? `{${inner}}` : `{${members.join(',')}}`,
        entries: parts.map((part) => ({ key: part.key, value: part.value })),
      }
    })
}

const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    stringText,
    numberText,
    fc.constantFrom('true', 'false', 'null'),
    arrayOf(tie('value')).map(({ text }) => text),
    objectOf(tie('value')).map(({ text }) => text),
  ),
}))

/** Any JSON value in any spelling. */
export const valueText: fc.Arbitrary<string> = value
/** Any object in any spelling; no key stands twice. */
export const objectText: fc.Arbitrary<ObjectText> = objectOf(value)
/** Any array in any spelling. */
export const arrayText: fc.Arbitrary<ArrayText> = arrayOf(value)

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gu

/**
 * What the text means; it must be JSON. JSON.parse reads only its strings and scalars: whole objects it misreads when it
 * saw one with a backslash in a key before (nodejs/node#63785), which is common here.
 */
export function parse(
  text: string | Buffer,
  scalar: (value: unknown) => unknown = (it) => it,
): unknown {
  // Its grammar is right in any case, only the names are not.
  JSON.parse(text.toString())
  const tokens = text.toString().match(TOKEN) ?? []
  let at = 0
  const read = (): unknown => {
    const token = tokens[at++] ?? ''
    if (token !== '{' && token !== '[') return scalar(JSON.parse(token) as unknown)
    const close = token === '{' ? '}' : ']'
    const entries: [string, unknown][] = []
    while (tokens[at] !== close) {
      const key = token === '{' ? String(JSON.parse(tokens[at] ?? '')) : ''
      if (token === '{') at += 2
      entries.push([key, read()])
      if (tokens[at] === ',') at += 1
    }
    at += 1
    return token === '{' ? Object.fromEntries(entries) : entries.map(([, item]) => item)
  }
  return read()
}

/** Whether two texts mean the same, -0 and keys called `__proto__` included. */
export function means(text: string | Buffer, expected: string | Buffer): boolean {
  return isDeepStrictEqual(parse(text), parse(expected))
}
