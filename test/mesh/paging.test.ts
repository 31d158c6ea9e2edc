// Lists in pages: drained upstream, whole or cut, and paged anew for the caller.
import { afterEach, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import { FixtureServer, type FixtureOptions } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import { until } from '../fixtures/wait.ts'
import { CODE, type JsonObject } from '../fixtures/wire.ts'
import { callerOf, ERAS } from './caller.ts'
import { Mesh } from './mesh.ts'

const mesh = new Mesh()
const fixtures: FixtureServer[] = []

afterEach(async () => {
  await mesh.close()
  for (const fixture of fixtures.splice(0)) await fixture.close()
})

async function front(
  options: FixtureOptions,
  limits: Readonly<Record<string, unknown>> = {},
): Promise<{ fixture: FixtureServer; node: BanyanNode }> {
  const fixture = await FixtureServer.start(options)
  fixtures.push(fixture)
  const node = await mesh.ready('front', {
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
    endpoints: { main: { namespaces: ['fx'], pageSize: 2 }, other: { namespaces: ['fx'] } },
    limits,
  })
  return { fixture, node }
}

function tools(count: number): ReturnType<typeof plainTool>[] {
  return Array.from({ length: count }, (_, index) =>
    plainTool(`t${String(index).padStart(5, '0')}`),
  )
}

describe.each(ERAS)('pages for a caller of era %s', (era) => {
  test.each(ERAS)('row 25: pages of three in, pages of two out (%s server)', async (upstream) => {
    const { fixture, node } = await front({ era: upstream, pageSize: 3, tools: tools(7) })
    const caller = await callerOf(era, node.endpointUrl('main'))
    const first = await caller.ask('tools/list')
    expect(first.result['tools']).toHaveLength(2)
    const cursor = String(first.result['nextCursor'])
    expect(cursor).not.toContain('after')
    expect(cursor).not.toContain('t00001')
    expect(await caller.names()).toEqual(fixture.tools.names.map((name) => `fx__${name}`))
    expect(fixture.received('tools/list')).toHaveLength(3)
  })

  test.each([
    ['forged', 'bm90IG91cnM'],
    ['empty', ''],
    ['of the server', 'after-2'],
  ])('row 25: a cursor that is %s is refused', async (_what, cursor) => {
    const { node } = await front({ tools: tools(5) })
    const caller = await callerOf(era, node.endpointUrl('main'))
    expect((await caller.ask('tools/list', { cursor })).error.code).toBe(CODE.invalidParams)
  })

  test('row 25: a cursor of another endpoint is refused', async () => {
    const { node } = await front({ tools: tools(5) })
    const caller = await callerOf(era, node.endpointUrl('main'))
    const { nextCursor: cursor } = (await caller.ask('tools/list')).result
    expect(cursor).toBeTypeOf('string')
    const other = await callerOf(era, node.endpointUrl('other'))
    expect((await other.ask('tools/list', { cursor })).error.code).toBe(CODE.invalidParams)
  })

  test('a cursor goes on where it was, though the list has changed in between', async () => {
    const { fixture, node } = await front({ tools: tools(6) })
    const caller = await callerOf(era, node.endpointUrl('main'))
    const { nextCursor: cursor } = (await caller.ask('tools/list')).result
    fixture.tools.remove('t00000')
    fixture.tools.add(plainTool('t00001a'))
    const whole = await callerOf(era, node.endpointUrl('other'))
    await until(async () => (await whole.names()).includes('fx__t00001a'), 'the new list')
    const { result } = await caller.ask('tools/list', { cursor })
    const names = (result['tools'] as JsonObject[]).map(({ name }) => name)
    expect(names).toEqual(['fx__t00001a', 'fx__t00002'])
  })
})

describe('a server whose pages make no sense', () => {
  test.each([
    ['repeats its cursor', () => 'again'],
    ['never ends', (page: number) => `page-${page}`],
  ])('%s: bounded, and the node goes on', async (_what, next) => {
    const fixture = await FixtureServer.start({ tools: [plainTool('fine')] })
    fixtures.push(fixture)
    let page = 0
    fixture.on('tools/list', (exchange) => {
      page += 1
      const listed = [{ ...plainTool(`p${page}`).definition }]
      exchange.result({ tools: listed, nextCursor: next(page), ttlMs: 0, cacheScope: 'public' })
    })
    const good = await FixtureServer.start({ tools: [plainTool('good')] })
    fixtures.push(good)
    const node = await mesh.ready('front', {
      upstreams: { odd: { http: { url: fixture.url } }, good: { http: { url: good.url } } },
      namespaces: { odd: { from: ['odd'] }, good: { from: ['good'] } },
      limits: { listPagesPerUpstream: 20 },
    })
    const caller = await callerOf('2026', node.endpointUrl('main'))
    expect(await caller.names()).toContain('good__good')
    // At the start, and perhaps once more for the caller.
    expect(page).toBeLessThanOrEqual(40)
    fixture.off('tools/list')
    fixture.announce()
    await until(async () => (await caller.names()).includes('odd__fine'), 'the sane list')
  })

  test('its first page is an empty one with an empty cursor', async () => {
    const { fixture, node } = await front({ tools: [plainTool('fine')] })
    fixture.on('tools/list', (exchange, proceed) => {
      if (exchange.request.params['cursor'] === '') {
        delete exchange.request.params['cursor']
        return proceed()
      }
      return exchange.result({ tools: [], nextCursor: '', ttlMs: 0, cacheScope: 'public' })
    })
    fixture.tools.add(plainTool('more'))
    const caller = await callerOf('2026', node.endpointUrl('main'))
    await until(async () => (await caller.names()).length === 2, 'the tools behind it')
    expect(await caller.names()).toEqual(['fx__fine', 'fx__more'])
  })
})

test('a list of 10 000 tools is taken whole, what is beyond is cut and reported', async () => {
  const warned: string[] = []
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: (facts: object, message: string) => warned.push(`${message} ${JSON.stringify(facts)}`),
    error: () => undefined,
  }
  const fixture = await FixtureServer.start({ pageSize: 1_000, tools: tools(10_050) })
  fixtures.push(fixture)
  const plan = {
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
  }
  const node = await mesh.ready('front', plan, { log })
  const caller = await callerOf('2026', node.endpointUrl('main'))
  const names = await caller.names()
  expect(names).toHaveLength(10_000)
  expect(new Set(names).size).toBe(10_000)
  expect(warned.filter((line) => line.includes('longer than the limit'))).toHaveLength(1)
})
