import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Sealer } from '../../../node/core/seal.ts'
import { pageOf, writePages, type PageContext } from '../../../node/hop/pages.ts'
import { buildView, type View } from '../../../node/hop/view.ts'
import type { Listed } from '../../../protocol/listing.ts'
import { listed, own, rule } from './tools.ts'
import { anyCharacter } from '../../fixtures/any-character.ts'

const sealer = new Sealer(Buffer.alloc(32, 1), 'cursor')

function context(pageSize: number, bound = 'main'): PageContext {
  const dialect = { era: '2026', revision: '2026-07-28', federated: false } as const
  return { sealer, bound, pageSize, dialect }
}

const POOL: ReadonlyMap<string, Listed> = new Map(
  [...Array(20).keys()].map((index) => [`t${index}`, listed(`t${index}`)]),
)

function viewOf(names: Iterable<string>): View {
  const tools = [...names].map((name) => POOL.get(name) ?? listed(name))
  return buildView('tool', rule({ names: { style: 'plain', maxLength: 48 } }), [
    own('s', 'docs', tools),
  ])
}

interface Read {
  readonly names: string[]
  readonly nextCursor: string | undefined
}

function read(items: Buffer): Read {
  const page = JSON.parse(`{${items.toString()}}`) as {
    tools: { name: string }[]
    nextCursor?: string
  }
  return { names: page.tools.map(({ name }) => name), nextCursor: page.nextCursor }
}

/** Follows all cursors; `views` are what the list is at each step, the last one from then on. */
function walk(views: readonly View[], pageSize: number): string[] {
  const seen: string[] = []
  let cursor: string | undefined
  for (let step = 0; step === 0 || cursor !== undefined; step += 1) {
    if (step > POOL.size + views.length) throw new Error('the cursors go round in circles')
    const view = views[Math.min(step, views.length - 1)]
    if (view === undefined) throw new Error('no view')
    const pages = writePages(view, context(pageSize))
    const page = cursor === undefined ? pages.written[0] : pageOf(pages, cursor, context(pageSize))
    const { names, nextCursor } = read(page.items)
    expect(names.length).toBeLessThanOrEqual(pageSize)
    seen.push(...names)
    cursor = nextCursor
  }
  return seen
}

const someNames = fc.subarray([...POOL.keys()])
const pageSize = fc.integer({ min: 1, max: 7 })

describe('walking all cursors', () => {
  test('law: gives every tool once, in order, on as few pages as can be', () => {
    fc.assert(
      fc.property(someNames, pageSize, (names, size) => {
        const view = viewOf(names)
        expect(walk([view], size)).toEqual(names.toSorted())
        expect(writePages(view, context(size)).written).toHaveLength(
          Math.max(1, Math.ceil(names.length / size)),
        )
      }),
    )
  })

  test('law: when the list changes between pages, what was there all the time comes once, and nothing twice', () => {
    fc.assert(
      fc.property(fc.array(someNames, { minLength: 1, maxLength: 5 }), pageSize, (lists, size) => {
        const seen = walk(lists.map(viewOf), size)
        expect(seen).toEqual([...new Set(seen)].toSorted())
        const always = (lists[0] ?? []).filter((name) => lists.every((list) => list.includes(name)))
        const ended = seen.at(-1) ?? ''
        // A list that ended early, since nothing came behind that page then, says nothing of what was added later.
        const due = always.filter((name) => name <= ended || lists.length === 1)
        expect(seen).toEqual(expect.arrayContaining(due))
      }),
    )
  })

  test('a cursor behind the end of a list that has shrunk gives an empty last page', () => {
    const [page1] = writePages(viewOf(['t1', 't2']), context(1)).written
    const cursor = read(page1.items).nextCursor ?? ''
    const shrunk = viewOf(['t1'])
    const page = pageOf(writePages(shrunk, context(1)), cursor, context(1))
    expect(read(page.items)).toEqual({ names: [], nextCursor: undefined })
  })

  test('a page that stands ready is sent as it is', () => {
    const view = viewOf(['t1', 't2', 't3'])
    const pages = writePages(view, context(1))
    const cursor = read(pages.written[0].items).nextCursor ?? ''
    expect(pageOf(pages, cursor, context(1))).toBe(pages.written[1])
  })

  test('an empty view is one empty page', () => {
    const pages = writePages(viewOf([]), context(3))
    expect(pages.written.map(({ items }) => items.toString())).toEqual(['"tools":[]'])
  })
})

describe('row 25: a cursor that is not one of this list', () => {
  const view = viewOf(['t1', 't2', 't3'])
  const pages = writePages(view, context(1))
  const cursor = read(pages.written[0].items).nextCursor ?? ''
  const badCursor = expect.objectContaining({ code: 'bad_cursor' }) as Error
  const open = (text: string, bound = 'main'): unknown => pageOf(pages, text, context(1, bound))

  test('the one that is leads on', () => {
    expect(() => open(cursor)).not.toThrow()
    expect(cursor).not.toContain('t1')
  })

  test.each<[string, string]>([
    ['empty', ''],
    ['a name', 't1'],
    ['a name in base64', Buffer.from('t1').toString('base64url')],
    ['truncated', cursor.slice(0, -1)],
    ['with something behind it', `${cursor}A`],
    ['sealed for another purpose', new Sealer(Buffer.alloc(32, 1), 'session').seal('t1', 'main')],
    ['sealed by another node', new Sealer(Buffer.alloc(32, 2), 'cursor').seal('t1', 'main')],
    ['sealed for another endpoint', sealer.seal('t1', 'ops')],
  ])('%s is refused', (_, text) => {
    expect(() => open(text)).toThrow(badCursor)
  })

  test('one of this endpoint does not open at another', () => {
    expect(() => open(cursor, 'ops')).toThrow(badCursor)
  })

  test('law: any text is refused', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter }), (text) => {
        expect(() => open(text)).toThrow(badCursor)
      }),
    )
  })
})
