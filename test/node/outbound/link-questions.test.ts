// Who gets what an upstream says without naming a call.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SILENT } from '../../../node/core/logger.ts'
import { SHARED, type Context } from '../../../node/core/stages.ts'
import type { QuestionTaker } from '../../../node/outbound/calls.ts'
import type { ConnectionEvents } from '../../../node/outbound/connection.ts'
import { Link } from '../../../node/outbound/link.ts'
import { readUpstreamMessage, type UpstreamMessage } from '../../../protocol/upstream-message.ts'
import type { JsonObject } from '../../fixtures/wire.ts'
import { FakeConnector, INDIFFERENT, ofSession } from './fake-connector.ts'

const FORM = '"elicitation":{}'
const LOG = { method: 'notifications/message', params: { level: 'info', data: 'x' } }
const ROOTS = { id: 1, method: 'roots/list' }

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function message(members: JsonObject): UpstreamMessage {
  return readUpstreamMessage(Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...members })))
}

/** A call that writes down what it gets. */
class Taker implements QuestionTaker {
  readonly caller: string
  readonly heard: (string | undefined)[] = []

  constructor(caller = 'a') {
    this.caller = caller
  }

  request({ method }: UpstreamMessage, respond: (text: Buffer) => void): void {
    this.heard.push(method)
    respond(Buffer.from('"taken"'))
  }

  notification({ method }: UpstreamMessage): boolean {
    this.heard.push(method)
    return true
  }
}

interface Bench {
  readonly link: Link
  readonly connector: FakeConnector
  /** The conversation of a context, opened. */
  readonly open: (context: Context) => Promise<ConnectionEvents>
}

async function bench(stateless = false): Promise<Bench> {
  const connector = new FakeConnector()
  const events = INDIFFERENT
  const options = { connector, events, sessionIdleMs: 1_000, sessions: 10, log: SILENT }
  const link = new Link('files', options)
  const started = link.start()
  connector.last.succeed(stateless)
  await started
  return {
    link,
    connector,
    open: async (context) => {
      const opening = link.connection(context)
      await vi.advanceTimersByTimeAsync(0)
      if (context.key !== SHARED.key) connector.last.succeed(false)
      await opening
      return connector.last.events
    },
  }
}

/** What the upstream is answered to a question. */
function asks(events: ConnectionEvents, question: JsonObject = ROOTS): unknown[] {
  const answers: unknown[] = []
  events.request(message(question), (text) => answers.push(JSON.parse(text.toString('utf8'))))
  return answers
}

function refused(why: string): unknown {
  return [{ jsonrpc: '2.0', id: 1, error: { code: -32_601, message: why } }]
}

test('an upstream is told what its context offers', async () => {
  const { connector, open } = await bench()
  await open(ofSession('s', FORM))
  expect(connector.attempts.map(({ offered }) => offered)).toEqual(['', FORM])
})

const UNCERTAIN = 'the request names no call, and it is not certain which it belongs to'

describe('a question that names no call', () => {
  test('goes to the only one of its context', async () => {
    const { link, open } = await bench()
    const context = ofSession('s', FORM)
    const [own, other, shared] = [new Taker(), new Taker(), new Taker()]
    link.enter(ofSession('t', FORM), other)
    link.enter(SHARED, shared)
    link.enter(context, own)
    const events = await open(context)
    expect(asks(events)).toEqual(['taken'])
    expect([own.heard, other.heard, shared.heard]).toEqual([['roots/list'], [], []])
  })

  test('finds the call also while that waits for the connection', async () => {
    const { link, connector } = await bench()
    const context = ofSession('s', FORM)
    const taker = new Taker()
    link.enter(context, taker)
    const opening = link.connection(context)
    await vi.advanceTimersByTimeAsync(0)
    expect(asks(connector.last.events)).toEqual(['taken'])
    connector.last.succeed(false)
    await opening
  })

  test('is refused while a given-up call of another caller may still be at work', async () => {
    const { link, open } = await bench()
    const context = ofSession('s', FORM)
    const events = await open(context)
    link.enter(context, new Taker('a'))(1_000)
    const same = link.enter(context, new Taker('a'))
    expect(asks(events)).toEqual(['taken'])
    same()
    const next = new Taker('b')
    link.enter(context, next)
    expect(asks(events)).toEqual(refused(UNCERTAIN))
    await vi.advanceTimersByTimeAsync(1_000)
    expect(asks(events)).toEqual(['taken'])
    expect(next.heard).toEqual(['roots/list'])
  })

  test('is refused when there is none, or several, and goes again when one is left', async () => {
    const { link, open } = await bench()
    const context = ofSession('s', FORM)
    const events = await open(context)
    expect(asks(events)).toEqual(refused(UNCERTAIN))
    const takers = [new Taker(), new Taker(), new Taker()]
    const [first, second, third] = takers.map((taker) => link.enter(context, taker))
    expect(asks(events)).toEqual(refused(UNCERTAIN))
    first?.()
    third?.()
    expect(asks(events)).toEqual(['taken'])
    second?.()
    expect(asks(events)).toEqual(refused(UNCERTAIN))
    expect(takers.map(({ heard }) => heard.length)).toEqual([0, 1, 0])
  })

  test('is refused where nothing was offered', async () => {
    const { link, connector, open } = await bench()
    const [shared, alone] = [new Taker(), new Taker()]
    link.enter(SHARED, shared)
    link.enter(ofSession('s'), alone)
    const [sharedAttempt] = connector.attempts
    const events = await open(ofSession('s'))
    for (const one of [sharedAttempt?.events, events]) {
      expect(one && asks(one)).toEqual(refused('this client offers no roots/list'))
    }
    expect([shared.heard, alone.heard]).toEqual([[], []])
  })

  test('without an id gets no answer', async () => {
    const { open } = await bench()
    const events = await open(ofSession('s', FORM))
    expect(asks(events, { id: null, method: 'roots/list' })).toEqual([])
  })
})

