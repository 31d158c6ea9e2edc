// Explanations of a running node: what is said of every capability is what its caller sees.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Explanations } from '../../node/control/explain.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import { until } from '../fixtures/wait.ts'
import { objectAt } from '../fixtures/wire.ts'
import { Keyholders } from './keyholders.ts'
import { configOf, Mesh } from './mesh.ts'
import { Operator } from './operator.ts'

const mesh = new Mesh()
const operator = new Operator()
const people = new Keyholders('analyst', 'admin', 'auditor', 'nobody')
let fixture: FixtureServer
let inner: RunningNode
let edge: RunningNode

const RULES = [
  { for: 'admin' },
  { for: 'analyst', endpoints: ['main'], tools: { allow: ['fx__*'], deny: ['*meta'] } },
  { for: 'auditor', namespaces: ['fx'], tools: [{ readOnly: true }], prompts: ['*'] },
  { for: 'auditor', resources: ['*'] },
]

function edgeConfig(more: object = {}): object {
  const plan = {
    upstreams: { inner: { node: { url: inner.endpointUrl('main'), as: '{namespace}' } } },
    endpoints: {
      main: { namespaces: ['*'], auth: people.auth() },
      side: { namespaces: ['*'], auth: people.auth(['ns:fx:read']) },
    },
  }
  const own = { issuer: {}, clients: people.clients(), visibility: RULES, admin: operator.admin() }
  return { ...configOf('edge', plan), ...own, ...more }
}

beforeEach(async () => {
  fixture = await FixtureServer.start({ era: '2026' })
  inner = await mesh.startConfig(
    configOf('inner', {
      upstreams: { fixture: { http: { url: fixture.url } } },
      namespaces: { fx: { from: ['fixture'] } },
    }),
  )
  await inner.ready()
  edge = await mesh.startConfig(edgeConfig())
  await edge.ready()
  operator.at(edge)
})

afterEach(async () => {
  fixture.gate.open()
  await mesh.close()
  await fixture.close()
})

const LISTS = [
  ['tool', 'tools', 'name'],
  ['prompt', 'prompts', 'name'],
  ['resource', 'resources', 'uri'],
  ['template', 'resourceTemplates', 'uriTemplate'],
] as const

const METHODS = {
  tool: 'tools/list',
  prompt: 'prompts/list',
  resource: 'resources/list',
  template: 'resources/templates/list',
}

/** What somebody lists; nothing where there is no endpoint for it. */
async function listed(name: string, endpoint: string): Promise<readonly string[]> {
  const caller = await people.caller('2026', edge.endpointUrl(endpoint), name)
  const all = LISTS.map(async ([kind, items, key]) => {
    const { status, answer } = await caller.ask(METHODS[kind])
    const found = status === 404 ? [] : (objectAt(answer, 'result')[items] as object[])
    return found.map((one) => `${kind} ${String((one as Record<string, unknown>)[key])}`)
  })
  return (await Promise.all(all)).flat()
}

function seen({ items }: Explanations): readonly string[] {
  return items.filter(({ visible }) => visible).map(({ kind, name }) => `${kind} ${name}`)
}

describe.each(['main', 'side'])('at %s', (endpoint) => {
  test.each(['analyst', 'admin', 'auditor', 'nobody'])(
    'what is explained of %s is what it lists',
    async (name) => {
      const told = await operator.explain({ as: { key: name }, endpoint })
      expect(seen(told)).toEqual(await listed(name, endpoint))
      const { items } = await operator.explain({ as: { key: name }, endpoint, visible: false })
      expect(items.some(({ visible }) => visible)).toBe(false)
      expect(items.length + seen(told).length).toBe(told.items.length)
      expect(told.items.length).toBeGreaterThan(10)
    },
  )
})

test('every reason names its level, its rule where there is one, and where it was decided', async () => {
  const { items } = await operator.explain({ as: { key: 'analyst' }, kind: 'tool' })
  const of = (endpoint: string, name: string): object =>
    items.find((one) => one.endpoint === endpoint && one.name === name) ?? {}
  expect(of('main', 'fx__echo')).toMatchObject({
    visible: true,
    level: 'capability',
    rule: { index: 1 },
    because: 'visibility[1] allows it',
    hop: 'acme/edge',
    upstreams: ['inner'],
    origin: { organisation: 'acme', node: inner.id, namespace: 'fx', name: 'echo' },
  })
  expect(of('main', 'fx__meta')).toMatchObject({
    visible: false,
    level: 'capability',
    rule: { index: 1 },
    because: 'visibility[1] denies the tool',
  })
  expect(of('side', 'fx__echo')).toMatchObject({
    level: 'endpoint',
    because: 'no rule allows the endpoint',
  })
  const admin = await operator.explain({ as: { key: 'admin' }, endpoint: 'side', kind: 'tool' })
  const bound = admin.items.find(({ level }) => level === 'scopes')
  expect(bound?.needs).toEqual([`tool:fx/${bound?.capability}`])
})

