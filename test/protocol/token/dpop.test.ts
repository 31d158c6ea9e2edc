import { createHash, generateKeyPairSync } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  accessTokenHash,
  checkProofClaims,
  jwkThumbprint,
  readProof,
  readPublicJwk,
  soleProof,
  type ProofClaims,
  type ProvedRequest,
} from '../../../protocol/token/dpop.ts'
import { normaliseTarget } from '../../../protocol/token/urls.ts'
import { compact, endpointOf, A, B, KEYS, NOW, problem, signed } from './tokens.ts'

const JWK = KEYS.publicKey.export({ format: 'jwk' }) as Readonly<Record<string, unknown>>
const HEADER = { typ: 'dpop+jwt', alg: 'ES256', jwk: JWK }
const CLAIMS = { jti: 'j', htm: 'POST', htu: endpointOf(A), iat: NOW }

describe('reading a proof', () => {
  test('gives its key and what it is about', () => {
    const proof = readProof(signed({ ...HEADER, jwk: { ...JWK, kid: 'x', use: 'sig' } }, CLAIMS))
    expect(proof.claims).toEqual(CLAIMS)
    expect(proof.header.jwk).toEqual(JWK)
    expect(proof.header.jkt).toBe(jwkThumbprint(proof.header.jwk))
    expect(proof.signature).toHaveLength(64)
  })

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const ed = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  const secret = { kty: 'oct', k: 'AAAA' }

  test('takes keys of its algorithm', () => {
    const rs = rsa.publicKey.export({ format: 'jwk' })
    expect(readPublicJwk({ ...ed }, 'EdDSA').kty).toBe('OKP')
    expect(readPublicJwk({ ...rs }, 'RS256').kty).toBe('RSA')
    expect(readPublicJwk({ ...rs }, 'PS256').kty).toBe('RSA')
  })

  test.each<[string, Readonly<Record<string, unknown>>]>([
    ['a private key', { jwk: KEYS.privateKey.export({ format: 'jwk' }) }],
    ['a symmetric key', { jwk: secret }],
    ['a symmetric part', { jwk: { ...JWK, k: 'AAAA' } }],
    ['a key of another type', { jwk: ed }],
    ['a key of another curve', { jwk: { ...JWK, crv: 'P-384' } }],
    ['half a key', { jwk: { ...JWK, y: undefined } }],
    ['a coordinate that is too short', { jwk: { ...JWK, x: 'AAAA' } }],
    ['a coordinate of another spelling', { jwk: { ...JWK, x: `${'A'.repeat(42)}B` } }],
    ['no key', { jwk: undefined }],
    ['a key that is text', { jwk: 'x' }],
    ['a URL of keys', { jku: 'https://evil.example' }],
    ['another type', { typ: 'jwt', jwk: undefined }],
    ['an access token', { typ: 'at+jwt', jwk: undefined }],
    ['HMAC', { alg: 'HS256', jwk: secret }],
    ['no algorithm', { alg: 'none' }],
    [
      'an algorithm that is not allowed',
      { alg: 'RS256', jwk: rsa.publicKey.export({ format: 'jwk' }) },
    ],
  ])('attack 13: %s', (_, changes) => {
    expect(problem(() => readProof(compact({ ...HEADER, ...changes }, CLAIMS)))).toBe('proof')
  })

  test.each([
    { jti: undefined },
    { jti: '' },
    { jti: 'x'.repeat(300) },
    { jti: 7 },
    { htm: undefined },
    { htm: 'post' },
    { htu: undefined },
    { htu: ['x'] },
    { iat: undefined },
    { iat: String(NOW) },
    { iat: -1 },
    { ath: 7 },
    { nonce: {} },
  ])('attack 13: the claims %j', (changes) => {
    expect(problem(() => readProof(compact(HEADER, { ...CLAIMS, ...changes })))).toBe('proof')
  })

  test('attack 13: two proofs, in two lines or joined', () => {
    expect(soleProof([])).toBeUndefined()
    expect(soleProof(['a.b.c'])).toBe('a.b.c')
    expect(problem(() => soleProof(['a.b.c', 'a.b.c']))).toBe('ambiguous')
    expect(problem(() => soleProof(['a.b.c, a.b.c']))).toBe('ambiguous')
  })
})

function nonce(given: string | undefined): boolean {
  return given === 'n1'
}

