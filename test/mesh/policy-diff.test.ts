// What a running node says another file would change is what it changes.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { diffRequestOf } from '../../node/control/admin-diff-models.ts'
import type { PolicyDiff } from '../../node/control/policy-diff.ts'
import { parseConfig } from '../../node/core/config.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { Keyholders } from './keyholders.ts'
import { configOf, Mesh } from './mesh.ts'
import { Operator } from './operator.ts'

const mesh = new Mesh()
const operator = new Operator()
const people = new Keyholders('analyst', 'admin', 'nobody')
let fixture: FixtureServer
let node: RunningNode

const RULES: readonly object[] = [
  { for: 'admin' },
  { for: 'analyst', tools: { allow: ['*'], deny: ['*meta'] } },
]

function configured({
  visibility = RULES,
  plan = {},
}: { visibility?: unknown; plan?: object } = {}): object {
  const whole = {
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
    endpoints: { main: { namespaces: ['fx'], auth: people.auth() } },
    ...plan,
  }
  const own = { issuer: {}, clients: people.clients(), admin: operator.admin() }
  return { ...configOf('edge', whole), ...own, visibility }
}

beforeEach(async () => {
  fixture = await FixtureServer.start({ era: '2026' })
  node = await mesh.startConfig(configured())
  await node.ready()
  operator.at(node)
})

afterEach(async () => {
  await mesh.close()
  await fixture.close()
})

async function names(who: string, endpoint: string): Promise<readonly string[]> {
  const caller = await people.caller('2026', node.endpointUrl(endpoint), who)
  const { status } = await caller.ask('tools/list')
  return status === 200 ? caller.names() : []
}

function diff(next: object): Promise<PolicyDiff> {
  return operator.ask<PolicyDiff>('POST', '/policy/diff', {
    ...diffRequestOf(parseConfig(next)),
    limit: 1_000,
  })
}

test.each<[string, () => object]>([
  ['rules', () => ({ visibility: [{ for: '*', tools: ['fx__meta', 'fx__echo'] }] })],
  ['nothing', () => ({})],
  ['open', () => ({ visibility: 'open' })],
  [
    'namespaces by other names',
    () => ({
      plan: { namespaces: { other: { from: ['fixture'] } }, endpoints: endpoints(['other']) },
    }),
  ],
  [
    'one more namespace and endpoint',
    () => ({
      plan: {
        namespaces: { fx: { from: ['fixture'] }, more: { from: ['fixture'] } },
        endpoints: {
          ...endpoints(['fx', 'more']),
          side: { namespaces: ['fx'], auth: people.auth() },
        },
      },
    }),
  ],
  [
    'names without prefixes',
    () => ({
      plan: { endpoints: { main: { namespaces: ['fx'], names: 'plain', auth: people.auth() } } },
    }),
  ],
])('law: %s', async (_, more) => {
  const next = configured(more())
  const places = ['analyst', 'admin', 'nobody'].flatMap((who) =>
    ['main', 'side'].map((endpoint) => [who, endpoint] as const),
  )
  const list = (): Promise<(readonly string[])[]> =>
    Promise.all(places.map(([who, endpoint]) => names(who, endpoint)))
  const { changes } = await diff(next)
  const before = await list()
  await node.reload(next)
  const after = await list()
  for (const [index, [who, endpoint]] of places.entries()) {
    const [then = [], now = []] = [before[index], after[index]]
    const told = changes.find((one) => one.class === who && one.endpoint === endpoint)
    expect(tools(told?.appears)).toEqual(now.filter((name) => !then.includes(name)))
    expect(tools(told?.vanishes)).toEqual(then.filter((name) => !now.includes(name)))
  }
})

function tools(all: PolicyDiff['changes'][number]['appears'] = []): readonly string[] {
  return all.filter(({ kind }) => kind === 'tool').map(({ name }) => name)
}

function endpoints(namespaces: readonly string[]): object {
  return { main: { namespaces, auth: people.auth() } }
}

test('upstreams that are not there are not guessed at', async () => {
  const upstreams = {
    fixture: { http: { url: fixture.url } },
    later: { http: { url: 'http://127.0.0.1:1/mcp' } },
  }
  const namespaces = { fx: { from: ['fixture', 'later'] } }
  const { changes, notes } = await diff(configured({ plan: { upstreams, namespaces } }))
  expect(changes).toEqual([])
  expect(notes).toEqual(['upstream "later" is new: what it lists is not known'])
})

test('asking changes nothing', async () => {
  const before = await operator.get('/policy')
  await diff(configured({ visibility: [] }))
  expect(await operator.get('/policy')).toEqual(before)
  expect(await names('admin', 'main')).toContain('fx__meta')
})
