// Explanations over hops: each node says its part, and only to nodes that it allows to ask.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RuleInput } from '../../node/core/config-input.ts'
import type { Explanations } from '../../node/control/explain.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FEDERATION, EXPLAIN_METHOD } from '../../protocol/federation.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern } from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import type { JsonObject } from '../fixtures/wire.ts'
import { Keyholders } from './keyholders.ts'
import { Mesh } from './mesh.ts'
import { Operator } from './operator.ts'
import { across, configOf, trustIn } from './public-names.ts'

const people = new Keyholders('alice', 'bob')
const operator = new Operator()
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

/** Who comes by a node, and the node itself. */
function client({ url }: RunningNode): object {
  return { issuer: url, clients: [`${url}/oauth/client.json`] }
}

function saying(explainTo: readonly string[] = []): object {
  return { endpoints: { main: { namespaces: ['*'], auth: {}, explainTo } } }
}

/** What the last two nodes say to the one in front of each. */
interface Said {
  readonly b?: readonly string[]
  readonly c?: readonly string[]
}

interface Chain {
  readonly a: RunningNode
  readonly b: RunningNode
  readonly c: RunningNode
  /** Gives the last node other rules, and the last two others who may ask. */
  readonly show: (rules: readonly RuleInput[], explainTo?: Said) => Promise<void>
}

const FRONT = ['front']

/** A and B before C, which is told of alice and bob by A through B. */
async function chain(rules: readonly RuleInput[], said: Said): Promise<Chain> {
  const inC = {
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
  }
  const c = await mesh.startConfig(configOf('c', inC))
  await c.ready()
  const inB = { upstreams: { c: across(c) } }
  const b = await mesh.startConfig(configOf('b', inB))
  const endpoints = { main: { namespaces: ['*'], auth: people.auth(['ns:fx']) } }
  const inA = { upstreams: { b: across(b) }, endpoints, admin: operator.admin() }
  const a = await mesh.startConfig(configOf('a', inA))
  const show = async (visibility: readonly RuleInput[], { b: inFront, c: last }: Said = said) => {
    const named = (name: string): object => ({ issuer: b.url, subjects: [`${a.url}|key:${name}`] })
    await c.reload(
      configOf('c', {
        ...inC,
        ...saying(last),
        trust: [trustIn(b, c, [a.url])],
        clients: { alice: named('alice'), bob: named('bob'), front: client(b) },
        visibility,
      }),
    )
    const clients = { front: client(a) }
    const rest = { trust: [trustIn(a, b, [])], clients }
    await b.reload(configOf('b', { ...inB, ...saying(inFront), ...rest }))
  }
  await show(rules)
  for (const [node, upstream] of [
    [b, 'c'],
    [a, 'b'],
  ] as const) {
    await node.refresh([upstream])
    await until(() => node.status().endpoints.every(({ tools }) => tools > 0), 'it lists tools')
  }
  operator.at(a)
  return { a, b, c, show }
}

const RULES: readonly RuleInput[] = [
  { for: 'alice', tools: ['fx__echo', 'fx__meta'] },
  { for: 'bob', tools: ['fx__meta'] },
  // What the nodes themselves see.
  { for: 'front', tools: { allow: ['fx__echo'], deny: ['fx__slow'] } },
]

function why(name: string, as: object): Promise<Explanations> {
  return operator.explain({ as, endpoint: 'main', name })
}

const ALICE = { key: 'alice' }
const BOB = { key: 'bob' }