describe('a notification that names no call', () => {
  test('goes to the only one of its context, if it is a log message or the context is no shared one', async () => {
    const { link, connector, open } = await bench()
    const [shared, alone] = [new Taker(), new Taker()]
    const leave = link.enter(SHARED, shared)
    link.enter(ofSession('s', FORM), alone)
    const events = await open(ofSession('s', FORM))
    const complete = { method: 'notifications/elicitation/complete' }
    for (const one of [connector.attempts[0]?.events, events]) {
      one?.notification(message(LOG))
      one?.notification(message(complete))
    }
    expect([shared.heard, alone.heard]).toEqual([[LOG.method], [LOG.method, complete.method]])
    link.enter(SHARED, new Taker())
    connector.attempts[0]?.events.notification(message(LOG))
    leave()
    expect(shared.heard).toHaveLength(1)
  })

  test('goes to the only one of all where all share a connection', async () => {
    const { link, connector } = await bench(true)
    const [one, other] = [new Taker(), new Taker()]
    const leave = link.enter(ofSession('s', FORM), one)
    connector.last.events.notification(message(LOG))
    const leaveOther = link.enter(SHARED, other)
    connector.last.events.notification(message(LOG))
    leave()
    connector.last.events.notification(message(LOG))
    leaveOther()
    connector.last.events.notification(message(LOG))
    expect([one.heard.length, other.heard.length]).toEqual([1, 1])
  })

  test('that takes a question back is told to all of its context: only one can know it', async () => {
    const { link, open } = await bench()
    const takers = [new Taker(), new Taker(), new Taker()]
    const [first, second, other] = takers
    if (!first || !second || !other) throw new Error('unreachable')
    link.enter(ofSession('s', FORM), first)
    link.enter(ofSession('s', FORM), second)
    link.enter(ofSession('t', FORM), other)
    const events = await open(ofSession('s', FORM))
    events.notification(message({ method: 'notifications/cancelled', params: { requestId: 1 } }))
    expect(takers.map(({ heard }) => heard.length)).toEqual([1, 1, 0])
  })
})

test('the end of a session frees all its contexts, and those of no other', async () => {
  const { link, open } = await bench()
  const own = [ofSession('s'), ofSession('s', FORM)]
  // The last is that of a principal who is called like the session.
  const others = [ofSession('s2'), ofSession('', FORM), ofSession('s\n')]
  for (const context of [...own, ...others]) await open(context)
  await link.release('s')
  const isOpen = (context: Context): boolean => link.current(context) !== undefined
  expect([own.map(isOpen), others.map(isOpen)]).toEqual([
    [false, false],
    [true, true, true],
  ])
})

test('subscribed resources are reported for the shared connection, from the time it is there', async () => {
  const connector = new FakeConnector()
  const heard: string[] = []
  const events = { ...INDIFFERENT, updated: (uri: string) => void heard.push(uri) }
  const options = { connector, events, sessionIdleMs: 1_000, sessions: 10, log: SILENT }
  const link = new Link('files', options)
  const started = link.start()
  connector.last.events.updated('too://early')
  connector.last.succeed()
  await started
  connector.last.events.updated('test://a')
  expect(heard).toEqual(['test://a'])
})
