// Both eras on one URL: who is served how, and what is refused with which words.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { callModern, legacySession, modern, post, type Headers } from '../fixtures/raw-client.ts'
import { META, objectAt, type JsonObject } from '../fixtures/wire.ts'
import { Edge } from './edge.ts'

let edge: Edge
beforeAll(async () => {
  edge = await Edge.start()
})
beforeEach(() => edge.mark())
afterAll(() => edge.close())

const REMOVED = [
  'initialize',
  'ping',
  'logging/setLevel',
  'resources/subscribe',
  'resources/unsubscribe',
  'notifications/initialized',
  'tasks/list',
]
const UNKNOWN = ['no/such', 'tools/Call', 'constructor', '__proto__', 'hasOwnProperty']

describe('one URL', () => {
  it('row 1: a session and stateless requests do not disturb one another', async () => {
    const session = await legacySession(edge.url, { version: '2025-06-18' })
    const first = await callModern(edge.url, 'tools/call', echo('a'), { id: 7 })
    const second = await session.call('tools/call', echo('b'), 7)
    const [third, fourth] = await Promise.all([
      callModern(edge.url, 'tools/call', echo('c'), { id: 7 }),
      session.call('tools/call', echo('d'), 7),
    ])
    expect([first, second, third, fourth].map(({ result }) => textOf(result))).toEqual([
      'a',
      'b',
      'c',
      'd',
    ])
    expect(first.headers['mcp-session-id']).toBeUndefined()
    expect(session.initialized['protocolVersion']).toBe('2025-06-18')
    expect(third.result['resultType']).toBe('complete')
  })

  it('row 1: a stateless request that names a session is neither bound to it nor refused', async () => {
    const session = await legacySession(edge.url)
    const headers = { 'mcp-session-id': session.id, 'last-event-id': 'x' }
    const live = await callModern(edge.url, 'tools/call', echo('a'), { headers })
    await session.delete()
    const dead = await callModern(edge.url, 'tools/call', echo('b'), { headers })
    expect([textOf(live.result), textOf(dead.result)]).toEqual(['a', 'b'])
    expect(dead.headers['mcp-session-id']).toBeUndefined()
  })
})

describe('a stateless request', () => {
  it.each(['1900-01-01', '2027-01-01', '2025-11-25', 'tomorrow', ''])(
    'row 2: version %j is refused with what is served',
    async (version) => {
      const reply = await callModern(edge.url, 'tools/list', {}, { version, id: 'v' })
      expect(reply.status).toBe(400)
      expect(reply.answer).toMatchObject({ id: 'v', error: { code: -32_022 } })
      const data = objectAt(reply.error, 'data')
      expect(data['supported']).toEqual(['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26'])
      expect(data['requested']).toBe(version)
      expect(edge.upstreamTraffic).toEqual([])
    },
  )

  it.each([...REMOVED, ...UNKNOWN])('row 3: method %s is not found', async (method) => {
    const reply = await callModern(edge.url, method, {}, { id: 'm' })
    expect(reply.status).toBe(404)
    expect(reply.answer).toMatchObject({ id: 'm', error: { code: -32_601 } })
    expect(edge.upstreamTraffic).toEqual([])
  })

  const { message, headers } = modern('tools/list', {}, { id: 4 })
  const { [META.version]: version, [META.capabilities]: capabilities } = objectAt(
    objectAt(message, 'params'),
    '_meta',
  )
  const incomplete: [string, JsonObject | undefined][] = [
    ['no params', undefined],
    ['no _meta', {}],
    ['an empty _meta', { _meta: {} }],
    ['a null _meta', { _meta: null }],
    ['a list for _meta', { _meta: [] }],
    ['a text for _meta', { _meta: '{}' }],
    ['no version', { _meta: { [META.capabilities]: capabilities } }],
    ['a number for version', { _meta: { [META.version]: 20_260_728 } }],
    ['no capabilities', { _meta: { [META.version]: version } }],
    ['null capabilities', { _meta: { [META.version]: version, [META.capabilities]: null } }],
    ['a list of capabilities', { _meta: { [META.version]: version, [META.capabilities]: [] } }],
  ]
  it.each(incomplete)('row 4: with %s it is refused', async (_what, params) => {
    const { id, method } = message
    const reply = await post(edge.url, { jsonrpc: '2.0', id, method, params }, headers)
    // A version that is there and differs from the header is the headers' fault first.
    const code = objectAt(params, '_meta')[META.version] === 20_260_728 ? -32_020 : -32_602
    expect(reply.status).toBe(400)
    expect(reply.answer).toMatchObject({ id: 4, error: { code } })
    expect(edge.upstreamTraffic).toEqual([])
  })

  it.each(['loud', '', 5, null, ['info']])(
    'row 46: with log level %j it is refused',
    async (level) => {
      const meta = { [META.logLevel]: level }
      const params = { name: 'fx__echo', arguments: { message: 'x' } }
      const reply = await callModern(edge.url, 'tools/call', params, { id: 'l', meta })
      expect(reply.answer).toMatchObject({ id: 'l', error: { code: -32_602 } })
      expect(edge.upstreamTraffic).toEqual([])
    },
  )

  it('row 4: without clientInfo it is served', async () => {
    const meta = { [META.version]: version, [META.capabilities]: {} }
    const reply = await post(edge.url, { ...message, params: { _meta: meta } }, headers)
    expect(reply.status).toBe(200)
    expect(namesIn(reply.result)).toContain('fx__echo')
  })
})

