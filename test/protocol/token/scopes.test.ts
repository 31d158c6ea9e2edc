import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  allows,
  covers,
  encodeName,
  formatScope,
  intersect,
  isCovered,
  mapScopes,
  needed,
  normalise,
  parseScope,
  type Capability,
} from '../../../protocol/token/scopes.ts'
import { everything, opens, reach, scopeAbout } from './reach.ts'
import { anyText } from './tokens.ts'

const SPACES = ['crm', 'docs'] as const
const WORLD = everything(SPACES, 'n')
const ours = scopeAbout(SPACES)
const scope = fc.oneof(
  { weight: 8, arbitrary: ours },
  fc.constantFrom('*', 'openid', 'ns:', 'ns:crm:write', 'tool:crm/%zz', 'tool:crm/%66ind'),
)
const scopes = fc.array(scope, { maxLength: 6 })

function opened(list: readonly string[]): readonly string[] {
  const known = list.filter((text) => parseScope(text) !== undefined)
  return [...reach(known, WORLD)].toSorted()
}

function isBelow(narrow: readonly string[], wide: readonly string[]): boolean {
  return narrow.every((one) => isCovered(wide, one))
}

describe('the grammar', () => {
  test.each([
    ['*', { namespace: undefined, kind: undefined, name: undefined, readOnly: false }],
    ['ns:crm', { namespace: 'crm', kind: undefined, name: undefined, readOnly: false }],
    ['ns:crm:read', { namespace: 'crm', kind: undefined, name: undefined, readOnly: true }],
    ['tool:crm/find', { namespace: 'crm', kind: 'tool', name: 'find', readOnly: false }],
    ['tool:crm/a%3Ab:read', { namespace: 'crm', kind: 'tool', name: 'a:b', readOnly: true }],
    ['prompt:crm/greet', { namespace: 'crm', kind: 'prompt', name: 'greet', readOnly: false }],
    ['resource:crm', { namespace: 'crm', kind: 'resource', name: undefined, readOnly: false }],
    [
      'resource:crm/file%3A///x',
      { namespace: 'crm', kind: 'resource', name: 'file:///x', readOnly: false },
    ],
  ])('%s is %j', (text, parsed) => {
    expect(parseScope(text)).toEqual(parsed)
    expect(formatScope(parsed as NonNullable<ReturnType<typeof parseScope>>)).toBe(text)
  })

  test.each([
    '',
    'ns',
    'ns:',
    'ns:a/b',
    'ns:a:write',
    'ns:a:read:read',
    'tool:a/',
    'tool:a/*',
    'tool:*',
    'prompt:a:read',
    'skill:a',
    'NS:a',
    'tool:a/%',
    'tool:a/%ff',
    'tool:a/%66ind',
    'tool:a/%2f',
    'ns:a b',
    'ns:a"',
    'ns:ü',
    `ns:${'a'.repeat(3_000)}`,
  ])('%j is a scope of somebody else', (text) => {
    expect(parseScope(text)).toBeUndefined()
  })

  test('a name has one spelling, percent-encoded once', () => {
    expect(encodeName('a%20b c"\\')).toBe('a%2520b%20c%22%5C')
    expect(encodeName('\ud800')).toBeUndefined()
    fc.assert(
      fc.property(anyText({ minLength: 1, maxLength: 50 }), (name) => {
        const text = formatScope({ namespace: 'n', kind: 'tool', name, readOnly: false })
        expect(text === undefined).toBe(!name.isWellFormed())
        expect(text === undefined || parseScope(text)?.name === name).toBe(true)
      }),
    )
  })
})

describe('laws of scopes', () => {
  test('covering is a partial order, with everything on top', () => {
    fc.assert(
      fc.property(scope, scope, scope, (a, b, c) => {
        expect(covers(a, a)).toBe(true)
        expect(covers(a, b) && covers(b, a)).toBe(a === b)
        expect(!covers(a, b) || !covers(b, c) || covers(a, c)).toBe(true)
      }),
    )
    fc.assert(fc.property(ours, (one) => covers('*', one)))
  })

  test('whoever holds the wider scope opens all the narrower one does', () => {
    fc.assert(
      fc.property(ours, ours, (a, b) => {
        const contained = WORLD.every((offer) => !opens(b, offer) || opens(a, offer))
        expect(!covers(a, b) || contained).toBe(true)
      }),
    )
  })

  test('the intersection is the greatest of what both cover', () => {
    fc.assert(
      fc.property(scopes, scopes, scopes, (a, b, below) => {
        const common = intersect(a, b)
        expect(isBelow(common, a) && isBelow(common, b)).toBe(true)
        const isBelowBoth = isBelow(below, a) && isBelow(below, b)
        expect(isBelow(below, common)).toBe(isBelowBoth)
        expect(intersect(b, a)).toEqual(common)
        expect(intersect(a, a)).toEqual(normalise(a))
        expect(intersect(intersect(a, b), below)).toEqual(intersect(a, intersect(b, below)))
      }),
    )
  })

  test('the intersection opens exactly what both open', () => {
    fc.assert(
      fc.property(fc.array(ours, { maxLength: 5 }), fc.array(ours, { maxLength: 5 }), (a, b) => {
        const both = opened(a).filter((origin) => opened(b).includes(origin))
        expect(opened(intersect(a, b))).toEqual(both)
      }),
    )
  })

  test('normalising opens the same, is done once, and does not heed the order', () => {
    fc.assert(
      fc.property(scopes, (list) => {
        const once = normalise(list)
        expect(opened(once)).toEqual(opened(list))
        expect(normalise(once)).toEqual(once)
        expect(normalise(list.toReversed())).toEqual(once)
      }),
    )
  })

  test('what is allowed is what the oracle opens', () => {
    fc.assert(
      fc.property(scopes, fc.constantFrom(...WORLD), (list, offer) => {
        const { namespace, kind, name, reads: readOnly } = offer
        const known = list.filter((text) => parseScope(text) !== undefined)
        const expected = known.some((one) => opens(one, offer))
        expect(allows(list, { namespace, kind, name, readOnly })).toBe(expected)
      }),
    )
  })
})

