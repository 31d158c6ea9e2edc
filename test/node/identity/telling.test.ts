import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { linkPolicy } from '../../../node/identity/link-policy.ts'
import {
  PSEUDONYMS,
  readTelling,
  TELL_ALL,
  tellLess,
  writeTelling,
  type Telling,
} from '../../../node/identity/telling.ts'
import { OAuthFault } from '../../../protocol/token/faults.ts'

const telling: fc.Arbitrary<Telling> = fc.record({
  subject: fc.constantFrom('pairwise', 'public'),
  disclose: fc.constantFrom('full', 'self', 'hashed'),
})

const RANK = { full: 0, self: 1, hashed: 2 } as const

/** Whether one tells no more than another. */
function isLess(one: Telling, other: Telling): boolean {
  const hides = one.subject === 'pairwise' || other.subject === 'public'
  return hides && RANK[one.disclose] >= RANK[other.disclose]
}

describe('what two sides let be told', () => {
  test('invariant 18: is no more than either allows, and nothing less than both', () => {
    fc.assert(
      fc.property(telling, telling, telling, (one, other, third) => {
        const both = tellLess(one, other)
        expect(isLess(both, one) && isLess(both, other)).toBe(true)
        const isBelowBoth = isLess(third, one) && isLess(third, other)
        expect(isLess(third, both)).toBe(isBelowBoth)
        expect(tellLess(other, one)).toEqual(both)
        expect(tellLess(tellLess(one, other), third)).toEqual(tellLess(one, tellLess(other, third)))
        expect(tellLess(one, one)).toEqual(one)
        expect(tellLess(one, TELL_ALL)).toEqual(one)
      }),
    )
  })

  test('stands in a request as it is meant; what is left out is as where nothing is said', () => {
    fc.assert(
      fc.property(telling, (one) => {
        expect(readTelling(new Map(writeTelling(one)))).toEqual(one)
      }),
    )
    expect(readTelling(new Map())).toEqual(PSEUDONYMS)
    for (const name of ['mesh_subject', 'mesh_disclose']) {
      expect(() => readTelling(new Map([[name, 'all']]))).toThrow(OAuthFault)
    }
  })

  test('is what the law goes by', () => {
    const bounds = { maxTtl: 60, maxDepth: 4, maxBudget: 3, secret: Buffer.alloc(32) }
    expect(linkPolicy(TELL_ALL, bounds)).toEqual({
      maxTtl: 60,
      maxDepth: 4,
      maxBudget: 3,
      subject: { rule: 'same' },
      disclose: 'full',
    })
    expect(linkPolicy(PSEUDONYMS, bounds).subject).toEqual({
      rule: 'pairwise',
      secret: bounds.secret,
    })
  })
})
