import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { matchesTemplate } from '../../protocol/uri-templates.ts'

/** RFC 6570 §3.2.1 as a table: what comes first, what stands between, whether names are written, what need not be encoded. */
const OPERATORS: Readonly<Record<string, { first: string; between: string; named: boolean }>> = {
  '': { first: '', between: ',', named: false },
  '+': { first: '', between: ',', named: false },
  '#': { first: '#', between: ',', named: false },
  '.': { first: '.', between: '.', named: false },
  '/': { first: '/', between: '/', named: false },
  ';': { first: ';', between: ';', named: true },
  '?': { first: '?', between: '&', named: true },
  '&': { first: '&', between: '&', named: true },
}

interface Expression {
  readonly operator: string
  readonly values: readonly (readonly [string, string | undefined])[]
}

function written(operator: string, [name, value]: readonly [string, string]): string {
  const reserved = operator === '+' || operator === '#'
  const text = reserved ? encodeURI(value) : encodeURIComponent(value)
  if (OPERATORS[operator]?.named !== true) return text
  return value === '' && operator === ';' ? name : `${name}=${text}`
}

/** The expansion of one expression (RFC 6570, levels 1 to 3). */
function expand({ operator, values }: Expression): string {
  const { first = '', between = '' } = OPERATORS[operator] ?? {}
  const given = values.flatMap(([name, value]) =>
    value === undefined ? [] : [written(operator, [name, value])],
  )
  return given.length === 0 ? '' : `${first}${given.join(between)}`
}

function spelt({ operator, values }: Expression): string {
  return `{${operator}${values.map(([name]) => name).join(',')}}`
}

const literal = fc.stringMatching(/^[a-z0-9/._~:-]{0,8}$/)
const expression: fc.Arbitrary<Expression> = fc.record({
  operator: fc.constantFrom(...Object.keys(OPERATORS)),
  values: fc.array(
    fc.tuple(
      fc.stringMatching(/^[a-z]{1,4}$/),
      fc.option(fc.string({ unit: 'grapheme', maxLength: 8 }), { nil: undefined }),
    ),
    { minLength: 1, maxLength: 3 },
  ),
})
const template = fc.tuple(literal, fc.array(fc.tuple(expression, literal), { maxLength: 5 }))

describe('law: a URI that a template expands to matches it', () => {
  test('for any template of levels 1 to 3 and any values', () => {
    fc.assert(
      fc.property(template, ([head, parts]) => {
        const text = head + parts.map(([one, rest]) => spelt(one) + rest).join('')
        const uri = head + parts.map(([one, rest]) => expand(one) + rest).join('')
        expect([text, uri, matchesTemplate(text, uri)]).toEqual([text, uri, true])
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('what a template does not lead to', () => {
  test.each([
    ['test://item/{id}', 'test://item/7', true],
    ['test://item/{id}', 'test://item/a b', true],
    ['test://item/{id}', 'test://item/', true],
    ['test://item/{id}', 'test://item/7/more', false],
    ['test://item/{id}', 'test://item/7?x=1', false],
    ['test://item/{id}', 'test://items/7', false],
    ['test://item/{id}', 'other://item/7', false],
    ['test://item/{id}/end', 'test://item/7', false],
    ['test://item/{id}/end', 'test://item/7/end', true],
    ['file:///{+path}', 'file:///a/b/c.md', true],
    ['file:///{+path}.md', 'file:///a.md/b.md', true],
    ['file:///{+path}.md', 'file:///a/b.txt', false],
    ['db://{table}{?limit,offset}', 'db://users', true],
    ['db://{table}{?limit,offset}', 'db://users?limit=5', true],
    ['db://{table}{?limit,offset}', 'db://users#limit', false],
    ['x:a{/b}c', 'x:ac', true],
    ['x:a{/b}c', 'x:a/c', true],
    ['x:a{/b}c', 'x:abc', false],
    ['x:{+a}b{c}', 'x:1/b/2b3', true],
    ['{+any}', 'anything:at/all?#', true],
    ['x:static', 'x:static', true],
    ['x:static', 'x:statics', false],
    ['x:{a', 'x:{a', false],
    ['', '', true],
    ['', 'x', false],
  ])('%s and %s: %s', (text, uri, expected) => {
    expect(matchesTemplate(text, uri)).toBe(expected)
  })

  test('law: nothing is thrown, whatever both are', () => {
    const any = fc.string({
      unit: fc.constantFrom('{', '}', '+', '#', '?', '&', ';', '.', '/', 'a', '\ud800'),
    })
    fc.assert(
      fc.property(any, any, (text, uri) => {
        expect(matchesTemplate(text, uri)).toBeTypeOf('boolean')
      }),
    )
  })

  test('law: without expressions it is equality', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '/', '?') })
    fc.assert(
      fc.property(text, text, (left, right) => {
        expect(matchesTemplate(left, right)).toBe(left === right)
      }),
    )
  })
})

function many(times: number, text: string): string {
  return text.repeat(times)
}

describe('the work is bounded', () => {
  test.each([
    ['the same literal everywhere', `${many(30, '{a}x')}y`, many(8_000, 'x')],
    ['reserved characters everywhere', `${many(30, '{+a}/')}y`, many(8_000, '/')],
    ['an operator that is there at every second place', `${many(30, '{/a}')}y`, many(4_000, '/x')],
    ['literals that nearly match', `{+a}${many(4_000, 'x')}y`, many(8_000, 'x')],
  ])('%s', (_what, text, uri) => {
    const startedAt = performance.now()
    expect(matchesTemplate(text, uri)).toBe(false)
    // A search that goes back and forth would take minutes.
    expect(performance.now() - startedAt).toBeLessThan(1_000)
  })

  test('a template of more expressions than that matches nothing', () => {
    expect(matchesTemplate(many(32, '{a}'), 'x')).toBe(true)
    expect(matchesTemplate(many(33, '{a}'), 'x')).toBe(false)
  })
})
