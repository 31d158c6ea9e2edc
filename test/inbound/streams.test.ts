// Event streams: at once, apart from one another, alive while nothing happens, and ended in order.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { callModern, legacySession, streamModern, type RawStream } from '../fixtures/raw-client.ts'
import { plainTool, type FixtureTool } from '../fixtures/fixture-tools.ts'
import { latch, until } from '../fixtures/wait.ts'
import { META, objectAt, type Era, type JsonObject } from '../fixtures/wire.ts'
import { Edge } from './edge.ts'

const gate = latch()

/** Says once that it has begun, then waits for the gate. */
const step: FixtureTool = {
  definition: { name: 'step', inputSchema: { type: 'object' } },
  run: async ({ args, progress }) => {
    progress(1, 2)
    await gate.opened
    progress(2, 2)
    return { content: [{ type: 'text', text: String(args['tag']) }] }
  },
}

/** Logs at every level it is told to. */
const log: FixtureTool = {
  definition: { name: 'log', inputSchema: { type: 'object' } },
  run: ({ args, log: write }) => {
    for (const level of ['debug', 'info', 'warning', 'error']) write(level, args['tag'])
    return { content: [] }
  },
}

const LISTEN = { notifications: { toolsListChanged: true } }

async function rest(stream: RawStream): Promise<JsonObject[]> {
  const messages: JsonObject[] = []
  for (let next = await stream.next(); next !== undefined; next = await stream.next()) {
    messages.push(next)
  }
  return messages
}

describe.each<Era>(['2025', '2026'])('over an upstream of era %s', (era) => {
  let edge: Edge
  beforeAll(async () => {
    edge = await Edge.start({ limits: { keepAlive: '1s' } }, { era, tools: [step, log] })
  })
  beforeEach(() => gate.shut())
  afterEach(() => gate.open())
  afterAll(() => edge.close())

  function call(tag: string, token: string | number): Promise<RawStream> {
    const params = { name: 'fx__step', arguments: { tag } }
    return streamModern(edge.url, 'tools/call', params, { id: tag, progressToken: token })
  }

  it('row 47: progress is there before the answer is, on a stream no proxy holds back', async () => {
    const stream = await call('a', 'p')
    expect(stream.headers['content-type']).toBe('text/event-stream')
    expect(stream.headers['x-accel-buffering']).toBe('no')
    expect(stream.headers['cache-control']).toContain('no-store')
    expect(await stream.next()).toMatchObject({ params: { progressToken: 'p', progress: 1 } })
    expect(gate.isOpen).toBe(false)
    gate.open()
    expect(await rest(stream)).toMatchObject([
      { params: { progressToken: 'p', progress: 2 } },
      { id: 'a', result: { content: [{ text: 'a' }] } },
    ])
  })

  it('row 47: streams of one caller stay apart, tokens of 1 and "1" too', async () => {
    const streams = await Promise.all([call('a', 1), call('b', '1'), call('c', 'c')])
    gate.open()
    const all = await Promise.all(streams.map(rest))
    const tokens = [1, '1', 'c']
    all.forEach((messages, index) => {
      const last = messages.at(-1)
      expect(last).toMatchObject({ id: ['a', 'b', 'c'][index] })
      const progress = messages.slice(0, -1).map((message) => objectAt(message, 'params'))
      expect(progress.map(({ progressToken }) => progressToken)).toEqual([
        tokens[index],
        tokens[index],
      ])
    })
  })

  it('row 47: calls of one session stay apart, ids of 1 and "1" too', async () => {
    const session = await legacySession(edge.url)
    const ask = (id: string | number, tag: string) =>
      session.stream(
        'tools/call',
        { name: 'fx__step', arguments: { tag }, _meta: { progressToken: tag } },
        id,
      )
    const streams = await Promise.all([ask(1, 'number'), ask('1', 'text')])
    gate.open()
    const [number, text] = await Promise.all(streams.map(rest))
    expect(number?.at(-1)).toMatchObject({ id: 1, result: { content: [{ text: 'number' }] } })
    expect(text?.at(-1)).toMatchObject({ id: '1', result: { content: [{ text: 'text' }] } })
  })

  it('row 47: comments keep streams alive while nothing is said', async () => {
    const opening = streamModern(edge.url, 'tools/call', { name: 'fx__step', arguments: {} })
    const listen = await streamModern(edge.url, 'subscriptions/listen', LISTEN)
    const session = await legacySession(edge.url)
    const get = await session.get()
    const heard = [listen, get].map(async (stream) => {
      for (let next = await stream.next(); next !== undefined;) next = await stream.next()
    })
    await until(() => listen.raw.includes('\n:\n\n') && get.raw.includes('\n:\n\n'), 'comments')
    // A call nobody reports on becomes a stream as well once it has taken a while.
    const waiting = await opening
    expect(waiting.headers['content-type']).toBe('text/event-stream')
    gate.open()
    expect(await rest(waiting)).toMatchObject([{ result: {} }])
    expect(waiting.raw).toMatch(/^:\n\n/)
    listen.close()
    get.close()
    await Promise.allSettled(heard)
  })

  it('row 46: nothing is logged unless the request says from which level on', async () => {
    const params = { name: 'fx__log', arguments: { tag: 'x' } }
    const levels = async (meta: JsonObject): Promise<unknown[]> => {
      const { messages } = await callModern(edge.url, 'tools/call', params, { meta })
      return messages
        .filter(({ method }) => method === 'notifications/message')
        .map((message) => objectAt(message, 'params')['level'])
    }
    const asked = (level: unknown) => levels({ [META.logLevel]: level })
    const [none, warning, debug, odd] = await Promise.all([
      levels({}),
      asked('warning'),
      asked('debug'),
      asked('loud'),
    ])
    expect(none).toEqual([])
    expect(warning).toEqual(['warning', 'error'])
    expect(debug).toEqual(['debug', 'info', 'warning', 'error'])
    expect(odd).toEqual([])
  })

  it('row 46: a listen carries no log messages and no progress', async () => {
    const meta = { [META.logLevel]: 'debug' }
    const listen = await streamModern(edge.url, 'subscriptions/listen', LISTEN, { meta, id: 'l' })
    expect(await listen.next()).toMatchObject({
      method: 'notifications/subscriptions/acknowledged',
    })
    await callModern(edge.url, 'tools/call', { name: 'fx__log', arguments: {} }, { meta })
    edge.fixture.tools.add(plainTool('new'))
    expect(await listen.next()).toMatchObject({ method: 'notifications/tools/list_changed' })
    listen.close()
    expect(listen.raw).not.toContain('notifications/message')
    expect(listen.raw).not.toContain('progress')
  })
})

