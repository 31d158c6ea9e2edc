// Tools with awkward names: all that can be told apart stay callable, at every depth.
import { afterEach, describe, expect, test } from 'vitest'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import { until } from '../fixtures/wait.ts'
import { CODE } from '../fixtures/wire.ts'
import { callerOf, ERAS, textOf } from './caller.ts'
import { Mesh } from './mesh.ts'

const mesh = new Mesh()
const fixtures: FixtureServer[] = []

afterEach(async () => {
  await mesh.close()
  for (const fixture of fixtures.splice(0)) await fixture.close()
})

async function server(...names: string[]): Promise<FixtureServer> {
  const fixture = await FixtureServer.start({ tools: names.map((name) => plainTool(name)) })
  fixtures.push(fixture)
  return fixture
}

const AWKWARD: readonly string[] = [
  'a__b',
  '__',
  '_',
  'fx__fx__echo',
  'dotted.name.v1',
  'UPPER',
  'upper',
  'grüße',
  'gruesse',
  '名前',
  '🌳',
  'with space',
  ' lead',
  'line\nbreak',
  '"quoted\\"',
  'x'.repeat(200),
  `${'x'.repeat(199)}y`,
  'z'.repeat(1_024),
  '../../etc/passwd',
  '__proto__',
  'constructor',
]

