// What every connection to an upstream promises, whatever its transport and era.
import { afterEach, describe, expect, test } from 'vitest'
import type { Connection, Connector } from '../../node/outbound/connection.ts'
import { until } from '../fixtures/wait.ts'
import type { Era, Id } from '../fixtures/wire.ts'
import { call, EventRecorder } from './recorder.ts'

/** The largest message taken by the connectors under contract, bytes. */
export const CONTRACT_BODY_BYTES = 3_000_000

/** One upstream with the fixture's tools behind it, and its side of the story. */
export interface Upstream {
  /** Era `auto`; takes messages up to `CONTRACT_BODY_BYTES`. */
  readonly connector: Connector
  /** Ids of the calls of `slow` that arrived. */
  slowCalls(): Id[]
  /** Ids of the requests it was told to give up. */
  cancelled(): Id[]
  /** Lets calls of `slow` end. */
  release(connection: Connection): unknown
  changeTools(connection: Connection): unknown
  /** Ends without a word. */
  die(connection: Connection): unknown
  /** Gives a way to ask whether it keeps anything for this connection any more. */
  holding(connection: Connection): Promise<() => boolean>
  /** What the other side did wrong, in words. */
  violations(connection: Connection): Promise<string[]>
  close(): Promise<void>
}

/** A kind of upstream. */
export interface UpstreamKind {
  readonly era: Era
  readonly revision: string
  make(): Promise<Upstream>
  /** A connector to what does not exist. */
  makeAbsent(): Connector
  /** Whether a connection can go on after an answer beyond the limit: a pipe has lost its place in the stream. */
  readonly survivesHuge: boolean
  /** Whether the other end is a node, which says so. */
  readonly isNode?: boolean
}

