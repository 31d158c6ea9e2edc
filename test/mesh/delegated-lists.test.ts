// Lists across organisations: each caller is shown what every node on the way shows that very caller.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RuleInput } from '../../node/core/config-input.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import { until } from '../fixtures/wait.ts'
import { objectAt, type Era, type JsonObject } from '../fixtures/wire.ts'
import { byCallTool } from './by-call-tool.ts'
import { ERAS, textOf, type MeshCaller } from './caller.ts'
import { Keyholders } from './keyholders.ts'
import { Mesh } from './mesh.ts'
import { across, configOf, trustIn } from './public-names.ts'

const people = new Keyholders('alice', 'bob')
let mesh: Mesh
let fixture: FixtureServer

beforeEach(async () => {
  mesh = new Mesh()
  fixture = await FixtureServer.start()
})

afterEach(async () => {
  await mesh.close()
  await fixture.close()
})

/** Everybody an organisation passes on whose name ends so. */
function named(issuer: string, name: string): object {
  return { issuer, subjects: [`*key:${name}`] }
}

interface Chain {
  readonly a: RunningNode
  readonly b: RunningNode
  /** Gives the last node other rules. */
  show(rules: readonly RuleInput[]): Promise<void>
}

/** A and B before C, which knows alice and bob, whom it is told of by A through B. */
async function chain(rules: readonly RuleInput[]): Promise<Chain> {
  const inC = {
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
  }
  const c = await mesh.startConfig(configOf('c', inC))
  await c.ready()
  const inB = { upstreams: { c: across(c) } }
  const b = await mesh.startConfig(configOf('b', inB))
  const auth = people.auth(['ns:fx'])
  const endpoints = {
    main: { namespaces: ['*'], auth },
    find: { namespaces: ['*'], tools: 'search', auth },
  }
  const inA = { upstreams: { b: across(b) }, endpoints }
  const a = await mesh.startConfig(configOf('a', inA))
  const show = (visibility: readonly RuleInput[]): Promise<void> =>
    c.reload(
      configOf('c', {
        ...inC,
        trust: [trustIn(b, c, [a.url])],
        clients: { alice: named(b.url, 'alice'), bob: named(b.url, 'bob'), any: { issuer: b.url } },
        visibility,
      }),
    )
  await show([...rules, EVERYBODY_ELSE])
  await b.reload(configOf('b', { ...inB, trust: [trustIn(a, b, [])] }))
  for (const [node, upstream] of [
    [b, 'c'],
    [a, 'b'],
  ] as const) {
    await node.refresh([upstream])
    await until(() => node.status().endpoints.every(({ tools }) => tools > 0), 'it lists tools')
  }
  return { a, b, show: (more) => show([...more, EVERYBODY_ELSE]) }
}

/** The nodes themselves see everything there is. */
const EVERYBODY_ELSE: RuleInput = { for: 'any', tools: ['fx__drop_nothing'] }

function as(era: Era, { a }: Chain, name: string): Promise<MeshCaller> {
  return people.caller(era, a.endpointUrl('main'), name)
}

/** An answer without what differs in any two. */
function bare(raw: string): string {
  return raw.replace(/"id":\d+/, '').replaceAll(/fx__\w+/g, '<name>')
}

const RULES: readonly RuleInput[] = [
  { for: 'alice', tools: ['fx__echo', 'fx__meta'] },
  { for: 'bob', tools: ['fx__echo'] },
  { for: 'any', tools: ['fx__slow'] },
]

describe.each(ERAS)('callers of era %s at the first of three organisations', (era) => {
  test('are each shown what the last one shows them', async () => {
    const all = await chain(RULES)
    const [alice, bob] = [await as(era, all, 'alice'), await as(era, all, 'bob')]
    expect(await alice.names()).toEqual(['fx__echo', 'fx__meta', 'fx__slow'])
    expect(await bob.names()).toEqual(['fx__echo', 'fx__slow'])
    expect(textOf(await bob.call('fx__echo', { message: 'seen' }))).toBe('seen')
    expect((await bob.ask('prompts/list')).result['prompts']).toEqual([])
  })

  test('call without listing first, and what is hidden looks as what never was', async () => {
    const bob = await as(era, await chain(RULES), 'bob')
    const [hidden, none] = [await bob.call('fx__meta'), await bob.call('fx__none')]
    expect(bare(hidden.raw)).toBe(bare(none.raw))
    expect(fixture.calls()).toEqual([])
    expect(textOf(await bob.call('fx__echo', { message: 'unlisted' }))).toBe('unlisted')
  })

  test('find that, and nothing else', async () => {
    const { a } = await chain(RULES)
    const found = async (name: string, query: string): Promise<unknown> => {
      const caller = await people.caller(era, a.endpointUrl('find'), name)
      const { result } = await caller.call('search_tools', { query })
      const { tools } = objectAt(result, 'structuredContent')
      return (tools as JsonObject[]).map((tool) => tool['name'])
    }
    const query = 'params received as JSON'
    expect(await found('alice', query)).toEqual(['fx__meta'])
    expect(await found('bob', query)).toEqual([])
    expect(await found('bob', '')).toEqual(['fx__echo', 'fx__slow'])
    const bob = byCallTool(await people.caller(era, a.endpointUrl('find'), 'bob'))
    expect(textOf(await bob.call('fx__echo', { message: 'seen' }))).toBe('seen')
    const [hidden, none] = [await bob.call('fx__meta'), await bob.call('fx__none')]
    expect(bare(hidden.raw)).toBe(bare(none.raw))
  })

  test('hear of what changes for them, and are shown it', async () => {
    const all = await chain([...RULES, { for: 'bob', tools: ['fx__new*'] }])
    const [alice, bob] = [await as(era, all, 'alice'), await as(era, all, 'bob')]
    await Promise.all([alice.names(), bob.names()])
    const changes = await bob.changes()
    fixture.tools.add(plainTool('new-1'))
    // Neither node is shown the tool itself: it hears of it for bob's sake.
    expect(await changes.next()).toMatchObject({ method: 'notifications/tools/list_changed' })
    expect(await bob.names()).toContain('fx__new-1')
    expect(await alice.names()).not.toContain('fx__new-1')
    changes.close()
  })
})