test('rules changed while it runs are explained at once', async () => {
  const question = { as: { classes: ['analyst'] }, endpoint: 'main', name: 'fx__echo' }
  expect((await operator.explain(question)).items).toMatchObject([{ visible: true }])
  await edge.reload(edgeConfig({ visibility: [{ for: '*', tools: { deny: ['*echo'] } }] }))
  expect((await operator.explain(question)).items).toMatchObject([
    { visible: false, rule: { index: 0 }, because: 'visibility[0] denies the tool' },
  ])
})

describe('a name', () => {
  test('is explained at each endpoint, of whatever kind it is', async () => {
    const { items } = await operator.explain({ as: { classes: ['*'] }, name: 'fx__greet' })
    expect(items.map(({ endpoint, kind, visible }) => [endpoint, kind, visible])).toEqual([
      ['main', 'prompt', false],
      ['side', 'prompt', false],
    ])
  })

  test('of a resource may be that of its server', async () => {
    const { items } = await operator.explain({ as: { key: 'admin' }, kind: 'resource' })
    const [resource] = items
    expect(resource?.name).not.toBe(resource?.capability)
    for (const name of [resource?.name, resource?.capability]) {
      const found = await operator.explain({ as: { key: 'admin' }, endpoint: 'main', name })
      expect(found.items.map((one) => one.name)).toContain(resource?.name)
    }
  })

  test('that nothing lists is nobody’s, with what may be the matter', async () => {
    const question = { as: { classes: ['*'] }, endpoint: 'main', name: 'fx__none' }
    expect(await operator.explain(question)).toMatchObject({
      items: [],
      unlisted: [{ endpoint: 'main', reasons: ['no upstream lists it'] }],
    })
    await inner.close()
    await until(async () => {
      const { unlisted } = await operator.explain(question)
      return unlisted[0]?.reasons.some((reason) => reason.includes('upstream "inner" is down'))
    }, 'the reason')
  })

  test('that is left out says why', async () => {
    const name = 'x'.repeat(10_000)
    fixture.tools.add(plainTool(name))
    const upstreams = { fixture: { http: { url: fixture.url } } }
    const namespaces = { fx: { from: ['fixture'] } }
    const near = await mesh.startConfig(edgeConfig({ upstreams, namespaces }))
    await near.ready()
    operator.at(near)
    const question = { as: { classes: ['*'] }, endpoint: 'main', name: `fx__${name}` }
    expect((await operator.explain(question)).unlisted[0]?.reasons).toEqual([
      'the tool of upstream "fixture" is left out: its name is too long',
    ])
  })
})

test('a long explanation leaves calls their turn', async () => {
  const many = Array.from({ length: 4_000 }, (_, i) => plainTool(`many-${i}`))
  fixture.tools.replace([plainTool('echo'), ...many])
  const patterns = Array.from({ length: 400 }, (_, i) => `fx__*-none-${i}-*`)
  await edge.reload(
    edgeConfig({
      visibility: [
        ...patterns.map((pattern) => ({ for: 'analyst', tools: [pattern] })),
        { for: 'admin' },
      ],
    }),
  )
  const admin = await people.caller('2026', edge.endpointUrl('main'), 'admin')
  await until(async () => (await admin.names()).length > 4_000, 'the tools')
  const order: string[] = []
  const question = { as: { classes: ['analyst'] }, limit: 1_000 }
  const asked = operator.ask<Explanations>('POST', '/explain', question).then(({ items }) => {
    order.push('answer')
    return items
  })
  while (!order.includes('answer')) {
    await admin.call('fx__echo', {})
    order.push('call')
  }
  expect(await asked).toHaveLength(1_000)
  const calls = order.indexOf('answer')
  // It would be none, were the answer made in one go.
  expect(calls).toBeGreaterThan(2)
})
