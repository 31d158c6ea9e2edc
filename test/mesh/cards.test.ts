// What a node publishes before anybody connects, and that it is what it says when they do.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern, post } from '../fixtures/raw-client.ts'
import { objectAt, type JsonObject } from '../fixtures/wire.ts'
import { Keyholders } from './keyholders.ts'
import { Mesh } from './mesh.ts'

const CARD = {
  name: 'com.example/weather',
  description: 'Weather of everywhere',
  websiteUrl: 'https://example.com/',
}
const mesh = new Mesh()
const people = new Keyholders('ann')
let fixture: FixtureServer
let node: RunningNode
let config: JsonObject

beforeAll(async () => {
  fixture = await FixtureServer.start()
  const auth = people.auth()
  config = {
    node: { name: 'edge', organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    issuer: {},
    upstreams: { u: { http: { url: fixture.url } } },
    namespaces: { secretspace: { from: ['u'] } },
    endpoints: {
      open: { namespaces: ['secretspace'], title: 'Weather', card: CARD, auth },
      hidden: { namespaces: ['secretspace'], auth },
    },
    clients: people.clients(),
    visibility: [{ for: 'ann' }],
  }
  node = await mesh.startConfig(config)
})

afterAll(async () => {
  await mesh.close()
  await fixture.close()
})

async function get(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${node.url}${path}`, init)
}

test('the card says where and what, to anybody, and nothing of what is offered', async () => {
  const response = await get('/mcp/open/server-card', {
    headers: { origin: 'https://anywhere.example' },
  })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('application/mcp-server-card+json')
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  expect(response.headers.get('cache-control')).toBe('public, max-age=3600')
  const text = await response.text()
  expect(text).not.toContain('secretspace')
  expect(text).not.toContain('hidden')
  const card = JSON.parse(text) as JsonObject
  expect(card).toMatchObject({
    ...CARD,
    title: 'Weather',
    $schema: expect.stringContaining('/v1/server-card.schema.json'),
  })
  const url = node.endpointUrl('open')
  const revisions = ['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26']
  expect(card['remotes']).toEqual([
    { type: 'streamable-http', url, supportedProtocolVersions: revisions },
  ])
})

test('who connects is told the same', async () => {
  const headers = people.headers('ann')
  const card = (await (await get('/mcp/open/server-card')).json()) as JsonObject
  const { name, version, title, description, websiteUrl } = card
  const said = { name, version, title, description, websiteUrl }
  const { answer } = await callModern(node.endpointUrl('open'), 'server/discover', {}, { headers })
  const result = objectAt(answer, 'result')
  expect(objectAt(result, '_meta')['io.modelcontextprotocol/serverInfo']).toEqual(said)
  const [remote] = card['remotes'] as JsonObject[]
  expect(result['supportedVersions']).toEqual(remote?.['supportedProtocolVersions'])
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: said }
  const message = { jsonrpc: '2.0', id: 1, method: 'initialize', params }
  const opening = await post(node.endpointUrl('open'), message, headers)
  expect(opening.result['serverInfo']).toEqual(said)
})

test('the catalogue and the registry list what has a card', async () => {
  const catalog = await get('/.well-known/ai-catalog.json')
  expect(catalog.headers.get('content-type')).toBe('application/ai-catalog+json')
  const url = `${node.endpointUrl('open')}/server-card`
  const type = 'application/mcp-server-card+json'
  expect(await catalog.json()).toEqual({
    specVersion: '1.0',
    entries: [{ identifier: 'urn:air:example.com:mcp:weather', type, url }],
  })
  const listed = (await (await get('/v0.1/servers?search=WEATHER')).json()) as JsonObject
  expect(listed['servers']).toEqual([{ server: expect.objectContaining(CARD) }])
  const one = await get(`/v0.1/servers/${encodeURIComponent(CARD.name)}/versions/latest`)
  const { server } = (await one.json()) as { server: JsonObject }
  expect(server['remotes']).toEqual([{ type: 'streamable-http', url: node.endpointUrl('open') }])
  expect((await get('/v0.1/servers/none/versions/latest')).status).toBe(404)
})

test('who has it already is told so', async () => {
  const first = await get('/mcp/open/server-card')
  const tag = first.headers.get('etag') ?? ''
  const again = await get('/mcp/open/server-card', {
    headers: { 'if-none-match': `"x", W/${tag}` },
  })
  expect([again.status, await again.text()]).toEqual([304, ''])
  const head = await get('/mcp/open/server-card', { method: 'HEAD' })
  expect([head.status, head.headers.get('etag'), await head.text()]).toEqual([200, tag, ''])
  expect((await get('/mcp/open/server-card', { method: 'OPTIONS' })).status).toBe(204)
})

test.each(['/mcp/hidden/server-card', '/mcp/none/server-card'])('%s is not there', async (path) => {
  expect((await get(path)).status).toBe(404)
})

test('nothing can be put there', async () => {
  const response = await get('/v0.1/servers', { method: 'POST', body: '{}' })
  expect(response.status).toBe(405)
})

test('a node whose card was taken away has none of it', async () => {
  const { open, hidden } = objectAt(config, 'endpoints') as Record<string, JsonObject>
  const { card: _card, ...rest } = open ?? {}
  await node.reload({ ...config, endpoints: { open: rest, hidden } })
  const paths = ['/mcp/open/server-card', '/.well-known/ai-catalog.json', '/v0.1/servers']
  const answers = await Promise.all(paths.map((path) => get(path)))
  expect(answers.map(({ status }) => status)).toEqual([404, 404, 404])
})
