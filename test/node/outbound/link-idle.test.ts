import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SILENT } from '../../../node/core/logger.ts'
import { SHARED } from '../../../node/core/stages.ts'
import { Link } from '../../../node/outbound/link.ts'
import { Fault } from '../../../protocol/errors.ts'
import {
  DEAF,
  FakeConnector,
  INDIFFERENT,
  ofSession,
  type FakeConnection,
} from './fake-connector.ts'

const IDLE_MS = 10_000

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

interface Bench {
  readonly connector: FakeConnector
  readonly link: Link
  readonly shared: FakeConnection
}

/** A link to an upstream that keeps a session for each context. */
async function bench(stateless = false): Promise<Bench> {
  const connector = new FakeConnector()
  const link = new Link('files', {
    connector,
    events: INDIFFERENT,
    sessionIdleMs: IDLE_MS,
    sessions: 2,
    log: SILENT,
  })
  const started = link.start()
  const shared = connector.last.succeed(stateless)
  await started
  return { connector, link, shared }
}

/** Opens what belongs to a context. */
async function open({ connector, link }: Bench, context: string): Promise<FakeConnection> {
  const asked = link.connection(ofSession(context))
  await vi.advanceTimersByTimeAsync(0)
  const connection = connector.last.succeed(false)
  expect(await asked).toBe(connection)
  return connection
}

test('a context without calls is let go after the time, the shared one never', async () => {
  const parts = await bench()
  const leave = parts.link.enter(ofSession('a'), DEAF)
  const own = await open(parts, 'a')
  leave()
  await vi.advanceTimersByTimeAsync(IDLE_MS - 1)
  expect(own.closed).toBe(0)
  await vi.advanceTimersByTimeAsync(1)
  expect([own.closed, parts.link.current(ofSession('a'))]).toEqual([1, undefined])
  parts.link.enter(SHARED, DEAF)()
  await vi.advanceTimersByTimeAsync(10 * IDLE_MS)
  expect([parts.shared.closed, parts.link.current(SHARED)]).toEqual([0, parts.shared])
})

test('a call starts the time anew, and gets a new connection when it was over', async () => {
  const parts = await bench()
  const own = await open(parts, 'a')
  await vi.advanceTimersByTimeAsync(IDLE_MS - 1)
  parts.link.enter(ofSession('a'), DEAF)()
  await vi.advanceTimersByTimeAsync(IDLE_MS - 1)
  expect([own.closed, parts.link.current(ofSession('a'))]).toEqual([0, own])
  await vi.advanceTimersByTimeAsync(1)
  expect(own.closed).toBe(1)
  expect(await open(parts, 'a')).not.toBe(own)
})

test('a context with calls in flight is never idle, however long they take', async () => {
  const parts = await bench()
  const [long, short] = [
    parts.link.enter(ofSession('a'), DEAF),
    parts.link.enter(ofSession('a'), DEAF),
  ]
  const own = await open(parts, 'a')
  short()
  await vi.advanceTimersByTimeAsync(100 * IDLE_MS)
  expect([own.closed, parts.link.current(ofSession('a'))]).toEqual([0, own])
  long()
  await vi.advanceTimersByTimeAsync(IDLE_MS)
  expect(own.closed).toBe(1)
})

test('the calls of one context keep no other', async () => {
  const parts = await bench()
  const [a, b] = [await open(parts, 'a'), await open(parts, 'b')]
  parts.link.enter(ofSession('b'), DEAF)
  await vi.advanceTimersByTimeAsync(IDLE_MS)
  expect([a.closed, b.closed]).toEqual([1, 0])
})

test('a call that is retried on a new connection keeps that one too', async () => {
  const parts = await bench()
  const leave = parts.link.enter(ofSession('a'), DEAF)
  await open(parts, 'a')
  parts.connector.last.lose(new Fault('upstream_unavailable', 'the session ended'))
  const second = await open(parts, 'a')
  await vi.advanceTimersByTimeAsync(10 * IDLE_MS)
  expect(second.closed).toBe(0)
  leave()
  await vi.advanceTimersByTimeAsync(IDLE_MS)
  expect(second.closed).toBe(1)
})

test('what opens when its caller has given up already is let go as well', async () => {
  const parts = await bench()
  const leave = parts.link.enter(ofSession('a'), DEAF)
  const asked = parts.link.connection(ofSession('a'))
  await vi.advanceTimersByTimeAsync(0)
  leave()
  const own = parts.connector.last.succeed(false)
  await asked
  await vi.advanceTimersByTimeAsync(IDLE_MS)
  expect([own.closed, parts.link.current(ofSession('a'))]).toEqual([1, undefined])
})

test('where nothing is open for a context, nothing runs', async () => {
  const { link } = await bench(true)
  link.enter(ofSession('a'), DEAF)()
  expect(vi.getTimerCount()).toBe(0)
})

test.each(['released', 'lost', 'closed'] as const)('once %s no time runs', async (how) => {
  const parts = await bench()
  await open(parts, 'a')
  expect(vi.getTimerCount()).toBe(1)
  if (how === 'released') await parts.link.release('a')
  else if (how === 'closed') await parts.link.close()
  else parts.connector.last.lose(new Fault('upstream_unavailable', 'the process ended'))
  expect(vi.getTimerCount()).toBe(0)
})

test('a call that ends after the link was closed starts nothing', async () => {
  const parts = await bench()
  const leave = parts.link.enter(ofSession('a'), DEAF)
  await open(parts, 'a')
  await parts.link.close()
  leave()
  expect(vi.getTimerCount()).toBe(0)
})

test('closing waits for what is being let go', async () => {
  const parts = await bench()
  const own = await open(parts, 'a')
  const ended = Promise.withResolvers<void>()
  own.close = () => ended.promise
  await vi.advanceTimersByTimeAsync(IDLE_MS)
  let closed = false
  const closing = parts.link.close()
  void closing.finally(() => {
    closed = true
  })
  await vi.advanceTimersByTimeAsync(0)
  expect(closed).toBe(false)
  ended.resolve()
  await closing
})
