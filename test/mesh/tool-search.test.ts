// Endpoints that list three tools and find the others, over whole nodes in both eras.
import { afterEach, describe, expect, test } from 'vitest'
import type { RuleInput } from '../../node/core/config-input.ts'
import type { BanyanNode } from '../../node/main/index.ts'
import { FixtureServer, type FixtureOptions } from '../fixtures/fixture-server.ts'
import { plainTool, type FixtureTool } from '../fixtures/fixture-tools.ts'
import type { RawStream } from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import { objectAt, type Era, type JsonObject } from '../fixtures/wire.ts'
import { callerOf, ERAS, textOf, type MeshCaller } from './caller.ts'
import { byCallTool } from './by-call-tool.ts'
import { Keyholders } from './keyholders.ts'
import { configOf, Mesh, type NodePlan } from './mesh.ts'

const OWN = ['call_tool', 'describe_tools', 'search_tools']
const FEDERATION = 'io.github.banyan-mcp/federation'

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

/** One server as `fx`: all of it listed at `all`, none of it at `main`, some at `some`. */
function planOf({ url }: FixtureServer): NodePlan {
  const namespaces = ['*']
  return {
    upstreams: { fixture: { http: { url } } },
    namespaces: { fx: { from: ['fixture'] } },
    endpoints: {
      main: { namespaces, tools: 'search' },
      some: { namespaces, tools: { search: true, listed: ['fx__e*', 'fx__add'] } },
      all: { namespaces },
    },
  }
}

async function search(
  caller: MeshCaller,
  query: string,
  more: JsonObject = {},
): Promise<JsonObject> {
  const { result } = await caller.call('search_tools', { query, ...more })
  const structured = objectAt(result, 'structuredContent')
  // Clients that know no structured content read the text.
  expect(JSON.parse(textOf({ result }))).toEqual(structured)
  return structured
}

async function found(caller: MeshCaller, query: string): Promise<unknown[]> {
  const { tools } = await search(caller, query, { limit: 50 })
  return (tools as JsonObject[]).map(({ name }) => name)
}

async function described(caller: MeshCaller, names: readonly string[]): Promise<JsonObject> {
  return objectAt((await caller.call('describe_tools', { names })).result, 'structuredContent')
}

/** How often a stream that has ended told of a change. */
async function changesIn(stream: RawStream): Promise<number> {
  let count = 0
  for (let one = await stream.next(); one !== undefined; one = await stream.next()) {
    if (one['method'] === 'notifications/tools/list_changed') count += 1
  }
  return count
}

/** A tool of that name with a description to find it by. */
function tool(name: string, description: string): FixtureTool {
  return plainTool(name, { description })
}