describe('where every node lets the one before ask', () => {
  test('what is shown is said by each of them', async () => {
    await chain(RULES, { b: FRONT, c: FRONT })
    const { items } = await why('fx__echo', ALICE)
    expect(items).toMatchObject([
      {
        name: 'fx__echo',
        visible: true,
        hop: 'a/a',
        beyond: [
          { hop: 'b/b', endpoint: 'main', visible: true },
          { hop: 'c/c', endpoint: 'main', visible: true, rule: { index: 0 } },
        ],
      },
    ])
  })

  test('what a far node hides from a caller it is told of is said with its rule, listed here or not', async () => {
    const { show } = await chain(RULES, { b: FRONT, c: FRONT })
    // Nobody tells the nodes themselves of it, so none of them lists it.
    expect((await why('fx__slow', BOB)).items).toMatchObject([
      {
        name: 'fx__slow',
        namespace: 'fx',
        capability: 'slow',
        visible: false,
        level: 'capability',
        because: 'visibility[2] denies the tool',
        hop: 'c/c',
        upstreams: ['b'],
      },
    ])
    await show([{ for: 'bob', tools: { allow: ['*'], deny: ['fx__echo'] } }, ...RULES])
    expect((await why('fx__echo', BOB)).items).toMatchObject([
      {
        visible: false,
        level: 'capability',
        rule: { index: 0 },
        because: 'visibility[0] denies the tool',
        hop: 'c/c',
      },
    ])
    expect((await why('fx__echo', ALICE)).items).toMatchObject([{ visible: true }])
  })

  test('it is what callers list', async () => {
    const { a } = await chain(RULES, { b: FRONT, c: FRONT })
    for (const name of ['alice', 'bob']) {
      const caller = await people.caller('2026', a.endpointUrl('main'), name)
      const listed = await caller.names()
      for (const tool of ['fx__echo', 'fx__meta', 'fx__slow']) {
        const { items, unlisted } = await why(tool, { key: name })
        const isSaid = items.some(({ visible }) => visible) || unlisted.length > 0
        expect([tool, isSaid]).toEqual([tool, listed.includes(tool)])
      }
    }
  })

  test('what is nowhere is nowhere', async () => {
    await chain(RULES, { b: FRONT, c: FRONT })
    const { items, unlisted, notes } = await why('fx__none', ALICE)
    expect([items, notes.map(({ note }) => note).join('\n')]).toEqual([
      [],
      expect.not.stringContaining('does not say') as string,
    ])
    expect(unlisted).toMatchObject([{ reasons: ['no upstream lists it'] }])
  })

  test('of somebody of whom no subject is known rules for subjects are left out', async () => {
    await chain(RULES, { b: FRONT, c: FRONT })
    const { notes } = await why('fx__echo', { classes: ['*'] })
    expect(notes.map(({ note }) => note).join('\n')).toContain('rules for subjects are left out')
  })
})

describe('where one does not', () => {
  test('its part is unknown, and so is what lies behind', async () => {
    const { show } = await chain(RULES, { b: FRONT })
    const { items, notes } = await why('fx__echo', ALICE)
    expect(items).toMatchObject([{ visible: true, beyond: [{ hop: 'b/b' }] }])
    expect(notes.map(({ note }) => note)).toContainEqual(
      expect.stringMatching(/^b\/b: upstream "c" does not say what it decides/),
    )
    expect((await why('fx__slow', BOB)).items).toEqual([])
    await show(RULES, {})
    const silent = await why('fx__echo', ALICE)
    expect(silent.items[0]?.beyond).toBeUndefined()
    expect(silent.notes.map(({ note }) => note)).toContainEqual(
      expect.stringMatching(/^upstream "b" does not say what it decides/),
    )
  })
})

describe('who may not ask', () => {
  const meta = {
    'io.modelcontextprotocol/clientCapabilities': {
      extensions: {
        [FEDERATION]: { version: 1, node: 'x', organisation: 'x', name: 'x' },
      },
    },
  }

  test('finds no such method: not a caller, and not a node of another class', async () => {
    const plain = {
      ...configOf('edge', {
        upstreams: { fixture: { http: { url: fixture.url } } },
        namespaces: { fx: { from: ['fixture'] } },
        clients: people.clients(),
        visibility: [
          { for: 'alice', tools: ['fx__echo'] },
          { for: 'bob', tools: ['fx__meta'] },
        ],
      }),
    }
    const endpoint = { namespaces: ['*'], auth: people.auth() }
    const endpoints = { main: { ...endpoint, explainTo: ['alice'] }, mute: endpoint }
    const node = await mesh.startConfig({ ...plain, endpoints })
    await node.ready()
    const ask = async (
      name: string,
      { at = 'main', method = EXPLAIN_METHOD, more = meta, about = {} }: Asked = {},
    ): Promise<string> => {
      const headers = people.headers(name)
      const params = { name: 'fx__echo', ...about }
      const { status, raw } = await callModern(node.endpointUrl(at), method, params, {
        headers,
        meta: more,
      })
      return `${status} ${raw.replace(/"id":\d+/, '').replaceAll(method, '<method>')}`
    }
    const unknown = await ask('bob', { method: 'io.github.banyan-mcp/explail' })
    expect(await ask('alice')).toContain('"hop":"edge/edge"')
    expect(await ask('bob')).toBe(unknown)
    expect(await ask('alice', { at: 'mute' })).toBe(unknown)
    expect(await ask('alice', { more: {} })).toBe(unknown)
    expect(unknown).toMatch(/^404 /)
    // Who holds a key speaks for itself alone.
    const bobs = await ask('alice', { about: { name: 'fx__meta', whom: { subject: 'key:bob' } } })
    expect(bobs).toContain('"visible":false')
    for (const about of [{ name: '' }, { name: 7 }, { kind: 'all' }, { whom: { scopes: [' '] } }]) {
      expect(await ask('alice', { about })).toContain('"code":-32602')
    }
  })
})

interface Asked {
  readonly at?: string
  readonly method?: string
  readonly more?: JsonObject
  readonly about?: JsonObject
}
