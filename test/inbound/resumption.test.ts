// Streams of era 2025 that break off: the call goes on, and its caller can come back for the rest.
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as HttpV2,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ASKING_TOOLS } from '../fixtures/fixture-asking.ts'
import { plainTool, type FixtureTool } from '../fixtures/fixture-tools.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import {
  legacySession,
  openStream,
  send,
  type LegacySession,
  type RawStream,
} from '../fixtures/raw-client.ts'
import { latch, until } from '../fixtures/wait.ts'
import type { Era, JsonObject } from '../fixtures/wire.ts'
import { Mesh } from '../mesh/mesh.ts'
import { cuttingFetch } from './cut-off.ts'
import { Edge } from './edge.ts'

const gate = latch()

/** Says that it has begun, waits for the gate, says more, answers. */
const step: FixtureTool = {
  definition: { name: 'step', inputSchema: { type: 'object' } },
  run: async ({ progress }) => {
    progress(1, 3)
    await gate.opened
    progress(2, 3)
    progress(3, 3)
    return { content: [{ type: 'text', text: 'done' }] }
  },
}

const ids = (stream: RawStream): string[] => stream.raw.match(/(?<=^id: ).*$/gm) ?? []
const lastId = (stream: RawStream): string => ids(stream).at(-1) ?? ''

async function rest(stream: RawStream): Promise<JsonObject[]> {
  const messages: JsonObject[] = []
  for (let next = await stream.next(); next !== undefined; next = await stream.next()) {
    messages.push(next)
  }
  return messages
}

/** A call of `step` that has said so; the stream is there to be broken. */
async function begin(session: LegacySession, id: string): Promise<RawStream> {
  const params = { name: 'fx__step', arguments: {}, _meta: { progressToken: id } }
  const stream = await session.stream('tools/call', params, id)
  expect(await stream.next()).toMatchObject({ params: { progressToken: id, progress: 1 } })
  return stream
}

const REST = (id: string): JsonObject[] => [
  { params: { progressToken: id, progress: 2 } },
  { params: { progressToken: id, progress: 3 } },
  { id, result: { content: [{ text: 'done' }] } },
]

