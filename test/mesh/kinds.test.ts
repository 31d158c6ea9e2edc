// Prompts, resources and templates of servers, listed and reached through nodes.
import { afterEach, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import { plainPrompt, plainResource } from '../fixtures/fixture-offers.ts'
import { FixtureServer, type FixtureOptions } from '../fixtures/fixture-server.ts'
import { until } from '../fixtures/wait.ts'
import { CODE, type JsonObject } from '../fixtures/wire.ts'
import { callerOf, ERAS, type MeshCaller } from './caller.ts'
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

/** A chain of nodes in front of a server, each with names of that style; the outermost. */
async function chain(url: string, styles: readonly ('prefixed' | 'plain')[]): Promise<BanyanNode> {
  let behind: BanyanNode | undefined
  for (const [depth, names] of styles.entries()) {
    const endpoints = { main: { namespaces: ['fx'], names } }
    const plan: NodePlan =
      behind === undefined
        ? { upstreams: { fixture: { http: { url } } }, namespaces: { fx: { from: ['fixture'] } } }
        : {
            upstreams: { next: { node: { url: behind.endpointUrl('main'), as: '{namespace}' } } },
          }
    behind = await mesh.ready(`n${depth}`, { ...plan, endpoints })
  }
  if (behind === undefined) throw new Error('no chain')
  return behind
}

/** The items of all pages of a list. */
async function all(caller: MeshCaller, method: string): Promise<JsonObject[]> {
  const found: JsonObject[] = []
  let cursor: unknown
  do {
    const { result } = await caller.ask(method, cursor === undefined ? {} : { cursor })
    found.push(...Object.values(result).filter(Array.isArray).flat())
    cursor = result['nextCursor']
  } while (cursor !== undefined)
  return found
}

async function uris(caller: MeshCaller): Promise<string[]> {
  return (await all(caller, 'resources/list')).map(({ uri }) => String(uri))
}

async function contentOf(caller: MeshCaller, uri: string): Promise<JsonObject> {
  const { result } = await caller.ask('resources/read', { uri })
  const [content] = result['contents'] as JsonObject[]
  if (content === undefined) throw new Error(`nothing at ${uri}`)
  return content
}

const MIXES = [
  ['prefixed'],
  ['plain'],
  ['prefixed', 'prefixed', 'prefixed'],
  ['plain', 'plain', 'plain'],
  ['plain', 'prefixed', 'prefixed'],
  ['prefixed', 'plain', 'prefixed'],
  ['prefixed', 'prefixed', 'plain'],
] as const

describe.each(ERAS)('for a caller of era %s', (era) => {
  describe.each(MIXES.map((mix) => [mix.join(', '), mix] as const))('nodes: %s', (_what, mix) => {
    const isPlain = mix.every((style) => style === 'plain')

    test('row 28: every resource is listed, and read under the URI it is listed by', async () => {
      const fixture = await server()
      const node = await chain(fixture.url, mix)
      const caller = await callerOf(era, node.endpointUrl('main'))
      const listed = await all(caller, 'resources/list')
      expect(listed.map(({ name }) => String(name)).toSorted()).toEqual(
        fixture.resources.entries.map(({ definition }) => definition.name).toSorted(),
      )
      const shown = listed.map(({ uri }) => String(uri))
      expect(isPlain).toBe(shown.every((uri) => fixture.resources.names.includes(uri)))
      for (const uri of shown.filter((one) => one.startsWith('test:') && one.includes('static'))) {
        expect(await contentOf(caller, uri)).toMatchObject({
          uri,
          text: expect.stringMatching(/^static \d$/) as string,
        })
      }
      expect(fixture.violations).toEqual([])
    })

    test('what a template expands to is read', async () => {
      const fixture = await server()
      const node = await chain(fixture.url, mix)
      const caller = await callerOf(era, node.endpointUrl('main'))
      const templates = await all(caller, 'resources/templates/list')
      const item = templates.find(({ name }) => name === 'item')
      const uri = String(item?.['uriTemplate']).replace('{id}', '42')
      expect(uri).not.toContain('{')
      expect(await contentOf(caller, uri)).toMatchObject({ uri, text: 'item 42' })
    })

    test('prompts are got by the names they are listed by', async () => {
      const fixture = await server()
      const node = await chain(fixture.url, mix)
      const caller = await callerOf(era, node.endpointUrl('main'))
      const names = (await all(caller, 'prompts/list')).map(({ name }) => String(name))
      // The outermost node names what it imports by its own rule.
      const prefix = mix.at(-1) === 'plain' ? '' : 'fx__'
      const expected = fixture.prompts.names.map((name) => `${prefix}${name}`)
      expect(names).toEqual(expected.toSorted())
      const name = names.find((one) => one.endsWith('greet'))
      const { result } = await caller.ask('prompts/get', { name, arguments: { name: 'Ada' } })
      expect(JSON.stringify(result['messages'])).toContain('Hello Ada')
    })
  })

  test('row 20: prompts and URIs of two servers are told apart by our labels', async () => {
    const serverInfo = { name: 'the-same', version: '1.0.0' }
    const [left, right] = [await server({ serverInfo }), await server({ serverInfo })]
    const node = await mesh.ready('front', planOf({ left, right }))
    const caller = await callerOf(era, node.endpointUrl('main'))
    const shown = (await uris(caller)).filter((uri) => uri.endsWith('test://static/1'.slice(5)))
    expect(new Set(shown).size).toBe(2)
    for (const uri of shown) expect((await contentOf(caller, uri))['uri']).toBe(uri)
    expect(left.received('resources/read')).toHaveLength(1)
    expect(right.received('resources/read')).toHaveLength(1)
    const names = (await all(caller, 'prompts/list')).map(({ name }) => String(name))
    expect(names).toContain('left__greet')
    expect(names).toContain('right__greet')
  })

  test('row 20: URIs of two servers that feed one namespace stay apart', async () => {
    const [first, second] = [await server(), await server()]
    const inner = await mesh.ready('inner', {
      upstreams: { first: { http: { url: first.url } }, second: { http: { url: second.url } } },
      namespaces: { fx: { from: ['first', 'second'] } },
    })
    const outer = await mesh.ready('outer', {
      upstreams: { next: { node: { url: inner.endpointUrl('main'), as: '{namespace}' } } },
    })
    const caller = await callerOf(era, outer.endpointUrl('main'))
    const shown = (await uris(caller)).filter((uri) => uri.endsWith('//static/1'))
    expect(shown).toHaveLength(2)
    for (const uri of shown) await contentOf(caller, uri)
    expect(first.received('resources/read')).toHaveLength(1)
    expect(second.received('resources/read')).toHaveLength(1)
  })

  test('row 19: a resource of another endpoint is unknown here, and nothing goes upstream', async () => {
    const [open, closed] = [await server(), await server()]
    const node = await mesh.ready('front', {
      ...planOf({ open, closed }),
      endpoints: { main: { namespaces: ['open'] }, all: { namespaces: ['*'] } },
    })
    const everything = await uris(await callerOf(era, node.endpointUrl('all')))
    const caller = await callerOf(era, node.endpointUrl('main'))
    const visible = await uris(caller)
    const [hidden] = everything.filter((uri) => !visible.includes(uri))
    const { error } = await caller.ask('resources/read', { uri: hidden })
    expect(error.code).toBe(era === '2025' ? CODE.resourceNotFound : CODE.invalidParams)
    expect((await caller.ask('prompts/get', { name: 'closed__greet' })).error.code).toBe(
      CODE.invalidParams,
    )
    expect(closed.received('resources/read')).toEqual([])
    expect(closed.received('prompts/get')).toEqual([])
  })

  test('a server with tools alone has no prompts and no resources', async () => {
    const fixture = await server({ prompts: [], resources: [], templates: [] })
    const node = await mesh.ready('front', planOf({ fx: fixture }))
    const caller = await callerOf(era, node.endpointUrl('main'))
    expect(await all(caller, 'prompts/list')).toEqual([])
    expect(await all(caller, 'resources/list')).toEqual([])
    expect((await caller.tools()).length).toBeGreaterThan(0)
  })

  test('row 24: changes of prompts and resources are seen through three nodes', async () => {
    const fixture = await server()
    const [outer] = await mesh.chain(fixture.url, 3)
    const caller = await callerOf(era, outer?.endpointUrl('main') ?? '')
    const before = (await uris(caller)).length
    fixture.resources.add(plainResource('test://late/1'))
    fixture.prompts.add(plainPrompt('late'))
    await until(async () => (await uris(caller)).length === before + 1, 'the new resource')
    const shown = (await uris(caller)).find((uri) => uri.endsWith('//late/1'))
    expect(await contentOf(caller, shown ?? '')).toMatchObject({ uri: shown })
    await until(async () => {
      const prompts = await all(caller, 'prompts/list')
      return prompts.some(({ name }) => name === 'fx__late')
    }, 'the new prompt')
  })

  test.each(['prompts/list', 'resources/list', 'resources/templates/list'])(
    'row 26: %s says how long it may be kept, to those who ask for that',
    async (method) => {
      const fixture = await server({ era: '2025' })
      const node = await mesh.front('front', fixture.url)
      const caller = await callerOf(era, node.endpointUrl('main'))
      const { result } = await caller.ask(method)
      const expected = { resultType: 'complete', cacheScope: 'private' }
      const { resultType, cacheScope } = result
      expect({ resultType, cacheScope }).toEqual(
        era === '2026' ? expected : { resultType: undefined, cacheScope: undefined },
      )
    },
  )
})

test('the operator reads how much there is of each kind', async () => {
  const fixture = await server()
  const [outer, inner] = await mesh.chain(fixture.url, 2)
  const counts = {
    tools: fixture.tools.names.length,
    prompts: fixture.prompts.names.length,
    resources: fixture.resources.names.length,
    templates: fixture.templates.names.length,
  }
  for (const node of [outer, inner]) {
    const { upstreams, endpoints } = node?.status() ?? {}
    expect(upstreams).toMatchObject([counts])
    expect(endpoints).toMatchObject([counts])
  }
})
