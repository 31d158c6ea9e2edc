// A node that is found by its record instead of a URL.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern } from '../fixtures/raw-client.ts'
import { NatsServer } from '../nats/server.ts'
import { Gossipers, UNTIL } from './gossiping.ts'

const nodes = new Gossipers()
let fixture: FixtureServer
let nats: NatsServer

beforeEach(async () => {
  fixture = await FixtureServer.start({ era: '2026' })
  nats = await NatsServer.start()
})

afterEach(async () => {
  await nodes.close()
  await fixture.close()
  await nats.stop()
})

function inner(name = 'inner'): object {
  return {
    node: { name, organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    upstreams: { server: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['server'] } },
    endpoints: { main: { namespaces: ['*'] } },
    gossip: { nats: nats.url },
  }
}

function outer(node: object): object {
  return {
    node: { name: 'outer', organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    upstreams: { next: { node: { as: '{namespace}', ...node } } },
    endpoints: { main: { namespaces: ['*'] } },
    gossip: { nats: nats.url },
  }
}

async function calls(node: RunningNode): Promise<void> {
  await vi.waitFor(async () => {
    const params = { name: 'fx__echo', arguments: { message: 'hello' } }
    const { answer } = await callModern(node.endpointUrl('main'), 'tools/call', params)
    expect(JSON.stringify(answer)).toContain('hello')
  }, UNTIL)
}

test('is waited for, found by its name, and followed when it moves', async () => {
  const front = await nodes.start(outer({ name: 'inner', endpoint: 'main' }))
  const [waiting] = front.status().upstreams
  expect(waiting?.phase).toBe('connecting')
  await vi.waitFor(() => {
    expect(front.status().upstreams[0]?.problem).toBe(
      'no record of node inner (main) has been heard; known: outer',
    )
  }, UNTIL)
  const first = await nodes.start(inner())
  await calls(front)
  expect(front.status().upstreams[0]).toMatchObject({ phase: 'up', problem: undefined })
  expect(front.status().upstreams[0]?.target).toContain(first.url)
  first.leave()
  await nodes.stop(first)
  const second = await nodes.start(inner())
  await vi.waitFor(() => {
    expect(front.status().upstreams[0]?.target).toContain(second.url)
  }, UNTIL)
  await calls(front)
})

test('is found by its id', async () => {
  const one = await nodes.start(inner())
  const front = await nodes.start(outer({ id: one.id, endpoint: 'main' }))
  await calls(front)
  expect(front.status().upstreams[0]?.target).toContain(one.url)
})

test('is not reached where configuration does not allow it', async () => {
  const urls = ['https://*.acme.example']
  const front = await nodes.start(outer({ name: 'inner', endpoint: 'main', urls }))
  const one = await nodes.start(inner())
  await vi.waitFor(() => {
    expect(front.status().upstreams[0]?.problem).toBe(
      `its record says it is at ${one.url}, which "urls" does not allow`,
    )
  }, UNTIL)
  expect(fixture.requests.filter(({ method }) => method === 'tools/call')).toEqual([])
})