describe('a session', () => {
  it('row 5: a request without a version header is served', async () => {
    const { id } = await legacySession(edge.url)
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
    const reply = await post(edge.url, body, { 'mcp-session-id': id })
    expect(reply.status).toBe(200)
    expect(namesIn(reply.result)).toContain('fx__echo')
  })

  it.each(['1999-01-01', '2024-11-05', '2025-11-26', 'x', ''])(
    'row 5: version header %j is refused, for requests and notifications alike',
    async (version) => {
      const { id } = await legacySession(edge.url)
      const headers = { 'mcp-session-id': id, 'mcp-protocol-version': version }
      const list = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
      const note = { jsonrpc: '2.0', method: 'notifications/initialized' }
      for (const body of [list, note]) {
        const reply = await post(edge.url, body, headers)
        expect(reply.status).toBe(400)
        expect(reply.error.code).toBe(-32_022)
        expect(objectAt(reply.error, 'data')['requested']).toBe(version)
      }
      expect(edge.upstreamTraffic).toEqual([])
    },
  )

  it.each([
    ['2025-11-25', '2025-11-25'],
    ['2025-06-18', '2025-06-18'],
    ['2025-03-26', '2025-03-26'],
    ['2024-11-05', '2025-11-25'],
    ['2026-07-28', '2025-11-25'],
    [undefined, '2025-11-25'],
  ])('initialize with %s gets %s', async (wanted, given) => {
    const params = { protocolVersion: wanted, capabilities: {}, clientInfo: { name: 'x' } }
    const reply = await post(edge.url, { jsonrpc: '2.0', id: 'i', method: 'initialize', params })
    expect(reply.status).toBe(200)
    expect(reply.answer).toMatchObject({ id: 'i', result: { protocolVersion: given } })
    expect(reply.headers['mcp-session-id']).toMatch(/^[\x21-\x7e]+$/)
  })

  it('that is none is told so under the id of the request', async () => {
    const ended = await legacySession(edge.url)
    const { id, headers } = ended
    await ended.delete()
    const refusals: [status: number, headers: Headers][] = [
      [400, {}],
      [404, headers],
      [404, { 'mcp-session-id': 'nonsense' }],
      [400, { 'mcp-session-id': id, 'mcp-protocol-version': '1999-01-01' }],
      [400, { 'mcp-session-id': id, 'mcp-protocol-version': 'x' }],
    ]
    for (const [status, sent] of refusals) {
      const body = { jsonrpc: '2.0', id: 'mine', method: 'tools/list' }
      const reply = await post(edge.url, body, sent)
      expect(reply.status).toBe(status)
      expect(reply.answer).toMatchObject({ id: 'mine', error: { code: expect.any(Number) } })
    }
    expect(edge.upstreamTraffic).toEqual([])
  })

  it('answers errors with 200, because clients take a 4xx for the end of the session', async () => {
    const session = await legacySession(edge.url)
    const unknown = await session.call('no/such', {}, 5)
    expect([unknown.status, unknown.error.code]).toEqual([200, -32_601])
    const discover = await session.call('server/discover', {}, 5)
    expect([discover.status, discover.error.code]).toEqual([200, -32_601])
    expect(edge.upstreamTraffic).toEqual([])
  })
})

describe('a response nobody asked for', () => {
  const answers: JsonObject[] = [
    { jsonrpc: '2.0', id: 1, result: {} },
    { jsonrpc: '2.0', id: 1, error: { code: 1, message: 'x' } },
    { jsonrpc: '2.0', id: null, error: { code: 1, message: 'x' } },
  ]

  it.each(answers)('is taken and dropped in a session: %j', async (body) => {
    const { headers } = await legacySession(edge.url)
    const reply = await post(edge.url, body, headers)
    expect([reply.status, reply.raw]).toEqual([202, ''])
    expect(edge.upstreamTraffic).toEqual([])
  })

  it.each(answers)('is refused outside one, where clients send none: %j', async (body) => {
    const stateless = await post(edge.url, body, { 'mcp-protocol-version': '2026-07-28' })
    expect([stateless.status, stateless.error.code]).toEqual([400, -32_600])
    const bare = await post(edge.url, body)
    expect([bare.status, bare.error.code]).toEqual([400, -32_600])
    expect(edge.upstreamTraffic).toEqual([])
  })
})

describe('a notification', () => {
  it('of an unknown method is taken and dropped in both eras', async () => {
    const { headers } = await legacySession(edge.url)
    const body = { jsonrpc: '2.0', method: 'notifications/no-such', params: { a: 1 } }
    const session = await post(edge.url, body, headers)
    const { message, headers: mirrored } = modern(body.method, body.params)
    const { id: _id, ...note } = message
    const stateless = await post(edge.url, note, mirrored)
    for (const reply of [session, stateless]) expect([reply.status, reply.raw]).toEqual([202, ''])
    expect(edge.upstreamTraffic).toEqual([])
  })
})

function echo(message: string): JsonObject {
  return { name: 'fx__echo', arguments: { message } }
}

function namesIn(result: JsonObject): unknown[] {
  return (result['tools'] as JsonObject[]).map(({ name }) => name)
}

function textOf(result: JsonObject): unknown {
  return (result['content'] as JsonObject[])[0]?.['text']
}
