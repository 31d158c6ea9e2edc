import { createHmac, generateKeyPairSync, type JsonWebKey } from 'node:crypto'
import * as fc from 'fast-check'
import { CompactSign } from 'jose'
import { describe, expect, test } from 'vitest'
import { encode, signJwt, verifyWith, type KeyFinder } from '../../../node/identity/jwt.ts'
import { keySetOf, readKeySet, type KeyRules } from '../../../node/identity/key-set.ts'
import { StaticKeys } from '../../../node/identity/remote-keys.ts'
import { SigningKey } from '../../../node/identity/signing-key.ts'
import { thumbprint } from '../../../node/identity/thumbprint.ts'
import { importPublicJwk } from '../../../node/identity/verify-key.ts'
import type { SignatureAlgorithm } from '../../../node/core/config-identity-types.ts'
import { readCompact } from '../../../protocol/token/compact.ts'
import { TokenFault, type TokenProblem } from '../../../protocol/token/faults.ts'

const ALL: readonly SignatureAlgorithm[] = ['ES256', 'EdDSA', 'ES384', 'PS256', 'RS256']
const OPEN: KeyRules = { algs: ALL, pins: [], thumbprintKids: false }
const BANYAN: KeyRules = { algs: ['ES256'], pins: [], thumbprintKids: true }

const key = SigningKey.generate()
const published = { ...key.jwk, kid: key.kid, use: 'sig', alg: 'ES256' }
const keys = new StaticKeys([published], BANYAN)
const claims = { iss: 'https://a.example', sub: 'ann', scope: 'ns:crm:read' }

/** Reads and verifies, as everything that takes tokens does. */
function accept(raw: string, finder: KeyFinder = keys): TokenProblem | 'accepted' {
  try {
    const verified = verifyWith(finder, readCompact(raw))
    return verified instanceof Promise ? 'malformed' : 'accepted'
  } catch (error) {
    if (error instanceof TokenFault) return error.problem
    throw error
  }
}

function pair(type: 'ec' | 'ed25519' | 'rsa', named = 'P-256', modulusLength = 2_048) {
  if (type === 'ec') return generateKeyPairSync('ec', { namedCurve: named })
  return type === 'rsa'
    ? generateKeyPairSync('rsa', { modulusLength })
    : generateKeyPairSync('ed25519')
}

const pairs = {
  ES256: pair('ec'),
  ES384: pair('ec', 'P-384'),
  EdDSA: pair('ed25519'),
  PS256: pair('rsa'),
  RS256: pair('rsa'),
} as const

function jwkOf(alg: SignatureAlgorithm): JsonWebKey {
  return pairs[alg].publicKey.export({ format: 'jwk' })
}

async function joseSigned(alg: SignatureAlgorithm, kid?: string): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify(claims)))
    .setProtectedHeader({ alg, ...(kid !== undefined && { kid }) })
    .sign(pairs[alg].privateKey)
}

