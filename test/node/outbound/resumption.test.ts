// Streams of 2025 servers that break off, or end before the answer, and are resumed.
import { afterEach, describe, expect, test } from 'vitest'
import type { Connection } from '../../../node/outbound/connection.ts'
import { httpConnector } from '../../contract/http-upstream.ts'
import { call, EventRecorder } from '../../contract/recorder.ts'
import type { Exchange, RecordedRequest } from '../../fixtures/fixture-exchange.ts'
import { FixtureServer, type FixtureOptions } from '../../fixtures/fixture-server.ts'
import { until } from '../../fixtures/wait.ts'
import type { Id, JsonObject } from '../../fixtures/wire.ts'

/** The shortest pause there is, ms. */
const RETRY_MS = 100
const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
})

interface Bench {
  readonly server: FixtureServer
  readonly connection: Connection
  readonly events: EventRecorder
}

async function open(options: FixtureOptions = { era: '2025' }): Promise<Bench> {
  const server = await FixtureServer.start(options)
  cleanups.push(() => server.close())
  const connector = httpConnector(server.url)
  cleanups.push(() => connector.close())
  const events = new EventRecorder()
  const connection = await connector.connect(events, '')
  cleanups.push(() => connection.close())
  return { server, connection, events }
}

/** Writes an event; without a message it only says where the stream stands. */
function write(exchange: Exchange, id: string, message?: JsonObject): void {
  const data = message === undefined ? '' : JSON.stringify({ jsonrpc: '2.0', ...message })
  exchange.write(`id: ${id}\nretry: ${RETRY_MS}\ndata: ${data}\n\n`)
}

function progress(token: Id | undefined, step: number): JsonObject {
  return { method: 'notifications/progress', params: { progressToken: token, progress: step } }
}

function result(id: Id | undefined, text: string): JsonObject {
  return { id, result: { content: [{ type: 'text', text }] } }
}

function updated(uri: string): JsonObject {
  return { method: 'notifications/resources/updated', params: { uri } }
}

/** Ends or breaks a stream off, when what was written to it is out. */
function cut(exchange: Exchange, how: 'drop' | 'end' = 'drop'): void {
  setImmediate(() => exchange[how]())
}

/** Lets every call of `x` get one event, and break off or end. */
function breakOff(server: FixtureServer, how: 'drop' | 'end' = 'drop'): void {
  server.on('tools/call:x', (exchange) => {
    write(exchange, `${exchange.request.id}-0`)
    cut(exchange, how)
  })
}

/** Answers those who come back to a stream; other GETs as ever. */
function onReturn(server: FixtureServer, handler: (exchange: Exchange, id: Id) => void): void {
  server.on('GET', (exchange, proceed) => {
    const from = lastEventId(exchange.request)
    if (from === undefined) return proceed()
    return handler(exchange, Number(from.split('-')[0]))
  })
}

function lastEventId({ headers }: RecordedRequest): string | undefined {
  const value = headers['last-event-id']
  return typeof value === 'string' ? value : undefined
}

/** `Last-Event-ID` of all who came back. */
function returns(server: FixtureServer): string[] {
  return server.received('GET').flatMap((request) => lastEventId(request) ?? [])
}

