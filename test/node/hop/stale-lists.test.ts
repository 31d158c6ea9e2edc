// What is listed of an upstream that is down: for a while all of it, then nothing, until it is back.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { LOCAL_CALLER } from '../../../node/core/principal.ts'
import { Sealer } from '../../../node/core/seal.ts'
import { Catalogue } from '../../../node/hop/catalogue.ts'
import { Mirrors } from '../../../node/hop/mirrors.ts'
import type { Source } from '../../../node/hop/sources.ts'
import { Link } from '../../../node/outbound/link.ts'
import { SILENT } from '../../../node/core/logger.ts'
import { ListingUpstream } from './listing-upstream.ts'
import { peerOf, rule, SELF } from './tools.ts'

const STALE_MS = 60_000

const links: Link[] = []
let catalogue: Catalogue
let heard: string[]

beforeEach(() => {
  vi.useFakeTimers()
  heard = []
  catalogue = new Catalogue({ sealer: new Sealer(Buffer.alloc(32, 1), 'cursor'), log: SILENT })
  catalogue.watch({ endpoint: 'main', principal: LOCAL_CALLER }, (of) => heard.push(of))
})

afterEach(async () => {
  for (const link of links.splice(0)) await link.close()
  vi.useRealTimers()
})

function mirrorsOf(label: string, connector: ListingUpstream): Mirrors {
  const link: Link = new Link(label, {
    connector,
    events: {
      up: () => mirrors.up(),
      down: () => mirrors.down(),
      listChanged: (of) => mirrors.changed(of),
      updated: () => undefined,
      openedApart: () => undefined,
    },
    sessionIdleMs: 60_000,
    sessions: 2,
    log: SILENT,
  })
  links.push(link)
  const mirrors: Mirrors = new Mirrors(link, {
    listTtl: 600_000,
    listTimeout: 5_000,
    toolsPerUpstream: 100,
    listPagesPerUpstream: 10,
    toolBytes: 65_536,
    trail: { budget: 7, path: [SELF] },
    log: SILENT,
    staleFor: STALE_MS,
    changed: (mirror) => catalogue.mirrorChanged(mirror),
  })
  return mirrors
}

/** An endpoint of several upstreams, each in the namespace given, all of them up. */
async function endpointOf(
  upstreams: Readonly<Record<string, { readonly of: ListingUpstream; readonly in: string }>>,
): Promise<void> {
  const feeds = Object.entries(upstreams).map(([label, { in: namespace, of }]) => {
    const from: Source['from'] =
      of.federation === undefined
        ? { kind: 'own', namespace }
        : { kind: 'imported', import: ['*'], as: '{namespace}' }
    return { mirrors: mirrorsOf(label, of), from }
  })
  catalogue.configure(new Map([['main', { rule: rule(), feeds, pageSize: 100 }]]))
  for (const { mirrors } of feeds) {
    await mirrors.link.start()
    await mirrors.refresh()
  }
  heard.length = 0
}

function names(): string[] {
  return catalogue.view('main', 'tool')?.items.map(({ entry }) => entry.name) ?? []
}

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms)

describe('an upstream that is down', () => {
  test('stays listed for its time, then is gone in one go, and comes back under the same names', async () => {
    const one = new ListingUpstream({ tool: ['a', 'b', 'c'] })
    await endpointOf({ s: { of: one, in: 'ns' } })
    const before = names()
    const [first] = catalogue.view('main', 'tool')?.items ?? []
    one.lose()
    await pass(STALE_MS - 1)
    expect(names()).toEqual(before)
    expect(heard).toEqual([])
    await pass(1)
    expect(names()).toEqual([])
    expect(heard).toEqual(['tools'])
    one.isUp = true
    await pass(60_000)
    expect(names()).toEqual(before)
    expect(heard).toEqual(['tools', 'tools'])
    expect(catalogue.view('main', 'tool')?.items[0]?.listed).toBe(first?.listed)
  })

  test('that is back in time was never gone', async () => {
    const one = new ListingUpstream({ tool: ['a'] })
    await endpointOf({ s: { of: one, in: 'ns' } })
    one.lose()
    one.isUp = true
    await links[0]?.start()
    await pass(10 * STALE_MS)
    expect(names()).toEqual(['ns__a'])
    expect(heard).toEqual([])
  })

  test('another node likewise, with all that is behind it', async () => {
    const node = new ListingUpstream({ tool: ['a'] })
    node.federation = peerOf('n1')
    await endpointOf({ n: { of: node, in: 'ns' } })
    const before = names()
    node.lose()
    await pass(STALE_MS)
    expect(names()).toEqual([])
    node.isUp = true
    await pass(60_000)
    expect(names()).toEqual(before)
  })

  test('leaves its names to nobody else, as long as they are remembered', async () => {
    const [one, other] = [
      new ListingUpstream({ tool: ['b__c'] }),
      new ListingUpstream({ tool: ['c'] }),
    ]
    await endpointOf({ s: { of: one, in: 'a' }, t: { of: other, in: 'a__b' } })
    expect(names()).toEqual(['a__b__c'])
    one.lose()
    await pass(STALE_MS)
    expect(names()).toEqual([])
    expect(catalogue.view('main', 'tool')?.problems).toMatchObject([{ upstream: 't', name: 'c' }])
    one.isUp = true
    await pass(60_000)
    const { entry } = catalogue.view('main', 'tool')?.items[0] ?? {}
    expect(entry?.candidates[0].upstream).toBe('s')
  })

  test('leaves its names to nobody else over a reload either', async () => {
    const [one, other] = [
      new ListingUpstream({ tool: ['b__c'] }),
      new ListingUpstream({ tool: ['c'] }),
    ]
    await endpointOf({ s: { of: one, in: 'a' } })
    await endpointOf({ t: { of: other, in: 'a__b' } })
    expect(names()).toEqual([])
    await pass(25 * 3_600_000)
    other.announce('tools')
    catalogue.mirrorChanged(catalogue.watched().values().next().value ?? never())
    await pass(1_000)
    expect(names()).toEqual(['a__b__c'])
  })
})

function never(): never {
  throw new Error('nobody watches')
}
