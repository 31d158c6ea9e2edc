// JSON-RPC batches: one revision has them, in sessions, and each message in one counts by itself.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  legacySession,
  modern,
  post,
  postStream,
  type LegacySession,
  type RawReply,
} from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import type { JsonObject } from '../fixtures/wire.ts'
import { Edge } from './edge.ts'

let edge: Edge
let session: LegacySession
beforeAll(async () => {
  edge = await Edge.start()
  session = await legacySession(edge.url, { version: '2025-03-26' })
})
beforeEach(() => edge.mark())
afterAll(() => edge.close())

function call(id: unknown, name: string, args: JsonObject = {}, _meta?: JsonObject): JsonObject {
  const params = { name: `fx__${name}`, arguments: args, ...(_meta && { _meta }) }
  return { jsonrpc: '2.0', id, method: 'tools/call', params }
}

function cancel(requestId: number): JsonObject {
  return { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId } }
}

function ping(id: unknown): JsonObject {
  return { jsonrpc: '2.0', id, method: 'ping' }
}

const note: JsonObject = { jsonrpc: '2.0', method: 'notifications/initialized' }

function send(batch: readonly unknown[]): Promise<RawReply> {
  return post(edge.url, batch, session.headers)
}

describe('a batch in a 2025-03-26 session', () => {
  it('row 5: with everything in it is answered once, by a batch of what was asked', async () => {
    const reply = await send([
      call(1, 'echo', { message: 'one' }),
      note,
      call('1', 'add', { a: 1, b: 2 }),
      ping(2),
      { jsonrpc: '2.0', id: 9, result: { stray: true } },
      { jsonrpc: '2.0', id: 3, method: 'no/such' },
      call(4, 'nope'),
      { jsonrpc: '2.0', id: 5, method: 'tools/list' },
      call(6, 'progress', { steps: 2 }, { progressToken: 'p' }),
      { jsonrpc: '2.0', method: 'notifications/no-such' },
      call(7, 'fail'),
    ])
    expect(reply.status).toBe(200)
    const ids = reply.messages.filter((message) => 'id' in message)
    const byId = new Map(ids.map((message) => [message['id'], message]))
    expect([...byId.keys()].toSorted(compare)).toEqual([1, 2, 3, 4, 5, 6, 7, '1'])
    expect(ids).toHaveLength(8)
    expect(byId.get(1)).toMatchObject({ result: { content: [{ text: 'one' }] } })
    expect(byId.get('1')).toMatchObject({ result: { structuredContent: { sum: 3 } } })
    expect(byId.get(2)).toMatchObject({ result: {} })
    expect(byId.get(3)).toMatchObject({ error: { code: -32_601 } })
    expect(byId.get(4)).toMatchObject({ error: { code: -32_602 } })
    expect(byId.get(7)).toMatchObject({ result: { isError: true } })
    const progress = reply.messages.filter(({ method }) => method === 'notifications/progress')
    expect(progress.map(({ params }) => (params as JsonObject)['progress'])).toEqual([1, 2])
    // Responses leave together, as one array.
    expect(reply.raw.match(/^data: \[/gm)).toHaveLength(1)
  })

  it('row 5: that is all requests and quick is answered by plain JSON', async () => {
    const reply = await send([ping(1), ping(2)])
    expect(reply.headers['content-type']).toBe('application/json')
    expect(JSON.parse(reply.raw)).toHaveLength(2)
  })

  it.each<[string, unknown[]]>([
    ['notifications', [note, note]],
    ['responses', [{ jsonrpc: '2.0', id: 1, result: {} }]],
  ])('row 5: of %s alone has no answer', async (_what, batch) => {
    const reply = await send(batch)
    expect([reply.status, reply.raw]).toEqual([202, ''])
    expect(edge.upstreamTraffic).toEqual([])
  })

  it.each<[string, unknown[]]>([
    ['nothing', []],
    ['51 messages', Array.from({ length: 51 }, (_, index) => ping(index))],
    ['initialize', [{ jsonrpc: '2.0', id: 1, method: 'initialize', params: {} }]],
    ['a batch', [[ping(1)]]],
    ['a text', [ping(1), 'x']],
    ['an empty object', [ping(1), {}]],
    ['a null id', [ping(1), ping(null)]],
    ['a member twice', []],
  ])('row 5: with %s is refused whole', async (what, batch) => {
    const text =
      what === 'a member twice' ? '[{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}]' : batch
    const reply = await post(edge.url, text, session.headers)
    expect(reply.status).toBe(400)
    expect(reply.answer).toMatchObject({ id: null, error: { code: -32_600 } })
    expect(edge.upstreamTraffic).toEqual([])
  })

  it('row 5: with a bad message among good calls makes none of the calls', async () => {
    const reply = await send([
      call(1, 'echo', { message: 'x' }),
      { jsonrpc: '2.0', id: 1.5, method: 'ping' },
    ])
    expect(reply.status).toBe(400)
    expect(edge.upstreamTraffic).toEqual([])
  })

  it('row 5: with 50 messages is served', async () => {
    const reply = await send(Array.from({ length: 50 }, (_, index) => ping(index)))
    expect(reply.messages).toHaveLength(50)
  })

  it('with one id twice answers both', async () => {
    const reply = await send([call(1, 'echo', { message: 'a' }), call(1, 'echo', { message: 'b' })])
    expect(reply.messages.map(({ id }) => id)).toEqual([1, 1])
    expect(reply.raw).toContain('"a"')
    expect(reply.raw).toContain('"b"')
  })

  it('leaves out what was cancelled, and is no empty array when that is all', async () => {
    edge.fixture.gate.shut()
    const stream = postStream(edge.url, [call(70, 'slow'), call(71, 'slow')], session.headers)
    await until(() => edge.fixture.calls('slow').length === 2, 'both calls arrive')
    expect((await send([cancel(70), cancel(71)])).status).toBe(202)
    const answered = await stream
    expect(await answered.next()).toBeUndefined()
    expect(answered.raw).not.toContain('[')
    await until(() => edge.callsInFlight === 0, 'the calls are over')
  })
})

describe('a batch anywhere else', () => {
  it.each(['2025-06-18', '2025-11-25'])('row 5: is refused in a %s session', async (version) => {
    const { headers } = await legacySession(edge.url, { version })
    edge.mark()
    for (const batch of [[call(1, 'echo')], [note], []]) {
      const reply = await post(edge.url, batch, headers)
      expect([reply.status, reply.error.code]).toEqual([400, -32_600])
    }
    expect(edge.upstreamTraffic).toEqual([])
  })

  it('row 5: is refused though the header claims the revision that has batches', async () => {
    const { id } = await legacySession(edge.url, { version: '2025-11-25' })
    edge.mark()
    const headers = { 'mcp-session-id': id, 'mcp-protocol-version': '2025-03-26' }
    const reply = await post(edge.url, [call(1, 'echo')], headers)
    expect([reply.status, reply.error.code]).toEqual([400, -32_600])
    expect(edge.upstreamTraffic).toEqual([])
  })

  it('row 5: is refused without a session, also when its messages are stateless', async () => {
    const { message, headers } = modern('tools/call', { name: 'fx__echo', arguments: {} })
    const bare = await post(edge.url, [call(1, 'echo')])
    expect([bare.status, bare.error.code]).toEqual([400, -32_600])
    const stateless = await post(edge.url, [message], headers)
    expect([stateless.status, stateless.error.code]).toEqual([400, -32_600])
    expect(edge.upstreamTraffic).toEqual([])
  })
})

function compare(a: unknown, b: unknown): number {
  return `${typeof a}${String(a)}` < `${typeof b}${String(b)}` ? -1 : 1
}