describe('a stream of a call', () => {
  test('that breaks off goes on where it stood, and nothing comes twice', async () => {
    const { server, connection, events } = await open()
    server.on('tools/call:x', (exchange) => {
      const { id } = exchange.request
      for (const step of [1, 2]) write(exchange, `${id}-${step}`, progress(id, step))
      cut(exchange)
    })
    onReturn(server, (exchange, id) => {
      for (const step of [1, 2, 3]) write(exchange, `${id}-${step}`, progress(id, step))
      write(exchange, `${id}-4`, result(id, 'resumed'))
      exchange.end()
    })
    const { sink, frame } = call(connection, 'x', {}, { progress: true })
    expect(await sink.text()).toBe('resumed')
    const steps = sink.notifications.map(({ params }) => (params as JsonObject)['progress'])
    expect([steps, sink.endings.length]).toEqual([[1, 2, 3], 1])
    expect(returns(server)).toEqual([`${frame.id}-2`])
    expect([server.violations, events.losses]).toEqual([[], []])
    expect(server.calls('x')).toHaveLength(1)
  })

  test('that the server ends lets it be polled, as often as it likes', async () => {
    const { server, connection } = await open()
    breakOff(server, 'end')
    let polls = 0
    onReturn(server, (exchange, id) => {
      polls += 1
      if (polls > 4) write(exchange, `${id}-done`, result(id, 'polled'))
      else exchange.write(`retry: ${RETRY_MS}\n\n`)
      exchange.end()
    })
    const { sink, frame } = call(connection, 'x')
    expect(await sink.text()).toBe('polled')
    expect(returns(server)).toEqual(Array.from({ length: 5 }, () => `${frame.id}-0`))
  })

  test('is left alone for as long as the server wants', async () => {
    const { server, connection } = await open()
    let [ended, returned] = [0, 0]
    server.on('tools/call:x', (exchange) => {
      exchange.write(`id: ${exchange.request.id}-0\nretry: 400\ndata:\n\n`)
      ended = performance.now()
      exchange.end()
    })
    onReturn(server, (exchange, id) => {
      returned = performance.now()
      exchange.send({ jsonrpc: '2.0', ...result(id, 'patient') })
    })
    expect(await call(connection, 'x').sink.text()).toBe('patient')
    expect(returned - ended).toBeGreaterThan(390)
  })

  test('keeps apart from those of other calls', async () => {
    const { server, connection } = await open()
    breakOff(server)
    onReturn(server, (exchange, id) => {
      write(exchange, `${id}-1`, result(id, `answer to ${id}`))
      exchange.end()
    })
    const calls = [1, 2, 3].map(() => call(connection, 'x'))
    for (const { frame, sink } of calls) expect(await sink.text()).toBe(`answer to ${frame.id}`)
    expect(returns(server).toSorted()).toEqual(calls.map(({ frame }) => `${frame.id}-0`).toSorted())
  })

  test('without ids is not resumed', async () => {
    const { server, connection } = await open()
    server.on('tools/call:x', (exchange) => {
      exchange.write(`retry: ${RETRY_MS}\ndata:\n\n`)
      exchange.end()
    })
    const failure = await call(connection, 'x').sink.failure()
    expect(failure).toMatchObject({ fault: { code: 'upstream_unavailable' }, unsent: false })
    expect(returns(server)).toEqual([])
  })

  test('with something on it that is no message is not resumed', async () => {
    const { server, connection } = await open()
    server.on('tools/call:x', (exchange) => {
      exchange.write('id: 1-0\ndata:\n\nid: 1-1\ndata: {"jsonrpc":\n\n')
      exchange.end()
    })
    const { fault } = await call(connection, 'x').sink.failure()
    expect([fault.code, returns(server)]).toEqual(['upstream_protocol', []])
  })

  test('is not resumed for a call that was cancelled', async () => {
    const { server, connection } = await open()
    breakOff(server)
    onReturn(server, (exchange, id) => {
      write(exchange, `${id}-1`, result(id, 'done'))
      exchange.end()
    })
    const given = call(connection, 'x')
    await until(() => server.calls('x').length === 1, 'the call')
    given.sent.cancel('enough')
    // Its time would come before that of a later call.
    const later = call(connection, 'x')
    expect(await later.sink.text()).toBe('done')
    expect(returns(server)).toEqual([`${later.frame.id}-0`])
    expect([given.sink.endings, server.cancelled.ids]).toEqual([[], [given.frame.id]])
  })

  test.each([405, 400])('that cannot be resumed (%s) fails its call alone', async (status) => {
    const { server, connection, events } = await open()
    breakOff(server)
    onReturn(server, (exchange) => exchange.error({ code: -32_000, message: 'no' }, status))
    const failure = await call(connection, 'x').sink.failure()
    expect(failure).toMatchObject({ fault: { code: 'upstream_unavailable' }, unsent: false })
    expect(failure.fault.message).toContain('cannot be resumed')
    expect([returns(server).length, events.losses]).toEqual([1, []])
  })

  test('fails with a session that is gone, which is lost', async () => {
    const { server, connection, events } = await open()
    breakOff(server)
    onReturn(server, (exchange) => exchange.empty(404))
    const failure = await call(connection, 'x').sink.failure()
    expect(failure).toMatchObject({ fault: { code: 'upstream_unavailable' }, unsent: false })
    expect(events.losses.map(({ message }) => message)).toEqual(['the upstream ended the session'])
  })

  test.each([503, 409])('is tried again where it may be resumed later (%s)', async (status) => {
    const { server, connection } = await open()
    breakOff(server)
    let refusals = 2
    onReturn(server, (exchange, id) => {
      refusals -= 1
      if (refusals >= 0) exchange.empty(status)
      else exchange.send({ jsonrpc: '2.0', ...result(id, 'at last') })
    })
    expect(await call(connection, 'x').sink.text()).toBe('at last')
  })

  test('is given up when nobody lets it go on', async () => {
    const { server, connection, events } = await open()
    breakOff(server)
    onReturn(server, (exchange) => exchange.drop())
    const failure = await call(connection, 'x').sink.failure()
    expect(failure).toMatchObject({ fault: { code: 'upstream_unavailable' }, unsent: false })
    expect([returns(server).length, events.losses]).toEqual([3, []])
  })

  test('is given up at once when the connection is closed', async () => {
    const { server, connection } = await open()
    server.on('tools/call:x', (exchange) => {
      exchange.write(`id: 1-0\nretry: 30000\ndata:\n\n`)
      exchange.end()
    })
    const { sink } = call(connection, 'x')
    await until(() => server.calls('x').length === 1, 'the call')
    expect(await call(connection, 'echo', { message: 'on' }).sink.text()).toBe('on')
    await connection.close()
    expect(await sink.failure()).toMatchObject({ fault: { code: 'upstream_unavailable' } })
    expect(returns(server)).toEqual([])
  })

  test('is given up at once when the upstream dies', async () => {
    const { server, connection, events } = await open()
    server.on('tools/call:x', (exchange) => {
      exchange.write(`id: 1-0\nretry: 30000\ndata:\n\n`)
      exchange.end()
    })
    const { sink } = call(connection, 'x')
    expect(await call(connection, 'echo', { message: 'on' }).sink.text()).toBe('on')
    await server.close()
    expect(await sink.failure()).toMatchObject({ unsent: false })
    await until(() => events.losses.length > 0, 'the loss')
  })

  test('is not resumed in era 2026, whatever ids it has', async () => {
    const { server, connection } = await open({ era: '2026' })
    breakOff(server)
    expect(await call(connection, 'x').sink.failure()).toMatchObject({ unsent: false })
    expect(server.received('GET')).toEqual([])
  })
})

