// Nodes that tell each other of themselves, over a real nats-server and over their links.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { NatsServer } from '../nats/server.ts'
import { converged, Gossipers, recordsOf, UNTIL, waysOf, wire } from './gossiping.ts'

const nodes = new Gossipers()
let fixture: FixtureServer

beforeEach(async () => {
  fixture = await FixtureServer.start({ era: '2026' })
})

afterEach(async () => {
  await nodes.close()
  await fixture.close()
})

/** A node with a namespace of its own. */
function plan(name: string, gossip: object, more: object = {}): object {
  return {
    node: { name, organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    upstreams: { server: { http: { url: fixture.url } } },
    namespaces: { [`of-${name}`]: { from: ['server'] } },
    endpoints: { main: { namespaces: ['*'] } },
    gossip: { members: 'first-use', disclose: 'full', ...gossip },
    ...more,
  }
}

/** A node in front of another. */
function front(name: string, behind: RunningNode, gossip: object, more: object = {}): object {
  const base = plan(name, gossip) as { upstreams: object }
  const next = { node: { url: behind.endpointUrl('main'), as: '{namespace}' } }
  return { ...base, upstreams: { ...base.upstreams, next }, ...more }
}

describe('over the bus', () => {
  let nats: NatsServer

  beforeEach(async () => {
    nats = await NatsServer.start()
  })

  afterEach(() => nats.stop())

  test('three nodes learn of each other: names, places, namespaces', async () => {
    const gossip = { nats: nats.url }
    const all = [
      await nodes.start(plan('a', gossip)),
      await nodes.start(plan('b', gossip)),
      await nodes.start(plan('c', gossip)),
    ]
    await converged(...all)
    await vi.waitFor(() => {
      for (const [one, { name, id, url }] of all.flatMap((a) => all.map((b) => [a, b] as const))) {
        const record = recordsOf(one).get(name)
        expect(record).toMatchObject({ id, urls: [url], status: 'up', organisation: 'acme' })
        expect(record?.namespaces).toMatchObject([{ name: `of-${name}` }])
        expect(record?.namespaces[0]?.count).toBeGreaterThan(3)
      }
    }, UNTIL)
  })

  test('a bus that is killed and comes back loses nobody; who changed meanwhile is heard of', async () => {
    const gossip = { nats: nats.url }
    const [a, b] = [await nodes.start(plan('a', gossip)), await nodes.start(plan('b', gossip))]
    await converged(a, b)
    await nats.kill()
    await vi.waitFor(() => expect(a.mesh.busState).toBe('lost'), UNTIL)
    expect(recordsOf(a).size).toBe(2)
    await b.reload(plan('b', gossip, { namespaces: { other: { from: ['server'] } } }))
    await nats.restart()
    await vi.waitFor(() => {
      expect(recordsOf(a).get('b')?.namespaces).toMatchObject([{ name: 'other' }])
    }, UNTIL)
    await converged(a, b)
  })

  test('a node starts, serves and ends without the bus, and joins when it comes', async () => {
    await nats.kill()
    const gossip = { nats: nats.url }
    const [a, b] = [await nodes.start(plan('a', gossip)), await nodes.start(plan('b', gossip))]
    expect(a.status().ready).toBe(true)
    const ready = await fetch(`${a.url}/readyz`)
    expect(await ready.json()).toMatchObject({ bus: 'lost' })
    await nats.restart()
    await converged(a, b)
    await vi.waitFor(() => expect(a.mesh.busState).toBe('live'), UNTIL)
  })

  test('a bus that hangs holds up neither calls nor the end', async () => {
    const a = await nodes.start(plan('a', { nats: nats.url }))
    await vi.waitFor(() => expect(a.mesh.busState).toBe('live'), UNTIL)
    nats.hang()
    expect((await fetch(`${a.url}/readyz`)).status).toBe(200)
    // The server is not resumed before: what waited for it would never end.
    await nodes.stop(a)
    nats.resume()
  })

  test('a node that is stopped drains, and one that goes for good has left', async () => {
    const gossip = { nats: nats.url }
    const a = await nodes.start(plan('a', gossip))
    const b = await nodes.start(plan('b', gossip))
    const c = await nodes.start(plan('c', gossip))
    await converged(a, b, c)
    await nodes.stop(b)
    c.leave()
    await nodes.stop(c)
    await vi.waitFor(() => {
      expect(recordsOf(a).get('b')?.status).toBe('drain')
      expect(recordsOf(a).get('c')?.status).toBe('left')
    }, UNTIL)
  })

  test('a node that starts again counts on from where it was', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'banyan-gossip-'))
    const gossip = { nats: nats.url }
    const node = {
      name: 'b',
      organisation: 'acme',
      listen: '127.0.0.1:0',
      state: join(folder, 's'),
    }
    try {
      const a = await nodes.start(plan('a', gossip))
      const b = await nodes.start(plan('b', gossip, { node }))
      await converged(a, b)
      const first = recordsOf(a).get('b')
      await nodes.stop(b)
      const again = await nodes.start(plan('b', gossip, { node }))
      await converged(a, again)
      const second = recordsOf(a).get('b')
      expect(second?.id).toBe(first?.id)
      expect(second?.inc).toBeGreaterThan(first?.inc ?? Infinity)
      expect(second?.status).toBe('up')
    } finally {
      await nodes.close()
      await rm(folder, { recursive: true, force: true })
    }
  })
})

describe('over links alone', () => {
  test('records and ways go along the links, and stop with them', async () => {
    const c = await nodes.start(plan('c', {}))
    const b = await nodes.start(front('b', c, {}))
    const a = await nodes.start(front('a', b, {}))
    const first = wire({ node: a, label: 'next' }, { node: b, endpoint: 'main' })
    wire({ node: b, label: 'next' }, { node: c, endpoint: 'main' })
    await converged(a, b, c)
    await vi.waitFor(() => {
      expect(waysOf(a, b, c)).toEqual(['of-a at a', 'of-b at b', 'of-c at c'])
    }, UNTIL)
    expect(recordsOf(b).get('a')?.links).toMatchObject([{ to: b.id, up: true }])
    first.cut()
    await nodes.stop(c)
    await vi.waitFor(() => expect(waysOf(b, c)).toEqual(['of-b at b']), UNTIL)
  })
})

describe('another configuration while the node runs', () => {
  test('the mesh is joined, changed and left by a reload, with what was heard kept', async () => {
    const nats = await NatsServer.start()
    try {
      const gossip = { nats: nats.url }
      const a = await nodes.start(plan('a', gossip))
      const b = await nodes.start({ ...plan('b', {}), gossip: undefined })
      expect(b.mesh.current).toBeUndefined()
      await b.reload(plan('b', gossip))
      await converged(a, b)
      const inc = b.mesh.current?.speaker.inc ?? 0
      await b.reload(plan('b', { nats: nats.url, disclose: 'none' }))
      expect(b.mesh.current?.speaker.inc).toBeGreaterThan(inc)
      await vi.waitFor(() => expect(recordsOf(a).get('b')?.namespaces).toEqual([]), UNTIL)
      expect(recordsOf(b).has('a')).toBe(true)
      await b.reload({ ...plan('b', {}), gossip: undefined })
      expect(b.mesh.current).toBeUndefined()
    } finally {
      await nodes.close()
      await nats.stop()
    }
  })
})
