import { verify } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isObject } from '../../../protocol/jsonrpc.ts'
import {
  FORM_TOKEN_LIMITS,
  HEADER_TOKEN_LIMITS,
  readCompact,
} from '../../../protocol/token/compact.ts'
import { compact, encode, KEYS, problem, signed, type Part } from './tokens.ts'

const HEADER = { alg: 'ES256', typ: 'at+jwt', kid: 'k' }
const PAYLOAD = { iss: 'https://a.example', sub: 'u' }

function read(raw: string): ReturnType<typeof readCompact> {
  return readCompact(raw, FORM_TOKEN_LIMITS)
}

function problemOfPayload(text: string): string | undefined {
  return problem(() => read(compact(HEADER, text)))
}

describe('a compact token', () => {
  test('is taken apart', () => {
    const raw = compact({ ...HEADER, typ: 'application/AT+JWT' }, PAYLOAD)
    const { header, payload, signingInput, signature } = read(raw)
    expect(header).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: 'k', jwk: undefined })
    expect({ ...payload }).toEqual(PAYLOAD)
    expect(signingInput).toBe(raw.slice(0, raw.lastIndexOf('.')))
    expect(signature.toString()).toBe('sig')
  })

  test('has objects without a prototype, at every depth', () => {
    const { payload } = read(compact(HEADER, { a: { b: [{ c: 1 }] } }))
    const { a } = payload
    expect(Object.getPrototypeOf(payload)).toBeNull()
    expect(Object.getPrototypeOf(a)).toBeNull()
    expect(JSON.stringify(payload)).toBe('{"a":{"b":[{"c":1}]}}')
  })

  test.each([
    ['', 'nothing'],
    ['a.b', 'two parts'],
    ['a.b.c.d', 'four parts'],
    [`${compact(HEADER, PAYLOAD)}\n`, 'a line end behind it'],
    [` ${compact(HEADER, PAYLOAD)}`, 'a space before it'],
    [`${compact(HEADER, PAYLOAD)}=`, 'padding'],
    [compact(HEADER, PAYLOAD, 'YR'), 'unused bits that are set'],
    [compact(HEADER, PAYLOAD, 'YWJjZ'), 'a single character of a group'],
    [compact(HEADER, '[]'), 'an array of claims'],
    [compact(HEADER, 'null'), 'no claims'],
    [compact(HEADER, '{} {}'), 'two objects'],
    [compact(HEADER, '\uFEFF{}'), 'a byte order mark'],
    [
      `${encode(HEADER)}.${Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString('base64url')}.c2ln`,
      'no UTF-8',
    ],
  ])('%j is refused: %s', (raw) => {
    expect(problem(() => read(raw))).toBe('malformed')
  })

  test('reads back what an object says, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }).filter(isObject), (value) => {
        const text = JSON.stringify(value)
        fc.pre(!/__proto__|constructor|prototype/.test(text) && text.isWellFormed())
        expect(JSON.stringify(read(compact(HEADER, text)).payload)).toBe(
          JSON.stringify(JSON.parse(text)),
        )
      }),
    )
  })

  test('never throws anything but a fault of tokens, whatever it is given', () => {
    const part = fc.oneof(fc.string(), fc.json(), fc.constant(JSON.stringify(HEADER)))
    fc.assert(
      fc.property(part, part, fc.string(), (header, payload, tail) => {
        expect(() => problem(() => read(compact(header, payload, tail)))).not.toThrow()
        expect(() => problem(() => read(tail))).not.toThrow()
      }),
    )
  })
})

