import type { ListAsker } from '../../../node/hop/fresh-lists.ts'
import { LOCAL_CALLER } from '../../../node/core/principal.ts'
import { afterEach, describe, expect, test } from 'vitest'
import { SILENT } from '../../../node/core/logger.ts'
import { Sealer } from '../../../node/core/seal.ts'
import type { Authenticated, ListPage } from '../../../node/core/stages.ts'
import { Catalogue } from '../../../node/hop/catalogue.ts'
import type { EndpointPlan, Feed } from '../../../node/hop/endpoint-views.ts'
import { Mirrors } from '../../../node/hop/mirrors.ts'
import type { Source, ViewRule } from '../../../node/hop/sources.ts'
import { Link } from '../../../node/outbound/link.ts'
import {
  CAPABILITY_KINDS,
  type CapabilityKind,
  type ListKind,
} from '../../../protocol/capability.ts'
import { NO_CAPABILITIES } from '../../../protocol/client-capabilities.ts'
import type { JsonObject } from '../../../protocol/jsonrpc.ts'
import { exposeUri } from '../../../protocol/uris.ts'
import { latch, until } from '../../fixtures/wait.ts'
import { visible } from './calls.ts'
import { ListingUpstream } from './listing-upstream.ts'
import { peerOf, rule, SELF } from './tools.ts'

const links: Link[] = []

afterEach(async () => {
  for (const link of links.splice(0)) await link.close()
})

/** Somebody who sees everything. */
const at = (endpoint: string): ListAsker => {
  return { endpoint, principal: LOCAL_CALLER, trail: { budget: 8, path: [] }, forNode: false }
}

/** A catalogue of one endpoint, `main`, fed by upstreams in namespaces of their own names. */
class Bench {
  readonly catalogue = new Catalogue({
    sealer: new Sealer(Buffer.alloc(32, 1), 'cursor'),
    log: SILENT,
  })
  readonly mirrors = new Map<string, Mirrors>()
  readonly heard: ListKind[] = []
  readonly #by: ViewRule
  readonly #pageSize: number

  constructor(by: Partial<ViewRule> = {}, pageSize = 100) {
    this.#by = rule(by)
    this.#pageSize = pageSize
    this.catalogue.watch({ endpoint: 'main', principal: LOCAL_CALLER }, (of) => this.heard.push(of))
  }

