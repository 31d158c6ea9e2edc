import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Sealer } from '../../../node/core/seal.ts'
import { LOCAL_CALLER, type Principal } from '../../../node/core/principal.ts'
import { PageStore } from '../../../node/hop/page-store.ts'
import type { PageContext } from '../../../node/hop/pages.ts'
import { see, withOwnScope } from '../../../node/hop/resolve.ts'
import { Sights, type Sight } from '../../../node/hop/sight.ts'
import { Fault } from '../../../protocol/errors.ts'
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
const OPEN = new Sights('main', undefined)

function listOf(scopes: readonly string[], sights = OPEN): string[] {
  const dialect = { era: '2026', revision: '2026-07-28', federated: false } as const
  const context: PageContext = { sealer, bound: 'x', pageSize: 100, dialect }
  const pages = new PageStore('x').of(VIEW, context, sights.of(holder(scopes)))
  return pages.items.map(({ entry }) => entry.name)
}

/** What becomes of a call; undefined: it goes on. */
function refusalOf(scopes: readonly string[], name: string, sights = OPEN): Fault | undefined {
  const item = VIEW.byName.get(name)
  if (item === undefined) throw new Error(`there is no ${name}`)
  const call = visible({ principal: { ...LOCAL_CALLER, scopes: ['*'] } })
  const resolved = { ...call, principal: holder(scopes), entry: item.entry }
  const sightOf = ({ principal: one }: { principal: Principal }): Sight | undefined =>
    sights.of(one)
  return faultOf(() => see({ catalogue: { sightOf } }, resolved))
}

function canCall(scopes: readonly string[], name: string, sights = OPEN): boolean {
  return refusalOf(scopes, name, sights) === undefined
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
  expect(OPEN.of(LOCAL_CALLER)).toBeUndefined()
})

test('what is not covered is refused with the scope that would do', () => {
  const fault = refusalOf(['ns:wiki'], 'docs__a')
  expect([fault?.code, fault?.data]).toEqual(['insufficient_scope', { scopes: ['tool:docs/a'] }])
})

describe('an upstream whose callers need more, because it is not told who they are', () => {
  const required = new Map([['s', ['ns:wiki', 'ns:staff']]])
  const strict = new Sights('main', undefined, required)
  const some = fc.uniqueArray(fc.constantFrom(...SCOPES, 'ns:staff', 'ns:staff:read'))

  test('law (invariant 31): what is listed can be called, and nothing else', () => {
    fc.assert(
      fc.property(some, (scopes) => {
        const names = VIEW.items.map(({ entry }) => entry.name)
        expect(listOf(scopes, strict)).toEqual(
          names.filter((name) => canCall(scopes, name, strict)),
        )
        // It hides what is of that upstream, and shows no more than before.
        const has =
          scopes.includes('*') || ['ns:wiki', 'ns:staff'].every((one) => scopes.includes(one))
        const shown = listOf(scopes).filter((name) => has || !name.startsWith('docs__'))
        expect(listOf(scopes, strict)).toEqual(shown)
      }),
    )
  })

  test('law (row 50): one challenge says all it takes: who asks for that can call', () => {
    fc.assert(
      fc.property(some, fc.constantFrom('docs__a', 'docs__c', 'wiki__b'), (scopes, name) => {
        const fault = refusalOf(scopes, name, strict)
        const asked = (fault?.data?.['scopes'] ?? ['*']) as readonly string[]
        // With what it had, and also by a server that gives nothing but what is asked for.
        expect(canCall([...scopes, ...asked], name, strict)).toBe(true)
        expect(canCall(asked, name, strict)).toBe(true)
      }),
    )
  })

  test('is open to whoever uses a node without authentication', () => {
    expect(strict.of(LOCAL_CALLER)).toBeUndefined()
  })
})

test('row 52: a challenge for what lies behind says what the call takes here as well', () => {
  const entry = VIEW.byName.get('docs__a')?.entry
  if (entry === undefined) throw new Error('there is one')
  const behind = new Fault('insufficient_scope', 'words', { data: { scopes: ['ns:crm'] } })
  expect(withOwnScope(behind, entry)).toMatchObject({
    code: 'insufficient_scope',
    message: 'words',
    data: { scopes: ['ns:crm', 'tool:docs/a'] },
  })
  const wide = new Fault('insufficient_scope', 'words', { data: { scopes: ['ns:docs'] } })
  expect(withOwnScope(wide, entry).data).toEqual({ scopes: ['ns:docs'] })
  const denied = new Fault('delegation_refused', 'words')
  expect(withOwnScope(denied, entry)).toBe(denied)
})
