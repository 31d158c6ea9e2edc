import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RecordDb } from '../../topology/record-db.ts'
import { ownRoute, Rib, type FibEntry } from '../../topology/rib.ts'
import type { Route } from '../../topology/route.ts'
import { compileImport } from '../../topology/route-policy.ts'
import { Notary } from '../../topology/sim/notary.ts'
import { waysFor } from '../../topology/ways.ts'
import { recordOf } from './records.ts'

const SELF = { id: 'me', organisation: 'acme', inc: 1 }
const KEY = { origin: 'o', namespace: 'ns' }
const TEXT = 'o ns'

function routeBy(...ids: readonly string[]): Route {
  return {
    key: KEY,
    revision: 'r',
    path: ids.map((id) => ({ id, inc: 1, epoch: 1 })),
    organisations: ['acme'],
    cost: ids.length - 1,
    tags: [],
  }
}

function rib(offers: readonly (readonly string[])[], db = database()): Rib {
  const limits = { maxDepth: 6, routesPerPeer: 3, staleFor: 1_000 }
  const table = new Rib(db, compileImport([], 'acme'), limits)
  for (const ids of offers) {
    const [id = ''] = ids
    table.setUplink(id, { peer: { id, organisation: 'acme' }, up: true, epoch: 1, cost: 1 })
    table.offer(id, TEXT, routeBy(...ids))
  }
  return table
}

function database(): RecordDb {
  return new RecordDb({ records: 10, ttl: 1_000 })
}

function nextOf(table: Rib): (string | undefined)[] {
  return table.choose(TEXT, SELF, 0).after?.candidates.map(({ next }) => next) ?? []
}

const ids = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'me', 'o'), {
  minLength: 1,
  maxLength: 5,
})

describe('the choice among ways', () => {
  test('law: no offer leads through this node, or further than allowed, however others lie', () => {
    fc.assert(
      fc.property(fc.array(ids, { maxLength: 5 }), (offers) => {
        const { after } = rib(offers).choose(TEXT, SELF, 0)
        for (const { next, route } of after?.candidates ?? []) {
          const nodes = route.path.map(({ id }) => id)
          expect(nodes.filter((id) => id === 'me')).toEqual(['me'])
          expect(nodes[1]).toBe(next)
          expect(nodes.length).toBeLessThanOrEqual(6)
        }
      }),
    )
  })

  test('law: a request never goes where it has been, and nowhere when it may not', () => {
    fc.assert(
      fc.property(
        fc.array(ids, { maxLength: 5 }),
        fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { maxLength: 3 }),
        fc.integer({ min: 1, max: 4 }),
        (offers, path, budget) => {
          const { after } = rib(offers).choose(TEXT, SELF, 0)
          const ways = after === undefined ? [] : waysFor(after, { budget, path }, 'me')
          expect(
            ways.filter(({ next }) => (path as readonly string[]).includes(next ?? '')),
          ).toEqual([])
          expect(budget === 1 ? ways : []).toEqual([])
        },
      ),
    )
  })

  test('a request that was here before does not enter', () => {
    const entry = rib([['a', 'o']]).choose(TEXT, SELF, 0).after as FibEntry
    expect(() => waysFor(entry, { budget: 5, path: ['me'] }, 'me')).toThrow('loop')
    expect(() => waysFor(entry, { budget: 0, path: [] }, 'me')).toThrow('budget')
  })

  test('the shortest way is first, and the second shares no node with it where one can be had', () => {
    expect(
      nextOf(
        rib([
          ['a', 'x', 'o'],
          ['b', 'o'],
          ['c', 'y', 'o'],
        ]),
      )[0],
    ).toBe('b')
    const offers = [
      ['a', 'x', 'o'],
      ['b', 'x', 'o'],
      ['c', 'y', 'z', 'o'],
    ]
    const [first, second] = nextOf(rib(offers))
    expect(['a', 'b']).toContain(first)
    expect(second).toBe('c')
  })

  test('a node that drains is the last choice, one that left is none', () => {
    const notary = new Notary()
    const db = database()
    const table = rib(
      [
        ['a', 'o'],
        ['b', 'x', 'o'],
      ],
      db,
    )
    db.put(notary.seal(recordOf('a', { status: 'drain' })), 0)
    expect(nextOf(table)).toEqual(['b', 'a'])
    db.put(notary.seal(recordOf('a', { status: 'left', seq: 2 })), 0)
    expect(nextOf(table)).toEqual(['b'])
  })

  test('a node in two minds is passed by', () => {
    const notary = new Notary()
    const db = database()
    const table = rib(
      [
        ['a', 'o'],
        ['b', 'x', 'o'],
      ],
      db,
    )
    db.put(notary.seal(recordOf('a')), 0)
    db.put(notary.twin(recordOf('a')), 0)
    expect(nextOf(table)).toEqual(['b'])
  })

  test('only what a node says of its own link, in this start of it, makes the link dead', () => {
    const notary = new Notary()
    const db = database()
    const table = rib([['a', 'x', 'o']], db)
    const down = (id: string, to: string, epoch: number, seq: number): void => {
      const links = [{ to, up: false, epoch, cost: 1 }]
      db.put(notary.seal(recordOf(id, { links, seq })), 0)
    }
    down('o', 'x', 9, 1)
    down('x', 'a', 9, 1)
    down('a', 'x', 0, 1)
    expect(nextOf(table)).toEqual(['a'])
    down('a', 'x', 1, 2)
    expect(nextOf(table)).toEqual([])
  })

  test("what is this node's own is reached without a hop, and a peer that says too much is cut short", () => {
    const table = rib([['a', 'o']])
    table.setOwn(TEXT, ownRoute(SELF, KEY, { revision: 'mine', tags: [] }))
    expect(nextOf(table)).toEqual([undefined, 'a'])
    for (const at of [1, 2, 3]) table.offer('a', `${at} ns`, routeBy('a'))
    expect(table.refused).toBe(1)
    table.offer('a', TEXT, undefined)
    table.offer('a', '3 ns', routeBy('a'))
    expect(table.refused).toBe(1)
  })

  test('what is gone keeps its names until their time is over', () => {
    const table = rib([['a', 'o']])
    table.choose(TEXT, SELF, 0)
    table.offer('a', TEXT, undefined)
    expect(table.choose(TEXT, SELF, 10).after).toMatchObject({ candidates: [], staleUntil: 1_010 })
    expect(table.choose(TEXT, SELF, 500).after?.staleUntil).toBe(1_010)
    expect(table.choose(TEXT, SELF, 1_010).after).toBeUndefined()
  })
})