/** Runs the contract over one kind of upstream. */
export function connectionContract(name: string, kind: UpstreamKind): void {
  describe(`connection over ${name}`, () => {
    const cleanups: (() => Promise<unknown>)[] = []

    afterEach(async () => {
      for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
    })

    async function open(): Promise<{
      upstream: Upstream
      connection: Connection
      events: EventRecorder
    }> {
      const upstream = await kind.make()
      cleanups.push(() => upstream.close())
      const events = new EventRecorder()
      const connection = await upstream.connector.connect(events, '')
      cleanups.push(() => connection.close())
      return { upstream, connection, events }
    }

    test('finds out the era and who it talks to', async () => {
      const { upstream, connection } = await open()
      expect(connection).toMatchObject({
        era: kind.era,
        revision: kind.revision,
        stateless: kind.era === '2026',
      })
      expect(connection.watching('tools')).toBe(true)
      expect(connection.server).toMatchObject({
        name: 'fixture',
        capabilities: { tools: { listChanged: true }, logging: {} },
      })
      expect(connection.server.federation?.name).toBe(kind.isNode === true ? 'fixture' : undefined)
      expect(await upstream.violations(connection)).toEqual([])
    })

    test('brings the answer of a call, once', async () => {
      const { upstream, connection } = await open()
      const { frame, sink } = call(connection, 'echo', { message: 'grüße ☃' })
      expect(await sink.answer()).toMatchObject({
        id: frame.id,
        result: { content: [{ type: 'text', text: 'grüße ☃' }] },
      })
      expect(await upstream.violations(connection)).toEqual([])
      expect(sink.endings).toHaveLength(1)
    })

    test('keeps concurrent calls apart', async () => {
      const { connection } = await open()
      const calls = Array.from({ length: 40 }, (_, index) => ({
        message: `message ${index} ${'x'.repeat(index * 400)}`,
        ...call(connection, 'echo', {
          message: `message ${index} ${'x'.repeat(index * 400)}`,
        }),
      }))
      for (const { message, sink } of calls) expect(await sink.text()).toBe(message)
    })

    test('hands progress over in order, to its own call, before the response', async () => {
      const { connection } = await open()
      const calls = [5, 2, 3].map((steps) => ({
        steps,
        ...call(connection, 'progress', { steps }, { progress: true }),
      }))
      for (const { steps, frame, sink } of calls) {
        expect(await sink.text()).toBe(`${steps} steps`)
        expect(sink.late).toEqual([])
        const heard = sink.notifications.map(({ method, params }) => ({ method, params }))
        expect(heard).toEqual(
          Array.from({ length: steps }, (_, index) => ({
            method: 'notifications/progress',
            params: { progressToken: frame.id, progress: index + 1, total: steps },
          })),
        )
      }
    })

    test('loses nothing and keeps the order for a caller that is slow', async () => {
      const { connection } = await open()
      const { sink, sent } = call(connection, 'progress', { steps: 6 }, { progress: true })
      sink.isFull = true
      await until(() => sink.notifications.length > 0, 'the first notification')
      // A pipe is shared: others go on while one caller is slow.
      expect(await call(connection, 'echo', { message: 'meanwhile' }).sink.text()).toBe('meanwhile')
      await until(() => {
        sent.resume()
        return sink.endings.length > 0
      }, 'the response')
      expect(sink.notifications).toHaveLength(6)
      expect(await sink.text()).toBe('6 steps')
    })

    test('keeps an error as it is', async () => {
      const { connection } = await open()
      const error = { code: -32_077, message: 'as it is', data: { deep: [1, null, 'ü'] } }
      const { sink } = call(connection, 'error', error)
      expect(await sink.answer()).toMatchObject({ error })
    })

    test('takes a large request that is spread over lines', async () => {
      const { upstream, connection } = await open()
      const message = 'line\nend\r\n'.repeat(100_000)
      const { sink } = call(connection, 'echo', { message }, { indent: 2 })
      expect(await sink.text()).toBe(message)
      expect(await upstream.violations(connection)).toEqual([])
    })

    test('cancels exactly the one request', async () => {
      const { upstream, connection, events } = await open()
      const [first, second, third] = [1, 2, 3].map(() => call(connection, 'slow'))
      if (!first || !second || !third) throw new Error('unreachable')
      await until(() => upstream.slowCalls().length === 3, 'the calls to arrive')
      second.sent.cancel('not needed')
      second.sent.cancel('said twice')
      await until(() => upstream.cancelled().length > 0, 'the cancel')
      await upstream.release(connection)
      expect(await first.sink.text()).toBe('released')
      expect(await third.sink.text()).toBe('released')
      // Too late to mean anything, so it must not be sent.
      first.sent.cancel('too late')
      expect(await call(connection, 'echo', { message: 'on' }).sink.text()).toBe('on')
      expect(upstream.cancelled()).toEqual([second.frame.id])
      expect([second.sink.endings, second.sink.notifications]).toEqual([[], []])
      expect(events.losses).toEqual([])
      expect(await upstream.violations(connection)).toEqual([])
    })

    test('fails what is in flight once when the upstream dies, and says that it is lost once', async () => {
      const { upstream, connection, events } = await open()
      const calls = [1, 2, 3].map(() => call(connection, 'slow'))
      await until(() => upstream.slowCalls().length === 3, 'the calls to arrive')
      await upstream.die(connection)
      for (const { sink } of calls) {
        const { fault, unsent } = await sink.failure()
        expect([fault.code, unsent]).toEqual(['upstream_unavailable', false])
      }
      await until(() => events.losses.length > 0, 'the loss')
      const after = await call(connection, 'echo', { message: 'x' }).sink.failure()
      expect([after.fault.code, after.unsent]).toEqual(['upstream_unavailable', true])
      expect(calls.map(({ sink }) => sink.endings.length)).toEqual([1, 1, 1])
      expect(events.losses.map(({ code }) => code)).toEqual(['upstream_unavailable'])
      expect(connection.watching('tools')).toBe(false)
    })

    test('never calls back before send has returned', async () => {
      const { upstream, connection, events } = await open()
      await upstream.die(connection)
      await until(() => events.losses.length > 0, 'the loss')
      const { sink } = call(connection, 'echo', { message: 'x' })
      expect(sink.endings).toEqual([])
      await sink.failure()
    })

    test('frees the upstream on close, and is not lost by that', async () => {
      const { upstream, connection, events } = await open()
      const isHeld = await upstream.holding(connection)
      expect(isHeld()).toBe(true)
      await Promise.all([connection.close(), connection.close()])
      await until(() => !isHeld(), 'the upstream to be free')
      expect(connection.watching('tools')).toBe(false)
      expect(events.losses).toEqual([])
    })

    test('hears that the tools changed', async () => {
      const { upstream, connection, events } = await open()
      expect(events.changes).toBe(0)
      await upstream.changeTools(connection)
      await until(() => events.changes > 0, 'the news')
      expect(events.changes).toBe(1)
    })

    test('refuses an answer beyond the limit', async () => {
      const { connection, events } = await open()
      const bytes = CONTRACT_BODY_BYTES + 1
      const { fault, unsent } = await call(connection, 'big', { bytes }).sink.failure()
      expect([fault.code, unsent]).toEqual(['upstream_protocol', false])
      expect(fault.message).toContain(`${CONTRACT_BODY_BYTES}`)
      const next = call(connection, 'echo', { message: 'on' }).sink
      await next.ended
      expect(next.endings.map((ending) => 'response' in ending)).toEqual([kind.survivesHuge])
      expect(events.losses).toHaveLength(kind.survivesHuge ? 0 : 1)
    })

    test('takes an answer just below the limit', async () => {
      const { connection } = await open()
      const bytes = CONTRACT_BODY_BYTES - 1_000
      expect(await call(connection, 'big', { bytes }).sink.text()).toHaveLength(bytes)
    })

    test('does not connect to what is not there', async () => {
      const connector = kind.makeAbsent()
      const events = new EventRecorder()
      await expect(connector.connect(events, '')).rejects.toMatchObject({
        code: 'upstream_unavailable',
      })
      await connector.close()
      expect(events.losses).toEqual([])
    })
  })
}
