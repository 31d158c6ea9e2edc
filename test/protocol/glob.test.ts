import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { globsOverlap, matchesGlob } from '../../protocol/glob.ts'

const glob = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 6 })
const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 6 })

function reference(pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll('*', '.*')}$`)
}

test.each([
  ['docs', 'docs', true],
  ['docs', 'docs2', false],
  ['*', '', true],
  ['public-*', 'public-docs', true],
  ['public-*', 'public', false],
  ['*-docs', 'a-b-docs', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*b*c', 'acb', false],
])('%s against %s: %s', (pattern, text, expected) => {
  expect(matchesGlob(pattern, text)).toBe(expected)
})

test('law: a glob matches what the same regular expression matches', () => {
  fc.assert(
    fc.property(glob, name, (pattern, text) => {
      expect(matchesGlob(pattern, text)).toBe(reference(pattern).test(text))
    }),
  )
})

test('law: overlap is symmetric, and some name that matches both is enough for it', () => {
  fc.assert(
    fc.property(glob, glob, name, (left, right, text) => {
      expect(globsOverlap(left, right)).toBe(globsOverlap(right, left))
      const witness = reference(left).test(text) && reference(right).test(text)
      expect(globsOverlap(left, right) || !witness).toBe(true)
    }),
  )
})

test('law: without a name of up to twelve letters that matches both, globs do not overlap', () => {
  const names = [...Array(2 ** 13 - 1).keys()].map((i) =>
    (i + 1).toString(2).slice(1).replaceAll('0', 'a').replaceAll('1', 'b'),
  )
  const short = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 5 })
  fc.assert(
    fc.property(short, short, (left, right) => {
      const [one, other] = [reference(left), reference(right)]
      expect(globsOverlap(left, right)).toBe(
        names.some((text) => one.test(text) && other.test(text)),
      )
    }),
    { numRuns: 50 },
  )
})

test('many stars take no exponential time', () => {
  expect(matchesGlob(`${'*a'.repeat(60)}b`, 'a'.repeat(128))).toBe(false)
})