describe.each<Era>(['2025', '2026'])('over an upstream of era %s', (era) => {
  let edge: Edge
  beforeAll(async () => {
    // The fetch of Node keeps a connection on which nothing is ever asked.
    const tools = [step, ...ASKING_TOOLS]
    edge = await Edge.start({ limits: { shutdownGrace: '100ms' } }, { era, tools })
  })
  beforeEach(() => {
    gate.shut()
    edge.mark()
  })
  afterEach(() => gate.open())
  afterAll(() => edge.close())

  it('rows 43, 48: a call goes on when its caller leaves, and is not made again', async () => {
    const session = await legacySession(edge.url)
    const stream = await begin(session, 'a')
    stream.close()
    gate.open()
    await until(() => edge.callsInFlight === 0, 'the call has ended')
    const again = await session.get({ 'last-event-id': lastId(stream) })
    expect(await rest(again)).toMatchObject(REST('a'))
    expect(edge.upstreamTraffic).toEqual(['tools/call'])
    expect(edge.fixture.cancelled.closed).toEqual([])
  })

  it('row 48: two calls of a session are resumed apart, live', async () => {
    const session = await legacySession(edge.url)
    const streams = await Promise.all([begin(session, 'a'), begin(session, 'b')])
    for (const stream of streams) stream.close()
    const again = await Promise.all(
      streams.map((stream) => session.get({ 'last-event-id': lastId(stream) })),
    )
    gate.open()
    expect(await rest(again[0] as RawStream)).toMatchObject(REST('a'))
    expect(await rest(again[1] as RawStream)).toMatchObject(REST('b'))
    const all = [...streams, ...again].flatMap((stream) => ids(stream).slice(1))
    expect(new Set(all).size).toBe(all.length)
  })

  it('row 48: what one session missed is no business of another', async () => {
    const [session, other] = await Promise.all([legacySession(edge.url), legacySession(edge.url)])
    const stream = await begin(session, 'a')
    const refused = await other.get({ 'last-event-id': lastId(stream) })
    // Not 404, after which a client would begin a new session.
    expect(refused.status).toBe(400)
    expect(await refused.next()).toMatchObject({ error: { code: -32_600 } })
    gate.open()
    expect(await rest(stream)).toMatchObject(REST('a'))
  })

  it('rows 34, 48: a question is put again to a caller that comes back, and answered once', async () => {
    const session = await legacySession(edge.url, { capabilities: { elicitation: {} } })
    const params = { name: 'fx__ask_form', arguments: {} }
    const stream = await session.stream('tools/call', params, 'a')
    const question = await stream.next()
    expect(question).toMatchObject({ method: 'elicitation/create' })
    stream.close()
    const again = await session.get({ 'last-event-id': ids(stream)[0] })
    expect(await again.next()).toEqual(question)
    const answer = { action: 'accept', content: { name: 'Ada' } }
    const posted = await session.answer(String(question?.['id']), answer)
    expect(posted.status).toBe(202)
    const [response] = await rest(again)
    expect(response).toMatchObject({ id: 'a', result: { content: [{ type: 'text' }] } })
    expect(JSON.stringify(response)).toContain('Ada')
    expect(edge.fixture.completed('ask_form')).toBe(1)
  })

  it('a call that was cancelled ends its stream wherever that is by now', async () => {
    const session = await legacySession(edge.url)
    const stream = await begin(session, 'a')
    const again = await session.get({ 'last-event-id': lastId(stream) })
    expect(await rest(stream)).toEqual([])
    await session.notify('notifications/cancelled', { requestId: 'a' })
    expect(await rest(again)).toEqual([])
    expect((await session.get({ 'last-event-id': lastId(again) })).status).toBe(204)
  })

  it('nothing is kept of a session that was ended', async () => {
    const session = await legacySession(edge.url)
    const stream = await begin(session, 'a')
    stream.close()
    await session.delete()
    expect((await session.get({ 'last-event-id': lastId(stream) })).status).toBe(404)
  })

  it('announced changes wait for a client that comes back', async () => {
    const session = await legacySession(edge.url)
    const stream = await session.get()
    edge.fixture.tools.add(plainTool('first'))
    expect(await stream.next()).toMatchObject({ method: 'notifications/tools/list_changed' })
    stream.close()
    edge.fixture.tools.add(plainTool('second'))
    const again = await session.get({ 'last-event-id': lastId(stream) })
    expect(await again.next()).toMatchObject({ method: 'notifications/tools/list_changed' })
    again.close()
  })

  it('a client that names event streams first can come back from the first moment', async () => {
    const session = await legacySession(edge.url)
    const accept = 'text/event-stream, application/json'
    const params = { name: 'fx__step', arguments: {} }
    const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params }
    const stream = await openStream(edge.url, {
      method: 'POST',
      headers: { ...session.headers, 'content-type': 'application/json', accept },
      body: JSON.stringify(message),
    })
    expect(stream.headers['content-type']).toBe('text/event-stream')
    const heard = stream.next().catch(() => undefined)
    await until(() => lastId(stream) !== '', 'the first event')
    stream.close()
    await heard
    const again = await session.get({ 'last-event-id': lastId(stream) })
    gate.open()
    expect(await rest(again)).toMatchObject([{ id: 1, result: { content: [{ text: 'done' }] } }])
  })

  it('SDK v1 comes back by itself when its connection breaks', async () => {
    const { fetch, cut, resumed } = cuttingFetch('"progress":1')
    const client = new ClientV1({ name: 'guest', version: '1.0.0' })
    await client.connect(new HttpV1(new URL(edge.url), { fetch }))
    void cut.then(() => gate.open())
    const steps: number[] = []
    const result = await client.callTool({ name: 'fx__step' }, CallToolResultSchema, {
      onprogress: ({ progress }) => steps.push(progress),
    })
    expect(result.content).toEqual([{ type: 'text', text: 'done' }])
    expect(steps).toContain(3)
    expect(resumed.filter((id) => id !== undefined)).toHaveLength(1)
    expect(edge.upstreamTraffic).toEqual(['tools/call'])
    await client.close()
  })

  it('SDK v1 comes back as another process, with the token it was given', async () => {
    const tokens: string[] = []
    const first = new ClientV1({ name: 'guest', version: '1.0.0' })
    const transport = new HttpV1(new URL(edge.url))
    await first.connect(transport)
    const params = { name: 'fx__step', _meta: { progressToken: 'p' } }
    const lost = first.request({ method: 'tools/call', params }, CallToolResultSchema, {
      onresumptiontoken: (token) => tokens.push(token),
    })
    lost.catch(() => undefined)
    await until(() => tokens.length === 2, 'the call has begun')
    await first.close()
    gate.open()
    const second = new ClientV1({ name: 'guest', version: '1.0.0' })
    const { sessionId } = transport
    if (sessionId === undefined) throw new Error('there is no session')
    await second.connect(new HttpV1(new URL(edge.url), { sessionId }))
    const found = await second.request({ method: 'tools/call', params }, CallToolResultSchema, {
      resumptionToken: tokens[1] ?? '',
    })
    expect(found.content).toEqual([{ type: 'text', text: 'done' }])
    expect(edge.upstreamTraffic).toEqual(['tools/call'])
    await second.close()
  })

  it('SDK v2 comes back by itself when its connection breaks', async () => {
    const { fetch, cut, resumed } = cuttingFetch('"progress":1')
    const client = new ClientV2(
      { name: 'guest', version: '1.0.0' },
      { versionNegotiation: { mode: 'legacy' } },
    )
    await client.connect(new HttpV2(new URL(edge.url), { fetch }))
    void cut.then(() => gate.open())
    const result = await client.callTool({ name: 'fx__step' }, { onprogress: () => undefined })
    expect(result.content).toEqual([{ type: 'text', text: 'done' }])
    expect(resumed.filter((id) => id !== undefined)).toHaveLength(1)
    expect(edge.upstreamTraffic).toEqual(['tools/call'])
    await client.close()
  })
})

