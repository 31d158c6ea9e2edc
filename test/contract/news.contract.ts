// What every connection promises of changes, logs, and what an upstream says unasked, whatever its transport and era.
import { afterEach, describe, expect, test } from 'vitest'
import type { ListKind } from '../../protocol/capability.ts'
import type { Connection, Connector } from '../../node/outbound/connection.ts'
import { until } from '../fixtures/wait.ts'
import type { Era, JsonObject } from '../fixtures/wire.ts'
import { EventRecorder } from './recorder.ts'
import { DECLARED, SECRET, type ReportState } from './reports.ts'

/** An upstream that tells of changes, and its side of the story. */
export interface NewsUpstream {
  /** Era `auto`. */
  readonly connector: Pick<Connector, 'connect' | 'close'>
  state(connection: Connection): Promise<ReportState>
  /** Tells all who asked to be told, in the way of its era. */
  emit(connection: Connection, method: string, params: JsonObject): unknown
  /** Sends a message that belongs to no request. */
  say(connection: Connection, message: JsonObject): unknown
  /** What it was answered. */
  answers(connection: Connection): Promise<JsonObject[]>
  /** Ends the way by which it tells, and leaves the upstream alone. */
  interrupt(connection: Connection): unknown
  close(): Promise<void>
}

/** A kind of upstream. */
export interface NewsKind {
  readonly era: Era
  /** Whether the way by which it tells can end while the connection lives: the pipe of a 2025 process cannot. */
  readonly drops: boolean
  readonly make: (capabilities: JsonObject) => Promise<NewsUpstream>
}

const KINDS = ['tools', 'prompts', 'resources'] as const