describe.each(ERAS)('for a caller of era %s', (era) => {
  const at = (node: BanyanNode, endpoint: string): Promise<MeshCaller> =>
    callerOf(era, node.endpointUrl(endpoint))

  test('the list is three tools, and stays so whatever is called', async () => {
    const node = await mesh.ready('front', planOf(await server()))
    const caller = await at(node, 'main')
    const before = await caller.tools()
    expect(before.map(({ name }) => name)).toEqual(OWN)
    await found(caller, 'echo')
    await described(caller, ['fx__echo'])
    await byCallTool(caller).call('fx__echo', { message: 'x' })
    expect(await caller.tools()).toEqual(before)
  })

  test('what is kept listed stands beside them', async () => {
    const node = await mesh.ready('front', planOf(await server()))
    const caller = await at(node, 'some')
    expect(await caller.names()).toEqual([
      'call_tool',
      'describe_tools',
      'fx__add',
      'fx__echo',
      'fx__error',
      'search_tools',
    ])
    const [listed] = (await (await at(node, 'all')).tools()).filter(
      ({ name }) => name === 'fx__add',
    )
    expect(await caller.tools()).toContainEqual(listed)
  })

  test('a tool is found by what it does, described as the list has it, and called', async () => {
    const node = await mesh.ready('front', planOf(await server()))
    const caller = await at(node, 'main')
    const { tools } = await search(caller, 'sum of two numbers')
    expect((tools as JsonObject[])[0]).toEqual({
      name: 'fx__add',
      description: 'Adds two numbers.',
      parameters: ['a', 'b'],
    })
    const all = await (await at(node, 'all')).tools()
    const names = all.map(({ name }) => String(name)).slice(0, 10)
    expect(await described(caller, names)).toEqual({ tools: all.slice(0, 10), unknown: [] })
    const { result } = await byCallTool(caller).call('fx__add', { a: 1, b: 2 })
    expect(result['structuredContent']).toEqual({ sum: 3 })
  })

  test('what is not listed can be called by its name, too', async () => {
    const node = await mesh.ready('front', planOf(await server()))
    const caller = await at(node, 'main')
    expect(textOf(await caller.call('fx__echo', { message: 'x' }))).toBe('x')
  })

  test('an endpoint that lists all has no such tools', async () => {
    const node = await mesh.ready('front', planOf(await server()))
    const caller = await at(node, 'all')
    for (const name of OWN) {
      const { error } = await caller.call(name, { query: 'echo' })
      expect(error.message).toBe(`unknown tool: ${name}`)
    }
  })

  test('what nodes below import is found as well, also where they search themselves', async () => {
    const behind = await mesh.ready('behind', planOf(await server()))
    const node = { url: behind.endpointUrl('main'), as: 'far-{namespace}' }
    const middle = await mesh.ready('middle', {
      upstreams: { behind: { node } },
      endpoints: { main: { namespaces: ['*'], tools: 'search' } },
    })
    const front = await mesh.ready('front', {
      upstreams: { middle: { node: { url: middle.endpointUrl('main'), as: '{namespace}' } } },
      endpoints: { main: { namespaces: ['*'], tools: 'search' } },
    })
    const caller = await at(front, 'main')
    expect(await caller.names()).toEqual(OWN)
    expect((await found(caller, 'add numbers'))[0]).toBe('far-fx__add')
    const { result } = await byCallTool(caller).call('far-fx__add', { a: 1, b: 2 })
    expect(result['structuredContent']).toEqual({ sum: 3 })
  })

  test('only changes of what is listed are told', async () => {
    const fixture = await server({ tools: [tool('alpha', 'One.'), tool('edit', 'Two.')] })
    const node = await mesh.ready('front', planOf(fixture))
    const [main, some] = [await at(node, 'main'), await at(node, 'some')]
    const [ofMain, ofSome] = [await main.changes(), await some.changes()]
    fixture.tools.add(tool('beta', 'Three.'))
    await until(async () => (await found(main, 'three')).length === 1, 'the new tool to be found')
    fixture.tools.add(tool('extra', 'Four.'))
    await until(async () => (await some.names()).includes('fx__extra'), 'the new tool to be listed')
    const endpoints = { main: { namespaces: ['*'] }, some: { namespaces: ['*'] } }
    await mesh.replan(node, { ...planOf(fixture), endpoints })
    expect(await main.names()).toEqual(['fx__alpha', 'fx__beta', 'fx__edit', 'fx__extra'])
    // The end of the node is the end of the streams: what was told is all there is.
    await mesh.close()
    expect(await changesIn(ofMain)).toBe(1)
    expect(await changesIn(ofSome)).toBe(2)
  })

  test('another node is told of all, and of every change', async () => {
    const fixture = await server({ tools: [tool('alpha', 'One.')] })
    const node = await mesh.ready('front', planOf(fixture))
    const settings = { version: 1, node: 'x'.repeat(43), organisation: 'acme', name: 'x' }
    const held = era === '2026' ? 'extensions' : 'experimental'
    const capabilities = { [held]: { [FEDERATION]: settings } }
    const peer = await callerOf(era, node.endpointUrl('main'), { capabilities })
    expect(await peer.names()).toEqual(['fx__alpha'])
    const changes = await peer.changes()
    fixture.tools.add(tool('beta', 'Two.'))
    expect(await changes.next()).toMatchObject({ method: 'notifications/tools/list_changed' })
    expect(await peer.names()).toEqual(['fx__alpha', 'fx__beta'])
    changes.close()
  })

  test('what an upstream takes away is found no more', async () => {
    const fixture = await server({ tools: [tool('alpha', 'Weather.'), tool('beta', 'Weather.')] })
    const node = await mesh.ready('front', planOf(fixture))
    const caller = await at(node, 'main')
    expect(await found(caller, 'weather')).toEqual(['fx__alpha', 'fx__beta'])
    fixture.tools.replace([tool('beta', 'Weather.')])
    await until(async () => (await found(caller, 'weather')).length === 1, 'it to be gone')
    expect(await described(caller, ['fx__alpha'])).toEqual({ tools: [], unknown: ['fx__alpha'] })
  })
})