describe('bounds', () => {
  it('a stream that nobody came back to in time is refused', async () => {
    const edge = await Edge.start({ limits: { eventLifetime: '1s' } }, { tools: [step] })
    gate.shut()
    const session = await legacySession(edge.url)
    const stream = await begin(session, 'a')
    stream.close()
    const id = lastId(stream)
    const headers = { ...session.headers, accept: 'text/event-stream', 'last-event-id': id }
    gate.open()
    await until(() => edge.callsInFlight === 0, 'the call has ended')
    // Asking does not keep it.
    const refused = await until(async () => {
      const reply = await send(edge.url, { headers })
      return reply.status === 200 ? undefined : reply
    }, 'it is forgotten')
    expect([refused.status, refused.error.code]).toEqual([400, -32_600])
    await edge.close()
  })
})

describe('a chain of nodes', () => {
  it('row 48: no event id passes a node, up or down', async () => {
    const fixture = await FixtureServer.start({ era: '2025', tools: [step] })
    const mesh = new Mesh()
    try {
      gate.shut()
      const nodes = await mesh.chain(fixture.url, 3, ['2025', '2025', '2025'])
      const session = await legacySession(nodes[0]?.endpointUrl('main') ?? '')
      const stream = await begin(session, 'a')
      stream.close()
      const again = await session.get({ 'last-event-id': lastId(stream) })
      gate.open()
      expect(await rest(again)).toMatchObject(REST('a'))
      const upstream = fixture.requests.map(({ headers }) => headers['last-event-id'])
      expect(upstream.filter((id) => id !== undefined)).toEqual([])
      expect(fixture.calls('step')).toHaveLength(1)
      const own = lastId(stream).replace(/\d+$/, '')
      for (const id of [...ids(stream), ...ids(again)]) expect(id.startsWith(own)).toBe(true)
    } finally {
      gate.open()
      await mesh.close()
      await fixture.close()
    }
  })
})
