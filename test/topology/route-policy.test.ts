import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Route } from '../../topology/route.ts'
import {
  compileExport,
  compileImport,
  NO_EXPORT,
  type ExportRule,
} from '../../topology/route-policy.ts'

const INSIDE = { id: 'b', organisation: 'acme' }
const GLOBEX = { id: 'g', organisation: 'globex' }
const INITECH = { id: 'i', organisation: 'initech' }

function route(change: Partial<Route> = {}): Route {
  return {
    key: { origin: 'a', namespace: 'public' },
    revision: 'r',
    path: [
      { id: 'me', inc: 1, epoch: 2 },
      { id: 'a', inc: 1, epoch: 0 },
    ],
    organisations: ['acme'],
    cost: 1,
    tags: [],
    ...change,
  }
}

const FOREIGN = route({
  key: { origin: 'org:initech', namespace: 'public' },
  organisations: ['acme', 'initech'],
})

const rules: fc.Arbitrary<readonly ExportRule[]> = fc.array(
  fc.record(
    {
      to: fc.constantFrom('globex', 'initech'),
      namespaces: fc.uniqueArray(fc.constantFrom('public', 'pub*', 'secret', '*'), {
        minLength: 1,
      }),
      tags: fc.uniqueArray(fc.constantFrom('x', 'y'), { minLength: 1 }),
      allow: fc.boolean(),
      transit: fc.boolean(),
    },
    { requiredKeys: ['allow'] },
  ),
  { maxLength: 4 },
)

const routes = fc
  .record({
    namespace: fc.constantFrom('public', 'secret'),
    foreign: fc.boolean(),
    tags: fc.uniqueArray(fc.constantFrom('x', 'y', NO_EXPORT)),
  })
  .map(({ namespace, foreign, tags }) => {
    const base = foreign ? FOREIGN : route()
    return { ...base, key: { ...base.key, namespace }, tags }
  })

describe('what is offered to others', () => {
  test('inside all is, beyond the border nothing without a rule', () => {
    const policy = compileExport([], 'acme')
    expect(policy(route(), INSIDE)).toEqual(route())
    expect(policy(route({ tags: [NO_EXPORT] }), INSIDE)).toBeUndefined()
    expect(policy(route(), GLOBEX)).toBeUndefined()
  })

  test('what crosses the border lives at the organisation, and says nothing of the inside', () => {
    const policy = compileExport([{ to: 'globex', allow: true, as: 'partner' }], 'acme')
    expect(policy(route(), GLOBEX)).toEqual(
      route({
        key: { origin: 'org:acme', namespace: 'partner' },
        path: [{ id: 'me', inc: 1, epoch: 0 }],
        cost: 0,
      }),
    )
  })

  test('what one foreign organisation gave goes to another only where a rule gives transit', () => {
    const allow = { to: 'globex', allow: true }
    expect(compileExport([allow], 'acme')(FOREIGN, GLOBEX)).toBeUndefined()
    const given = compileExport([{ ...allow, transit: true }], 'acme')(FOREIGN, GLOBEX)
    expect(given?.key.origin).toBe('org:initech')
    expect(given?.organisations).toEqual(['acme', 'initech'])
  })

  test('law: a rule that denies, put before the others, never opens anything', () => {
    fc.assert(
      fc.property(rules, rules, routes, (given, more, one) => {
        const denies = more.map((rule) => ({ ...rule, allow: false }))
        const [before, after] = [given, [...denies, ...given]].map((all) =>
          compileExport(all, 'acme'),
        )
        for (const peer of [INSIDE, GLOBEX, INITECH]) {
          const [was, is] = [before?.(one, peer), after?.(one, peer)]
          expect(is === undefined || was !== undefined).toBe(true)
        }
      }),
    )
  })

  test('law: no rule takes a namespace out against its tag, or gives transit that nobody gave', () => {
    fc.assert(
      fc.property(rules, routes, (given, one) => {
        const policy = compileExport(given, 'acme')
        for (const peer of [GLOBEX, INITECH]) {
          const out = policy(one, peer)
          const mayNot = one.tags.includes(NO_EXPORT) || given.every(({ allow }) => !allow)
          expect(mayNot && out !== undefined).toBe(false)
          const isTransit = out?.key.origin === 'org:initech'
          expect(isTransit && given.every(({ transit }) => transit !== true)).toBe(false)
        }
      }),
    )
  })
})

describe('what is taken from others', () => {
  const foreign = { ...FOREIGN, organisations: ['globex', 'initech'] }

  test('inside all is, from beyond the border nothing without a rule', () => {
    const policy = compileImport([], 'acme')
    expect(policy(route(), INSIDE)).toBe(0)
    expect(policy(route({ organisations: ['globex'] }), GLOBEX)).toBeUndefined()
  })

  test('a node speaks for its own organisation, and for others only where a rule says so', () => {
    const rule = { from: 'globex', preference: 5 }
    expect(compileImport([rule], 'acme')(route({ organisations: ['globex'] }), GLOBEX)).toBe(5)
    expect(compileImport([rule], 'acme')(foreign, GLOBEX)).toBeUndefined()
    const named = compileImport([{ ...rule, behind: ['initech'] }], 'acme')
    expect(named(foreign, GLOBEX)).toBe(5)
    expect(named({ ...foreign, organisations: ['initech'] }, GLOBEX)).toBeUndefined()
  })
})
