// The link between two nodes, with what lies between them and what becomes of it.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { BanyanNode } from '../../node/main/index.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { Gateway, type UpgradeManner } from '../fixtures/gateway.ts'
import { callModern, modern, streamModern, type RawReply } from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import { Mesh } from './mesh.ts'

let mesh: Mesh
let fixture: FixtureServer
let gateway: Gateway | undefined

beforeEach(async () => {
  mesh = new Mesh()
  fixture = await FixtureServer.start({ era: '2026' })
})

afterEach(async () => {
  await mesh.close()
  await gateway?.close()
  gateway = undefined
  await fixture.close()
})

function call(node: BanyanNode, name: string, args: object = {}): Promise<RawReply> {
  return callModern(node.endpointUrl('main'), 'tools/call', { name, arguments: args })
}

const echo = async (node: BanyanNode): Promise<unknown> =>
  (await call(node, 'fx__echo', { message: 'hi' })).result['content']

const JSON_BODY = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
}

const HI = [{ type: 'text', text: 'hi' }]

/** A node in front of another. */
function edge(url: string, link: string, limits: object = {}): Promise<BanyanNode> {
  const upstreams = { next: { node: { url, as: '{namespace}', link } } }
  return mesh.ready('edge', { upstreams, limits: { ...limits } })
}

const transportOf = (node: BanyanNode): unknown => node.status().upstreams[0]?.transport

describe('a link', () => {
  test.each([
    ['auto', 'websocket'],
    ['websocket', 'websocket'],
    ['http', 'http'],
  ])('that is %s goes over %s, and serves', async (link, transport) => {
    const behind = await mesh.front('behind', fixture.url)
    const node = await edge(behind.endpointUrl('main'), link)
    expect(transportOf(node)).toBe(transport)
    expect(await echo(node)).toEqual(HI)
  })

  test('passes progress on in order, and a cancellation', async () => {
    const behind = await mesh.front('behind', fixture.url)
    const node = await edge(behind.endpointUrl('main'), 'websocket')
    const params = { name: 'fx__progress', arguments: { steps: 4 } }
    const meta = { progressToken: 'p' }
    const stream = await streamModern(node.endpointUrl('main'), 'tools/call', params, { meta })
    const heard: unknown[] = []
    for (let next = await stream.next(); next !== undefined; next = await stream.next()) {
      heard.push((next['params'] as { progress?: number } | undefined)?.progress)
    }
    expect(heard).toEqual([1, 2, 3, 4, undefined])
    const { message, headers } = modern('tools/call', { name: 'fx__slow', arguments: {} })
    const leaving = new AbortController()
    const slow = fetch(node.endpointUrl('main'), {
      method: 'POST',
      headers: { ...headers, ...JSON_BODY },
      body: JSON.stringify(message),
      signal: leaving.signal,
    })
    await until(() => fixture.calls('slow').length > 0, 'the call to arrive')
    leaving.abort()
    await expect(slow).rejects.toMatchObject({ name: 'AbortError' })
    await until(() => fixture.cancelled.closed.length > 0, 'the cancellation')
  })

  test('is taken up again after it broke, and what was under way fails once', async () => {
    const behind = await mesh.front('behind', fixture.url)
    gateway = await Gateway.start(behind.endpointUrl('main'), () => 'pass')
    const node = await edge(gateway.url, 'websocket')
    const lost = call(node, 'fx__slow')
    await until(() => fixture.calls('slow').length > 0, 'the call to arrive')
    gateway.cut()
    expect((await lost).error.code).toBe(-31_003)
    expect(await echo(node)).toEqual(HI)
    expect(transportOf(node)).toBe('websocket')
    expect(fixture.calls('slow')).toHaveLength(1)
  })

  test('to a node that stops finishes its calls', async () => {
    const behind = await mesh.front('behind', fixture.url)
    const node = await edge(behind.endpointUrl('main'), 'websocket')
    const slow = call(node, 'fx__slow')
    await until(() => fixture.calls('slow').length > 0, 'the call to arrive')
    const closed = behind.close()
    await until(() => node.status().upstreams[0]?.phase !== 'up', 'the word that it stops')
    fixture.gate.open()
    expect((await slow).result['content']).toEqual([{ type: 'text', text: 'released' }])
    await closed
  })
})

describe('what lets no WebSocket through', () => {
  test.each<UpgradeManner>(['strip', 'refuse', 'cut', 'swallow'])(
    'by its manner to %s is gone round over HTTP',
    async (manner) => {
      const behind = await mesh.front('behind', fixture.url)
      gateway = await Gateway.start(behind.endpointUrl('main'), () => manner)
      const node = await edge(gateway.url, 'auto', { connectTimeout: '200ms' })
      expect(gateway.upgrades).toBe(1)
      expect(transportOf(node)).toBe('http')
      expect(await echo(node)).toEqual(HI)
    },
  )

  test('by swallowing it keeps nobody waiting as long as a connection may take', async () => {
    const behind = await mesh.front('behind', fixture.url)
    gateway = await Gateway.start(behind.endpointUrl('main'), () => 'swallow')
    // Longer than any test lasts.
    const node = await edge(gateway.url, 'auto', { connectTimeout: '1m' })
    expect(transportOf(node)).toBe('http')
    expect(await echo(node)).toEqual(HI)
  })

  test('for a moment only is gone through as soon as it does, and what was under way ends', async () => {
    const behind = await mesh.front('behind', fixture.url)
    let manner: UpgradeManner = 'cut'
    gateway = await Gateway.start(behind.endpointUrl('main'), () => manner)
    const node = await edge(gateway.url, 'auto')
    expect(transportOf(node)).toBe('http')
    const slow = call(node, 'fx__slow')
    await until(() => fixture.calls('slow').length > 0, 'the call to arrive')
    manner = 'pass'
    await until(() => transportOf(node) === 'websocket', 'the link')
    fixture.gate.open()
    expect((await slow).result['content']).toEqual([{ type: 'text', text: 'released' }])
    expect(await echo(node)).toEqual(HI)
    gateway.cut()
    await until(() => node.status().upstreams[0]?.phase === 'up', 'another link')
    expect(await echo(node)).toEqual(HI)
    expect(transportOf(node)).toBe('websocket')
  })

  test('is said where nothing else may be used', async () => {
    const behind = await mesh.front('behind', fixture.url)
    gateway = await Gateway.start(behind.endpointUrl('main'), () => 'refuse')
    const node = await edge(gateway.url, 'websocket')
    const [upstream] = node.status().upstreams
    expect(upstream).toMatchObject({ phase: 'down', tools: 0 })
    expect(upstream?.problem).toContain('HTTP 501')
  })
})
