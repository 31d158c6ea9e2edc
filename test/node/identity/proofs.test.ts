import { generateKeyPairSync, randomBytes, type JsonWebKey } from 'node:crypto'
import * as fc from 'fast-check'
import { CompactSign, compactVerify, EmbeddedJWK } from 'jose'
import { beforeEach, describe, expect, test } from 'vitest'
import { encode, signCompact } from '../../../node/identity/jwt.ts'
import {
  ProofChecker,
  type ProofCheckerOptions,
  type ProofFacts,
} from '../../../node/identity/proof-checker.ts'
import { ProofMaker } from '../../../node/identity/proof-maker.ts'
import { MemoryReplay } from '../../../node/identity/replay.ts'
import { SigningKey } from '../../../node/identity/signing-key.ts'
import { Fault } from '../../../protocol/errors.ts'
import { accessTokenHash } from '../../../protocol/token/dpop.ts'
import { TokenFault } from '../../../protocol/token/faults.ts'

const URL_OF_ENDPOINT = 'https://b.example/mcp/main'
const TOKEN = 'token.of.somebody'

let now = 1_800_000_000
const clock = (): number => now
const key = SigningKey.generate()
const maker = new ProofMaker(key, clock)
const secret = randomBytes(32)

beforeEach(() => {
  now = 1_800_000_000
})

function checker(options: Partial<ProofCheckerOptions> = {}): ProofChecker {
  return new ProofChecker({ replay: new MemoryReplay({ clock }), clock, secret, ...options })
}

function proof(nonce?: string): string {
  const request = { method: 'POST', url: URL_OF_ENDPOINT, accessToken: TOKEN }
  return maker.proof({ ...request, ...(nonce !== undefined && { nonce }) })
}

function facts(raw: string, changes: Partial<ProofFacts> = {}): ProofFacts {
  return {
    lines: [raw],
    method: 'POST',
    url: URL_OF_ENDPOINT,
    accessToken: TOKEN,
    jkt: key.kid,
    ...changes,
  }
}

function outcome(check: ProofChecker, request: ProofFacts): string {
  try {
    const jkt = check.check(request)
    return typeof jkt === 'string' ? 'accepted' : 'later'
  } catch (error) {
    if (error instanceof TokenFault) return error.problem
    if (error instanceof Fault) return error.code
    throw error
  }
}

/** A proof with other claims or another header, correctly signed. */
function forged(header: object, claims: object): string {
  return signCompact(key, encode({ alg: 'ES256', typ: 'dpop+jwt', jwk: key.jwk, ...header }), {
    jti: randomBytes(8).toString('hex'),
    htm: 'POST',
    htu: URL_OF_ENDPOINT,
    iat: now,
    ath: accessTokenHash(TOKEN),
    ...claims,
  })
}

describe('proofs', () => {
  test('what is made here is accepted here, once, at once', () => {
    const check = checker()
    const raw = proof()
    expect(check.check(facts(raw))).toBe(key.kid)
    expect(outcome(check, facts(raw))).toBe('replayed')
    expect(outcome(check, facts(proof()))).toBe('accepted')
  })

  test('what is made here is a proof to jose too', async () => {
    const { payload, protectedHeader } = await compactVerify(proof('n'), EmbeddedJWK)
    expect(protectedHeader).toEqual({ alg: 'ES256', typ: 'dpop+jwt', jwk: key.jwk })
    const claims: unknown = JSON.parse(Buffer.from(payload).toString())
    expect(claims).toMatchObject({ htm: 'POST', htu: URL_OF_ENDPOINT, iat: now, nonce: 'n' })
  })

  test.each(['ES256', 'ES384', 'EdDSA'] as const)('%s of jose is accepted', async (alg) => {
    const { privateKey, publicKey } =
      alg === 'EdDSA'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('ec', { namedCurve: alg === 'ES256' ? 'P-256' : 'P-384' })
    const jwk = publicKey.export({ format: 'jwk' }) as JsonWebKey & { kty: string }
    const claims = { jti: alg, htm: 'POST', htu: URL_OF_ENDPOINT, iat: now }
    const raw = await new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ alg, typ: 'dpop+jwt', jwk: { ...jwk, key_ops: ['verify'] } })
      .sign(privateKey)
    const request: ProofFacts = { lines: [raw], method: 'POST', url: URL_OF_ENDPOINT }
    expect(outcome(checker(), request)).toBe('accepted')
  })

  test('query and fragment are no part of a proof', () => {
    const raw = maker.proof({ method: 'POST', url: `${URL_OF_ENDPOINT}?a=b#c`, accessToken: TOKEN })
    expect(outcome(checker(), facts(raw))).toBe('accepted')
  })

  test('each proof has an id of its own', () => {
    const check = checker()
    for (let count = 0; count < 100; count += 1) {
      expect(outcome(check, facts(proof()))).toBe('accepted')
    }
  })

  test('a proof is remembered as long as it would be accepted', () => {
    fc.assert(
      fc.property(fc.integer({ min: -300, max: 300 }), fc.nat(700), (offset, wait) => {
        now = 1_800_000_000
        const check = checker()
        const raw = forged({}, { iat: now + offset })
        expect(outcome(check, facts(raw))).toBe('accepted')
        now += wait
        expect(outcome(check, facts(raw))).not.toBe('accepted')
      }),
    )
  })
})

