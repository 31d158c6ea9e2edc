// What organisations tell each other of themselves: over the links between their nodes, or a bus they share.
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { TopologyReport } from '../../node/control/admin-mesh-models.ts'
import { topologyText } from '../../node/main/cli-topology-text.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { startLeaves } from '../nats/leaves.ts'
import type { NatsServer } from '../nats/server.ts'
import { insideOf } from './bytes.ts'
import { converged, Gossipers, UNTIL, wire } from './gossiping.ts'
import { Keyholders } from './keyholders.ts'

const nodes = new Gossipers()
const people = new Keyholders('ann')
const servers: NatsServer[] = []
const spies: NatsConnection[] = []
let fixture: FixtureServer

beforeEach(async () => {
  fixture = await FixtureServer.start({ era: '2026' })
})

afterEach(async () => {
  await nodes.close()
  await fixture.close()
  await Promise.all(spies.splice(0).map((spy) => spy.close()))
  await Promise.all(servers.splice(0).map((server) => server.stop()))
})

interface Plan {
  readonly organisation: string
  readonly upstreams?: object
  readonly gossip?: object
  readonly more?: object
}

/** A node with one namespace for others, one that only ann sees, and one that stays. */
function plan(
  name: string,
  { organisation, upstreams = {}, gossip = {}, more = {} }: Plan,
): object {
  const namespaces = [`public-${name}`, `public-hid-${name}`, `secret-${name}`]
  return {
    node: { name, organisation, listen: '127.0.0.1:0', state: 'memory' },
    upstreams: { server: { http: { url: fixture.url } }, ...upstreams },
    namespaces: Object.fromEntries(namespaces.map((one) => [one, { from: ['server'] }])),
    endpoints: { main: { namespaces: ['*'] } },
    clients: people.clients(),
    visibility: [
      { for: '*', namespaces: { deny: ['public-hid-*'], allow: ['*'] } },
      { for: 'ann', namespaces: ['*'] },
    ],
    gossip: { exports: [{ namespaces: ['public-*'] }], disclose: 'full', ...gossip },
    admin: { listen: '127.0.0.1:0', auth: 'none' },
    ...more,
  }
}

function to(node: RunningNode): object {
  return { node: { url: node.endpointUrl('main'), as: '{namespace}' } }
}

async function topology(node: RunningNode): Promise<TopologyReport> {
  const response = await fetch(`${node.adminUrl}/api/v1/topology`)
  expect(response.status).toBe(200)
  return (await response.json()) as TopologyReport
}

/** What is offered to one organisation alone. */
function rules(names: readonly string[]): object {
  return { exports: [{ to: 'globex', namespaces: names }] }
}

/** What a node shows of other organisations. */
async function told(node: RunningNode): Promise<readonly string[]> {
  const { organisations } = await topology(node)
  return organisations.map(({ organisation, border, namespaces }) =>
    [organisation, border, ...namespaces].join(' '),
  )
}

describe('over links, without any bus', () => {
  test('each is shown what the other offers to it, of all its nodes, and nothing of what is inside', async () => {
    const inner = await nodes.start(plan('i', { organisation: 'acme' }))
    const a = await nodes.start(plan('a', { organisation: 'acme', upstreams: { i: to(inner) } }))
    const g = await nodes.start(plan('g', { organisation: 'globex', upstreams: { a: to(a) } }))
    await vi.waitFor(async () => {
      expect(await told(g)).toEqual([`acme ${a.id} public-a public-i`])
      expect(await told(a)).toEqual([`globex ${g.id} public-g`])
    }, UNTIL)
    // Only borders are told.
    expect(await told(inner)).toEqual([])
    expect((await topology(g)).members.map(({ organisation }) => organisation)).toEqual(['globex'])
    const text = topologyText(await topology(g), (_, words) => words)
    expect(text).toMatch(/^ORGANISATION +BORDER +SAID +OFFERS$/m)
    expect(text).toMatch(/^acme +a +\S+ +public-a public-i$/m)
  })

  test('follows what is offered, to each organisation by its rules', async () => {
    const gossip = rules(['public-*'])
    const a = await nodes.start(plan('a', { organisation: 'acme', gossip }))
    const g = await nodes.start(plan('g', { organisation: 'globex', upstreams: { a: to(a) } }))
    const h = await nodes.start(plan('h', { organisation: 'hooli', upstreams: { a: to(a) } }))
    await vi.waitFor(async () => {
      expect(await told(g)).toEqual([`acme ${a.id} public-a`])
      expect(await told(h)).toEqual([`acme ${a.id}`])
    }, UNTIL)
    await a.reload(plan('a', { organisation: 'acme', gossip: rules(['secret-*']) }))
    await vi.waitFor(async () => expect(await told(g)).toEqual([`acme ${a.id} secret-a`]), UNTIL)
    expect(await told(h)).toEqual([`acme ${a.id}`])
  })

  test('no byte speaks of what the other may not see', async () => {
    const a = await nodes.start(plan('a', { organisation: 'acme' }))
    const g = await nodes.start(plan('g', { organisation: 'globex', upstreams: { up: to(a) } }))
    const wired = wire({ node: g, label: 'up' }, { node: a, endpoint: 'main' })
    await vi.waitFor(async () => {
      const all = insideOf(wired.texts)
      expect(all).toContain('"public-a"')
      expect(all).toContain('"public-g"')
    }, UNTIL)
    const all = insideOf(wired.texts)
    for (const secret of ['public-hid', 'secret-', 'echo', fixture.url]) {
      expect(all).not.toContain(secret)
    }
  })
})

