import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  readRevocationList,
  writeRevocationList,
  type RevocationList,
} from '../../../protocol/token/revocation-list.ts'

const issuer = fc.constantFrom('https://a.example', 'https://b.example')
const until = fc.integer({ min: 0, max: 2 ** 40 })
const list: fc.Arbitrary<RevocationList> = fc.record({
  revoked: fc.array(
    fc.record({
      issuer,
      by: fc.constantFrom('jti', 'sid', 'txn'),
      id: fc.string({ minLength: 1, maxLength: 40 }),
      until,
    }),
    { maxLength: 50 },
  ),
  refused: fc.array(fc.record({ issuer, until }), { maxLength: 10 }),
  cursor: fc.stringMatching(/^[a-f0-9]{16}\.[0-9]{1,6}$/),
  more: fc.boolean(),
})

const RIGHT = { iss: 'https://a.example', by: 'jti', id: 'x', exp: 1 }

test('what is written is what is read', () => {
  fc.assert(
    fc.property(list, (one) => {
      const wire: unknown = JSON.parse(JSON.stringify(writeRevocationList(one)))
      expect(readRevocationList(wire)).toEqual(one)
    }),
  )
})

test.each<[string, object]>([
  ['another kind', { revoked: [{ iss: 'https://a.example', by: 'iss', id: 'x', exp: 1 }] }],
  ['no end', { revoked: [{ iss: 'https://a.example', by: 'jti', id: 'x' }] }],
  ['an id of any length', { revoked: [{ iss: 'a', by: 'jti', id: 'x'.repeat(1_025), exp: 1 }] }],
  ['too many', { revoked: Array.from({ length: 51 }, () => RIGHT) }],
  ['a cursor that is none', { cursor: 'a b' }],
  ['no word of more', { more: undefined }],
])('a list with %s is none', (_, change) => {
  const right = { revoked: [], refused: [], cursor: 'e.0', more: false }
  expect(readRevocationList(right)).toEqual(right)
  expect(() => readRevocationList({ ...right, ...change })).toThrow('malformed')
})
