// What a node tells Prometheus: true, complete by its table, and of nobody in particular.
import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { METRICS } from '../../node/core/metrics/table.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { canary } from '../canary/canary.ts'
import { Collector } from '../fixtures/collector.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { plainTool } from '../fixtures/fixture-tools.ts'
import { callModern, post, streamModern } from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import { programEnvironment } from '../needs.ts'
import { parseExposition, valueOf, type Family } from '../node/core/metrics/parse-exposition.ts'
import { Keyholders } from './keyholders.ts'
import { Mesh } from './mesh.ts'
import { Operator } from './operator.ts'

const mesh = new Mesh()
const operator = new Operator()
const people = new Keyholders('ann')
const collector = new Collector()
let fixture: FixtureServer
let node: RunningNode
let behind: RunningNode
let text = ''
let families: Map<string, Family>

const SECRET_TOOL = 'fx__nobody_has_this_tool'

beforeAll(async () => {
  fixture = await FixtureServer.start({ era: '2026' })
  await collector.start()
  behind = await mesh.startConfig({
    node: { name: 'behind', organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
    endpoints: { main: { namespaces: ['*'] } },
    admin: operator.admin(),
    gossip: {},
  })
  await behind.ready()
  node = await mesh.startConfig({
    node: { name: 'edge', organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    issuer: {},
    limits: { bodyBytes: '4KiB' },
    upstreams: {
      next: {
        node: { url: behind.endpointUrl('main'), as: '{namespace}', link: 'websocket' },
      },
      gone: { http: { url: 'http://127.0.0.1:1/mcp' } },
    },
    namespaces: { other: { from: ['gone'] } },
    endpoints: { main: { namespaces: ['*'], auth: people.auth() } },
    clients: people.clients(),
    quotas: { pings: { for: 'ann', methods: ['tools/list'], rate: '1/h' } },
    admin: operator.admin(),
    gossip: { nats: 'nats://127.0.0.1:1' },
    telemetry: { otlp: { url: collector.url } },
  })
  await node.ready()
  await useIt()
  await vi.waitFor(async () => {
    text = await scraped(node)
    families = parseExposition(text)
    const listens = valueOf(families, 'banyan_streams', { kind: 'listen' })
    if (listens !== 0) throw new Error('the listen has not ended')
  })
})

afterAll(async () => {
  await mesh.close()
  await collector.close()
  await fixture.close()
})

async function useIt(): Promise<void> {
  const url = node.endpointUrl('main')
  const headers = people.headers('ann')
  const call = { name: 'fx__echo', arguments: { message: 'hi' } }
  for (let i = 0; i < 3; i += 1) await callModern(url, 'tools/call', call, { headers })
  await callModern(url, 'tools/call', { ...call, name: SECRET_TOOL }, { headers })
  await callModern(url, 'tools/list', {}, { headers })
  await callModern(url, 'tools/list', {}, { headers })
  await callModern(url, 'made/up', {}, { headers })
  await callModern(url, 'tools/call', call, { headers: { authorization: 'Bearer not-a-key' } })
  await callModern(`${node.url}/mcp/made-up`, 'tools/call', call, { headers })
  await post(url, { jsonrpc: '2.0', id: 1, method: 'ping', pad: 'x'.repeat(5_000) }, headers)
  const initialize = {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'x', version: '1' },
  }
  await post(url, { jsonrpc: '2.0', id: 1, method: 'initialize', params: initialize }, headers)
  await fetch(`${node.url}/oauth/token`, { method: 'POST', body: new URLSearchParams({ a: 'b' }) })
  const listen = await streamModern(
    url,
    'subscriptions/listen',
    { notifications: { toolsListChanged: true } },
    { headers },
  )
  await listen.next()
  fixture.tools.add(plainTool('more'))
  await listen.next()
  listen.close()
}

async function scraped(of: RunningNode): Promise<string> {
  const response = await fetch(`${of.adminUrl}/metrics`, {
    headers: { authorization: `Bearer ${operator.key}` },
  })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  return response.text()
}

/** What there is no sample of here, and why. */
const ELSEWHERE = [
  // Needs a bus.
  'banyan_gossip_last_sync_timestamp_seconds',
  // Needs provenance.
  'banyan_upstream_proofs_total',
]

describe('what is scraped', () => {
  test('is the table: every metric with its type, help and labels, and no other', () => {
    for (const [name, { type, help, samples }] of families) {
      const spec = METRICS[name as keyof typeof METRICS]
      expect({ name, type, help }).toEqual({ name, type: spec.type, help: spec.help })
      for (const { labels } of samples) {
        const own = Object.keys(labels).filter((label) => label !== 'le')
        expect([name, ...own]).toEqual([name, ...spec.labels])
      }
    }
    const missing = Object.keys(METRICS).filter((name) => !families.has(name))
    expect(missing.toSorted()).toEqual(ELSEWHERE.toSorted())
  })

  test('passes promtool, where that is installed', () => {
    const options = { input: text, env: programEnvironment(), encoding: 'utf8' as const }
    const { error, status, stderr, stdout } = spawnSync('promtool', ['check', 'metrics'], options)
    if (error !== undefined) return
    expect({ status, stderr, stdout }).toEqual({ status: 0, stderr: '', stdout: '' })
  })

  test.each<[string, string, Record<string, string>, number]>([
    ['calls', 'banyan_requests_total', { method: 'tools/call', outcome: 'ok', era: '2026' }, 3],
    ['an unknown tool', 'banyan_requests_total', { outcome: 'unknown_tool' }, 1],
    ['a method nobody has', 'banyan_requests_total', { method: 'other' }, 1],
    ['a listen that ended', 'banyan_requests_total', { method: 'subscriptions/listen' }, 1],
    ['durations', 'banyan_request_duration_seconds_count', { endpoint: 'main' }, 7],
    ['calls of an upstream', 'banyan_upstream_calls_total', { upstream: 'next', outcome: 'ok' }, 3],
    ['a bad key', 'banyan_auth_rejections_total', { endpoint: 'main' }, 1],
    [
      'an endpoint nobody has',
      'banyan_refusals_total',
      { endpoint: '', code: 'unknown_endpoint' },
      1,
    ],
    ['a body too large', 'banyan_limit_hits_total', { limit: 'bodyBytes' }, 1],
    ['a quota', 'banyan_quota_refusals_total', { quota: 'pings' }, 1],
    ['a session', 'banyan_sessions_opened_total', { endpoint: 'main' }, 1],
    ['a change', 'banyan_list_changed_total', { endpoint: 'main', list: 'tools' }, 1],
    ['a refused token request', 'banyan_token_decisions_total', { decision: 'refused' }, 1],
    ['an upstream that is up', 'banyan_upstream_state', { upstream: 'next', state: 'up' }, 1],
    ['one that is down', 'banyan_upstream_state', { upstream: 'gone', state: 'down' }, 1],
    ['the bus', 'banyan_bus_state', { state: 'lost' }, 1],
    ['a link', 'banyan_links_open', { end: 'up', name: 'next' }, 1],
    ['a limit', 'banyan_limit_value', { limit: 'bodyBytes', unit: 'bytes' }, 4_096],
    ['the state of the node', 'banyan_node_phase', { phase: 'ready' }, 1],
    ['nothing in flight', 'banyan_requests_in_flight', { endpoint: 'main' }, 0],
  ])('counts %s', (_, name, labels, expected) => {
    expect(valueOf(families, name, labels)).toBe(expected)
  })

  test('what the node below counts comes by its link', async () => {
    const below = parseExposition(await scraped(behind))
    const labels = { transport: 'websocket', method: 'tools/call', outcome: 'ok' }
    expect(valueOf(below, 'banyan_requests_total', labels)).toBe(3)
    const frames = { end: 'down', name: 'main', direction: 'in' }
    expect(valueOf(below, 'banyan_link_frames_total', frames)).toBeGreaterThan(3)
  })

  test('says nothing of who called what, in which session', () => {
    for (const secret of ['ann', SECRET_TOOL, 'made-up', 'made/up', 'fx__echo', operator.key]) {
      expect(text).not.toContain(`"${secret}"`)
    }
    expect(text).not.toContain('not-a-key')
    expect(canary.take()).toEqual([])
  })

  test('is for operators alone', async () => {
    const url = `${node.adminUrl}/metrics`
    expect((await fetch(url)).status).toBe(401)
    const headers = { authorization: `Bearer ${operator.key}` }
    expect((await fetch(url, { method: 'POST', headers })).status).toBe(405)
    expect((await fetch(`${node.url}/metrics`)).status).toBe(404)
  })

  test('a collector took the spans, and understood them all', async () => {
    await until(() => collector.spans.length > 0, 'spans')
    expect(collector.problems).toEqual([])
  })
})
