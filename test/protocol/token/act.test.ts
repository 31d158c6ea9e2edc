import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  actDepth,
  actorsOf,
  canonicalChain,
  chainDigest,
  chainOf,
  disclose,
  hasCycle,
  hashedActor,
  isInChain,
  MAX_ACTORS,
  mayActAs,
  prependActor,
  readAct,
  sameChain,
  tellsNoMore,
  type ChainEntry,
  type Disclosure,
} from '../../../protocol/token/act.ts'
import type { Actor } from '../../../protocol/token/claims.ts'
import { A, B, C, nodeOf, problem } from './tokens.ts'

const party = fc.record({
  iss: fc.constantFrom(A, B, C),
  sub: fc.oneof(fc.constantFrom('n1', 'n2', 'n"3\\', 'ü'), fc.string({ minLength: 1 })),
})
const entry: fc.Arbitrary<ChainEntry> = fc.oneof(
  { weight: 4, arbitrary: party },
  party.map(hashedActor),
)
const entries = fc.array(entry, { maxLength: 8 })

function sortMembers(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const sorted = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(sorted.map(([key, inner]) => [key, sortMembers(inner)]))
}

describe('chains of actors', () => {
  test('are lists, outermost first', () => {
    fc.assert(
      fc.property(entries, (list) => {
        const act = chainOf(list)
        expect(actorsOf(act)).toEqual(list)
        expect(actDepth(act)).toBe(list.length)
      }),
    )
  })

  test('have a canonical text, that of JCS', () => {
    fc.assert(
      fc.property(entries, (list) => {
        const act = chainOf(list)
        expect(canonicalChain(act)).toBe(JSON.stringify(sortMembers(act ?? null)))
      }),
    )
  })

  test('are the same when they name the same actors in the same order', () => {
    fc.assert(
      fc.property(entries, entries, (one, other) => {
        const isSame = JSON.stringify(one) === JSON.stringify(other)
        expect(sameChain(chainOf(one), chainOf(other))).toBe(isSame)
        expect(chainDigest(chainOf(one)) === chainDigest(chainOf(other))).toBe(isSame)
      }),
    )
  })

  test('grow by one at the outside', () => {
    fc.assert(
      fc.property(entries, party, (list, actor) => {
        expect(actorsOf(prependActor(chainOf(list), actor))).toEqual([actor, ...list])
      }),
    )
  })

  test('keep their length, and who can be compared, whatever is disclosed', () => {
    fc.assert(
      fc.property(entries, party, fc.constantFrom('full', 'self', 'hashed'), (list, who, mode) => {
        const act = chainOf(list)
        const told = disclose(act, mode, A)
        expect(actDepth(told)).toBe(actDepth(act))
        expect(isInChain(told, who)).toBe(isInChain(act, who))
        expect(hasCycle(told)).toBe(hasCycle(act))
        expect(mode !== 'full' || sameChain(told, act)).toBe(true)
        const named = actorsOf(told).flatMap((one) => ('iss' in one ? [one.iss] : []))
        const expected: string[] = { full: [A, B, C], self: [A], hashed: [] }[mode]
        expect(named.filter((iss) => !expected.includes(iss))).toEqual([])
      }),
    )
  })

  test('invariant 8: tell no more when each is there, or its hash; who acts now by name', () => {
    const mode = fc.constantFrom('full', 'self', 'hashed')
    fc.assert(
      fc.property(entries, party, mode, mode, (list, actor, one, other) => {
        const of = (way: Disclosure): Actor => prependActor(disclose(chainOf(list), way, A), actor)
        const [told, known] = [of(one), of(other)]
        const isLess = actorsOf(told).every(
          (said, at) => 'hid' in said || 'iss' in (actorsOf(known)[at] ?? {}),
        )
        expect(tellsNoMore(told, known)).toBe(isLess)
        expect(tellsNoMore(told, chainOf(list))).toBe(false)
        expect(tellsNoMore(hashedActor(actor), prependActor(undefined, actor))).toBe(false)
      }),
    )
    expect(tellsNoMore(undefined, undefined)).toBe(true)
    const [a, b] = [
      { iss: A, sub: 'a' },
      { iss: B, sub: 'b' },
    ]
    expect(tellsNoMore(chainOf([a, hashedActor(a)]), chainOf([a, b]))).toBe(false)
  })

  test('go round in a circle when somebody is in them twice, by name or by hash', () => {
    const [a, b] = [
      { iss: A, sub: 'a' },
      { iss: B, sub: 'a' },
    ]
    expect(hasCycle(chainOf([a, b]))).toBe(false)
    expect(hasCycle(chainOf([a, b, a]))).toBe(true)
    expect(hasCycle(chainOf([a, b, hashedActor(a)]))).toBe(true)
    expect(hasCycle(undefined)).toBe(false)
  })
})

describe('reading act', () => {
  test('gives back what was written', () => {
    const named = fc.record({ iss: fc.constantFrom(A, B), sub: fc.constantFrom('n1', 'ü') })
    const list = fc.array(fc.oneof(named, named.map(hashedActor)), { maxLength: MAX_ACTORS })
    fc.assert(
      fc.property(list, (known) => {
        const act = chainOf(known)
        expect(readAct(JSON.parse(canonicalChain(act)) ?? undefined, A)).toEqual(act)
      }),
    )
  })

  test('takes the issuer of the token for an actor without one, and drops what means nothing', () => {
    expect(readAct({ sub: 'n', exp: 1, act: { iss: B, sub: 'm', aud: 'x' } }, A)).toEqual({
      iss: A,
      sub: 'n',
      act: { iss: B, sub: 'm' },
    })
  })

  test.each([
    [null],
    ['x'],
    [[]],
    [{}],
    [{ iss: A }],
    [{ iss: 'x\u0000', sub: 'n' }],
    [{ iss: A, sub: '' }],
    [{ iss: A, sub: 'n\u202e' }],
    [{ hid: 'short' }],
    [{ hid: 'x'.repeat(43), sub: 'n' }],
    [{ iss: A, sub: 'n', act: null }],
  ])('%j is refused', (value) => {
    expect(problem(() => readAct(value, A))).toBe('claims')
  })

  test('attack 26: a chain of any length is followed no further than the longest allowed', () => {
    let act: unknown = { iss: A, sub: 'n' }
    for (let depth = 0; depth < 20_000; depth += 1) act = { iss: A, sub: 'n', act }
    expect(problem(() => readAct(act, A))).toBe('depth')
  })
})

test('may_act names the one who may; empty, it names nobody', () => {
  const node = { iss: A, sub: nodeOf(A) }
  expect(mayActAs(undefined, node)).toBe(true)
  expect(mayActAs(node, node)).toBe(true)
  expect(mayActAs({ sub: nodeOf(A) }, node)).toBe(true)
  expect(mayActAs({}, node)).toBe(false)
  expect(mayActAs({ iss: A }, node)).toBe(false)
  expect(mayActAs({ ...node, iss: B }, node)).toBe(false)
})