describe('attacks on the grammar', () => {
  test.each<[number, string, Part, string]>([
    [1, 'no signature algorithm', { alg: 'none' }, 'algorithm'],
    [1, 'no signature algorithm, spelt otherwise', { alg: 'NONE' }, 'algorithm'],
    [1, 'no algorithm at all', { typ: 'at+jwt' }, 'algorithm'],
    [2, 'HMAC with the public key', { alg: 'HS256' }, 'algorithm'],
    [2, 'HMAC, long', { alg: 'HS512' }, 'algorithm'],
    [3, 'an algorithm nobody knows', { alg: 'ES256K' }, 'algorithm'],
    [3, 'a list of algorithms', { alg: ['ES256'] }, 'algorithm'],
    [4, 'a very long key id', { ...HEADER, kid: 'k'.repeat(300) }, 'header'],
    [4, 'a key id that is an object', { ...HEADER, kid: { $ne: 1 } }, 'header'],
    [5, 'a URL of keys', { ...HEADER, jku: 'https://evil.example/jwks' }, 'header'],
    [5, 'a URL of certificates', { ...HEADER, x5u: 'https://evil.example' }, 'header'],
    [5, 'certificates', { ...HEADER, x5c: [] }, 'header'],
    [5, 'a key', { ...HEADER, jwk: { kty: 'EC' } }, 'header'],
    [6, 'critical members', { ...HEADER, crit: ['x'], x: 1 }, 'header'],
    [6, 'a payload that is not encoded', { ...HEADER, b64: false }, 'header'],
    [6, 'compression', { ...HEADER, zip: 'DEF' }, 'header'],
  ])('attack %i: %s', (_, __, header, expected) => {
    expect(problem(() => read(compact(header, PAYLOAD)))).toBe(expected)
  })

  test('attack 1: an empty signature', () => {
    expect(problem(() => read(compact(HEADER, PAYLOAD, '')))).toBe('malformed')
  })

  test.each(['../../etc/passwd', "' OR 1=1 --", 'https://evil.example/k'])(
    'attack 4: the key id %j is a text like any other',
    (kid) => {
      expect(read(compact({ ...HEADER, kid }, PAYLOAD)).header.kid).toBe(kid)
    },
  )

  test('attack 26: a token in a header is short, one in a form is bounded too', () => {
    const raw = compact(HEADER, { x: 'x'.repeat(8_000) })
    expect(problem(() => readCompact(raw, HEADER_TOKEN_LIMITS))).toBe('too_large')
    expect(problem(() => read(raw))).toBeUndefined()
    expect(problem(() => read(compact(HEADER, { x: 'x'.repeat(66_000) })))).toBe('too_large')
  })

  test('attack 26: actors nested 20 000 deep are refused before anything is built', () => {
    const nested = `${'{"act":'.repeat(20_000)}{}${'}'.repeat(20_000)}`
    const raw = compact(HEADER, nested)
    expect(problem(() => readCompact(raw, { bytes: 1_000_000, depth: 20 }))).toBe('depth')
    const array = compact(HEADER, `{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`)
    expect(problem(() => readCompact(array, { bytes: 1_000_000, depth: 20 }))).toBe('depth')
  })

  test.each([
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '{"act":{"sub":"x","sub":"y"}}',
    '{"a":[{"b":1,"b":1}]}',
    '{"__proto__":{"iss":"x"}}',
    '{"a":{"__proto__":1}}',
    '{"\\u005f_proto__":1}',
    '{"constructor":1}',
    '{"act":{"prototype":1}}',
    '{"exp":NaN}',
    '{"exp":1e999}',
    '{"exp":-1e999}',
    '{"exp":01}',
    '{"exp":+1}',
    '{"sub":"\\ud800"}',
    '{"\\ud800":1}',
    '{"sub":"a\u0000b"}',
    "{'sub':1}",
    '{"sub":1,}',
    '{/* */}',
  ])('attack 27: %j means different things to different readers', (text) => {
    expect(problemOfPayload(text)).toBe('malformed')
  })

  test('attack 27: the header is read as strictly', () => {
    const header = '{"alg":"none","alg":"ES256"}'
    expect(problem(() => read(compact(header, PAYLOAD)))).toBe('malformed')
  })
})

function isValid(token: string): boolean {
  const { signingInput, signature } = read(token)
  const key = { key: KEYS.publicKey, dsaEncoding: 'ieee-p1363' } as const
  return verify('sha256', Buffer.from(signingInput), key, signature)
}

test('invariant 29: no bit of a signed token can be changed', () => {
  const raw = signed(HEADER, PAYLOAD)
  const parts = raw.split('.').map((part) => Buffer.from(part, 'base64url'))
  expect(isValid(raw)).toBe(true)
  for (const [at, part] of parts.entries()) {
    for (let bit = 0; bit < part.length * 8; bit += 1) {
      const flipped = Buffer.from(part)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      const token = parts.with(at, flipped).map((bytes) => bytes.toString('base64url'))
      const accepted: { valid?: boolean } = {}
      problem(() => (accepted.valid = isValid(token.join('.'))))
      expect(accepted.valid ?? false).toBe(false)
    }
  }
})
