import { generateKeyPairSync, sign, verify } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { derOfRaw, rawOfDer } from '../../../node/identity/ecdsa.ts'

const CURVES = [
  { namedCurve: 'P-256', hash: 'sha256', size: 32 },
  { namedCurve: 'P-384', hash: 'sha384', size: 48 },
] as const

/** Coordinates of which many begin with zeros or with a high bit, where the forms differ. */
const coordinate = (size: number): fc.Arbitrary<Buffer> =>
  fc
    .tuple(fc.nat(size), fc.uint8Array({ minLength: size, maxLength: size }))
    .map(([zeros, bytes]) => Buffer.from(bytes).fill(0, 0, zeros))

describe.each(CURVES)('a signature of $namedCurve', ({ namedCurve, hash, size }) => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve })

  it('means the same to OpenSSL in both forms', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (data) => {
        const options = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const
        const raw = sign(hash, data, options)
        expect(verify(hash, data, publicKey, derOfRaw(raw, size))).toBe(true)
        const made = rawOfDer(sign(hash, data, privateKey), size)
        expect(verify(hash, data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, made)).toBe(true)
      }),
    )
  })

  it('comes back from DER as it was', () => {
    fc.assert(
      fc.property(coordinate(size), coordinate(size), (r, s) => {
        const raw = Buffer.concat([r, s])
        expect(rawOfDer(derOfRaw(raw, size), size)).toEqual(raw)
      }),
    )
  })

  it.each([0, size * 2 - 1, size * 2 + 1])('of %i bytes is none', (length) => {
    expect(() => derOfRaw(Buffer.alloc(length), size)).toThrow(RangeError)
  })
})