describe('what a proof is about', () => {
  const request: ProvedRequest = {
    htm: 'POST',
    htu: endpointOf(A),
    now: NOW,
    iatWindow: 300,
    ath: accessTokenHash('token'),
  }
  const claims: ProofClaims = { ...CLAIMS, ath: accessTokenHash('token') }

  function check(changes: Partial<ProofClaims>, demand: Partial<ProvedRequest> = {}): unknown {
    return problem(() => {
      checkProofClaims({ ...claims, ...changes }, { ...request, ...demand })
    })
  }

  test('is this request', () => {
    expect(check({})).toBeUndefined()
    expect(check({ iat: NOW - 300 })).toBeUndefined()
    expect(check({ htu: 'HTTPS://A.EXAMPLE:443/mcp/%6dain' })).toBeUndefined()
  })

  test.each<[string, Partial<ProofClaims>]>([
    ['another method', { htm: 'GET' }],
    ['another endpoint', { htu: `${A}/mcp/other` }],
    ['another host', { htu: endpointOf(B) }],
    ['another scheme', { htu: endpointOf(A).replace('https', 'http') }],
    ['another port', { htu: 'https://a.example:8443/mcp/main' }],
    ['a slash more', { htu: `${endpointOf(A)}/` }],
    ['a query', { htu: `${endpointOf(A)}?x=1` }],
    ['an empty query', { htu: `${endpointOf(A)}?` }],
    ['a fragment', { htu: `${endpointOf(A)}#x` }],
    ['a user', { htu: 'https://u@a.example/mcp/main' }],
    ['no URL', { htu: '/mcp/main' }],
    ['a URL that parsers mend', { htu: 'https:\\\\a.example\\mcp\\main' }],
    ['an older time', { iat: NOW - 301 }],
    ['a later time', { iat: NOW + 301 }],
    ['another token', { ath: accessTokenHash('tokem') }],
    ['no token', { ath: undefined } as object],
  ])('attack 13: %s', (_, changes) => {
    expect(check(changes)).toBe('proof')
  })

  test('attack 13: a nonce where one is demanded', () => {
    expect(check({ nonce: 'n1' }, { nonce })).toBeUndefined()
    expect(check({ nonce: 'n2' }, { nonce })).toBe('nonce')
    expect(check({}, { nonce })).toBe('nonce')
    // A stale nonce is told before a stale time, or a client whose clock is wrong never learns a fresh one.
    expect(check({ iat: 0 }, { nonce })).toBe('nonce')
  })
})

test('thumbprints are those of RFC 7638 §3.1 and RFC 8037 A.3', () => {
  const n =
    '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw'
  expect(jwkThumbprint({ kty: 'RSA', n, e: 'AQAB' })).toBe(
    'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
  )
  const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'
  expect(jwkThumbprint({ kty: 'OKP', crv: 'Ed25519', x })).toBe(
    'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
  )
})

test('the hash of a token is that of RFC 9449 §4.2', () => {
  const digest = createHash('sha256').update('a.b.c').digest('base64url')
  expect(accessTokenHash('a.b.c')).toBe(digest)
})

describe('URLs are compared by RFC 3986', () => {
  test.each([
    ['https://A.example', 'https://a.example/'],
    ['HTTPS://a.example:443/x', 'https://a.example/x'],
    ['http://a.example:80/x', 'http://a.example/x'],
    ['https://a.example/a/./b/../c', 'https://a.example/a/c'],
    ['https://a.example/%7euser', 'https://a.example/~user'],
    ['https://a.example/%2f', 'https://a.example/%2F'],
  ])('%s is %s', (text, expected) => {
    expect(normaliseTarget(text)).toBe(expected)
  })

  test('a path keeps its case, and what is reserved its encoding', () => {
    expect(normaliseTarget('https://a.example/A')).not.toBe(normaliseTarget('https://a.example/a'))
    expect(normaliseTarget('https://a.example/%2F')).not.toBe(
      normaliseTarget('https://a.example//'),
    )
  })

  test('and once is enough', () => {
    fc.assert(
      fc.property(fc.webUrl(), (url) => {
        const once = normaliseTarget(url)
        fc.pre(once !== undefined)
        expect(normaliseTarget(once)).toBe(once)
      }),
      { numRuns: 20 },
    )
  })
})