describe('attack 13: proofs that are none', () => {
  test.each<[string, Partial<ProofFacts>, string]>([
    ['none', { lines: [] }, 'missing'],
    ['two headers', { lines: [proof(), proof()] }, 'ambiguous'],
    ['two joined', { lines: [`${proof()}, ${proof()}`] }, 'ambiguous'],
    ['an empty one', { lines: [''] }, 'proof'],
    ['another method', { method: 'GET' }, 'proof'],
    ['another URL', { url: 'https://b.example/mcp/other' }, 'proof'],
    ['a URL below', { url: `${URL_OF_ENDPOINT}/x` }, 'proof'],
    ['another host', { url: 'https://c.example/mcp/main' }, 'proof'],
    ['no encryption', { url: 'http://b.example/mcp/main' }, 'proof'],
    ['another token', { accessToken: 'another.token.here' }, 'proof'],
    ['another key', { jkt: SigningKey.generate().kid }, 'binding'],
  ])('attack 13: %s', (_, changes, expected) => {
    expect(outcome(checker(), facts(proof(), changes))).toBe(expected)
  })

  const { d } = key.exportPrivate()
  test.each<[string, object, object]>([
    ['of another type', { typ: 'jwt' }, {}],
    ['without type', { typ: undefined }, {}],
    ['without key', { jwk: undefined }, {}],
    ['with the private key', { jwk: { ...key.jwk, d } }, {}],
    ['with a symmetric key', { jwk: { kty: 'oct', k: 'AAAA' } }, {}],
    ['with a key that is no point', { jwk: { ...key.jwk, x: key.jwk.y } }, {}],
    ['with the key of somebody else', { jwk: SigningKey.generate().jwk }, {}],
    ['without signature algorithm', { alg: 'none' }, {}],
    ['with HMAC', { alg: 'HS256' }, {}],
    ['with a place for the key', { jku: 'https://attacker.example' }, {}],
    ['with an extension', { crit: ['x'] }, {}],
    ['without id', {}, { jti: undefined }],
    ['without time', {}, { iat: undefined }],
    ['of long ago', {}, { iat: now - 301 }],
    ['of the future', {}, { iat: now + 301 }],
    ['without method', {}, { htm: undefined }],
    ['without URL', {}, { htu: undefined }],
    ['with a query', {}, { htu: `${URL_OF_ENDPOINT}?x` }],
    ['without the hash of the token', {}, { ath: undefined }],
  ])('attack 13: a proof %s', (_, header, claims) => {
    expect(outcome(checker(), facts(forged(header, claims)))).toBe('proof')
  })

  test('law: invariant 29: no flip of a single bit goes through', () => {
    const parts = proof()
      .split('.')
      .map((part) => Buffer.from(part, 'base64url'))
    const bits = parts.map((part) => part.length * 8)
    const place = fc
      .nat(2)
      .chain((part) => fc.tuple(fc.constant(part), fc.nat((bits[part] ?? 1) - 1)))
    const check = checker()
    fc.assert(
      fc.property(place, ([part, bit]) => {
        const mutated = parts.map((bytes, index) => {
          const copy = Buffer.from(bytes)
          if (index === part) copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
          return copy.toString('base64url')
        })
        expect(outcome(check, facts(mutated.join('.')))).not.toBe('accepted')
      }),
      { numRuns: 300 },
    )
  })

  test('what is refused fills no memory, and a full memory refuses', () => {
    const check = checker({ replay: new MemoryReplay({ clock, capacity: 1 }) })
    for (let count = 0; count < 5; count += 1) {
      expect(outcome(check, facts(proof(), { method: 'GET' }))).toBe('proof')
    }
    expect(outcome(check, facts(proof()))).toBe('accepted')
    expect(outcome(check, facts(proof()))).toBe('overloaded')
  })

  test('a memory elsewhere makes the check wait', async () => {
    const replay = { remember: () => Promise.resolve(), close: () => undefined }
    const jkt = checker({ replay }).check(facts(proof()))
    expect(jkt).toBeInstanceOf(Promise)
    expect(await jkt).toBe(key.kid)
  })
})

describe('nonces', () => {
  const required = { nonces: 'required' } as const

  test('attack 13: a nonce that is missing, foreign, old, or made up', () => {
    const check = checker(required)
    const foreign = checker({ ...required, secret: randomBytes(32) }).nonce()
    for (const nonce of [undefined, foreign, 'x', String(now)]) {
      expect(outcome(check, facts(proof(nonce)))).toBe('nonce')
    }
    const own = check.nonce()
    expect(outcome(check, facts(proof(own)))).toBe('accepted')
    now += 300
    expect(outcome(check, facts(proof(own)))).toBe('accepted')
    now += 1
    expect(outcome(check, facts(proof(own)))).toBe('nonce')
    expect(outcome(check, facts(proof(check.nonce())))).toBe('accepted')
  })

  test('another process of the same node knows it', () => {
    expect(outcome(checker(required), facts(proof(checker(required).nonce())))).toBe('accepted')
  })

  test('with nonces a proof may be half a minute off', () => {
    const check = checker(required)
    const nonce = check.nonce()
    expect(outcome(check, facts(forged({}, { nonce, iat: now - 30 })))).toBe('accepted')
    expect(outcome(check, facts(forged({}, { nonce, iat: now - 31 })))).toBe('proof')
  })

  test('a proof with a nonce is used once like any other', () => {
    const check = checker(required)
    const raw = proof(check.nonce())
    expect(outcome(check, facts(raw))).toBe('accepted')
    expect(outcome(check, facts(raw))).toBe('replayed')
  })
})
