import { isDeepStrictEqual } from 'node:util'
import canonicalize from 'canonicalize'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonical } from '../../../protocol/provenance/canonical.ts'
import { canonicalNumber } from '../../../protocol/provenance/decimal.ts'
import { objectText, parse, valueText } from '../json-text.ts'

function form(text: string | Buffer): string {
  return canonical(Buffer.from(text)).toString('utf8')
}

describe('RFC 8785', () => {
  test('the example of §3.2.2 to §3.2.4', () => {
    const text = String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`
    // The first number is none a double holds: RFC 8785 would round it, and so could somebody on the way.
    expect(form(text)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[33333333333333329e-8,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    )
  })

  test('the order of §3.2.3: by UTF-16 code units', () => {
    const keys = ['\u20ac', '\r', '\ufb33', '1', '\ud83d\ude00', '\u0080', '\u00f6']
    const text = JSON.stringify(Object.fromEntries(keys.map((key) => [key, 1])))
    const order = ['\r', '1', '\u0080', '\u00f6', '\u20ac', '\ud83d\ude00', '\ufb33']
    expect(Object.keys(JSON.parse(form(text)) as object).filter((key) => key !== '1')).toEqual(
      order.filter((key) => key !== '1'),
    )
    expect(form(text)).toBe(canonicalize(JSON.parse(text)))
  })

  test.each([
    ['0', '0'],
    ['-0', '0'],
    ['-0.00e5', '0'],
    ['5e-324', '5e-324'],
    ['1.7976931348623157e308', '1.7976931348623157e+308'],
    ['9007199254740992', '9007199254740992'],
    ['295147905179352830000', '295147905179352830000'],
    ['1e21', '1e+21'],
    ['1e23', '1e+23'],
    ['0.000001', '0.000001'],
    ['1E-7', '1e-7'],
  ])('Appendix B: %s is %s', (text, expected) => {
    expect(canonicalNumber(text)).toBe(expected)
  })

  test('says the same as another implementation, wherever a double holds what is written', () => {
    const value = fc.jsonValue({ noUnicodeString: false }).filter((one) => !hasHalves(one))
    fc.assert(
      fc.property(value, (one) => {
        expect(form(JSON.stringify(one))).toBe(canonicalize(one))
      }),
    )
  })
})

function hasHalves(value: unknown): boolean {
  return /\\ud[89a-f]/.test(JSON.stringify(value))
}

/** A number as a fraction of a power of ten, exactly. */
function exact(text: string): string {
  const [, sign = '', whole = '', fraction = '', power = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  let digits = BigInt(whole + fraction)
  let exponent = BigInt(power) - BigInt(fraction.length)
  while (digits !== 0n && digits % 10n === 0n) {
    digits /= 10n
    exponent += 1n
  }
  return digits === 0n ? '0' : `${sign}${digits}e${exponent}`
}

const digits = fc.stringMatching(/^(?:0|[1-9][0-9]{0,24})$/)
const numberText: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom('', '-'),
    digits,
    fc.option(fc.stringMatching(/^[0-9]{1,24}$/), { nil: undefined }),
    fc.option(fc.stringMatching(/^[eE][+-]?[0-9]{1,3}$/), { nil: undefined }),
  )
  .map(([sign, whole, fraction, power]) =>
    [sign, whole, fraction === undefined ? '' : `.${fraction}`, power ?? ''].join(''),
  )

describe('numbers', () => {
  test.each([
    ['9007199254740993', '9007199254740993'],
    ['12345678901234567890', '1234567890123456789e1'],
    ['-12345678901234567890.0', '-1234567890123456789e1'],
    ['1e400', '1e400'],
    ['-10E399', '-1e400'],
    ['1e-400', '1e-400'],
    ['0.1000000000000000055511151231257827', '1000000000000000055511151231257827e-34'],
  ])('no double holds %s: it is %s', (text, expected) => {
    expect(canonicalNumber(text)).toBe(expected)
  })

  test('with an endless exponent have no form', () => {
    expect(canonicalNumber('1e1000000000')).toBeUndefined()
    expect(canonicalNumber('1e-0000000000000000007')).toBe('1e-7')
    expect(() => form('[1e1000000000]')).toThrow('JSON')
  })

  test('have one form exactly if they are equal', () => {
    fc.assert(
      fc.property(numberText, numberText, (a, b) => {
        expect(canonicalNumber(a) === canonicalNumber(b)).toBe(exact(a) === exact(b))
        const written = canonicalNumber(a) ?? ''
        expect(canonicalNumber(written)).toBe(written)
        expect(exact(written)).toBe(exact(a))
      }),
    )
  })
})

/** What the text means; zero has no sign in the canonical form. */
function withoutSigns(text: string): unknown {
  return parse(text, (value) => (value === 0 ? 0 : value))
}

describe('the canonical form', () => {
  test('means what the text means, and is its own form', () => {
    const sound = valueText.filter((text) => !hasHalves(parse(text)))
    fc.assert(
      fc.property(sound, (text) => {
        const written = form(text)
        expect(isDeepStrictEqual(withoutSigns(text), parse(written))).toBe(true)
        expect(form(written)).toBe(written)
        expect(form(` ${text}\n`)).toBe(written)
      }),
    )
  })

  test('is the same in whatever order members stand', () => {
    const sound = objectText.filter(({ text }) => !hasHalves(parse(text)))
    fc.assert(
      fc.property(sound, ({ text, entries }) => {
        const turned = entries.toReversed().map(({ key, value }) => `${key}:${value}`)
        expect(form(`{${turned.join(',')}}`)).toBe(form(text))
      }),
    )
  })

  test('is another one after any change of what the text means', () => {
    const sound = valueText.filter((text) => !hasHalves(parse(text)))
    fc.assert(
      fc.property(sound, sound, (a, b) => {
        const same = isDeepStrictEqual(withoutSigns(a), withoutSigns(b))
        expect(same || form(a) !== form(b)).toBe(true)
      }),
    )
  })

  test('of one flipped bit: none, another one, or the meaning is the same', () => {
    const sound = valueText.filter((text) => !hasHalves(parse(text)))
    fc.assert(
      fc.property(sound, fc.nat(), fc.nat(7), (text, at, bit) => {
        const bytes = Buffer.from(text)
        const index = at % bytes.length
        bytes[index] = (bytes[index] ?? 0) ^ (1 << bit)
        const same = attempt(bytes) === form(text)
        const means = (): boolean =>
          isDeepStrictEqual(withoutSigns(bytes.toString()), withoutSigns(text))
        expect(!same || means()).toBe(true)
      }),
    )
  })

  test.each([
    ['a member twice', '{"a":1,"a":1}'],
    ['a member twice, deep inside', '[{"x":{"a":1,"b":2,"\\u0061":3}}]'],
    ['half a character', '["\\ud800"]'],
    ['half a character in a name', '{"\\udc00":1}'],
    ['two values', '1 2'],
    ['no value', ' '],
    ['a number with a leading zero', '[01]'],
    ['NaN', '[NaN]'],
    ['a line end in a string', '["\n"]'],
    ['too many levels', `${'['.repeat(101)}${']'.repeat(101)}`],
  ])('there is none for %s', (_, text) => {
    expect(() => form(text)).toThrow('JSON')
  })

  test('there is none for what is not UTF-8', () => {
    expect(() => form(Buffer.from([0x22, 0xc0, 0x80, 0x22]))).toThrow('JSON')
  })

  test('keeps members with names that mean something to JavaScript', () => {
    expect(form('{"__proto__":1,"constructor":{"a":2}}')).toBe(
      '{"__proto__":1,"constructor":{"a":2}}',
    )
  })

  test('takes time in proportion to the text, however deep it nests', () => {
    const deep = `${'{"a":['.repeat(48)}"${'x'.repeat(1_000_000)}"${']}'.repeat(48)}`
    expect(form(deep)).toBe(deep)
  })
})

function attempt(bytes: Buffer): string | undefined {
  try {
    return form(bytes)
  } catch {
    return undefined
  }
}
