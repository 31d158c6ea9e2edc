import { afterEach, describe, expect, test } from 'vitest'
import type { Connection } from '../../../node/outbound/connection.ts'
import type { HttpConnectorOptions } from '../../../node/outbound/http-connector.ts'
import { RPC } from '../../../protocol/errors.ts'
import { httpConnector } from '../../contract/http-upstream.ts'
import { call, EventRecorder } from '../../contract/recorder.ts'
import { FixtureServer, type FixtureOptions } from '../../fixtures/fixture-server.ts'
import type { Exchange } from '../../fixtures/fixture-exchange.ts'
import { plainTool } from '../../fixtures/fixture-tools.ts'
import { latch, until } from '../../fixtures/wait.ts'
import { sseEvent, type Era, type Id, type JsonObject } from '../../fixtures/wire.ts'

const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

async function start(options: FixtureOptions): Promise<FixtureServer> {
  const server = await FixtureServer.start(options)
  cleanups.push(() => server.close())
  return server
}

async function connect(
  server: FixtureServer,
  options: Partial<HttpConnectorOptions> = {},
): Promise<{ connection: Connection; events: EventRecorder }> {
  const connector = httpConnector(server.url, options)
  cleanups.push(() => connector.close())
  const events = new EventRecorder()
  const connection = await connector.connect(events, '')
  cleanups.push(() => connection.close())
  return { connection, events }
}

async function open(
  options: FixtureOptions,
): Promise<{ server: FixtureServer; connection: Connection; events: EventRecorder }> {
  const server = await start(options)
  return { server, ...(await connect(server)) }
}

function result(id: Id | undefined, text: string): JsonObject {
  const content = [{ type: 'text', text }]
  return { jsonrpc: '2.0', id, result: { resultType: 'complete', content } }
}

const ERAS: readonly Era[] = ['2025', '2026']

describe('the probe', () => {
  test.each([400, 404, 405])('goes on to initialize after %s without JSON', async (status) => {
    const server = await start({ era: '2025' })
    server.on('server/discover', (exchange) =>
      exchange.raw('<html>', { status, headers: { 'content-type': 'text/html' } }),
    )
    const { connection } = await connect(server)
    expect(connection.era).toBe('2025')
  })

  test.each([400, 200])(
    'goes on to initialize after JSON that is no JSON-RPC (%s)',
    async (status) => {
      const server = await start({ era: '2025' })
      server.on('server/discover', (exchange) => exchange.raw('{"detail":"no"}', { status }))
      expect((await connect(server)).connection.era).toBe('2025')
    },
  )

  test.each([
    { code: -32_022, status: 400 },
    { code: -32_020, status: 400 },
  ])('never goes on to initialize after $code', async ({ code, status }) => {
    const server = await start({ era: '2026' })
    server.on('server/discover', (exchange) => exchange.error({ code, message: 'no' }, status))
    await expect(connect(server)).rejects.toMatchObject({ code: 'upstream_unavailable' })
    expect(server.received('initialize')).toEqual([])
  })

  test.each([401, 403, 429, 500, 503])('says nothing of the era after %s', async (status) => {
    const server = await start({ era: '2025' })
    server.on('server/discover', (exchange) => exchange.empty(status))
    await expect(connect(server)).rejects.toThrow(`HTTP ${status}`)
    expect(server.received('initialize')).toEqual([])
  })

  test('is decided by its answer, though the event stream stays open', async () => {
    const server = await start({ era: '2026' })
    server.once('server/discover', (exchange) => {
      const capabilities = { tools: {} }
      const discovered = { supportedVersions: ['2026-07-28'], capabilities }
      exchange.send({ jsonrpc: '2.0', id: exchange.request.id, result: discovered })
    })
    const { connection } = await connect(server, { answerTimeoutMs: 900 })
    expect([connection.era, connection.watching('tools')]).toEqual(['2026', false])
  })

  test('does not wait for ever', async () => {
    const server = await start({ era: '2026' })
    server.on('server/discover', () => undefined)
    const connecting = connect(server, { answerTimeoutMs: 50 })
    await expect(connecting).rejects.toMatchObject({ code: 'upstream_timeout' })
  })

  test.each([
    { configured: '2025', real: '2026' },
    { configured: '2026', real: '2025' },
  ] as const)(
    '$configured as configured is not given up for $real',
    async ({ configured, real }) => {
      const server = await start({ era: real })
      await expect(connect(server, { era: configured })).rejects.toThrow(
        /does not speak|answers initialize with error/,
      )
    },
  )
})

