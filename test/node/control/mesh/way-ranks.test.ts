import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { WayRanks, type Ways } from '../../../../node/control/mesh/way-ranks.ts'
import type { ToolId } from '../../../../protocol/names.ts'
import type { Candidate, FibEntry } from '../../../../topology/rib.ts'
import { keyText, type Route } from '../../../../topology/route.ts'

const ID: ToolId = { organisation: 'acme', node: 'origin', namespace: 'docs', name: 'read' }
const LABELS = ['a', 'b', 'c', 'd'] as const

function candidate(next: string, origin = 'origin'): Candidate {
  const key = { origin, namespace: 'docs' }
  const route: Route = { key, revision: 'r', path: [], organisations: [], cost: 0, tags: [] }
  return { next, route }
}

function entry(nexts: readonly string[], origin?: string): FibEntry {
  const candidates = nexts.map((next) => candidate(next, origin))
  const last = candidate('x', origin).route
  return { key: last.key, candidates, last }
}

/** Upstream `a` leads to node `A`, and so on. */
function ways(fib: FibEntry | undefined, change: Partial<Ways> = {}): Ways {
  const table = new Map(fib === undefined ? [] : [[keyText(fib.key), fib]])
  return {
    organisation: 'acme',
    fib: table,
    peerOf: (label) => label.toUpperCase(),
    isDown: () => false,
    speaks: () => true,
    doubt: () => undefined,
    ...change,
  }
}

function ranks(of: Ways): WayRanks {
  const made = new WayRanks()
  made.follow(of)
  return made
}

describe('the order of ways', () => {
  test('without a mesh is that of the operator', () => {
    const labels = ['b', 'a']
    expect(new WayRanks().order(ID, labels)).toBe(labels)
  })

  test('is that of the table of routes', () => {
    expect(ranks(ways(entry(['C', 'A']))).order(ID, ['a', 'b', 'c'])).toEqual(['c', 'a', 'b'])
  })

  test('stays where nobody has spoken of the namespace', () => {
    const labels = ['a', 'b']
    expect(ranks(ways(undefined)).order(ID, labels)).toBe(labels)
  })

  test('puts what the mesh knows nothing of behind what leads there, and before what does not', () => {
    const of = ways(entry(['C']), {
      peerOf: (label) => (label === 'b' ? undefined : label.toUpperCase()),
    })
    const made = ranks(of)
    expect(made.order(ID, ['a', 'b', 'c'])).toEqual(['c', 'b', 'a'])
    expect(['a', 'b', 'c'].map((label) => made.isDead(ID, label))).toEqual([true, false, false])
  })

  test('knows a link that is down whatever is said over others', () => {
    const made = ranks(ways(undefined, { isDown: (peer) => peer === 'A' }))
    expect(made.order(ID, ['a', 'b'])).toEqual(['b', 'a'])
    expect(made.isDead(ID, 'a')).toBe(true)
  })

  test('holds nothing against a node that does not say what it has', () => {
    const made = ranks(ways(entry(['C']), { speaks: (peer) => peer !== 'A' }))
    expect(made.isDead(ID, 'a')).toBe(false)
    expect(made.isDead(ID, 'b')).toBe(true)
  })

  test('beyond the border goes by the organisation', () => {
    const made = ranks(ways(entry(['B'], 'org:globex')))
    expect(made.order({ ...ID, organisation: 'globex' }, ['a', 'b'])).toEqual(['b', 'a'])
  })

  test('follows changes of the table, and ends with the mesh', () => {
    const fib = new Map([[keyText(entry([]).key), entry(['B'])]])
    const made = ranks(ways(undefined, { fib }))
    expect(made.order(ID, ['a', 'b'])).toEqual(['b', 'a'])
    fib.set(keyText(entry([]).key), entry(['A']))
    made.changed(fib.keys())
    expect(made.order(ID, ['b', 'a'])).toEqual(['a', 'b'])
    fib.clear()
    made.changed([keyText(entry([]).key)])
    expect(made.order(ID, ['b', 'a'])).toEqual(['b', 'a'])
    made.follow(undefined)
    expect(made.isDead(ID, 'a')).toBe(false)
  })
})

test('whatever the mesh says, no way is lost or made up, and the dead come last', () => {
  const set = fc.subarray(['A', 'B', 'C', 'D'])
  const labels = fc.shuffledSubarray([...LABELS])
  fc.assert(
    fc.property(labels, fc.option(set), set, set, (given, nexts, down, silent) => {
      const of = ways(nexts === null ? undefined : entry(nexts), {
        isDown: (peer) => down.includes(peer),
        speaks: (peer) => !silent.includes(peer),
      })
      const made = ranks(of)
      const order = made.order(ID, given)
      expect(order.toSorted()).toEqual(given.toSorted())
      if (given.length < 2) return
      const dead = order.map((label) => made.isDead(ID, label))
      expect(dead).toEqual(dead.toSorted((a, b) => Number(a) - Number(b)))
    }),
  )
})

test('a call that found nobody has the node looked for, where one is known', () => {
  const doubted: string[] = []
  const peers: Readonly<Record<string, string>> = { a: 'A' }
  const of = ranks(
    ways(undefined, { peerOf: (label) => peers[label], doubt: (peer) => doubted.push(peer) }),
  )
  of.failed('a')
  of.failed('server')
  expect(doubted).toEqual(['A'])
  of.follow(undefined)
  of.failed('a')
  expect(doubted).toEqual(['A'])
})
