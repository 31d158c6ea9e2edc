import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { CapabilityKind } from '../../../protocol/capability.ts'
import { META } from '../../../protocol/meta.ts'
import { FEDERATION_VERSION } from '../../../protocol/federation.ts'
import type { Authorization } from '../../../node/core/delegation.ts'
import { SILENT } from '../../../node/core/logger.ts'
import { LOCAL_CALLER, type Principal } from '../../../node/core/principal.ts'
import { DelegatedLists, type ListChange } from '../../../node/hop/delegated-lists.ts'
import { Link } from '../../../node/outbound/link.ts'
import { latch } from '../../fixtures/wait.ts'
import { ListingUpstream } from './listing-upstream.ts'

const TRAIL = { budget: 8, path: [] }

function caller(key: string, scopes: readonly string[] = ['*']): Principal {
  return { ...LOCAL_CALLER, key, scopes }
}

const [ALICE, BOB] = [caller('alice'), caller('bob')]

class Bench {
  readonly upstream = new ListingUpstream({ tool: ['a', 'b'] })
  readonly changes: ListChange[] = []
  /** In whose name lists were asked for. */
  readonly asked: Principal[] = []
  readonly lists: DelegatedLists
  refused = false

  constructor(callers = 10) {
    this.upstream.federation = {
      version: FEDERATION_VERSION,
      node: 'n',
      organisation: 'o',
      name: 'x',
    }
    const link = new Link('up', {
      connector: this.upstream,
      events: {
        up: () => undefined,
        down: () => undefined,
        listChanged: () => undefined,
        updated: () => undefined,
        openedApart: () => undefined,
      },
      sessionIdleMs: 60_000,
      sessions: 10,
      log: SILENT,
    })
    this.lists = new DelegatedLists(link, {
      self: 'self',
      delegator: { delegate: (principal) => this.#delegate(principal) },
      callers,
      listTtl: 60_000,
      listTimeout: 10_000,
      toolsPerUpstream: 100,
      listPagesPerUpstream: 10,
      toolBytes: 10_000,
      log: SILENT,
      changed: (change) => this.changes.push(change),
    })
  }

  refresh(principal: Principal, kind: CapabilityKind = 'tool'): Promise<void> {
    return this.lists.refresh(kind, { principal, trail: TRAIL })
  }

  names(principal: Principal): readonly string[] | undefined {
    return this.lists.edition('tool', principal)?.items.map(({ name }) => name)
  }

  fresh(principal: Principal): number {
    return this.lists.freshFor('tool', principal, Date.now())
  }

  #delegate(principal: Principal): Authorization {
    if (this.refused) throw new Error('nobody vouches for it')
    this.asked.push(principal)
    return { lines: () => [], refused: () => false }
  }
}

let bench: Bench

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
  bench = new Bench()
})

afterEach(() => {
  vi.useRealTimers()
})

describe('the list of a caller', () => {
  test('is fetched in its name, once however many ask', async () => {
    const gate = latch()
    bench.upstream.hold = gate.opened
    const all = [bench.refresh(ALICE), bench.refresh(ALICE)]
    expect(bench.lists.isFetching('tool', ALICE)).toBe(true)
    gate.open()
    await Promise.all(all)
    expect(bench.asked).toEqual([ALICE])
    expect(bench.names(ALICE)).toEqual(['a', 'b'])
    expect(bench.names(BOB)).toBeUndefined()
  })

  test('is one object for all who are shown the same, and shares items with others', async () => {
    await bench.refresh(ALICE)
    await bench.refresh(caller('alice', ['ns:x']))
    bench.upstream.lists = { tool: ['a'] }
    await bench.refresh(BOB)
    const [alice, bob] = [ALICE, BOB].map((one) => bench.lists.edition('tool', one))
    expect(bench.lists.edition('tool', caller('alice', ['ns:x']))).toBe(alice)
    expect(bench.lists.size).toBe(2)
    expect(bob?.items[0]).toBe(alice?.items[0])
  })

  test('is kept no longer than the upstream says, nor than a minute', async () => {
    await bench.refresh(ALICE)
    expect(bench.fresh(ALICE)).toBe(60_000)
    bench.upstream.ttlMs = 5_000
    await bench.refresh(ALICE)
    expect(bench.fresh(ALICE)).toBe(5_000)
    vi.advanceTimersByTime(5_000)
    expect(bench.fresh(ALICE)).toBe(0)
    bench.upstream.ttlMs = 86_400_000
    await bench.refresh(ALICE)
    expect(bench.fresh(ALICE)).toBe(60_000)
  })

  test('is out of date once the upstream announces a change of that kind', async () => {
    await bench.refresh(ALICE)
    bench.lists.evict('prompts')
    expect(bench.fresh(ALICE)).toBe(60_000)
    bench.lists.evict('tools')
    expect(bench.fresh(ALICE)).toBe(0)
    expect(bench.names(ALICE)).toEqual(['a', 'b'])
  })

  test('stays as it was when it cannot be fetched, and is not waited for then', async () => {
    await bench.refresh(ALICE)
    bench.refused = true
    bench.lists.evict()
    await bench.refresh(ALICE)
    expect(bench.names(ALICE)).toEqual(['a', 'b'])
    expect(bench.lists.patience('tool', { principal: ALICE, trail: TRAIL })).toBe(0)
    expect(bench.fresh(ALICE)).toBe(1_000)
  })

  test('is worth less time the more nodes wait for it', () => {
    const far = { budget: 6, path: ['x', 'y'] }
    expect(bench.lists.patience('tool', { principal: ALICE, trail: TRAIL })).toBe(5_000)
    expect(bench.lists.patience('tool', { principal: ALICE, trail: far })).toBe(1_250)
  })

  test('is told of when it changes, with what it was', async () => {
    await bench.refresh(ALICE)
    await bench.refresh(ALICE)
    expect(bench.changes).toHaveLength(1)
    const before = bench.lists.edition('tool', ALICE)
    bench.upstream.lists = { tool: ['c'] }
    await bench.refresh(ALICE)
    expect(bench.changes[1]).toMatchObject({ kind: 'tool', before })
    // Nobody is shown the former any more.
    expect(bench.lists.size).toBe(1)
  })

  test('is not sent again by a node that still shows it', async () => {
    bench.upstream.view = { digest: 'same', unchanged: false }
    await bench.refresh(ALICE)
    bench.upstream.view = { digest: 'same', unchanged: true }
    bench.upstream.lists = { tool: [] }
    await bench.refresh(ALICE)
    expect(bench.upstream.bodies.at(-1)).toContain(`"${META.view}":"same"`)
    expect(bench.names(ALICE)).toEqual(['a', 'b'])
    // Of another digest it is a list like any.
    bench.upstream.view = { digest: 'other', unchanged: true }
    await bench.refresh(ALICE)
    expect(bench.names(ALICE)).toEqual([])
  })

  test('is forgotten when too many others ask, and with it what nobody else is shown', async () => {
    bench = new Bench(1)
    await bench.refresh(ALICE)
    bench.upstream.lists = { tool: ['z'] }
    for (let count = 0; count < 5; count += 1) await bench.refresh(caller(`other-${count}`))
    expect(bench.names(ALICE)).toBeUndefined()
    expect(bench.lists.size).toBe(1)
  })

  test('is looked after for those who listen, if they asked for it before', async () => {
    await bench.refresh(ALICE)
    bench.lists.evict()
    bench.lists.poll([ALICE, BOB], TRAIL, Date.now())
    await bench.refresh(ALICE)
    expect(bench.asked).toEqual([ALICE, ALICE])
  })
})