describe('a session of 2025', () => {
  test('that cannot be used is not left behind', async () => {
    const server = await start({ era: '2025', versions: ['1999-01-01'] })
    await expect(connect(server)).rejects.toMatchObject({ code: 'upstream_protocol' })
    expect(server.openSessions).toEqual([])
    expect(server.deletedSessions).toHaveLength(1)
  })

  test('whose initialize is not answered is not told of a cancel', async () => {
    const server = await start({ era: '2025' })
    server.on('initialize', () => undefined)
    const connecting = connect(server, { answerTimeoutMs: 50 })
    await expect(connecting).rejects.toMatchObject({ code: 'upstream_timeout' })
    server.off('initialize')
    await connect(server)
    expect(server.received('notifications/cancelled')).toEqual([])
  })

  test('works where the server gives none', async () => {
    const { server, connection } = await open({ era: '2025', sessions: false, getStream: false })
    expect(await call(connection, 'echo', { message: 'x' }).sink.text()).toBe('x')
    expect(connection.watching('tools')).toBe(false)
    await connection.close()
    expect(server.received('DELETE')).toEqual([])
    expect(server.violations).toEqual([])
  })

  test.each(['404', '400 without JSON', '400 with an error of nobody'])(
    'that the server forgot is lost, and what met it may be sent again: %s',
    async (how) => {
      const { server, connection, events } = await open({ era: '2025', getStream: false })
      const error = { code: -32_000, message: 'Bad Request: No valid session ID provided' }
      server.expireSessions()
      if (how === '400 without JSON') server.on('tools/call', (exchange) => exchange.empty(400))
      if (how === '400 with an error of nobody') {
        const body = JSON.stringify({ jsonrpc: '2.0', error, id: null })
        server.on('tools/call', (exchange) => exchange.raw(body, { status: 400 }))
      }
      const { fault, unsent } = await call(connection, 'echo', { message: 'x' }).sink.failure()
      expect([fault.code, unsent]).toEqual(['upstream_unavailable', true])
      expect(events.losses).toEqual([fault])
    },
  )

  test('is lost when its event stream finds it gone', async () => {
    const { server, events } = await open({ era: '2025' })
    server.expireSessions()
    await until(() => events.losses.length > 0, 'the loss')
    expect(events.losses[0]?.message).toContain('ended the session')
  })

  test('opens its event stream again, and counts that as a change, once', async () => {
    const { server, connection, events } = await open({ era: '2025' })
    for (const drops of [1, 2]) {
      server.dropStreams()
      await until(() => !connection.watching('tools'), 'the drop')
      await until(() => connection.watching('tools'), 'the stream')
      expect(events.changes).toBe(drops)
    }
    server.tools.add(plainTool('late'))
    await until(() => events.changes > 2, 'the news')
    expect([events.changes, events.losses]).toEqual([3, []])
  })

  test('tries its event stream again after an overload', async () => {
    const { server, connection, events } = await open({ era: '2025' })
    server.once('GET', (exchange) => exchange.empty(503))
    server.dropStreams()
    await until(() => !connection.watching('tools'), 'the drop')
    await until(() => connection.watching('tools'), 'the stream')
    expect(server.received('GET')).toHaveLength(3)
    // A list is fetched for each: an overload must not be answered with more work.
    expect(events.changes).toBe(1)
  })

  test('whose event stream opens late counts that as a change', async () => {
    const server = await start({ era: '2025' })
    const late = latch()
    server.once('GET', async (_exchange, proceed) => {
      await late.opened
      await proceed()
    })
    const { connection, events } = await connect(server)
    expect([connection.watching('tools'), events.changes]).toEqual([false, 0])
    late.open()
    await until(() => connection.watching('tools'), 'the stream')
    expect(events.changes).toBe(1)
  })

  test('is polled where there is no event stream', async () => {
    const { connection, server } = await open({ era: '2025', getStream: false })
    expect(connection.watching('tools')).toBe(false)
    expect(server.received('GET')).toHaveLength(1)
  })

  test('hears of changes on the stream of a call too', async () => {
    const { server, connection, events } = await open({ era: '2025', getStream: false })
    server.on('tools/call:echo', async (exchange, proceed) => {
      exchange.send({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' })
      await proceed()
    })
    const { sink } = call(connection, 'echo', { message: 'x' })
    expect(await sink.text()).toBe('x')
    expect([events.changes, sink.notifications]).toEqual([1, []])
  })

  test('answers pings on its event stream', async () => {
    const { server, events } = await open({ era: '2025' })
    expect(await server.ask('ping')).toMatchObject({ result: {} })
    expect([events.questions, server.violations]).toEqual([[], []])
  })

  test('answers pings on the stream of a call', async () => {
    const { server, connection } = await open({ era: '2025' })
    server.on('tools/call:echo', async (exchange, proceed) => {
      exchange.send({ jsonrpc: '2.0', id: 'asked', method: 'ping' })
      await proceed()
    })
    const said: unknown[] = []
    server.on('answer', (exchange) => {
      said.push(exchange.request.message)
      exchange.empty(202)
    })
    const { sink } = call(connection, 'echo', { message: 'x' })
    expect(await sink.text()).toBe('x')
    await until(() => said.length > 0, 'the answer')
    expect(said).toEqual([{ jsonrpc: '2.0', id: 'asked', result: {} }])
    expect([sink.notifications, sink.questions]).toEqual([[], []])
  })

  test('does not take a disconnect for a cancel: it says so', async () => {
    const { server, connection } = await open({ era: '2025' })
    const { frame, sent } = call(connection, 'slow')
    await until(() => server.calls('slow').length === 1, 'the call')
    sent.cancel('enough')
    await until(() => server.cancelled.ids.length > 0, 'the cancel')
    const [notice] = server.received('notifications/cancelled')
    expect(notice?.params).toEqual({ requestId: frame.id, reason: 'enough' })
  })
})

describe('a connection of 2026', () => {
  test('polls where no listen is granted', async () => {
    const { connection, events } = await open({ era: '2026', listen: 'refused' })
    expect([connection.watching('tools'), events.losses]).toEqual([false, []])
  })

  test('whose listen is acknowledged late counts that as a change', async () => {
    const server = await start({ era: '2026' })
    const late = latch()
    server.once('subscriptions/listen', async (_exchange, proceed) => {
      await late.opened
      await proceed()
    })
    const { connection, events } = await connect(server)
    expect([connection.watching('tools'), events.changes]).toEqual([false, 0])
    late.open()
    await until(() => connection.watching('tools'), 'the listen')
    expect(events.changes).toBe(1)
  })

  test.each([
    ['503', (exchange: Exchange) => exchange.empty(503)],
    ['429', (exchange: Exchange) => exchange.empty(429)],
    ['no room', (exchange: Exchange) => exchange.error({ code: RPC.overloaded, message: '' }, 503)],
    [
      'enough of us',
      (exchange: Exchange) => exchange.error({ code: RPC.limited, message: '' }, 200),
    ],
  ])('asks to listen again after an overload: %s', async (_, refuse) => {
    const server = await start({ era: '2026' })
    let refusals = 2
    server.on('subscriptions/listen', (exchange, proceed) => {
      refusals -= 1
      return refusals < 0 ? proceed() : refuse(exchange)
    })
    const { connection, events } = await connect(server)
    await until(() => connection.watching('tools'), 'the listen')
    expect([events.changes, events.losses]).toEqual([1, []])
  })

  test('does not listen to a server that reports nothing', async () => {
    const { server, connection } = await open({ era: '2026', listChanged: false })
    expect(connection.watching('tools')).toBe(false)
    expect(server.received('subscriptions/listen')).toEqual([])
  })

  test.each(['dropStreams', 'endListens'] as const)('listens again after %s', async (end) => {
    const { server, connection, events } = await open({ era: '2026' })
    for (const ends of [1, 2]) {
      server[end]()
      await until(() => !connection.watching('tools'), 'the end of the listen')
      await until(() => connection.watching('tools'), 'the listen')
      expect(events.changes).toBe(ends)
    }
    server.tools.add(plainTool('late'))
    await until(() => events.changes > 2, 'the news')
    expect([events.changes, events.losses, server.violations]).toEqual([3, [], []])
  })

  test('mirrors the name as it must be spelt in a header', async () => {
    const { server, connection } = await open({ era: '2026' })
    server.tools.add(plainTool('größe'))
    expect(await call(connection, 'größe').sink.text()).toBe('größe')
    expect(server.violations).toEqual([])
  })
})

test.each([
  { was: '2025', is: '2026' },
  { was: '2026', is: '2025' },
] as const)(
  'mcp.md row 7: an upstream of $was that comes back as $is is lost, and found out anew',
  async ({ was, is }) => {
    const server = await start({ era: was, getStream: false, listen: 'refused' })
    const connector = httpConnector(server.url)
    cleanups.push(() => connector.close())
    const events = new EventRecorder()
    const before = await connector.connect(events, '')
    await server.restart(is)
    // A call on a socket the restart has cut may have been carried out, for all one can know; the next one is told.
    const refused = await until(async () => {
      const failure = await call(before, 'echo', { message: 'x' }).sink.failure()
      return failure.unsent && failure
    }, 'a refusal')
    expect(refused.fault.code).toBe('upstream_unavailable')
    expect(events.losses).toEqual([refused.fault])
    const after = await connector.connect(new EventRecorder(), '')
    cleanups.push(() => after.close())
    expect(after.era).toBe(is)
    expect(await call(after, 'echo', { message: 'x' }).sink.text()).toBe('x')
  },
)

describe.each(ERAS)('an answer of era %s', (era) => {
  test('keeps its order when it comes in one chunk', async () => {
    const { server, connection } = await open({ era })
    server.on('tools/call', (exchange) => {
      const { id } = exchange.request
      const steps = [1, 2].map((step) =>
        sseEvent({
          jsonrpc: '2.0',
          method: 'notifications/progress',
          params: { progressToken: id, progress: step },
        }),
      )
      exchange.write(steps.join('') + sseEvent(result(id, 'done')))
      exchange.end()
    })
    const { sink } = call(connection, 'x', {}, { progress: true })
    expect(await sink.text()).toBe('done')
    expect(sink.notifications).toHaveLength(2)
    expect(sink.endings).toHaveLength(1)
  })

  test('is taken once, and nothing after it', async () => {
    const { server, connection } = await open({ era })
    server.on('tools/call:x', (exchange) => {
      const { id } = exchange.request
      const params = { progressToken: id, progress: 1 }
      const late = sseEvent({ jsonrpc: '2.0', method: 'notifications/progress', params })
      exchange.write(sseEvent(result(id, 'first')) + late + sseEvent(result(id, 'second')))
      exchange.end()
    })
    const { sink } = call(connection, 'x', {}, { progress: true })
    expect(await sink.text()).toBe('first')
    expect(await call(connection, 'echo', { message: 'after' }).sink.text()).toBe('after')
    expect([sink.endings.length, sink.notifications, sink.late]).toEqual([1, [], []])
  })

  test('ends the call, though the server keeps the stream open', async () => {
    const { server, connection } = await open({ era })
    server.on('tools/call:x', (exchange) => exchange.send(result(exchange.request.id, 'done')))
    const { sink } = call(connection, 'x')
    expect(await sink.text()).toBe('done')
  })

  test('to somebody else is not taken, and the call does not hang on it', async () => {
    const { server, connection } = await open({ era })
    server.on('tools/call:x', (exchange) => exchange.send(result('not yours', 'secret')))
    expect(await call(connection, 'x').sink.failure()).toMatchObject({
      fault: { code: 'upstream_unavailable' },
      unsent: false,
    })
  })

  test.each([
    { what: 'is cut off', body: '{"jsonrpc":"2.0","id":1,"result":{' },
    { what: 'is no object', body: '"done"' },
    { what: 'is empty', body: '' },
    { what: 'has an id of another kind', body: '{"jsonrpc":"2.0","id":{},"result":{}}' },
  ])('that $what fails that call alone', async ({ body }) => {
    const { server, connection, events } = await open({ era })
    server.on('tools/call:x', (exchange) => exchange.raw(body))
    const other = call(connection, 'slow')
    const { fault, unsent } = await call(connection, 'x').sink.failure()
    expect(fault.code).toMatch(/^upstream_(protocol|unavailable)$/)
    expect(unsent).toBe(false)
    server.gate.open()
    expect(await other.sink.text()).toBe('released')
    expect(events.losses).toEqual([])
  })

  test('in an event that is no JSON fails that call alone', async () => {
    const { server, connection, events } = await open({ era })
    server.on('tools/call:x', (exchange) => {
      exchange.write('data: {"jsonrpc":\n\n')
      exchange.end()
    })
    const { fault } = await call(connection, 'x').sink.failure()
    expect(fault.code).toBe('upstream_protocol')
    expect(await call(connection, 'echo', { message: 'on' }).sink.text()).toBe('on')
    expect(events.losses).toEqual([])
  })

  test('that breaks off in the middle is a failure of what was sent', async () => {
    const { server, connection, events } = await open({ era })
    server.on('tools/call:x', (exchange) => {
      exchange.write(': open\n\n')
      exchange.drop()
    })
    const { fault, unsent } = await call(connection, 'x').sink.failure()
    expect([fault.code, unsent]).toEqual(['upstream_unavailable', false])
    expect(events.losses).toEqual([])
  })

  test.each([
    { status: 401, unsent: true },
    { status: 403, unsent: true },
    { status: 413, unsent: true },
    { status: 429, unsent: true },
    { status: 503, unsent: true },
    { status: 500, unsent: false },
    { status: 502, unsent: false },
    { status: 504, unsent: false },
  ])('of $status without JSON-RPC: sent again $unsent', async ({ status, unsent }) => {
    const { server, connection, events } = await open({ era })
    server.on('tools/call:x', (exchange) => {
      exchange.empty(status, { 'www-authenticate': 'Bearer realm="canary"' })
    })
    const failure = await call(connection, 'x').sink.failure()
    expect(failure).toMatchObject({ fault: { data: { status } }, unsent })
    expect(JSON.stringify([failure.fault.message, failure.fault.data])).not.toContain('canary')
    expect(events.losses).toEqual([])
  })
})

test('configured headers go with every request; the name for the operator has no query', async () => {
  const server = await start({ era: '2025' })
  const connector = httpConnector(server.url, { headers: ['authorization', 'Bearer canary'] })
  cleanups.push(() => connector.close())
  const connection = await connector.connect(new EventRecorder(), '')
  await connection.close()
  expect(server.requests.length).toBeGreaterThan(4)
  expect(new Set(server.requests.map(({ headers }) => headers.authorization))).toEqual(
    new Set(['Bearer canary']),
  )
  const named = httpConnector('http://127.0.0.1:1/mcp?key=canary').target
  expect(named).toBe('http://127.0.0.1:1/mcp')
})