/** Runs the contract over one kind of upstream. */
export function newsContract(name: string, { era, drops, make }: NewsKind): void {
  describe(`news over ${name}`, () => {
    const cleanups: (() => Promise<unknown>)[] = []

    afterEach(async () => {
      for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
    })

    async function open(capabilities: JsonObject = DECLARED): Promise<{
      upstream: NewsUpstream
      connection: Connection
      events: EventRecorder
    }> {
      const upstream = await make(capabilities)
      cleanups.push(() => upstream.close())
      const events = new EventRecorder()
      const connection = await upstream.connector.connect(events, '')
      cleanups.push(() => connection.close())
      return { upstream, connection, events }
    }

    function watched(connection: Connection): ListKind[] {
      return KINDS.filter((of) => connection.watching(of))
    }

    test.each(KINDS)('reports changes of %s alone', async (of) => {
      const { upstream, connection, events } = await open()
      expect(watched(connection)).toEqual([...KINDS])
      await upstream.emit(connection, `notifications/${of}/list_changed`, {})
      await until(() => events.changed.length > 0, 'the news')
      expect([events.changed, events.notifications]).toEqual([[of], []])
    })

    test('does not watch what the upstream does not announce', async () => {
      const { connection } = await open({ tools: {}, prompts: { listChanged: true } })
      expect(watched(connection)).toEqual(['prompts'])
    })

    test('hears of a subscribed resource until it is not wanted any more', async () => {
      const { upstream, connection, events } = await open()
      const granted = await Promise.all(
        ['test://a', 'test://b', 'test://a'].map((uri) => connection.subscribe(uri)),
      )
      expect(granted).toEqual([true, true, true])
      expect(await connection.subscribe('test://a')).toBe(true)
      const { asked, subscribed } = await upstream.state(connection)
      expect(subscribed).toEqual(['test://a', 'test://b'])
      // Once for each, however often it is wanted.
      expect(asked.filter((word) => word.includes('test://a'))).toHaveLength(1)
      await upstream.emit(connection, 'notifications/resources/updated', { uri: 'test://a' })
      await until(() => events.uris.length > 0, 'the news')
      expect(events.uris).toEqual(['test://a'])
      connection.unsubscribe('test://a')
      await until(
        async () => (await upstream.state(connection)).subscribed.length === 1,
        'the end of one',
      )
      expect((await upstream.state(connection)).subscribed).toEqual(['test://b'])
      expect(events.changed).toEqual([])
    })

    test('says honestly what is not granted, and loses nothing else by it', async () => {
      const { upstream, connection } = await open()
      expect(await connection.subscribe('test://a')).toBe(true)
      const [refused, granted] = [SECRET, 'test://b'].map((uri) => connection.subscribe(uri))
      expect([await refused, await granted]).toEqual([false, true])
      expect((await upstream.state(connection)).subscribed).toEqual(['test://a', 'test://b'])
      expect(watched(connection)).toEqual([...KINDS])
    })

    test('takes a resource again that was let go, in whatever order', async () => {
      const { upstream, connection } = await open()
      const first = connection.subscribe('test://a')
      connection.unsubscribe('test://a')
      const second = connection.subscribe('test://a')
      await first
      expect(await second).toBe(true)
      connection.unsubscribe('test://a')
      expect(await connection.subscribe('test://a')).toBe(true)
      expect((await upstream.state(connection)).subscribed).toEqual(['test://a'])
    })

    test('asks nothing of an upstream that takes no subscriptions', async () => {
      const { upstream, connection } = await open({ resources: { listChanged: true } })
      const { asked: before } = await upstream.state(connection)
      expect(await connection.subscribe('test://a')).toBe(false)
      connection.unsubscribe('test://a')
      expect((await upstream.state(connection)).asked).toEqual(before)
    })

    test('subscribes where no list changes are announced', async () => {
      const { upstream, connection, events } = await open({ resources: { subscribe: true } })
      expect(await connection.subscribe('test://a')).toBe(true)
      await upstream.emit(connection, 'notifications/resources/updated', { uri: 'test://a' })
      await until(() => events.uris.length > 0, 'the news')
      expect(watched(connection)).toEqual([])
    })

    test('grants nothing once it is closed', async () => {
      const { connection } = await open()
      await connection.close()
      expect(await connection.subscribe('test://a')).toBe(false)
    })

    function afterDrop(): void {
      test('row 40: after a drop it is told again, and what may have been missed counts as changed', async () => {
        const { upstream, connection, events } = await open()
        await Promise.all(['test://a', 'test://b'].map((uri) => connection.subscribe(uri)))
        await upstream.interrupt(connection)
        await until(() => events.uris.length > 1, 'what may have been missed')
        expect(watched(connection)).toEqual([...KINDS])
        expect(events.changed.toSorted()).toEqual([...KINDS].toSorted())
        expect(events.uris.toSorted()).toEqual(['test://a', 'test://b'])
        await upstream.emit(connection, 'notifications/resources/updated', { uri: 'test://b' })
        await until(() => events.uris.length > 2, 'news')
        expect([events.uris[2], events.losses]).toEqual(['test://b', []])
      })
    }

    if (drops) afterDrop()

    test('raises the log level of a session, and never lowers it', async () => {
      const { upstream, connection } = await open()
      for (const level of ['warning', 'error', 'info', 'debug', 'notice'] as const) {
        await connection.wantLogs(level)
      }
      const { asked } = await upstream.state(connection)
      const levels = asked.filter((word) => word.startsWith('level'))
      expect(levels).toEqual(era === '2025' ? ['level warning', 'level info', 'level debug'] : [])
      // Nothing to wait for: what is sent already is not asked for again.
      expect(connection.wantLogs('error')).toBeUndefined()
    })

    test('asks no level of an upstream that sends no logs', async () => {
      const { connection } = await open({ tools: {} })
      expect(connection.wantLogs('debug')).toBeUndefined()
    })

    // A server of 2026 may not ask (MCP 2026-07-28, basic/patterns).
    if (era === '2026') return
    test('hands over what names no request, and answers pings', async () => {
      const { upstream, connection, events } = await open()
      const message = { method: 'notifications/message', params: { level: 'info', data: 1 } }
      const progress = { progressToken: 'gone', progress: 1 }
      await upstream.say(connection, { method: 'notifications/progress', params: progress })
      await upstream.say(connection, message)
      await upstream.say(connection, { id: 'p', method: 'ping' })
      await upstream.say(connection, { id: 7, method: 'roots/list' })
      const cancelled = { method: 'notifications/cancelled', params: { requestId: 7 } }
      await upstream.say(connection, cancelled)
      await until(() => events.notifications.length > 1, 'the notifications')
      expect(events.notifications).toMatchObject([message, cancelled])
      expect(events.questions).toMatchObject([{ message: { id: 7, method: 'roots/list' } }])
      events.questions[0]?.respond(Buffer.from('{"jsonrpc":"2.0","id":7,"result":{"roots":[]}}'))
      const answers = await until(async () => {
        const given = await upstream.answers(connection)
        return given.length > 1 && given
      }, 'the answers')
      expect(answers).toEqual([
        { jsonrpc: '2.0', id: 'p', result: {} },
        { jsonrpc: '2.0', id: 7, result: { roots: [] } },
      ])
    })
  })
}
