// What operators are shown of the mesh: by the API and on a terminal.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { TopologyReport, WaysReport } from '../../node/control/admin-mesh-models.ts'
import { topologyDot, topologyText, waysText } from '../../node/main/cli-topology-text.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { converged, Gossipers, UNTIL, waysOf, wire } from './gossiping.ts'

const nodes = new Gossipers()
let fixture: FixtureServer

beforeEach(async () => {
  fixture = await FixtureServer.start({ era: '2026' })
})

afterEach(async () => {
  await nodes.close()
  await fixture.close()
})

function plan(name: string, upstreams: object = {}): object {
  return {
    node: { name, organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    upstreams: { server: { http: { url: fixture.url } }, ...upstreams },
    namespaces: { [`of-${name}`]: { from: ['server'] } },
    endpoints: { main: { namespaces: ['*'] } },
    gossip: { disclose: 'full' },
    admin: { listen: '127.0.0.1:0', auth: 'none' },
  }
}

function to(node: RunningNode): object {
  return { node: { url: node.endpointUrl('main'), as: '{namespace}' } }
}

async function ask<T>(node: RunningNode, path: string): Promise<T> {
  const response = await fetch(`${node.adminUrl}/api/v1${path}`)
  expect(response.status).toBe(200)
  return (await response.json()) as T
}

const plain = (_: string, text: string): string => text

test('a diamond: who is there, which way is taken, and why not the other', async () => {
  const d = await nodes.start(plan('d'))
  const b = await nodes.start(plan('b', { d: to(d) }))
  const c = await nodes.start(plan('c', { d: to(d), b: to(b) }))
  const a = await nodes.start(plan('a', { b: to(b), c: to(c), d: to(d) }))
  for (const [from, label, at] of [
    [b, 'd', d],
    [c, 'd', d],
    [c, 'b', b],
    [a, 'b', b],
    [a, 'c', c],
    [a, 'd', d],
  ] as const) {
    wire({ node: from, label }, { node: at, endpoint: 'main' })
  }
  await converged(a, b, c, d)
  await vi.waitFor(async () => {
    expect(waysOf(a, b, c, d)).toEqual(['of-a at a', 'of-b at b', 'of-c at c', 'of-d at d'])
    const { routes } = await ask<WaysReport>(a, '/topology/routes')
    expect(routes.find(({ namespace }) => namespace === 'of-d')?.candidates).toHaveLength(3)
  }, UNTIL)
  const ways = await ask<WaysReport>(a, '/topology/routes')
  const topology = await ask<TopologyReport>(a, '/topology')
  const ofD = ways.routes.find(({ namespace }) => namespace === 'of-d')
  expect(ofD).toMatchObject({ origin: d.id, stale: false })
  const [first, second] = ofD?.candidates ?? []
  expect(first).toMatchObject({ next: d.id, upstreams: ['d'], chosen: true })
  expect(second).toMatchObject({
    chosen: false,
    reason: 'it passes 3 nodes, the chosen one 2',
  })
  expect(topology.members.map(({ name }) => String(name)).toSorted()).toEqual(['a', 'b', 'c', 'd'])
  expect(topology).toMatchObject({ self: a.id, gossip: true, bus: { state: 'none' } })
  expect(topology.upstreams.map(({ label, state, tells }) => [label, state, tells])).toEqual([
    ['b', 'up', true],
    ['c', 'up', true],
    ['d', 'up', true],
  ])
  const below = await ask<TopologyReport>(d, '/topology')
  expect(below.downstreams.map(({ name }) => name).toSorted()).toEqual(['a', 'b', 'c'])

  const text = topologyText(topology, plain)
  expect(text).toContain('a of acme  bus none')
  expect(text).toContain('├─ b\n│  └─ d\n├─ c')
  expect(text).toMatch(/^d {2,}\S+ {2,}up .*of-d$/m)
  expect(topologyDot(topology)).toContain(`"${a.id}" -> "${b.id}"`)
  expect(waysText(ways, topology, plain)).toContain('  * a → d  by d, cost 1')
})

test('without gossip there is nothing to see', async () => {
  const { gossip: _, ...bare } = plan('a') as Record<string, unknown>
  const a = await nodes.start(bare)
  expect(await ask<WaysReport>(a, '/topology/routes')).toEqual({ routes: [] })
  const topology = await ask<TopologyReport>(a, '/topology')
  expect(topology).toMatchObject({ gossip: false, members: [], bus: { state: 'none' } })
  expect(topologyText(topology, plain)).toContain('no gossip')
})
