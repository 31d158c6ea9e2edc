import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../../../node/core/config.ts'
import type { UpstreamConfig } from '../../../../node/core/config-types.ts'
import type { Proving } from '../../../../node/core/provenance.ts'
import type { KeyRing } from '../../../../node/identity/key-ring.ts'
import {
  Provenances,
  type ProvenancesParts,
} from '../../../../node/identity/provenance/provenances.ts'
import { signJwt } from '../../../../node/identity/jwt.ts'
import { OriginChecker } from '../../../../node/identity/provenance/checker.ts'
import { OriginSigner } from '../../../../node/identity/provenance/signer.ts'
import { StaticKeys } from '../../../../node/identity/remote-keys.ts'
import { SigningKey } from '../../../../node/identity/signing-key.ts'
import { FetchFault } from '../../../../node/identity/fetch-fault.ts'
import type { KeyFinder } from '../../../../node/identity/jwt.ts'
import type { ExpectedResult } from '../../../../protocol/provenance/statements.ts'
import { TYP } from '../../../../protocol/token/claims.ts'

const URL_OF_C = 'https://c.example'
const DIGEST = 'd'.repeat(43)
const STATEMENT = {
  id: { organisation: 'globex', node: 'c', namespace: 'fx', name: 'read' },
  source: 'files',
  arguments: 'a'.repeat(43),
  result: DIGEST,
  nonce: 'n'.repeat(22),
}
const EXPECTED: ExpectedResult = { ...STATEMENT, txn: undefined }

const key = SigningKey.generate()
let now = 1_000

const signer = new OriginSigner({
  signer: () => URL_OF_C,
  keys: { signing: () => key },
  clock: () => now,
})

function keysOf(...keys: readonly SigningKey[]): StaticKeys {
  const jwks = keys.map((one) => ({ ...one.jwk, kid: one.kid }))
  return new StaticKeys(jwks, { algs: ['ES256'], pins: [], thumbprintKids: true })
}

function checkerWith(keys: KeyFinder, organisation = 'globex'): OriginChecker {
  const signers = [{ url: URL_OF_C, organisation, keys }]
  return new OriginChecker({ signers, clock: () => now, leeway: 30 })
}

const checker = checkerWith(keysOf(key))
const SIGNED = signer.result(STATEMENT)

describe('a statement about a result', () => {
  test('is verified when it is about what was asked for', () => {
    expect(checker.result(SIGNED, EXPECTED)).toEqual({ verdict: 'verified', signer: URL_OF_C })
  })

  test.each([
    ['tool', { id: { ...EXPECTED.id, name: 'write' } }],
    ['tool', { id: { ...EXPECTED.id, namespace: 'other' } }],
    ['tool', { id: { ...EXPECTED.id, node: 'd' } }],
    ['tool', { source: 'other' }],
    ['arguments', { arguments: DIGEST }],
    ['nonce', { nonce: 'm'.repeat(22) }],
    ['result', { result: 'r'.repeat(43) }],
  ])('is not when the %s is another: %j', (of, more) => {
    const verdict = { verdict: 'altered', signer: URL_OF_C, of }
    expect(checker.result(SIGNED, { ...EXPECTED, ...more })).toEqual(verdict)
  })

  test('is held against the delegation where both sides know it', () => {
    const under = signer.result({ ...STATEMENT, txn: 'one' })
    expect(checker.result(under, EXPECTED)).toMatchObject({ verdict: 'verified' })
    expect(checker.result(under, { ...EXPECTED, txn: 'one' })).toMatchObject({
      verdict: 'verified',
    })
    expect(checker.result(under, { ...EXPECTED, txn: 'two' })).toMatchObject({ of: 'txn' })
  })

  test('is of nobody when the organisation is not one the signer is trusted with', () => {
    const other = checkerWith(keysOf(key), 'initech')
    expect(other.result(SIGNED, EXPECTED)).toEqual({ verdict: 'untrusted' })
  })

  test('is of nobody when the key is not one of the signer', () => {
    const other = checkerWith(keysOf(SigningKey.generate()))
    expect(other.result(SIGNED, EXPECTED)).toEqual({ verdict: 'untrusted' })
  })

  test('is of nobody when it comes from the future', () => {
    now = 2_000
    const late = signer.result(STATEMENT)
    now = 1_969
    expect(checker.result(late, EXPECTED)).toEqual({ verdict: 'untrusted' })
    now = 1_970
    expect(checker.result(late, EXPECTED)).toMatchObject({ verdict: 'verified' })
    now = 1_000
  })

  test('is no statement of another type, and no other token is one', () => {
    const digests = { whole: DIGEST }
    const tool = { organisation: 'globex', node: 'c', name: 'read' }
    const other = signer.descriptor({ tool, namespaces: ['fx'], source: 'files', digests })
    expect(checker.result(other, EXPECTED)).toEqual({ verdict: 'untrusted' })
    const claims = JSON.parse(
      Buffer.from(SIGNED.split('.')[1] ?? '', 'base64url').toString(),
    ) as object
    for (const typ of Object.values(TYP).filter((one) => one !== TYP.result)) {
      const token = signJwt(key, typ, claims)
      expect(checker.result(token, EXPECTED)).toEqual({ verdict: 'untrusted' })
    }
  })

  test('is none: what is no text, no JWS, or too long', () => {
    for (const odd of [1, {}, null, '', 'a.b', `${SIGNED}\n`, 'x'.repeat(20_000)]) {
      expect(checker.result(odd, EXPECTED)).toEqual({ verdict: 'untrusted' })
    }
    expect(checker.result(undefined, EXPECTED)).toEqual({ verdict: 'unsigned' })
  })

  test('invariant 29: no single bit of it may be another', () => {
    const bytes = Buffer.from(SIGNED)
    for (let index = 0; index < bytes.length; index += 1) {
      const flipped = Buffer.from(bytes)
      flipped[index] = (flipped[index] ?? 0) ^ 1
      expect(checker.result(flipped.toString('latin1'), EXPECTED)).not.toMatchObject({
        verdict: 'verified',
      })
    }
  })

  test('is checked with a key that stands in the file without a name', () => {
    const parts: ProvenancesParts = {
      base: () => URL_OF_C,
      keys: { signing: () => key } as unknown as KeyRing,
      network: () => {
        throw new Error('nothing is fetched')
      },
      clock: () => now,
      leeway: 30,
    }
    const { x, y } = key.jwk
    const keys = { static: [{ kty: 'EC', crv: 'P-256', x, y }] }
    const config = parseConfig({
      node: { name: 'a', organisation: 'a' },
      upstreams: {
        up: {
          node: { url: 'http://127.0.0.1:1' },
          provenance: {
            results: 'verify',
            signers: [{ url: URL_OF_C, organisation: 'globex', keys }],
          },
        },
      },
    })
    const made = new Provenances(parts).of('up', config.upstreams['up'] as UpstreamConfig)
    const proving = made?.results as Extract<Proving, { mode: 'verify' | 'require' }>
    expect(proving.checker.result(SIGNED, EXPECTED)).toMatchObject({ verdict: 'verified' })
  })

  test('is told later when keys must be fetched, and never throws when they cannot', async () => {
    const later = checkerWith({ find: () => Promise.resolve(key.public) })
    await expect(later.result(SIGNED, EXPECTED)).resolves.toMatchObject({ verdict: 'verified' })
    const fault = new FetchFault('timeout', 'c.example', 'takes too long to answer')
    const never = checkerWith({ find: () => Promise.reject(fault) })
    await expect(never.result(SIGNED, EXPECTED)).resolves.toEqual({ verdict: 'unavailable' })
  })
})
