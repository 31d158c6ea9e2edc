import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isFormType, readForm } from '../../../protocol/token/form.ts'
import { anyText, refused } from './tokens.ts'

function read(text: string | Buffer): Readonly<Record<string, string>> {
  return Object.fromEntries(readForm(Buffer.isBuffer(text) ? text : Buffer.from(text, 'latin1')))
}

describe('a form', () => {
  test('is read', () => {
    expect(read('grant_type=a%3Ab&scope=x+y%20z&empty=&resource=https://a.example/mcp')).toEqual({
      grant_type: 'a:b',
      scope: 'x y z',
      resource: 'https://a.example/mcp',
    })
    expect(read('')).toEqual({})
    expect(read('a=%C3%BC')).toEqual({ a: 'ü' })
    expect(read('__proto__=x')).not.toHaveProperty('x')
  })

  test('says what URLSearchParams wrote', () => {
    const value = anyText({ minLength: 1 }).filter(
      (text) => text.isWellFormed() && !/\p{Cc}/u.test(text),
    )
    fc.assert(
      fc.property(fc.dictionary(value, value, { maxKeys: 10 }), (params) => {
        const text = new URLSearchParams(params).toString()
        expect([...readForm(Buffer.from(text))]).toEqual(Object.entries(params))
      }),
    )
  })

  test.each([
    ['attack 28: a parameter twice', 'scope=a&scope=b'],
    ['attack 28: a parameter twice, once empty', 'scope=a&scope='],
    ['attack 28: a parameter twice, spelt otherwise', 'scope=a&%73cope=b'],
    ['attack 28: JSON', '{"grant_type":"x"}'],
    ['no value', 'a'],
    ['no name', '=a'],
    ['an empty pair', 'a=b&&c=d'],
    ['a broken percent', 'a=%'],
    ['a broken percent at the end', 'a=%4'],
    ['no hexadecimal', 'a=%zz'],
    ['no UTF-8', 'a=%ff'],
    ['overlong UTF-8', 'a=%c0%af'],
    ['half a character', 'a=%ed%a0%80'],
    ['a control character', 'a=%00'],
    ['a line', 'a=x%0d%0ay'],
    ['raw bytes', 'a=\u00fc'],
    ['a raw space', 'a=b c'],
    ['a raw line end', 'a=b\n'],
    ['too many parameters', Array.from({ length: 40 }, (_, at) => `p${at}=1`).join('&')],
  ])('%s', (_, text) => {
    expect(refused(() => read(text))).toBe('invalid_request')
  })

  test('may name one resource and one audience at a time', () => {
    expect(refused(() => read('resource=a&resource=b'))).toBe('invalid_target')
    expect(refused(() => read('audience=a&audience=a'))).toBe('invalid_target')
  })

  test('attack 26: is no longer than its limit', () => {
    expect(refused(() => read(`a=${'x'.repeat(100_000)}`))).toBe('invalid_request')
  })

  test('never throws anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(() => refused(() => readForm(Buffer.from(bytes)))).not.toThrow()
      }),
    )
  })
})

test.each([
  ['application/x-www-form-urlencoded', true],
  ['Application/X-WWW-Form-Urlencoded; charset=UTF-8', true],
  ['application/x-www-form-urlencoded;charset="utf-8"', true],
  ['application/x-www-form-urlencoded; charset=utf-16', false],
  ['application/x-www-form-urlencoded, application/json', false],
  ['application/json', false],
  ['', false],
  [undefined, false],
])('attack 28: the type %j is that of a form: %j', (type, expected) => {
  expect(isFormType(type)).toBe(expected)
})