describe('signatures', () => {
  test('what is signed here is accepted here', () => {
    const raw = signJwt(key, 'at+jwt', claims)
    expect(accept(raw)).toBe('accepted')
    expect(readCompact(raw)).toMatchObject({
      header: { alg: 'ES256', typ: 'at+jwt', kid: key.kid },
      payload: claims,
    })
  })

  test.each(ALL)('what jose signs with %s is accepted, by its key alone', async (alg) => {
    const set = new StaticKeys([{ ...jwkOf(alg), kid: 'k' }], OPEN)
    expect(accept(await joseSigned(alg, 'k'), set)).toBe('accepted')
    const others = ALL.filter((one) => one !== alg).map((one) => ({ ...jwkOf(one), kid: 'k' }))
    const refused = accept(await joseSigned(alg, 'k'), new StaticKeys(others, OPEN))
    // Both RSA algorithms fit an RSA key that names none.
    expect(refused).toBe(alg === 'PS256' || alg === 'RS256' ? 'signature' : 'unknown_key')
  })

  test('a token without kid means the only key of its algorithm', async () => {
    const one = new StaticKeys([jwkOf('ES256'), jwkOf('EdDSA')], OPEN)
    expect(accept(await joseSigned('ES256'), one)).toBe('accepted')
    const two = new StaticKeys([jwkOf('ES256'), { ...key.jwk }], OPEN)
    expect(accept(await joseSigned('ES256'), two)).toBe('unknown_key')
  })

  test('law: invariant 29: no flip of a single bit goes through', () => {
    const raw = signJwt(key, 'at+jwt', claims)
    const parts = raw.split('.').map((part) => Buffer.from(part, 'base64url'))
    const place = fc.nat(2).chain((part) =>
      fc.record({
        part: fc.constant(part),
        bit: fc.nat((parts[part]?.length ?? 1) * 8 - 1),
      }),
    )
    fc.assert(
      fc.property(place, ({ part, bit }) => {
        const mutated = parts.map((bytes, index) => {
          const copy = Buffer.from(bytes)
          if (index === part) copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
          return copy.toString('base64url')
        })
        expect(accept(mutated.join('.'))).not.toBe('accepted')
      }),
      { numRuns: 500 },
    )
  })

  test('another spelling of the last character is another token, and none', () => {
    const raw = signJwt(key, 'at+jwt', claims)
    for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_') {
      const spelled = `${raw.slice(0, -1)}${last}`
      expect(accept(spelled) === 'accepted').toBe(spelled === raw)
    }
  })
})

describe('attacks', () => {
  const body = encode(claims)

  test('attack 1: no signature, whatever alg says', () => {
    for (const alg of ['none', 'None', 'NONE', '', 'nOnE']) {
      const header = encode({ alg, typ: 'at+jwt', kid: key.kid })
      expect(accept(`${header}.${body}.`)).toBe('malformed')
      expect(accept(`${header}.${body}.AA`)).toBe('algorithm')
    }
    const header = encode({ alg: 'ES256', kid: key.kid })
    expect(accept(`${header}.${body}.`)).toBe('malformed')
    for (const bytes of [1, 63, 64, 65, 72]) {
      const signature = Buffer.alloc(bytes).toString('base64url')
      expect(accept(`${header}.${body}.${signature}`)).toBe('signature')
    }
  })

  test('attack 2: HMAC with the public key', () => {
    const header = encode({ alg: 'HS256', kid: key.kid })
    const input = `${header}.${body}`
    const pem = pairs.ES256.publicKey.export({ type: 'spki', format: 'pem' })
    for (const secret of [pem, JSON.stringify(published), key.jwk.x]) {
      const mac = createHmac('sha256', secret).update(input).digest('base64url')
      expect(accept(`${input}.${mac}`)).toBe('algorithm')
    }
    const oct = { kty: 'oct', k: 'c2VjcmV0', kid: 'k', alg: 'HS256' }
    expect(readKeySet({ keys: [oct] }, OPEN).size).toBe(0)
  })

  test('attack 3: an algorithm of another family with the kid of a key', () => {
    for (const alg of ['ES384', 'EdDSA', 'PS256', 'RS256']) {
      const token = `${encode({ alg, kid: key.kid })}.${body}.${'A'.repeat(86)}`
      expect(accept(token)).toBe('unknown_key')
    }
    for (const alg of ['ES512', 'RS512', 'Ed25519', 'ES256K']) {
      expect(accept(`${encode({ alg, kid: key.kid })}.${body}.${'A'.repeat(86)}`)).toBe('algorithm')
    }
  })

  test('attack 5: a key that comes with the token, or a place it is said to be at', () => {
    const attacker = SigningKey.generate()
    for (const extra of [
      { jwk: attacker.jwk },
      { jku: 'https://attacker.example/jwks' },
      { x5u: 'https://attacker.example/cert' },
      { x5c: ['MIIB'] },
    ]) {
      const header = encode({ alg: 'ES256', typ: 'at+jwt', kid: attacker.kid, ...extra })
      const input = `${header}.${body}`
      const raw = `${input}.${attacker.sign(input).toString('base64url')}`
      expect(accept(raw)).toBe('header')
    }
    expect(accept(signJwt(attacker, 'at+jwt', claims))).toBe('unknown_key')
  })

  test('attack 6: extensions nobody here understands', () => {
    for (const extra of [
      { crit: ['x'], x: 1 },
      { crit: [] },
      { b64: false, crit: ['b64'] },
      { b64: true },
    ]) {
      const input = `${encode({ alg: 'ES256', typ: 'at+jwt', kid: key.kid, ...extra })}.${body}`
      expect(accept(`${input}.${key.sign(input).toString('base64url')}`)).toBe('header')
    }
  })

  test('attack 40: a kid that is used again for another key', () => {
    const other = SigningKey.generate()
    const reused = new StaticKeys([{ ...other.jwk, kid: key.kid }], BANYAN)
    const header = encode({ alg: 'ES256', kid: key.kid })
    const forged = `${header}.${body}.${other.sign(`${header}.${body}`).toString('base64url')}`
    expect(accept(forged, reused)).toBe('unknown_key')
    // Two keys of one name are none, whoever publishes them.
    const both = new StaticKeys([published, { ...other.jwk, kid: key.kid }], OPEN)
    expect(accept(forged, both)).toBe('unknown_key')
  })
})

