// Which connection the node itself lists and watches on.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SILENT } from '../../../node/core/logger.ts'
import { OWN, SHARED, type Context } from '../../../node/core/stages.ts'
import type { Connection } from '../../../node/outbound/connection.ts'
import { Link } from '../../../node/outbound/link.ts'
import { Fault } from '../../../protocol/errors.ts'
import { DEAF, FakeConnector, ofSession, type FakeConnection } from './fake-connector.ts'

const IDLE_MS = 10_000
const FORM = ofSession('', '"elicitation":{}')
const ROOTS = ofSession('', '"roots":{}')

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

class Bench {
  readonly connector = new FakeConnector()
  readonly heard: string[] = []
  /** Whose connections came besides the node's own. */
  readonly apart: [Connection, string][] = []
  readonly link = new Link('files', {
    connector: this.connector,
    events: {
      up: () => this.heard.push('up'),
      down: () => this.heard.push('down'),
      listChanged: (of) => this.heard.push(of),
      updated: (uri, whose) =>
        this.heard.push(whose === undefined ? uri : `${uri} of ${JSON.stringify(whose)}`),
      openedApart: (...opened) => this.apart.push(opened),
    },
    sessionIdleMs: IDLE_MS,
    sessions: 5,
    log: SILENT,
  })

  /** Opens the connection of a context, in a process of its own unless said otherwise. */
  async open(context: Context, secluded = true): Promise<FakeConnection> {
    const asked = this.link.connection(context)
    await vi.advanceTimersByTimeAsync(0)
    const connection = this.connector.last.succeed(false)
    connection.secluded = secluded
    await asked
    return connection
  }
}

test('is that of callers who can be asked, once there is one: its news are heard, those of the first are not', async () => {
  const bench = new Bench()
  const first = await bench.open(SHARED)
  const firstEvents = bench.connector.last.events
  expect(bench.link.current(OWN)).toBe(first)
  const theirs = await bench.open(FORM)
  expect(bench.link.current(OWN)).toBe(theirs)
  expect(await bench.link.connection(OWN)).toBe(theirs)
  expect(bench.heard).toEqual(['up', 'up'])
  bench.connector.last.events.listChanged('tools')
  firstEvents.listChanged('prompts')
  expect(bench.heard).toEqual(['up', 'up', 'tools'])
  // Who cannot be asked keeps a process that was told so.
  expect(bench.link.current(SHARED)).toBe(first)
})

test('stays there, whoever comes later; the first is let go when nobody needs it, and comes back for who does', async () => {
  const bench = new Bench()
  const first = await bench.open(SHARED)
  const theirs = await bench.open(FORM)
  const others = await bench.open(ROOTS)
  expect(bench.link.current(OWN)).toBe(theirs)
  await vi.advanceTimersByTimeAsync(IDLE_MS)
  expect([first.closed, others.closed, theirs.closed]).toEqual([1, 1, 0])
  expect(bench.heard).toEqual(['up', 'up'])
  const again = await bench.open(SHARED)
  expect(bench.link.current(SHARED)).toBe(again)
  expect(bench.link.current(OWN)).toBe(theirs)
})

test('goes back to the first when theirs is lost, or to a new one', async () => {
  const bench = new Bench()
  const first = await bench.open(SHARED)
  await bench.open(FORM)
  const { events } = bench.connector.last
  events.lost(new Fault('upstream_unavailable', 'gone'))
  expect(bench.link.current(OWN)).toBe(first)
  expect(bench.heard).toEqual(['up', 'up', 'up'])

  await bench.open(FORM)
  await vi.advanceTimersByTimeAsync(IDLE_MS)
  bench.connector.last.events.lost(new Fault('upstream_unavailable', 'gone'))
  expect(bench.link.current(OWN)).toBeUndefined()
  expect(bench.heard.at(-1)).toBe('down')
  const next = await bench.open(OWN)
  expect(bench.link.current(SHARED)).toBe(next)
  expect(bench.heard.at(-1)).toBe('up')
})

test('is the first where the state is not in a process, or is that of one session alone', async () => {
  const bench = new Bench()
  const first = await bench.open(SHARED)
  await bench.open(FORM, false)
  await bench.open(ofSession('s'))
  expect(bench.link.current(OWN)).toBe(first)
  expect(bench.heard).toEqual(['up'])
})

test('a connection that is there is not made a second time by the delay that still ran', async () => {
  const bench = new Bench()
  await bench.open(SHARED)
  await bench.open(FORM)
  const theirs = bench.connector.last.events
  await vi.advanceTimersByTimeAsync(IDLE_MS)
  const asked = bench.link.connection(SHARED)
  await vi.advanceTimersByTimeAsync(0)
  const attempt = bench.connector.last
  theirs.lost(new Fault('upstream_unavailable', 'gone'))
  attempt.succeed(false)
  await asked
  await vi.advanceTimersByTimeAsync(60_000)
  expect(bench.connector.last).toBe(attempt)
})

test('an old idle time does not end a connection under a call', async () => {
  const bench = new Bench()
  const first = await bench.open(SHARED)
  await bench.open(FORM)
  bench.connector.last.events.lost(new Fault('upstream_unavailable', 'gone'))
  const leave = bench.link.enter(SHARED, DEAF)
  await bench.open(FORM)
  await vi.advanceTimersByTimeAsync(2 * IDLE_MS)
  expect(first.closed).toBe(0)
  leave()
  await vi.advanceTimersByTimeAsync(IDLE_MS)
  expect(first.closed).toBe(1)
})

test('a link that was down is up when the node has gone over', async () => {
  const bench = new Bench()
  await bench.open(SHARED)
  const shared = bench.connector.last.events
  const asked = bench.link.connection(FORM)
  await vi.advanceTimersByTimeAsync(0)
  const attempt = bench.connector.last
  shared.lost(new Fault('upstream_unavailable', 'gone'))
  expect(bench.link.status.phase).toBe('down')
  attempt.succeed(false).secluded = true
  await asked
  expect(bench.link.status).toMatchObject({ phase: 'up', error: undefined })
  await vi.advanceTimersByTimeAsync(60_000)
  expect(bench.connector.last).toBe(attempt)
})

test('connections apart from it are those to processes of the same people, and what they say is theirs', async () => {
  const bench = new Bench()
  const first = await bench.open(SHARED)
  await bench.open(FORM)
  const own = bench.connector.last
  expect(bench.link.apart('')).toEqual([first])
  const others = await bench.open(ROOTS)
  const session = await bench.open(ofSession('s'))
  expect(bench.link.apart('')).toEqual([first, others])
  expect(bench.link.apart('s')).toEqual([session])
  // The first when it was the node's own no more.
  expect(bench.apart).toEqual([
    [first, ''],
    [others, ''],
    [session, 's'],
  ])
  bench.connector.last.events.updated('file:///a')
  own.events.updated('file:///b')
  expect(bench.heard.slice(2)).toEqual(['file:///a of "s"', 'file:///b'])
  bench.connector.last.events.lost(new Fault('upstream_unavailable', 'gone'))
  expect(bench.link.apart('s')).toEqual([])
})

test('a connection on which the server keeps nothing in a process is not apart from it', async () => {
  const bench = new Bench()
  await bench.open(SHARED)
  await bench.open(FORM, false)
  bench.connector.last.events.updated('file:///a')
  expect([bench.link.apart(''), bench.apart, bench.heard]).toEqual([[], [], ['up']])
})