  /** Adds upstreams; a node's namespaces are imported. */
  configure(upstreams: Readonly<Record<string, ListingUpstream>>): this {
    const feeds = Object.entries(upstreams).map(([label, upstream]) => this.#feed(label, upstream))
    const plan: EndpointPlan = { rule: this.#by, feeds, pageSize: this.#pageSize }
    this.catalogue.configure(new Map([['main', plan]]))
    return this
  }

  /** The same, and all of them up and listed. */
  async up(upstreams: Readonly<Record<string, ListingUpstream>>): Promise<this> {
    this.configure(upstreams)
    for (const { link } of this.mirrors.values()) await link.start()
    for (const mirrors of this.mirrors.values()) await mirrors.refresh()
    return this
  }

  list(kind: CapabilityKind, cursor?: string, forNode = false): Promise<ListPage> {
    return this.catalogue.list(requestOf(forNode), kind, { cursor })
  }

  async names(kind: CapabilityKind): Promise<unknown[]> {
    const { items } = await this.list(kind)
    const [list = []] = Object.values(JSON.parse(`{${items.toString()}}`) as JsonObject)
    return (list as JsonObject[]).map((item) => item['name'] ?? item['uri'] ?? item['uriTemplate'])
  }

  of(label: string): Mirrors {
    const mirrors = this.mirrors.get(label)
    if (mirrors === undefined) throw new Error(`no upstream ${label}`)
    return mirrors
  }

  #feed(label: string, connector: ListingUpstream): Feed {
    const link: Link = new Link(label, {
      connector,
      events: {
        up: () => mirrors.up(),
        down: () => undefined,
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
      listTtl: 60_000,
      listTimeout: 5_000,
      toolsPerUpstream: 100,
      listPagesPerUpstream: 10,
      toolBytes: 65_536,
      trail: { budget: 7, path: [SELF] },
      log: SILENT,
      changed: (mirror) => this.catalogue.mirrorChanged(mirror),
    })
    this.mirrors.set(label, mirrors)
    const from: Source['from'] =
      connector.federation === undefined
        ? { kind: 'own', namespace: label }
        : { kind: 'imported', import: ['*'], as: '{namespace}' }
    return { mirrors, from }
  }
}

function requestOf(forNode: boolean): Authenticated {
  const federation = forNode ? peerOf('front') : undefined
  return visible({ caller: { era: '2026', capabilities: { ...NO_CAPABILITIES, federation } } })
}

const EACH = {
  tool: ['a'],
  prompt: ['a'],
  resource: ['file:///a'],
  template: ['file:///{a}'],
  skill: ['skill://a/SKILL.md'],
} as const

function uriOf(label: string, uri: string): string {
  return exposeUri({ organisation: 'acme', node: SELF, namespace: label, source: label }, uri)
}

describe('what is asked for at the start', () => {
  test('all lists, at once and once', async () => {
    const upstream = new ListingUpstream(EACH)
    const released = latch()
    upstream.hold = released.opened
    const bench = new Bench().configure({ s: upstream })
    await bench.of('s').link.start()
    await until(() => upstream.asked.length === 5, 'five requests, none of them answered')
    released.open()
    await bench.of('s').refresh()
    for (const kind of CAPABILITY_KINDS) expect(upstream.count(kind)).toBe(1)
    expect(await bench.names('tool')).toEqual(['s__a'])
    expect(await bench.names('prompt')).toEqual(['s__a'])
    expect(await bench.names('resource')).toEqual([uriOf('s', 'file:///a')])
    expect(await bench.names('template')).toHaveLength(1)
  })

  test('nothing that is not declared', async () => {
    const upstream = new ListingUpstream(EACH)
    upstream.capabilities = { prompts: {} }
    const bench = await new Bench().up({ s: upstream })
    expect(await bench.names('prompt')).toEqual(['s__a'])
    for (const kind of ['tool', 'resource', 'template'] as const) {
      expect(await bench.names(kind)).toEqual([])
      // What cannot change unseen is fresh.
      expect((await bench.list(kind)).ttlMs).toBeGreaterThan(59_000)
    }
    expect(upstream.asked).toEqual(['prompts/list'])
  })

  test('of a server with resources and no templates the templates are none', async () => {
    const upstream = new ListingUpstream(EACH)
    upstream.missing.add('resources/templates/list')
    const bench = await new Bench().up({ s: upstream })
    expect(await bench.names('template')).toEqual([])
    expect(await bench.names('resource')).toHaveLength(1)
    expect(upstream.count('template')).toBe(1)
  })

  test('a server that has no tools after all has failed', async () => {
    const upstream = new ListingUpstream(EACH)
    upstream.missing.add('tools/list')
    const bench = await new Bench().up({ s: upstream })
    expect(await bench.names('tool')).toEqual([])
    expect(bench.of('s').of('tool').isFresh(Date.now())).toBe(false)
  })
})

describe('changes', () => {
  test.each<[ListKind, readonly CapabilityKind[]]>([
    ['tools', ['tool']],
    ['prompts', ['prompt']],
    ['resources', ['resource', 'template', 'skill']],
  ])('of %s: that is fetched again, told, and nothing else', async (of, kinds) => {
    const upstream = new ListingUpstream(EACH)
    const bench = await new Bench().up({ s: upstream })
    bench.heard.length = 0
    const before = new Map(CAPABILITY_KINDS.map((kind) => [kind, upstream.count(kind)]))
    const resources = { resource: ['x:b'], template: ['x:{b}'], skill: ['skill://b/SKILL.md'] }
    upstream.lists = { tool: ['b'], prompt: ['b'], ...resources }
    upstream.announce(of)
    await until(() => bench.heard.length === kinds.length, 'the change to be told')
    expect(bench.heard).toEqual(kinds.map(() => of))
    for (const kind of CAPABILITY_KINDS) {
      const more = kinds.includes(kind) ? 1 : 0
      expect(upstream.count(kind)).toBe((before.get(kind) ?? 0) + more)
    }
  })

  test('row 24: the list is out of date before anybody is told', async () => {
    const upstream = new ListingUpstream(EACH)
    const bench = await new Bench().up({ s: upstream })
    upstream.lists = { ...EACH, prompt: ['b'] }
    upstream.announce('prompts')
    expect(await bench.names('prompt')).toEqual(['s__b'])
  })

  test('that change nothing are not told', async () => {
    const upstream = new ListingUpstream(EACH)
    const bench = await new Bench().up({ s: upstream })
    bench.heard.length = 0
    upstream.announce('resources')
    await until(() => bench.of('s').of('template').isFresh(Date.now()), 'the same list again')
    await until(() => bench.of('s').of('resource').isFresh(Date.now()), 'the same list again')
    expect(bench.heard).toEqual([])
  })
})

describe.each(CAPABILITY_KINDS)('the list of each %s', (kind) => {
  const plural = { tool: 'a', prompt: 'a', resource: 'x:a', template: 'x:a{b}', skill: 'x:s' }[kind]
  const three = ['1', '2', '3'].map((index) => `${plural}${index}`)

  test('from the cache costs nothing and is the same text', async () => {
    const upstream = new ListingUpstream(EACH)
    const bench = await new Bench().up({ s: upstream })
    const { items } = await bench.list(kind)
    const before = upstream.asked.length
    for (let round = 0; round < 5; round += 1) expect((await bench.list(kind)).items).toBe(items)
    expect(upstream.asked).toHaveLength(before)
  })

  test('row 25: is paged by cursors of its own', async () => {
    const bench = await new Bench({}, 2).up({ s: new ListingUpstream({ [kind]: three }) })
    const first = JSON.parse(`{${(await bench.list(kind)).items.toString()}}`) as JsonObject
    const cursor = String(first['nextCursor'])
    const next = JSON.parse(`{${(await bench.list(kind, cursor)).items.toString()}}`) as JsonObject
    expect(Object.values(first)[0]).toHaveLength(2)
    expect(Object.values(next)[0]).toHaveLength(1)
    expect(next).not.toHaveProperty('nextCursor')
    const badCursor = expect.objectContaining({ code: 'bad_cursor' }) as Error
    for (const other of CAPABILITY_KINDS.filter((one) => one !== kind)) {
      await expect(bench.list(other, cursor)).rejects.toThrow(badCursor)
    }
  })

  test('row 22: is as fresh as the least fresh part, whatever the other kinds are', async () => {
    const [long, short] = [new ListingUpstream(EACH), new ListingUpstream(EACH)]
    long.ttlMs = 40_000
    short.ttlMs = 20_000
    const bench = await new Bench().up({ long, short })
    const { ttlMs, cacheScope } = await bench.list(kind)
    expect(ttlMs).toBeLessThanOrEqual(20_000)
    expect(ttlMs).toBeGreaterThan(0)
    expect(cacheScope).toBe('public')
  })

  test('asked for by a node does not wait for another node', async () => {
    const upstream = new ListingUpstream({})
    upstream.federation = peerOf('x')
    const bench = await new Bench().up({ n: upstream })
    upstream.hold = latch().opened
    upstream.announce('tools')
    upstream.announce('prompts')
    upstream.announce('resources')
    const startedAt = performance.now()
    expect((await bench.list(kind, undefined, true)).ttlMs).toBe(0)
    // A client would be kept for a second, in the hope of something newer.
    expect(performance.now() - startedAt).toBeLessThan(500)
  })
})

describe('what must be waited for', () => {
  test.each<[CapabilityKind, string, boolean]>([
    ['tool', 's__a', true],
    ['prompt', 's__a', true],
    ['resource', 'file:///a', true],
    ['template', 'file:///{a}', true],
    ['resource', uriOf('s', 'file:///anything'), false],
  ])('%s %s before there is a list: %s', async (kind, name, expected) => {
    const upstream = new ListingUpstream(EACH)
    upstream.hold = latch().opened
    const bench = new Bench().configure({ s: upstream })
    await bench.of('s').link.start()
    expect(bench.catalogue.firstLists(at('main'), kind, name) !== undefined).toBe(expected)
  })

  test('once there is a list, nothing, known or not', async () => {
    const bench = await new Bench().up({ s: new ListingUpstream(EACH) })
    for (const kind of CAPABILITY_KINDS) {
      expect(bench.catalogue.firstLists(at('main'), kind, 'unheard:of')).toBeUndefined()
      expect(bench.catalogue.firstLists(at('nowhere'), kind, 'x')).toBeUndefined()
    }
  })

  test('the list of another kind is not', async () => {
    const upstream = new ListingUpstream(EACH)
    upstream.capabilities = { tools: {} }
    upstream.hold = latch().opened
    const bench = new Bench().configure({ s: upstream })
    await bench.of('s').link.start()
    await bench.of('s').of('prompt').refresh()
    expect(bench.catalogue.firstLists(at('main'), 'prompt', 's__a')).toBeUndefined()
    expect(bench.catalogue.firstLists(at('main'), 'tool', 's__a')).toBeDefined()
  })
})

describe('finding', () => {
  test('by name and kind, by URI, by template', async () => {
    const { catalogue } = await new Bench().up({ s: new ListingUpstream(EACH) })
    expect(catalogue.find(at('main'), 'tool', 's__a')).toMatchObject({ kind: 'tool', source: 's' })
    expect(catalogue.find(at('main'), 'prompt', 's__a')).toMatchObject({ kind: 'prompt' })
    expect(catalogue.find(at('main'), 'prompt', 's__b')).toBeUndefined()
    expect(catalogue.find(at('nowhere'), 'tool', 's__a')).toBeUndefined()
    const uri = uriOf('s', 'file:///a')
    expect(catalogue.findResource(at('main'), uri)?.candidates).toEqual([
      { upstream: 's', name: 'file:///a', imported: false },
    ])
    expect(catalogue.findResource(at('nowhere'), uri)).toBeUndefined()
    const [template] = catalogue.view('main', 'template')?.items ?? []
    expect(catalogue.findTemplate(at('main'), template?.entry.name ?? '')).toBe(template?.entry)
    expect(catalogue.findTemplate(at('main'), uri)).toBeUndefined()
  })

  test('a resource of a server that lists none, but not of one that has none', async () => {
    const [some, none] = [new ListingUpstream({}), new ListingUpstream({})]
    none.capabilities = { tools: {} }
    const { catalogue } = await new Bench().up({ some, none })
    expect(catalogue.findResource(at('main'), uriOf('some', 'x:y'))?.candidates[0].name).toBe('x:y')
    expect(catalogue.findResource(at('main'), uriOf('none', 'x:y'))).toBeUndefined()
  })

  test('a resource of a server that was never up: who asks finds that out', () => {
    const down = new ListingUpstream({})
    down.isUp = false
    const { catalogue } = new Bench().configure({ down })
    expect(catalogue.findResource(at('main'), uriOf('down', 'x:y'))).toBeDefined()
  })
})

describe('extensions', () => {
  const tasks = 'io.modelcontextprotocol/tasks'
  const ui = 'io.modelcontextprotocol/ui'

  test('are those of the upstreams that can be relayed, with the settings of the first', async () => {
    const [one, two, old] = [new ListingUpstream(), new ListingUpstream(), new ListingUpstream()]
    one.capabilities = { extensions: { [ui]: { a: 1 }, 'com.example/own': {}, [tasks]: 'odd' } }
    two.capabilities = { extensions: { [ui]: { b: 2 }, [tasks]: {} } }
    old.capabilities = { extensions: { [tasks]: { not: 'in a session' } } }
    old.era = '2025'
    const { catalogue } = await new Bench().up({ old, one, two })
    expect(catalogue.extensions('main', LOCAL_CALLER)).toEqual({ [ui]: { a: 1 }, [tasks]: {} })
    expect(catalogue.extensions('nowhere', LOCAL_CALLER)).toEqual({})
  })

  test('stay while the upstream is down, and go when it comes back without', async () => {
    const upstream = new ListingUpstream()
    upstream.capabilities = { extensions: { [ui]: {} } }
    const bench = await new Bench().up({ s: upstream })
    upstream.lose()
    expect(bench.catalogue.extensions('main', LOCAL_CALLER)).toEqual({ [ui]: {} })
    upstream.isUp = true
    upstream.capabilities = {}
    await until(async () => {
      await bench.of('s').link.start()
      return bench.of('s').link.status.phase === 'up'
    }, 'it to be back')
    expect(bench.catalogue.extensions('main', LOCAL_CALLER)).toEqual({})
  })

  test('of a node are asked for again when it announces a change, once for many', async () => {
    const upstream = new ListingUpstream()
    upstream.federation = peerOf('x')
    const bench = await new Bench().up({ n: upstream })
    expect(bench.catalogue.extensions('main', LOCAL_CALLER)).toEqual({})
    upstream.capabilities = { tools: {}, extensions: { [tasks]: {} } }
    for (let round = 0; round < 10; round += 1) upstream.announce('tools')
    await until(
      () => Object.keys(bench.catalogue.extensions('main', LOCAL_CALLER)).length > 0,
      'the extension',
    )
    const asked = upstream.asked.filter((method) => method === 'server/discover')
    expect(asked.length).toBeLessThanOrEqual(2)
  })

  test('of a server are not', async () => {
    const upstream = new ListingUpstream()
    const bench = await new Bench().up({ s: upstream })
    upstream.announce('tools')
    await until(() => bench.of('s').of('tool').isFresh(Date.now()), 'the list')
    expect(upstream.asked).not.toContain('server/discover')
  })

  test('the tasks of 2025 are those of the first that has them, without their list', async () => {
    const [modern, legacy] = [new ListingUpstream(), new ListingUpstream()]
    modern.capabilities = { tasks: { list: {}, cancel: {} } }
    legacy.era = '2025'
    legacy.capabilities = { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } }
    const both = await new Bench().up({ modern, legacy })
    expect(both.catalogue.tasks('main', LOCAL_CALLER)).toEqual({
      cancel: {},
      requests: { tools: { call: {} } },
    })
    const { catalogue } = await new Bench().up({ modern })
    expect(catalogue.tasks('main', LOCAL_CALLER)).toBeUndefined()
  })
})

test('lists of one kind are fetched anew without the others', async () => {
  const upstream = new ListingUpstream(EACH)
  const { catalogue } = await new Bench().up({ s: upstream })
  await catalogue.evict('s', 'tool')
  expect(upstream.count('tool')).toBe(2)
  expect(upstream.count('prompt')).toBe(1)
  await catalogue.evict('s')
  for (const kind of CAPABILITY_KINDS) expect(upstream.count(kind)).toBe(kind === 'tool' ? 3 : 2)
  await catalogue.evict('unknown')
})