describe('a question on the stream of a call', () => {
  test('goes to that call, and its answer to the server', async () => {
    const { server, connection, events } = await open()
    const said = new Promise((resolve) => {
      server.on('answer', (exchange) => {
        resolve(exchange.request.message)
        exchange.empty(202)
      })
    })
    server.on('tools/call:x', async (exchange) => {
      exchange.send({ jsonrpc: '2.0', id: 7, method: 'elicitation/create', params: {} })
      const cancelled = { method: 'notifications/cancelled', params: { requestId: 8 } }
      exchange.send({ jsonrpc: '2.0', ...cancelled })
      await said
      exchange.send({ jsonrpc: '2.0', ...result(exchange.request.id, 'thanks') })
    })
    const { sink } = call(connection, 'x')
    const question = await until(() => sink.questions[0], 'the question')
    expect(question.message).toMatchObject({ id: 7, method: 'elicitation/create' })
    question.respond(Buffer.from('{"jsonrpc":"2.0","id":7,"result":{"action":"accept"}}'))
    expect(await said).toEqual({ jsonrpc: '2.0', id: 7, result: { action: 'accept' } })
    expect(await sink.text()).toBe('thanks')
    expect(sink.notifications).toMatchObject([{ method: 'notifications/cancelled' }])
    expect([sink.questions.length, events.questions]).toEqual([1, []])
  })

  test('comes once, though the stream is resumed', async () => {
    const { server, connection } = await open()
    const question = { id: 7, method: 'roots/list' }
    server.on('answer', (exchange) => exchange.empty(202))
    server.on('tools/call:x', (exchange) => {
      write(exchange, `${exchange.request.id}-1`, question)
      cut(exchange)
    })
    onReturn(server, (exchange, id) => {
      write(exchange, `${id}-1`, question)
      write(exchange, `${id}-2`, result(id, 'done'))
      exchange.end()
    })
    const { sink } = call(connection, 'x')
    expect(await sink.text()).toBe('done')
    expect(sink.questions).toHaveLength(1)
  })

  test('is refused where the call is the node’s own', async () => {
    const { server, connection } = await open()
    const said: unknown[] = []
    server.on('answer', (exchange) => {
      said.push(exchange.request.message)
      exchange.empty(202)
    })
    server.on('logging/setLevel', async (exchange) => {
      exchange.send({ jsonrpc: '2.0', id: 7, method: 'sampling/createMessage', params: {} })
      await until(() => said.length > 0, 'the refusal')
      exchange.result({})
    })
    await connection.wantLogs('debug')
    expect(said).toMatchObject([{ id: 7, error: { code: -32_601 } }])
  })
})

test('the event stream of a session is resumed when the server wants it, and what is replayed comes once', async () => {
  const { server, connection, events } = await open()
  let [ended, returned] = [0, 0]
  server.on('GET', (exchange) => {
    if (lastEventId(exchange.request) === undefined) {
      write(exchange, 'get-1', updated('test://1'))
      exchange.write('retry: 600\n\n')
      ended = performance.now()
      return cut(exchange, 'end')
    }
    returned = performance.now()
    return ['1', '2'].forEach((id) => write(exchange, `get-${id}`, updated(`test://${id}`)))
  })
  server.dropStreams()
  await until(() => events.uris.length > 1, 'the second event')
  expect(events.uris).toEqual(['test://1', 'test://2'])
  expect(returned - ended).toBeGreaterThan(590)
  expect([returns(server), connection.watching('tools')]).toEqual([['get-1'], true])
  // What a server cannot replay counts as a change, each time.
  expect(events.changes).toBe(2)
})