describe.each(ERAS)('awkward names for a caller of era %s', (era) => {
  test('each is exposed once, in the grammar, and leads to its own tool', async () => {
    const fixture = await server(...AWKWARD)
    const nodes = await mesh.chain(fixture.url, 3)
    for (const node of nodes) {
      const caller = await callerOf(era, node.endpointUrl('main'))
      const names = await caller.names()
      expect(names).toHaveLength(AWKWARD.length)
      expect(new Set(names).size).toBe(AWKWARD.length)
      for (const name of names) expect(name).toMatch(/^[A-Za-z0-9_-]{1,48}$/)
      const reached = await Promise.all(names.map(async (name) => textOf(await caller.call(name))))
      expect(reached.toSorted()).toEqual(AWKWARD.toSorted())
    }
    expect(fixture.violations).toEqual([])
  })

  test('one too long to be passed on is left out from the start, and reported', async () => {
    const fixture = await server('z'.repeat(1_025), 'good')
    const node = await mesh.front('front', fixture.url)
    const caller = await callerOf(era, node.endpointUrl('main'))
    expect(await caller.names()).toEqual(['fx__good'])
    expect(node.status().endpoints[0]?.problems).toMatchObject([{ reason: 'its name is too long' }])
  })

  test('names are the same at each hop that does not rename', async () => {
    const fixture = await server(...AWKWARD)
    const nodes = await mesh.chain(fixture.url, 3)
    const lists = nodes.map(async (node) => (await callerOf(era, node.endpointUrl('main'))).names())
    const [outer, middle, inner] = await Promise.all(lists)
    expect(outer).toHaveLength(AWKWARD.length)
    expect(outer).toEqual(inner)
    expect(middle).toEqual(inner)
  })

  test('a name does not grow with each hop by itself, nor beyond the limit', async () => {
    const fixture = await server('echo', 'y'.repeat(60))
    let url = (await mesh.front('n0', fixture.url)).endpointUrl('main')
    for (let hop = 1; hop < 6; hop += 1) {
      // The default rule for imports: `{upstream}-{namespace}`.
      const upstreams = { [`up${hop}`]: { node: { url } } }
      url = (await mesh.ready(`n${hop}`, { upstreams })).endpointUrl('main')
    }
    const caller = await callerOf(era, url)
    const names = await caller.names()
    expect(names).toHaveLength(2)
    for (const name of names) {
      expect(name).toMatch(/^[A-Za-z0-9_-]{1,48}$/)
      expect(['echo', 'y'.repeat(60)]).toContain(textOf(await caller.call(name)))
    }
    expect(names).toContain('up5-up4-up3-up2-up1-fx__echo')
  })

  test('of two tools with one name the later is dropped, reported, and never called', async () => {
    const [first, second] = [await server('who'), await server('who', 'only')]
    const node = await mesh.ready('front', {
      upstreams: { first: { http: { url: first.url } }, second: { http: { url: second.url } } },
      namespaces: { both: { from: ['first', 'second'] } },
    })
    const caller = await callerOf(era, node.endpointUrl('main'))
    expect(await caller.names()).toEqual(['both__only', 'both__who'])
    await caller.call('both__who')
    expect(first.calls()).toHaveLength(1)
    expect(second.calls()).toEqual([])
    const [problem] = node.status().endpoints[0]?.problems ?? []
    expect(problem).toMatchObject({ upstream: 'second', kind: 'tool', name: 'who' })

    // Nor when the first is down: it is another tool, not another way to the same.
    await first.close()
    await until(() => node.status().upstreams[0]?.phase === 'down', 'the loss to be seen')
    expect((await caller.call('both__who')).error.code).toBe(-31_003)
    expect(second.calls()).toEqual([])
  })

  test('the same of two nodes: the later in the file is dropped and reported', async () => {
    const [first, second] = [await server('who'), await server('who')]
    const url = async (name: string, fixture: FixtureServer): Promise<string> =>
      (await mesh.front(name, fixture.url)).endpointUrl('main')
    const upstreams = {
      left: { node: { url: await url('left', first), as: '{namespace}' } },
      right: { node: { url: await url('right', second), as: '{namespace}' } },
    }
    const node = await mesh.ready('front', { upstreams })
    const caller = await callerOf(era, node.endpointUrl('main'))
    expect(await caller.names()).toEqual(['fx__who'])
    await caller.call('fx__who')
    expect([first.calls().length, second.calls().length]).toEqual([1, 0])
    const { problems = [] } = node.status().endpoints[0] ?? {}
    expect(problems.filter(({ kind }) => kind === 'tool')).toMatchObject([
      { upstream: 'right', name: 'fx__who' },
    ])
  })

  test.each(['', '__proto__', 'constructor', 'toString', 'fx__', 'fx__nonsense', 'x'.repeat(300)])(
    'a name that is not there is an error of the caller: %j',
    async (name) => {
      const fixture = await server('who')
      const node = await mesh.front('front', fixture.url)
      const caller = await callerOf(era, node.endpointUrl('main'))
      expect((await caller.call(name)).error.code).toBe(CODE.invalidParams)
      expect(fixture.calls()).toEqual([])
    },
  )

  test('a tool without a name, or one listed twice, does not spoil the list', async () => {
    const fixture = await server('good')
    fixture.on('tools/list', (exchange) => {
      const good = { name: 'good', inputSchema: { type: 'object' } }
      const tools = [good, { ...good, name: '' }, { inputSchema: {} }, null, 7, good]
      exchange.result({ tools, ttlMs: 0, cacheScope: 'public' })
    })
    const node = await mesh.front('front', fixture.url)
    const caller = await callerOf(era, node.endpointUrl('main'))
    expect(await caller.names()).toEqual(['fx__good'])
    expect(textOf(await caller.call('fx__good'))).toBe('good')
  })
})

describe('plain names', () => {
  test.each(ERAS)('pass unchanged where they can (%s)', async (era) => {
    const fixture = await server('a.b', 'a__b', 'test_simple_text', 'x'.repeat(120))
    const node = await mesh.ready('front', {
      upstreams: { fixture: { http: { url: fixture.url } } },
      namespaces: { fx: { from: ['fixture'] } },
      endpoints: { main: { namespaces: ['fx'], names: 'plain', nameLength: 128 } },
    })
    const caller = await callerOf(era, node.endpointUrl('main'))
    expect(await caller.names()).toEqual(fixture.tools.names)
    expect(textOf(await caller.call('a.b'))).toBe('a.b')
  })
})
