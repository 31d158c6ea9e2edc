// Subscriptions of callers: who is told of what, and when what was held for them is let go.
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  callModern,
  legacySession,
  streamModern,
  type LegacySession,
  type RawStream,
} from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import { META, objectAt, type Era, type JsonObject } from '../fixtures/wire.ts'
import { Edge } from './edge.ts'

const HERE = 'test://static/1'
const UPDATED = 'notifications/resources/updated'
const LIMITS = { keepAlive: '1s', sessionIdle: '1s', subscriptions: 2, uriBytes: 256 }

/** The next message on a stream that speaks of a resource. */
async function nextUpdate(stream: RawStream): Promise<JsonObject> {
  for (;;) {
    const message = await stream.next()
    if (message === undefined) throw new Error('the stream ended')
    if (message['method'] === UPDATED) return objectAt(message, 'params')
  }
}

describe.each<Era>(['2025', '2026'])('over an upstream of era %s', (era) => {
  let edge: Edge
  const uris = new Map<unknown, string>()
  const streams: RawStream[] = []
  const sessions: LegacySession[] = []

  beforeAll(async () => {
    edge = await Edge.start({ limits: LIMITS }, { era })
    const { result } = await callModern(edge.url, 'resources/list')
    for (const { name, uri } of result['resources'] as JsonObject[]) uris.set(name, String(uri))
  })
  afterEach(async () => {
    for (const stream of streams.splice(0)) stream.close()
    for (const session of sessions.splice(0)) await session.delete()
    await until(() => edge.fixture.watchers(HERE) === 0, 'that nothing is subscribed upstream')
  })
  afterAll(() => edge.close())

  /** The URI of a resource of the fixture, called by its name, as the node shows it. */
  function shown(name: string): string {
    const uri = uris.get(name)
    if (uri === undefined) throw new Error(`there is no ${name}`)
    return uri
  }

  async function open(): Promise<LegacySession> {
    const session = await legacySession(edge.url)
    sessions.push(session)
    return session
  }

  async function opened(stream: Promise<RawStream>): Promise<RawStream> {
    const found = await stream
    streams.push(found)
    return found
  }

  it('a session hears of its resource on its own stream, and no more once it has unsubscribed', async () => {
    const session = await open()
    const stream = await opened(session.get())
    for (const name of ['static 1', 'static 2']) {
      expect((await session.call('resources/subscribe', { uri: shown(name) })).result).toEqual({})
    }
    edge.fixture.touch(HERE)
    expect(await nextUpdate(stream)).toEqual({ uri: shown('static 1') })
    await session.call('resources/unsubscribe', { uri: shown('static 1') })
    await until(() => edge.fixture.watchers(HERE) === 0, 'that it is unsubscribed upstream')
    edge.fixture.touch(HERE)
    edge.fixture.touch('test://static/2')
    expect(await nextUpdate(stream)).toEqual({ uri: shown('static 2') })
  })

  it('row 41: sessions and listens share what is subscribed upstream', async () => {
    const session = await open()
    const get = await opened(session.get())
    const listen = await opened(
      streamModern(
        edge.url,
        'subscriptions/listen',
        { notifications: { resourceSubscriptions: [shown('static 1')] } },
        { id: 'L' },
      ),
    )
    expect(await listen.next()).toMatchObject({
      method: 'notifications/subscriptions/acknowledged',
      params: {
        notifications: { resourceSubscriptions: [shown('static 1')] },
        _meta: { [META.subscriptionId]: 'L' },
      },
    })
    await session.call('resources/subscribe', { uri: shown('static 1') })
    expect(edge.fixture.watchers(HERE)).toBe(1)
    edge.fixture.touch(HERE)
    expect(await nextUpdate(get)).toEqual({ uri: shown('static 1') })
    expect(await nextUpdate(listen)).toEqual({
      uri: shown('static 1'),
      _meta: { [META.subscriptionId]: 'L' },
    })
    listen.close()
    await session.call('resources/unsubscribe', { uri: shown('static 1') })
    await until(() => edge.fixture.watchers(HERE) === 0, 'that the last has let go')
  })

  it('row 38: what is unknown is not granted, and nothing goes upstream', async () => {
    edge.mark()
    const wanted = { resourceSubscriptions: ['test://no/such', 'nonsense'] }
    const listen = await opened(
      streamModern(edge.url, 'subscriptions/listen', { notifications: wanted }),
    )
    expect(await listen.next()).toMatchObject({
      params: { notifications: { resourceSubscriptions: [] } },
    })
    const session = await open()
    const { error } = await session.call('resources/subscribe', { uri: 'nonsense' })
    expect(error).toMatchObject({ code: -32_602 })
    expect(edge.upstreamTraffic).toEqual([])
  })

  it('a session has limits.subscriptions of them at most', async () => {
    const session = await open()
    for (const name of ['static 1', 'static 2'])
      await session.call('resources/subscribe', { uri: shown(name) })
    edge.mark()
    const { error } = await session.call('resources/subscribe', { uri: shown('pixel') })
    expect(error).toMatchObject({ code: -32_602 })
    expect(edge.upstreamTraffic).toEqual([])
  })

  it('what a session is subscribed to ends with it', async () => {
    const session = await open()
    await session.call('resources/subscribe', { uri: shown('static 1') })
    expect(edge.fixture.watchers(HERE)).toBe(1)
    await session.delete()
    await until(() => edge.fixture.watchers(HERE) === 0, 'that it is unsubscribed upstream')
  })

  it('what a session is subscribed to ends once its stream has been gone for limits.sessionIdle', async () => {
    const [listening, deaf] = [await open(), await open()]
    const stream = await opened(listening.get())
    await listening.call('resources/subscribe', { uri: shown('static 1') })
    await deaf.call('resources/subscribe', { uri: shown('static 2') })
    await until(() => edge.fixture.watchers('test://static/2') === 0, 'that the deaf one is let go')
    edge.fixture.touch(HERE)
    expect(await nextUpdate(stream)).toEqual({ uri: shown('static 1') })
  })

  it.each([
    ['resources/subscribe', { uri: 5 }],
    ['resources/subscribe', {}],
    ['resources/subscribe', { uri: `test://${'x'.repeat(300)}` }],
    ['resources/unsubscribe', { uri: null }],
    ['logging/setLevel', { level: 'loud' }],
  ])('%s with %j is refused, and nothing goes upstream', async (method, params) => {
    const session = await open()
    edge.mark()
    const { error } = await session.call(method, params)
    expect(error).toMatchObject({ code: -32_602 })
    expect(edge.upstreamTraffic).toEqual([])
  })
})
