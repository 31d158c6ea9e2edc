// What an endpoint lists: the same for everybody, from the cache, and no more than it calls.
import { afterEach, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import { FixtureServer, type FixtureOptions } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import { until } from '../fixtures/wait.ts'
import { CODE, type JsonObject } from '../fixtures/wire.ts'
import { callerOf, ERAS, textOf } from './caller.ts'
import { Mesh, type NodePlan } from './mesh.ts'

const mesh = new Mesh()
const fixtures: FixtureServer[] = []

afterEach(async () => {
  await mesh.close()
  for (const fixture of fixtures.splice(0)) await fixture.close()
})

async function server(options: FixtureOptions = {}): Promise<FixtureServer> {
  const fixture = await FixtureServer.start(options)
  fixtures.push(fixture)
  return fixture
}

/** A plan with a namespace of its own for each server, all under their labels. */
function planOf(servers: Readonly<Record<string, FixtureServer>>): NodePlan {
  const labels = Object.entries(servers)
  return {
    upstreams: Object.fromEntries(labels.map(([label, { url }]) => [label, { http: { url } }])),
    namespaces: Object.fromEntries(labels.map(([label]) => [label, { from: [label] }])),
  }
}

async function freshness(node: BanyanNode): Promise<JsonObject> {
  const caller = await callerOf('2026', node.endpointUrl('main'))
  const { result } = await caller.ask('tools/list')
  const { ttlMs, cacheScope, resultType } = result
  return { ttlMs, cacheScope, resultType }
}

describe.each(ERAS)('a list for callers of era %s', (era) => {
  test('row 17: two connections see one list in one order, and no call changes it', async () => {
    const fixture = await server()
    const node = await mesh.ready('front', planOf({ fx: fixture }))
    const callers = [
      await callerOf(era, node.endpointUrl('main')),
      await callerOf(era, node.endpointUrl('main')),
    ] as const
    const first = await callers[0].tools()
    expect(first).toHaveLength(fixture.tools.names.length)
    expect(await callers[1].tools()).toEqual(first)
    for (const tool of ['echo', 'fail', 'error', 'nonsense']) await callers[0].call(`fx__${tool}`)
    expect(await callers[0].tools()).toEqual(first)
    expect(await callers[1].tools()).toEqual(first)
  })

  test('row 17: the order does not depend on that of the servers', async () => {
    const fixture = await server({ tools: ['c', 'a', 'b'].map((name) => plainTool(name)) })
    const node = await mesh.ready('front', planOf({ fx: fixture }))
    const caller = await callerOf(era, node.endpointUrl('main'))
    expect(await caller.names()).toEqual(['fx__a', 'fx__b', 'fx__c'])
  })

  test('row 18: what a client calls itself has no effect', async () => {
    const node = await mesh.ready('front', planOf({ fx: await server() }))
    const url = node.endpointUrl('main')
    const plain = await callerOf(era, url)
    const named = await callerOf(era, url, { clientInfo: { name: 'admin', version: 'root' } })
    expect((await named.tools()).length).toBeGreaterThan(0)
    expect(await named.tools()).toEqual(await plain.tools())
  })

  test('row 19: a tool of another endpoint is unknown here, and nothing goes upstream', async () => {
    const [open, closed] = [await server(), await server()]
    const node = await mesh.ready('front', {
      ...planOf({ open, closed }),
      endpoints: { main: { namespaces: ['open'] }, all: { namespaces: ['*'] } },
    })
    const caller = await callerOf(era, node.endpointUrl('main'))
    const hidden = await caller.call('closed__echo', { message: 'x' })
    const never = await caller.call('closed__nonsense', { message: 'x' })
    expect(hidden.error.code).toBe(CODE.invalidParams)
    expect(hidden.error.message.replace('echo', 'nonsense')).toBe(never.error.message)
    expect(hidden.status).toBe(never.status)
    expect(closed.calls()).toEqual([])
    const other = await callerOf(era, node.endpointUrl('all'))
    expect(textOf(await other.call('closed__echo', { message: 'x' }))).toBe('x')
  })

  test('row 20: equal names of two servers are told apart by our labels, not by theirs', async () => {
    const serverInfo = { name: 'the-same', version: '1.0.0' }
    const servers = {
      left: await server({ serverInfo, tools: [plainTool('who', {}, 'left')] }),
      right: await server({ serverInfo, tools: [plainTool('who', {}, 'right')] }),
    }
    const node = await mesh.ready('front', planOf(servers))
    const caller = await callerOf(era, node.endpointUrl('main'))
    expect(await caller.names()).toEqual(['left__who', 'right__who'])
    expect(textOf(await caller.call('left__who'))).toBe('left')
    expect(textOf(await caller.call('right__who'))).toBe('right')
  })

  test('a list from the cache costs no request upstream', async () => {
    const fixture = await server()
    const [outer] = await mesh.chain(fixture.url, 3)
    const caller = await callerOf(era, outer?.endpointUrl('main') ?? '')
    await caller.tools()
    const before = fixture.requests.length
    for (let round = 0; round < 20; round += 1) await caller.tools()
    expect(fixture.requests.length).toBe(before)
  })

  test('row 27: a network $ref is not fetched, and every keyword passes unchanged', async () => {
    const trap = await server()
    const inputSchema = {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      $id: `${trap.url}/schema`,
      type: 'object',
      properties: { a: { $ref: `${trap.url}/a` }, b: { $dynamicRef: '#b', default: null } },
      $defs: { b: { $dynamicAnchor: 'b', const: 1e300, enum: [] } },
      unevaluatedProperties: false,
      'x-vendor': { deep: [[]] },
    }
    const outputSchema = { type: 'object', allOf: [{ $ref: `${trap.url}/out` }] }
    const tool = plainTool('typed', { inputSchema, outputSchema, futureMember: [1] })
    const fixture = await server({ tools: [tool] })
    const [outer] = await mesh.chain(fixture.url, 2)
    const caller = await callerOf(era, outer?.endpointUrl('main') ?? '')
    const [listed] = await caller.tools()
    const { definition } = tool
    expect(listed).toEqual({
      ...(JSON.parse(JSON.stringify(definition)) as JsonObject),
      name: 'fx__typed',
    })
    expect(textOf(await caller.call('fx__typed', { a: 1 }))).toBe('typed')
    expect(trap.requests).toEqual([])
  })
})

describe('freshness', () => {
  test('row 22: the least of all parts, and private when one part is', async () => {
    const servers = {
      long: await server({ ttlMs: 60_000, cacheScope: 'public' }),
      short: await server({ ttlMs: 20_000, cacheScope: 'public' }),
    }
    const node = await mesh.ready('front', planOf(servers))
    const open = await freshness(node)
    expect(open).toMatchObject({ cacheScope: 'public', resultType: 'complete' })
    expect(open['ttlMs']).toBeLessThanOrEqual(20_000)
    expect(open['ttlMs']).toBeGreaterThan(0)

    servers.long.settings.cacheScope = 'private'
    servers.long.announce()
    await until(async () => (await freshness(node))['cacheScope'] === 'private', 'the new scope')
  })

  test('row 22: all pages have one scope', async () => {
    const servers = {
      open: await server({ ttlMs: 60_000, cacheScope: 'public' }),
      closed: await server({ ttlMs: 60_000, cacheScope: 'private' }),
    }
    const endpoints = { main: { namespaces: ['*'], pageSize: 6 } }
    const node = await mesh.ready('front', { ...planOf(servers), endpoints })
    const caller = await callerOf('2026', node.endpointUrl('main'))
    const scopes: unknown[] = []
    let cursor: unknown
    do {
      const { result } = await caller.ask('tools/list', cursor === undefined ? {} : { cursor })
      scopes.push(result['cacheScope'])
      cursor = result['nextCursor']
    } while (cursor !== undefined)
    expect(scopes.length).toBeGreaterThan(3)
    expect(new Set(scopes)).toEqual(new Set(['private']))
  })

  test('row 22, 23: what a server of era 2025 lists is private', async () => {
    const node = await mesh.ready('front', planOf({ fx: await server({ era: '2025' }) }))
    expect(await freshness(node)).toMatchObject({ cacheScope: 'private', resultType: 'complete' })
  })

  test('row 22: freshness does not grow over hops', async () => {
    const fixture = await server({ ttlMs: 20_000, cacheScope: 'public' })
    const [outer] = await mesh.chain(fixture.url, 3)
    if (outer === undefined) throw new Error('no chain')
    const seen = await freshness(outer)
    expect(seen['cacheScope']).toBe('public')
    expect(seen['ttlMs']).toBeLessThanOrEqual(20_000)
  })

  test.each(ERAS)(
    'a server that announces nothing is asked again when its time is over (%s)',
    async (era) => {
      const fixture = await server({ era: '2025', listChanged: false })
      const node = await mesh.ready('front', {
        upstreams: { fx: { http: { url: fixture.url }, listTtl: '50ms' } },
        namespaces: { fx: { from: ['fx'] } },
      })
      const caller = await callerOf(era, node.endpointUrl('main'))
      fixture.tools.add(plainTool('late'))
      await until(async () => (await caller.names()).includes('fx__late'), 'the new tool')
      expect(fixture.violations).toEqual([])
    },
  )
})