describe('maps', () => {
  const map = fc.dictionary(
    fc.oneof({ weight: 6, arbitrary: scopeAbout(['crm']) }, fc.constantFrom('*', 'openid')),
    fc.array(
      fc.oneof({ weight: 6, arbitrary: scopeAbout(['sales']) }, fc.constantFrom('*', 'mail')),
      {
        maxLength: 3,
      },
    ),
    { maxKeys: 4 },
  )

  test('are monotone: more scopes, more images; never more than is written down; never everything', () => {
    fc.assert(
      fc.property(scopes, scopes, map, (less, more, mapping) => {
        const small = mapScopes(less, mapping)
        const large = mapScopes([...less, ...more], mapping)
        expect(isBelow(small, large)).toBe(true)
        expect(isBelow(large, Object.values(mapping).flat())).toBe(true)
        expect(large).not.toContain('*')
      }),
    )
  })

  test('are monotone in what is covered, not only in what is listed', () => {
    fc.assert(
      fc.property(scopes, scopes, map, (a, b, mapping) => {
        const narrower = intersect(a, b)
        expect(isBelow(mapScopes(narrower, mapping), mapScopes(a, mapping))).toBe(true)
      }),
    )
  })

  test('deny what is not in them', () => {
    expect(mapScopes(['ns:docs', 'ns:crm'], { 'ns:crm': ['ns:sales'] })).toEqual(['ns:sales'])
    expect(mapScopes(['ns:docs'], { 'ns:crm': ['ns:sales'] })).toEqual([])
    expect(mapScopes(['ns:docs'], {})).toEqual([])
    expect(mapScopes([], { 'ns:crm': ['ns:sales'] })).toEqual([])
    expect(mapScopes(['constructor'], {})).toEqual([])
  })

  test('never widen: who may read gets nothing that writes', () => {
    expect(mapScopes(['ns:crm:read'], { 'ns:crm': ['ns:sales'] })).toEqual(['ns:sales:read'])
    expect(mapScopes(['ns:crm:read'], { 'ns:crm': ['mail.send'] })).toEqual([])
  })

  test.each([
    ['tool:crm/find', 'ns:crm', 'ns:sales', ['tool:sales/find']],
    ['tool:crm/find', 'ns:crm:read', 'ns:sales:read', ['tool:sales/find:read']],
    ['tool:crm/find', 'tool:crm', 'prompt:sales', []],
    ['tool:crm/find', 'tool:crm/find', 'tool:sales/search', ['tool:sales/search']],
    ['tool:crm/find:read', 'tool:crm/find', 'tool:sales/search', ['tool:sales/search:read']],
    ['tool:crm/find', 'ns:crm', 'tool:sales/search', []],
    ['*', 'ns:crm', 'ns:sales', ['ns:sales']],
    ['*', '*', 'ns:sales', ['ns:sales']],
    ['ns:crm', '*', 'ns:sales', []],
    ['*', '*', '*', []],
    ['mcp.all', 'mcp.all', 'ns:sales', ['ns:sales']],
  ])('%s over %s -> %s is %j', (held, key, image, expected) => {
    expect(mapScopes([held], { [key]: [image] })).toEqual(expected)
  })
})

test('what is needed is enough', () => {
  const kind = fc.constantFrom('tool', 'prompt', 'resource', 'template', 'skill')
  const capability: fc.Arbitrary<Capability> = fc.record({
    kind,
    namespace: fc.constantFrom(...SPACES),
    name: anyText({ maxLength: 40 }),
    readOnly: fc.boolean(),
  }) as fc.Arbitrary<Capability>
  fc.assert(
    fc.property(capability, (wanted) => {
      const text = needed(wanted)
      expect(text).toBeDefined()
      expect(allows([text ?? ''], wanted)).toBe(true)
      expect(allows([], wanted)).toBe(false)
    }),
  )
  expect(needed({ kind: 'tool', namespace: 'crm', name: 'find' })).toBe('tool:crm/find')
  expect(needed({ kind: 'template', namespace: 'crm', name: 'x://{y}' })).toBe('resource:crm')
})

test('a namespace that looks like a name is opened by none of them', () => {
  expect(allows(['tool:a/b'], { kind: 'tool', namespace: 'a/b', name: 'c' })).toBe(false)
  expect(allows(['tool:a/b/c'], { kind: 'tool', namespace: 'a/b', name: 'c' })).toBe(false)
  expect(allows(['*'], { kind: 'tool', namespace: 'a/b', name: 'c' })).toBe(true)
})

test('many scopes cost no more than their number', () => {
  const many = Array.from({ length: 256 }, (_, index) => `tool:crm/t${index}`)
  expect(intersect(many, many)).toHaveLength(256)
  expect(intersect(many, ['ns:crm:read'])).toHaveLength(256)
})
