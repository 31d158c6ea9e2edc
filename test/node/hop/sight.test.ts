import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Sealer } from '../../../node/core/seal.ts'
import { LOCAL_CALLER, type Principal } from '../../../node/core/principal.ts'
import { PageStore } from '../../../node/hop/page-store.ts'
import type { PageContext } from '../../../node/hop/pages.ts'
import { see } from '../../../node/hop/resolve.ts'
import { Sights } from '../../../node/hop/sight.ts'
import { buildView } from '../../../node/hop/view.ts'
import { faultOf } from '../../protocol/fault.ts'
import { visible } from './calls.ts'
import { listed, own, rule } from './tools.ts'

const NAMES = ['a', 'b', 'c']
const VIEW = buildView('tool', rule({ namespaces: ['*'] }), [
  own(
    's',
    'docs',
    NAMES.map((name) => listed(name)),
  ),
  own(
    't',
    'wiki',
    NAMES.map((name) => listed(name)),
  ),
])
const sealer = new Sealer(Buffer.alloc(32, 1), 'cursor')
const SCOPES = ['*', 'ns:docs', 'ns:wiki', 'ns:docs:read', 'tool:docs/a', 'tool:wiki', 'openid']

function holder(scopes: readonly string[]): Principal {
  return { ...LOCAL_CALLER, key: 'x', scopes }
}

/** Where scopes alone decide. */
const sights = new Sights('main', undefined)

function listOf(scopes: readonly string[]): string[] {
  const dialect = { era: '2026', revision: '2026-07-28', federated: false } as const
  const context: PageContext = { sealer, bound: 'x', pageSize: 100, dialect }
  const pages = new PageStore('x').of(VIEW, context, sights.of(holder(scopes)))
  return pages.items.map(({ entry }) => entry.name)
}

const PARTS = {
  catalogue: { sightOf: ({ principal }: { principal: Principal }) => sights.of(principal) },
}

function canCall(scopes: readonly string[], name: string): boolean {
  const item = VIEW.byName.get(name)
  if (item === undefined) return false
  const call = visible({ principal: { ...LOCAL_CALLER, scopes: ['*'] } })
  const resolved = { ...call, principal: holder(scopes), entry: item.entry }
  return faultOf(() => see(PARTS, resolved)) === undefined
}

test('law: what is listed can be called, and nothing else (invariant 31)', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.constantFrom(...SCOPES)), (scopes) => {
      const names = VIEW.items.map(({ entry }) => entry.name)
      expect(listOf(scopes)).toEqual(names.filter((name) => canCall(scopes, name)))
    }),
  )
})

test('law: more scopes never show less', () => {
  const some = fc.uniqueArray(fc.constantFrom(...SCOPES))
  fc.assert(
    fc.property(some, some, (few, others) => {
      const more = new Set(listOf([...few, ...others]))
      expect(listOf(few).filter((name) => !more.has(name))).toEqual([])
    }),
  )
})

test('where there is no authentication everything is seen', () => {
  expect(sights.of(LOCAL_CALLER)).toBeUndefined()
})

test('what is not covered is refused with the scope that would do', () => {
  const call = visible({ principal: holder(['*']) })
  const fault = faultOf(() => see(PARTS, { ...call, principal: holder(['ns:wiki']) }))
  expect([fault?.code, fault?.data]).toEqual(['insufficient_scope', { scopes: ['tool:docs/a'] }])
})