describe('a node that closes', () => {
  it('row 42: answers each listen with a complete result, and ends GET streams', async () => {
    const edge = await Edge.start()
    const listens = await Promise.all(
      [1, '1', 'x'].map((id) => streamModern(edge.url, 'subscriptions/listen', LISTEN, { id })),
    )
    const nothing = { notifications: {} }
    listens.push(await streamModern(edge.url, 'subscriptions/listen', nothing, { id: 'n' }))
    for (const listen of listens) await listen.next()
    const session = await legacySession(edge.url)
    const get = await session.get()
    const closing = edge.close()
    const ends = await Promise.all(listens.map(rest))
    const ids = [1, '1', 'x', 'n']
    ends.forEach((messages, index) => {
      const id = ids[index]
      const result = { resultType: 'complete', _meta: { [META.subscriptionId]: id } }
      expect(messages).toMatchObject([{ id, result }])
    })
    expect(await rest(get)).toEqual([])
    await closing
  })
})

describe('streams that stay open', () => {
  it('are limited in number, listens and GET streams together', async () => {
    const edge = await Edge.start({ limits: { streams: 2 } })
    const session = await legacySession(edge.url)
    const get = await session.get()
    const listen = await streamModern(edge.url, 'subscriptions/listen', LISTEN)
    const refused = await callModern(edge.url, 'subscriptions/listen', LISTEN)
    expect(refused.error.code).toBe(-31_006)
    const another = await legacySession(edge.url)
    const full = await another.get()
    expect(full.status).toBe(503)
    // A stream that takes the place of the session's own is not one more.
    const instead = await session.get()
    expect(instead.status).toBe(200)
    expect(await rest(get)).toEqual([])
    listen.close()
    await until(async () => {
      const next = await streamModern(edge.url, 'subscriptions/listen', LISTEN)
      const first = await next.next()
      next.close()
      return first?.['method'] === 'notifications/subscriptions/acknowledged'
    }, 'there is room again')
    const last = await streamModern(edge.url, 'subscriptions/listen', LISTEN)
    expect(await last.next()).toMatchObject({
      method: 'notifications/subscriptions/acknowledged',
    })
    instead.close()
    await until(async () => {
      const next = await another.get()
      next.close()
      return next.status === 200
    }, 'there is room for a GET stream again')
    last.close()
    await edge.close()
  })
})