describe.each(ERAS)('under rules, for callers of era %s', (era) => {
  const people = new Keyholders('analyst', 'admin')
  const RULES: readonly RuleInput[] = [
    { for: 'admin' },
    { for: 'analyst', tools: { allow: ['fx__*'], deny: ['fx__payroll*'] } },
  ]
  const OPEN = [tool('read', 'Reads the report.'), tool('report', 'Writes a report of one day.')]
  const SECRET = ['payroll_a', 'payroll_b', 'payroll_c'].map((name) => tool(name, 'A report.'))

  async function start(tools: readonly FixtureTool[], visibility = RULES): Promise<BanyanNode> {
    const fixture = await server({ tools })
    const node = await mesh.startConfig(configured(fixture.url, visibility))
    await node.ready()
    return node
  }

  function configured(url: string, visibility: readonly RuleInput[]): object {
    const plan = {
      upstreams: { fixture: { http: { url } } },
      namespaces: { fx: { from: ['fixture'] } },
      endpoints: { main: { namespaces: ['*'], tools: 'search', auth: people.auth() } },
    }
    return { ...configOf('edge', plan), issuer: {}, clients: people.clients(), visibility }
  }

  const as = (node: BanyanNode, name: string, by: Era = era): Promise<MeshCaller> =>
    people.caller(by, node.endpointUrl('main'), name)

  test('a search answers to the byte as if what is hidden had never been', async () => {
    const [with_, without] = [await start([...OPEN, ...SECRET]), await start(OPEN)]
    const [one, other] = [await as(with_, 'analyst'), await as(without, 'analyst')]
    for (const query of ['report', 'payroll', 'the report of one day', '', 'payrol', 'read']) {
      const replies = [one, other].map((caller) =>
        caller.call('search_tools', { query }, { id: 1 }),
      )
      const [left, right] = await Promise.all(replies)
      expect(left?.raw.replaceAll(/id: .*\n/g, '')).toBe(right?.raw.replaceAll(/id: .*\n/g, ''))
    }
    expect(await found(await as(with_, 'admin'), 'payroll')).toHaveLength(3)
    expect(await one.names()).toEqual(OWN)
  })

  test('what is hidden is described and called as what never was', async () => {
    const node = await start([...OPEN, ...SECRET])
    const analyst = await as(node, 'analyst')
    expect(await described(analyst, ['fx__payroll_a', 'fx__none_no_a'])).toEqual({
      tools: [],
      unknown: ['fx__payroll_a', 'fx__none_no_a'],
    })
    const replies = ['fx__payroll_a', 'fx__none_no_a'].map((name) =>
      byCallTool(analyst).call(name, {}, { id: 1 }),
    )
    const [hidden, none] = (await Promise.all(replies)).map(({ raw, status, headers }) => {
      const { date: _, ...rest } = headers
      const text = raw.replaceAll(/id: .*\n/g, '').replaceAll(/fx__\w+_a/g, '<name>')
      return { status, text, headers: { ...rest, 'content-length': '' } }
    })
    expect(hidden).toEqual(none)
  })

  test('other rules hold from the next search on', async () => {
    const fixture = await server({ tools: [...OPEN, ...SECRET] })
    const node = await mesh.startConfig(configured(fixture.url, RULES))
    await node.ready()
    const analyst = await as(node, 'analyst')
    expect(await found(analyst, 'report')).toHaveLength(2)
    await node.reload(configured(fixture.url, [{ for: 'analyst', tools: ['fx__read'] }]))
    expect(await found(analyst, 'report')).toEqual(['fx__read'])
    await node.reload(configured(fixture.url, [{ for: 'analyst' }]))
    expect(await found(analyst, 'report')).toHaveLength(5)
  })
})
