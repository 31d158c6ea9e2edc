// Traces over hops: one tree, over HTTP and over a link, whatever the eras, and nothing in it that is nobody's business.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readTraceparent } from '../../protocol/trace-context.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { canary } from '../canary/canary.ts'
import { Collector, type CollectedSpan } from '../fixtures/collector.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callerOf, ERAS, paramsSeen } from './caller.ts'
import { Keyholders } from './keyholders.ts'
import { Mesh } from './mesh.ts'

const SPAN = 'b7ad6b7169203331'
const SECRET = 'what-only-the-tool-may-know'
const people = new Keyholders('ann')
const collector = new Collector()
const mesh = new Mesh()
const fixtures: FixtureServer[] = []

/** Case, and what its server saw of the trace. */
const seen = new Map<string, Record<string, unknown>>()
const traceOf = (name: string): string => Buffer.from(name.padEnd(16)).toString('hex')

const parent = (name: string, flags = '01'): string => `00-${traceOf(name)}-${SPAN}-${flags}`

async function start(name: string, more: object, telemetry: object = {}): Promise<RunningNode> {
  const node = await mesh.startConfig({
    node: { name, organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    endpoints: { main: { namespaces: ['*'] } },
    telemetry: {
      otlp: { url: collector.url, headers: { 'X-Key': 'a-key-of-the-collector' } },
      ...telemetry,
    },
    ...more,
  })
  await node.ready()
  return node
}

function next(node: RunningNode, link: string): object {
  return { next: { node: { url: node.endpointUrl('main'), as: '{namespace}', link } } }
}

/** edge -HTTP-> middle -WebSocket-> inner -> a server of an era. */
async function chain(era: '2025' | '2026'): Promise<string> {
  const fixture = await FixtureServer.start({ era })
  fixtures.push(fixture)
  const inner = await start('inner', {
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
  })
  const middle = await start('middle', { upstreams: next(inner, 'websocket') })
  const edge = await start(
    'edge',
    {
      upstreams: next(middle, 'http'),
      endpoints: { main: { namespaces: ['*'], auth: people.auth() } },
      clients: people.clients(),
    },
    { sample: 0 },
  )
  return edge.endpointUrl('main')
}

beforeAll(async () => {
  await collector.start()
  for (const server of ERAS) {
    const url = await chain(server)
    for (const era of ERAS) {
      const caller = await callerOf(era, url, { headers: people.headers('ann') })
      const call = async (name: string, options: object): Promise<void> => {
        const reply = await caller.call('fx__meta', { secret: SECRET }, options)
        seen.set(`${era}${server}${name}`, paramsSeen(reply)['_meta'] as Record<string, unknown>)
      }
      const state = { tracestate: 'a=1', baggage: 'k=v' }
      await call('meta', { meta: { traceparent: parent(`${era}${server}`), ...state } })
      await call('off', { meta: { traceparent: parent(`${era}${server}`, '00'), ...state } })
      await call('bad', { meta: { traceparent: SECRET, ...state } })
      const headers = { traceparent: parent(`${era}${server}head`), ...state }
      await call('head', { headers })
    }
  }
  // What is left to be sent is sent at the end, so that nobody has to wait for it.
  await mesh.close()
})

afterAll(async () => {
  await mesh.close()
  await collector.close()
  for (const fixture of fixtures) await fixture.close()
})

function spansOf(trace: string): readonly CollectedSpan[] {
  return collector.spans.filter(({ traceId }) => traceId === trace)
}

const CLIENT = 3
const SERVER = 2

describe.each(ERAS)('a caller of era %s', (era) => {
  describe.each(ERAS)('and a server of era %s', (server) => {
    test.each(['', 'head'])('the spans of a call are one tree over all hops %s', (how) => {
      const spans = spansOf(traceOf(`${era}${server}${how}`))
      const order = ['edge', 'middle', 'inner'].flatMap((node) => [
        [node, SERVER],
        [node, CLIENT],
      ])
      let before = SPAN
      for (const [node, kind] of order) {
        const span = spans.find((one) => one.node === node && one.kind === kind)
        expect([node, kind, span?.parentSpanId]).toEqual([node, kind, before])
        before = span?.spanId ?? ''
      }
      expect(spans).toHaveLength(order.length)
      const told = seen.get(`${era}${server}${how === '' ? 'meta' : how}`)
      expect(readTraceparent(told?.['traceparent'])).toMatchObject({
        spanId: before,
        sampled: true,
      })
      expect(told).toMatchObject({ tracestate: 'a=1', baggage: 'k=v' })
    })

    test('each span says what it was for, and how it went', () => {
      const spans = spansOf(traceOf(`${era}${server}`))
      const way = (node: string, kind: number): CollectedSpan['attributes'] | undefined =>
        spans.find((one) => one.node === node && one.kind === kind)?.attributes
      expect(way('edge', SERVER)).toMatchObject({
        'mcp.method.name': 'tools/call',
        'gen_ai.tool.name': 'fx__meta',
        'banyan.endpoint': 'main',
        'network.protocol.name': 'http',
      })
      expect(way('middle', CLIENT)).toMatchObject({
        'banyan.upstream': 'next',
        'network.protocol.name': 'websocket',
      })
      expect(way('inner', SERVER)).toMatchObject({ 'network.protocol.name': 'websocket' })
      expect(way('inner', CLIENT)).toMatchObject({ 'gen_ai.tool.name': 'meta' })
    })

    test('a call that is not to be recorded goes on as it came', () => {
      const traceparent = parent(`${era}${server}`, '00')
      expect(seen.get(`${era}${server}off`)).toMatchObject({
        traceparent,
        tracestate: 'a=1',
        baggage: 'k=v',
      })
    })

    test('a trace that is none is not passed on: another begins, which nobody records here', () => {
      const told = seen.get(`${era}${server}bad`)
      const begun = readTraceparent(told?.['traceparent'])
      expect(begun?.sampled).toBe(false)
      expect(told).not.toHaveProperty('tracestate')
      expect(spansOf(begun?.traceId ?? '')).toEqual([])
    })
  })
})

describe('what is exported', () => {
  test('is understood, and comes with the key of the collector', () => {
    expect(collector.problems).toEqual([])
    expect(new Set(collector.headers)).toEqual(new Set(['a-key-of-the-collector']))
  })

  test('holds no argument, no credential, and nothing a caller made up', () => {
    const all = collector.bodies.join('\n')
    const [, key = ''] = people.headers('ann').authorization.split(' ')
    expect(all).toContain('fx__meta')
    for (const secret of [SECRET, key, '"ann"', 'k=v', 'a-key-of-the-collector']) {
      expect(all).not.toContain(secret)
    }
    expect(canary.take()).toEqual([])
  })
})

test.each(['http://127.0.0.1:1/v1/traces', 'a collector that refuses'])(
  'calls go on, and the node ends in time, without a collector: %s',
  async (where) => {
    const refusing = await new Collector().start()
    refusing.status = 503
    const url = where.startsWith('http') ? where : refusing.url
    const fixture = await FixtureServer.start({ era: '2026' })
    fixtures.push(fixture)
    const node = await start(
      'alone',
      {
        upstreams: { fixture: { http: { url: fixture.url } } },
        namespaces: { fx: { from: ['fixture'] } },
      },
      { otlp: { url } },
    )
    const caller = await callerOf('2026', node.endpointUrl('main'))
    for (let i = 0; i < 5; i += 1) expect((await caller.call('fx__meta')).status).toBe(200)
    await mesh.close()
    await refusing.close()
  },
)
