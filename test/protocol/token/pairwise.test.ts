import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { pairwiseSubject } from '../../../protocol/token/pairwise.ts'
import { A, anyText, B, C } from './tokens.ts'

const SECRET = Buffer.alloc(32, 7)
const input = fc.record({
  iss: fc.constantFrom(A, B, 'https://a.exampleu'),
  sub: fc.oneof(fc.constantFrom('u', '', 'https://c.example'), anyText()),
  target: fc.constantFrom(B, C, 'uhttps://b.example'),
})

test('a pin holds the construction: subjects must stay what they are', () => {
  expect(pairwiseSubject(SECRET, { iss: A, sub: 'u', target: B })).toMatchInlineSnapshot(
    `"3AqkUWpp68b6r-5ZxswnVXut7J4Rf5IeyF_gY8e2z18"`,
  )
})

test('invariant 13: equal input, equal output; anything else, another', () => {
  fc.assert(
    fc.property(input, input, (one, other) => {
      const same = JSON.stringify(one) === JSON.stringify(other)
      const [first, second] = [pairwiseSubject(SECRET, one), pairwiseSubject(SECRET, other)]
      expect(first).toMatch(/^[A-Za-z0-9_-]{43}$/)
      // Half a character has no UTF-8; no subject that was read has such.
      fc.pre(one.sub.isWellFormed() && other.sub.isWellFormed())
      expect(first === second).toBe(same)
      expect(first).not.toBe(one.sub)
      expect(pairwiseSubject(Buffer.alloc(32, 8), one)).not.toBe(first)
    }),
  )
})

test('invariant 13: the parts do not run into each other', () => {
  const left = pairwiseSubject(SECRET, { iss: 'ab', sub: 'c', target: 'd' })
  expect(pairwiseSubject(SECRET, { iss: 'a', sub: 'bc', target: 'd' })).not.toBe(left)
  expect(pairwiseSubject(SECRET, { iss: 'ab', sub: 'cd', target: '' })).not.toBe(left)
})

test('invariant 13: a hundred thousand subjects, and no two alike', { timeout: 60_000 }, () => {
  const secret = randomBytes(32)
  const seen = new Set<string>()
  for (let index = 0; index < 50_000; index += 1) {
    seen.add(pairwiseSubject(secret, { iss: A, sub: `u${index}`, target: B }))
    seen.add(pairwiseSubject(secret, { iss: A, sub: `u${index}`, target: C }))
  }
  expect(seen.size).toBe(100_000)
})