describe('keys', () => {
  const { d } = pairs.ES256.privateKey.export({ format: 'jwk' })
  const bad: readonly [string, Record<string, unknown>][] = [
    ['with a private part', { ...key.jwk, d }],
    ['for encryption', { ...key.jwk, use: 'enc' }],
    ['for signing', { ...key.jwk, key_ops: ['sign'] }],
    ['of another algorithm', { ...key.jwk, alg: 'ES384' }],
    ['of another curve', { ...jwkOf('ES384'), crv: 'P-256' }],
    ['that is no point', { ...key.jwk, x: key.jwk.y, y: key.jwk.x }],
    ['with padding', { ...key.jwk, x: `${key.jwk.x}=` }],
    ['with leading zeros', { ...key.jwk, x: `AAAA${key.jwk.x}` }],
    ['without a coordinate', { kty: 'EC', crv: 'P-256', x: key.jwk.x }],
    ['of no kind', { crv: 'P-256', x: key.jwk.x, y: key.jwk.y }],
    ['with a number as kid', { ...key.jwk, kid: 7 }],
    ['with an endless kid', { ...key.jwk, kid: 'k'.repeat(257) }],
    ['of RSA that is weak', pair('rsa', '', 1_024).publicKey.export({ format: 'jwk' })],
    ['of RSA with the exponent 1', { ...jwkOf('RS256'), e: 'AQ' }],
  ]

  test.each(bad)('a key %s is not taken', (_, jwk) => {
    expect(() => importPublicJwk(jwk, ALL)).toThrow(TypeError)
    expect(keySetOf([jwk, published], OPEN).size).toBe(1)
  })

  test('only keys that are pinned are taken, when any are', () => {
    const rules = { ...BANYAN, pins: [key.kid] }
    const other = SigningKey.generate()
    const set = keySetOf([published, { ...other.jwk, kid: other.kid }], rules)
    expect(set.find(key.kid, 'ES256')?.thumbprint).toBe(key.kid)
    expect(set.find(other.kid, 'ES256')).toBeUndefined()
  })

  test('attack 25: ten thousand keys are refused as a whole', () => {
    const many = Array.from({ length: 101 }, () => published)
    expect(() => readKeySet({ keys: many }, OPEN)).toThrow('more than 100 keys')
    expect(keySetOf(many.slice(1), OPEN).size).toBe(1)
    for (const document of [{}, { keys: {} }, { keys: 'x' }]) {
      expect(() => readKeySet(document, OPEN)).toThrow(TypeError)
    }
    expect(readKeySet({ keys: [null, 1, 'x', []] }, OPEN).size).toBe(0)
  })

  test('thumbprints are those of RFC 7638 §3.1 and RFC 8037 appendix A.3', () => {
    const n =
      '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw'
    expect(thumbprint({ kty: 'RSA', n, e: 'AQAB', alg: 'RS256', kid: '2011-04-29' })).toBe(
      'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
    )
    const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'
    expect(thumbprint({ kty: 'OKP', crv: 'Ed25519', x })).toBe(
      'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
    )
  })
})