describe('over a bus they share', () => {
  test('borders that are named are believed, the inside stays in, and nothing hidden crosses', async () => {
    const { hub, leaves } = await startLeaves(['acme', 'globex'])
    servers.push(hub, ...leaves)
    const [inAcme, inGlobex] = leaves.map(({ url }) => url)
    const spy = await connect({ servers: inGlobex ?? '' })
    spies.push(spy)
    const seen: string[] = []
    const crossed: string[] = []
    spy.subscribe('>', {
      callback: (_, { subject, data }) => {
        seen.push(subject)
        crossed.push(Buffer.from(data).toString('latin1'))
      },
    })
    const [a1, a2] = [
      await nodes.start(plan('a1', { organisation: 'acme', gossip: { nats: inAcme } })),
      await nodes.start(plan('a2', { organisation: 'acme', gossip: { nats: inAcme } })),
    ]
    const g = await nodes.start(plan('g', { organisation: 'globex', gossip: { nats: inGlobex } }))
    await converged(a1, a2)
    expect([await told(a1), await told(g)]).toEqual([[], []])
    const names = { nats: inGlobex, borders: { acme: [a1.id] } }
    await g.reload(plan('g', { organisation: 'globex', gossip: names }))
    const back = { nats: inAcme, borders: { globex: [g.id] } }
    await a1.reload(plan('a1', { organisation: 'acme', gossip: back }))
    // It says that it is a border, and nobody over there was told that it is one.
    await a2.reload(plan('a2', { organisation: 'acme', gossip: back }))
    await vi.waitFor(async () => {
      expect(await told(g)).toEqual([`acme ${a1.id} public-a1`])
      expect(await told(a1)).toEqual([`globex ${g.id} public-g`])
      expect(await told(a2)).toEqual([`globex ${g.id} public-g`])
    }, UNTIL)
    await vi.waitFor(() => {
      expect(seen.some((subject) => subject.startsWith('banyan-border.v1.acme.sum.'))).toBe(true)
    }, UNTIL)
    expect(seen.filter((subject) => subject.startsWith('banyan.v1.acme'))).toEqual([])
    const ofAcme = insideOf(crossed.filter((_, at) => seen[at]?.includes('.acme.')))
    expect(ofAcme).toContain('public-a1')
    for (const secret of ['public-hid', 'secret-', 'echo']) expect(ofAcme).not.toContain(secret)
  }, 60_000)

  test('who comes later asks, and who was away as well', async () => {
    const { hub, leaves } = await startLeaves(['acme', 'globex'])
    servers.push(hub, ...leaves)
    const [inAcme, inGlobex] = leaves.map(({ url }) => url)
    const gossip = { nats: inAcme, borders: { globex: ['nobody'] } }
    const a = await nodes.start(plan('a', { organisation: 'acme', gossip }))
    await vi.waitFor(async () => expect((await topology(a)).bus.state).toBe('live'), UNTIL)
    const names = { nats: inGlobex, borders: { acme: [a.id] } }
    const g = await nodes.start(plan('g', { organisation: 'globex', gossip: names }))
    await vi.waitFor(async () => expect(await told(g)).toEqual([`acme ${a.id} public-a`]), UNTIL)
  }, 60_000)
})
