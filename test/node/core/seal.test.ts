import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Sealer } from '../../../node/core/seal.ts'
import { anyCharacter } from '../../fixtures/any-character.ts'

const SECRET = Buffer.alloc(32, 7)
const sealer = new Sealer(SECRET, 'cursor')

describe('a sealed value', () => {
  test('law: it opens as what was sealed, under the same bound, and only ASCII leaves', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter }), fc.string(), (text, bound) => {
        const sealed = sealer.seal(text, bound)
        expect(sealed).toMatch(/^[A-Za-z0-9_-]+$/)
        expect(sealer.open(sealed, bound)).toBe(text)
      }),
    )
  })

  test('law: what holders compare is the same for the same, and for nothing else', () => {
    const pair = fc.tuple(fc.string(), fc.string())
    fc.assert(
      fc.property(pair, pair, ([text, bound], [other, otherBound]) => {
        const sealed = sealer.sealSame(text, bound)
        expect(sealer.open(sealed, bound)).toBe(text)
        expect(sealer.sealSame(text, bound)).toBe(sealed)
        const same = text === other && bound === otherBound
        expect(sealer.sealSame(other, otherBound) === sealed).toBe(same)
      }),
    )
    expect(sealer.sealSame('ab', 'c')).not.toBe(sealer.sealSame('a', 'bc'))
    expect(sealer.seal('x', 'main')).not.toBe(sealer.seal('x', 'main'))
  })

  test('law: a single bit that differs, and it does not open', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), (text, seed) => {
        const bytes = Buffer.from(sealer.seal(text, 'main'), 'base64url')
        const bit = seed % (bytes.length * 8)
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(sealer.open(bytes.toString('base64url'), 'main')).toBeUndefined()
      }),
    )
  })

  test('law: cut short anywhere, or with anything behind it, it does not open', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), fc.string({ minLength: 1 }), (text, seed, more) => {
        const sealed = sealer.seal(text, 'main')
        expect(sealer.open(sealed.slice(0, seed % sealed.length), 'main')).toBeUndefined()
        expect(sealer.open(sealed + more, 'main')).toBeUndefined()
        expect(sealer.open(more + sealed, 'main')).toBeUndefined()
      }),
    )
  })

  test('law: any other text does not open', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: anyCharacter }), fc.base64String()), (text) => {
        expect(sealer.open(text, '')).toBeUndefined()
      }),
    )
  })

  test('it has one spelling', () => {
    const sealed = sealer.seal('x', 'main')
    const whole = Buffer.from(sealed, 'base64url')
    for (const other of [`${sealed}=`, `${sealed}\n`, ` ${sealed}`, `!${sealed}`]) {
      expect(Buffer.from(other, 'base64url')).toEqual(whole)
      expect(sealer.open(other, 'main')).toBeUndefined()
    }
  })

  test('two of the same value differ', () => {
    expect(sealer.seal('x', 'main')).not.toBe(sealer.seal('x', 'main'))
  })
})

describe('purposes, bounds and secrets', () => {
  test('what was sealed for one does not open for another', () => {
    const sealed = sealer.seal('x', 'main')
    expect(new Sealer(SECRET, 'session').open(sealed, 'main')).toBeUndefined()
    expect(new Sealer(Buffer.alloc(32, 8), 'cursor').open(sealed, 'main')).toBeUndefined()
    expect(sealer.open(sealed, 'ops')).toBeUndefined()
    expect(new Sealer(SECRET, 'cursor').open(sealed, 'main')).toBe('x')
  })

  test.each([0, 16, 31, 33])('a secret of %d bytes is none', (size) => {
    expect(() => new Sealer(Buffer.alloc(size), 'cursor')).toThrow(TypeError)
  })
})
