import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  argumentAt,
  checkMirrored,
  decodeHeaderValue,
  encodeHeaderValue,
  mirrorArguments,
  paramHeaders,
  type ParamHeader,
} from '../../protocol/headers.ts'
import { anyCharacter } from '../fixtures/any-character.ts'

const mismatch = expect.objectContaining({ code: 'header_mismatch' }) as Error

const SENTINEL = /^=\?base64\?[A-Za-z0-9+/]*={0,2}\?=$/
const values = fc.oneof(
  fc.string({ unit: anyCharacter }),
  fc.string({ unit: fc.constantFrom('=', '?', 'base64', 'BASE64', 'a', ' ', '\t', '\u00a0', 'é') }),
  fc.base64String().map((text) => `=?base64?${text}?=`),
)

describe('a mirrored value', () => {
  test('law: any text comes back as it went in, in visible ASCII without outer space', () => {
    fc.assert(
      fc.property(values, (value) => {
        const header = encodeHeaderValue(value)
        expect(header).toMatch(/^[\x20-\x7e]+$/)
        expect(header.trim()).toBe(header)
        expect(decodeHeaderValue(` ${header}\t`)).toBe(value)
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    ['docs__read', false],
    ['two words', false],
    ['=?base64', false],
    ['=?BASE64?aGk=?=', false],
    ['', true],
    [' a', true],
    ['a\t', true],
    ['a\nb', true],
    ['é', true],
    ['=?base64?aGk=?=', true],
    ['=?base64?no base64!?=', true],
  ])('%j is encoded: %s', (value, encoded) => {
    expect(SENTINEL.test(encodeHeaderValue(value))).toBe(encoded)
  })

  test.each([
    ['=?base64?SGVsbG8=?=', 'Hello'],
    ['=?base64??=', ''],
    ['  plain  ', 'plain'],
    ['SGVsbG8=', 'SGVsbG8='],
    ['=?base64?SGVsbG8=', '=?base64?SGVsbG8='],
    ['SGVsbG8=?=', 'SGVsbG8=?='],
    ['=?Base64?SGVsbG8=?=', '=?Base64?SGVsbG8=?='],
  ])('%j means %j', (header, value) => {
    expect(decodeHeaderValue(header)).toBe(value)
  })

  test.each([
    ['missing padding', '=?base64?SGVsbG8?='],
    ['too much padding', '=?base64?SGVsbG8==?='],
    ['other characters', '=?base64?SGVs!!!bG8=?='],
    ['the alphabet of URLs', '=?base64?_-8=?='],
    ['stray bits', '=?base64?SGVsbG9=?='],
    ['bytes that are not UTF-8', '=?base64?/w==?='],
    ['what is not ASCII', 'é'],
    ['a control character', 'a\u0001b'],
  ])('%s is refused', (_, header) => {
    expect(() => decodeHeaderValue(header)).toThrow(mismatch)
  })
})

const string = { type: 'string', 'x-mcp-header': 'Region' }

function property(schema: object, name = 'a'): object {
  return { type: 'object', properties: { [name]: schema } }
}

describe('the marks of a schema', () => {
  test('are found at any depth of properties', () => {
    const schema = {
      type: 'object',
      properties: {
        region: string,
        deep: {
          type: 'object',
          properties: { n: { type: 'integer', 'x-mcp-header': 'X-N' }, other: { type: 'number' } },
        },
        flag: { type: 'boolean', 'x-mcp-header': "!#$%&'*+-.^_`|~9" },
      },
    }
    expect(paramHeaders(schema)).toEqual({
      ok: true,
      headers: [
        { header: 'Region', path: ['region'], type: 'string' },
        { header: 'X-N', path: ['deep', 'n'], type: 'integer' },
        { header: "!#$%&'*+-.^_`|~9", path: ['flag'], type: 'boolean' },
      ],
    })
  })

  test.each<[string, unknown]>([
    ['none', { type: 'object' }],
    ['no schema', undefined],
    ['a property that is called so', { properties: { 'x-mcp-header': { type: 'number' } } }],
    ['a default that looks like one', { default: { 'x-mcp-header': '' } }],
    [
      'an example that looks like one',
      { properties: { a: { examples: [{ 'x-mcp-header': 1 }] } } },
    ],
    ['a constant below a list', { items: { const: { 'x-mcp-header': 'X' } } }],
    [
      'a property of an item that is called so',
      { items: { properties: { 'x-mcp-header': { type: 'string' } } } },
    ],
  ])('%s: nothing is mirrored', (_, schema) => {
    expect(paramHeaders(schema)).toEqual({ ok: true, headers: [] })
  })

  test.each<[string, object]>([
    ['an empty name', property({ type: 'string', 'x-mcp-header': '' })],
    ['a space in it', property({ type: 'string', 'x-mcp-header': 'a b' })],
    ['a colon in it', property({ type: 'string', 'x-mcp-header': 'a:' })],
    ['a line end in it', property({ type: 'string', 'x-mcp-header': 'a\r\nb' })],
    ['a letter beyond ASCII', property({ type: 'string', 'x-mcp-header': 'é' })],
    ['a number for a name', property({ type: 'string', 'x-mcp-header': 1 })],
    ['null for a name', property({ type: 'string', 'x-mcp-header': null })],
    ['a number', property({ type: 'number', 'x-mcp-header': 'A' })],
    ['an object', property({ type: 'object', 'x-mcp-header': 'A' })],
    ['a list', property({ type: 'array', 'x-mcp-header': 'A' })],
    ['a list of types', property({ type: ['string', 'null'], 'x-mcp-header': 'A' })],
    ['no type', property({ 'x-mcp-header': 'A' })],
    ['the root', { type: 'string', 'x-mcp-header': 'A' }],
    [
      'the same name, in other letters',
      { properties: { a: string, b: { ...string, 'x-mcp-header': 'REGION' } } },
    ],
    ['items', { properties: { a: { type: 'array', items: string } } }],
    ['additionalProperties', { additionalProperties: string }],
    ['patternProperties', { patternProperties: { '.*': string } }],
    ...['default', 'const', 'enum', 'examples'].flatMap((name): [string, object][] => [
      [`a property of an item that is called ${name}`, { items: property(string, name) }],
      [`a definition that is called ${name}`, { $defs: { [name]: string } }],
    ]),
    ['definitions', { $defs: { a: string }, properties: { a: { $ref: '#/$defs/a' } } }],
    ...['oneOf', 'anyOf', 'allOf'].map((key): [string, object] => [
      key,
      { [key]: [{ properties: { a: string } }] },
    ]),
    ...['not', 'if', 'then', 'else'].map((key): [string, object] => [
      key,
      { [key]: { properties: { a: string } } },
    ]),
  ])('%s: the tool must not be published', (_, schema) => {
    expect(paramHeaders(schema)).toMatchObject({ ok: false })
  })
})

const HEADERS: readonly ParamHeader[] = [
  { header: 'Region', path: ['region'], type: 'string' },
  { header: 'N', path: ['deep', 'n'], type: 'integer' },
  { header: 'Flag', path: ['flag'], type: 'boolean' },
]

function check(args: unknown, sent: Readonly<Record<string, string>>): void {
  checkMirrored(HEADERS, args, (name) => sent[name])
}

describe('headers against arguments', () => {
  const scalar = fc.oneof(values, fc.boolean(), fc.integer(), fc.double(), fc.constant(null))
  const args = fc.record(
    {
      region: scalar,
      deep: fc.oneof(fc.record({ n: scalar }, { requiredKeys: [] }), scalar),
      flag: fc.oneof(scalar, fc.constant([]), fc.constant({})),
      other: fc.anything(),
    },
    { requiredKeys: [] },
  )

  test('law: what one node mirrors the next one finds in agreement', () => {
    fc.assert(
      fc.property(args, (made) => {
        // What stands in a body has been through JSON.
        const value: unknown = JSON.parse(JSON.stringify(made))
        const flat = mirrorArguments(HEADERS, value)
        const sent: Record<string, string> = {}
        for (let index = 0; index < flat.length; index += 2) {
          sent[flat[index]?.toLowerCase() ?? ''] = flat[index + 1] ?? ''
        }
        check(value, sent)
        expect(Object.keys(sent)).toHaveLength(flat.length / 2)
      }),
      { numRuns: 500 },
    )
  })

  test('what is mirrored', () => {
    expect(mirrorArguments(HEADERS, { region: 'é', deep: { n: 42 }, flag: false })).toEqual([
      'Mcp-Param-Region',
      '=?base64?w6k=?=',
      'Mcp-Param-N',
      '42',
      'Mcp-Param-Flag',
      'false',
    ])
    expect(mirrorArguments(HEADERS, { region: null, deep: null, flag: {} })).toEqual([])
    expect(mirrorArguments(HEADERS, undefined)).toEqual([])
    // The rule wants integers a double holds exactly.
    expect(mirrorArguments(HEADERS, { deep: { n: 2 ** 53 } })).toEqual([])
  })

  test.each<[unknown, Record<string, string>]>([
    [{ deep: { n: 42 } }, { 'mcp-param-n': '42.0' }],
    [{ deep: { n: 42 } }, { 'mcp-param-n': ' +42 ' }],
    [{ deep: { n: -0 } }, { 'mcp-param-n': '0' }],
    [{ deep: { n: 1.5 } }, { 'mcp-param-n': '1.5' }],
    [{ deep: { n: 2 ** 53 } }, {}],
    [{ deep: { n: 2 ** 53 } }, { 'mcp-param-n': '9007199254740992' }],
    [{ deep: { n: 'x' } }, { 'mcp-param-n': 'x' }],
    [{ region: 'Hello' }, { 'mcp-param-region': '=?base64?SGVsbG8=?=' }],
    [{ region: 'Hello' }, { 'mcp-param-region': 'Hello', 'mcp-param-else': 'x' }],
    [{}, {}],
    [{ region: null, flag: undefined }, {}],
    [undefined, {}],
  ])('%j and %j agree', (value, sent) => {
    expect(() => check(value, sent)).not.toThrow()
  })

  test.each<[unknown, Record<string, string>]>([
    [{ region: 'a' }, {}],
    [{ region: 'a' }, { 'mcp-param-region': 'b' }],
    [{ region: 'a' }, { 'mcp-param-region': 'A' }],
    [{ region: 'a' }, { 'mcp-param-region': '' }],
    [{ region: '42' }, { 'mcp-param-region': '42.0' }],
    [{ region: 'Hello' }, { 'mcp-param-region': '=?base64?SGVsbG8?=' }],
    [{}, { 'mcp-param-region': 'a' }],
    [{ region: null }, { 'mcp-param-region': 'null' }],
    [{ region: ['a'] }, { 'mcp-param-region': 'a' }],
    [undefined, { 'mcp-param-region': 'a' }],
    [{ deep: { n: 42 } }, { 'mcp-param-n': '0x2a' }],
    [{ deep: { n: 42 } }, { 'mcp-param-n': '43' }],
    [{ deep: { n: 0 } }, { 'mcp-param-n': '' }],
    [{ deep: { n: 2 ** 53 } }, { 'mcp-param-n': '7' }],
    [{ flag: true }, { 'mcp-param-flag': 'True' }],
    [{ flag: true }, { 'mcp-param-flag': '1' }],
  ])('%j and %j differ', (value, sent) => {
    expect(() => check(value, sent)).toThrow(mismatch)
  })

  test('the fault names the header', () => {
    expect(() => check({ region: 'a' }, {})).toThrow(
      expect.objectContaining({ data: { header: 'Mcp-Param-Region' } }) as Error,
    )
  })

  test('what an object inherits is no argument', () => {
    expect(argumentAt({}, ['constructor'])).toBeUndefined()
    expect(argumentAt({ a: [1] }, ['a', 'length'])).toBeUndefined()
    expect(argumentAt({ a: { b: 0 } }, ['a', 'b'])).toBe(0)
  })
})
