// What calls say of links, and what callers hear while a node is gone.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SILENT } from '../../node/core/logger.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern, type RawReply } from '../fixtures/raw-client.ts'
import { CountingProxy } from './counting-proxy.ts'
import { Gossipers, QUICK, UNTIL } from './gossiping.ts'

/** So long between looks of its own that only something else can notice. */
const LAZY = { ...QUICK, link: { ...QUICK.link, interval: 3_600_000 } }

const nodes = new Gossipers()
const proxies: CountingProxy[] = []
let fixture: FixtureServer

beforeEach(async () => {
  fixture = await FixtureServer.start({ era: '2026' })
})

afterEach(async () => {
  await nodes.close()
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()))
  await fixture.close()
})

interface Pair {
  readonly front: RunningNode
  readonly back: RunningNode
  readonly proxy: CountingProxy
}

function common(name: string): object {
  return {
    node: { name, organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    endpoints: { main: { namespaces: ['*'] } },
    gossip: {},
  }
}

/** A node before another, over plain HTTP through something that can lose answers. */
async function pair(): Promise<Pair> {
  const server = { http: { url: fixture.url } }
  const back = await nodes.start({
    ...common('back'),
    upstreams: { server },
    namespaces: { fx: { from: ['server'] } },
  })
  const proxy = await CountingProxy.start(back.endpointUrl('main'))
  proxies.push(proxy)
  const next = { node: { url: proxy.url, as: '{namespace}', link: 'http' } }
  const config = { ...common('front'), upstreams: { next } }
  const front = await nodes.start(config, SILENT, LAZY)
  await vi.waitFor(() => expect(stateOf(front, back)).toBe('up'), UNTIL)
  return { front, back, proxy }
}

function stateOf(front: RunningNode, back: RunningNode): string | undefined {
  return front.mesh.current?.speaker.links.up.get(back.id)?.health.state
}

function echo(node: RunningNode): Promise<RawReply> {
  const params = { name: 'fx__echo', arguments: { message: 'hello' } }
  return callModern(node.endpointUrl('main'), 'tools/call', params)
}

test('the first call that gets no answer has the link looked at, which is down then', async () => {
  const { front, back, proxy } = await pair()
  expect((await echo(front)).status).toBe(200)
  expect(stateOf(front, back)).toBe('up')
  proxy.fate = () => 'lost'
  await echo(front)
  await vi.waitFor(() => expect(stateOf(front, back)).toBe('down'), UNTIL)
})

test('a call that is lost while the node answers brings no link down', async () => {
  const { front, back, proxy } = await pair()
  proxy.fate = (method) => (method === 'tools/call' ? 'lost' : 'passed')
  const before = proxy.count('server/discover')
  await echo(front)
  await vi.waitFor(() => expect(proxy.count('server/discover')).toBeGreaterThan(before), UNTIL)
  expect(stateOf(front, back)).not.toBe('down')
})

test('while names of a node that is gone still stand, calls fail at once, and may be tried again', async () => {
  const { front, back, proxy } = await pair()
  await nodes.stop(back)
  await proxy.close()
  proxies.splice(0)
  await vi.waitFor(() => expect(front.status().upstreams[0]?.phase).toBe('down'), UNTIL)
  const list = await callModern(front.endpointUrl('main'), 'tools/list')
  expect(list.raw).toContain('"fx__echo"')
  const { answer } = await echo(front)
  const message = expect.stringContaining('upstream "next"') as string
  expect(answer).toMatchObject({ error: { message, data: { taken: false } } })
})
