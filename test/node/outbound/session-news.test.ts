// What a 2025 session asks of its server: subscriptions and the log level, one request after the other.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SessionLogs } from '../../../node/outbound/session-logs.ts'
import { SessionSubscriptions } from '../../../node/outbound/session-subscriptions.ts'
import { Fault } from '../../../protocol/errors.ts'
import { FakeUpstream } from './fake-upstream.ts'

const REFUSED = { error: { code: -32_602, message: 'no' } }
const GONE = new Fault('upstream_unavailable', 'gone')

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

async function settle(milliseconds: number = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds)
}

function subscribing(canDeliver = true): { upstream: FakeUpstream; all: SessionSubscriptions } {
  const upstream = new FakeUpstream()
  return { upstream, all: new SessionSubscriptions(upstream.send, () => canDeliver) }
}

function logging(): { upstream: FakeUpstream; logs: SessionLogs } {
  const upstream = new FakeUpstream()
  return { upstream, logs: new SessionLogs(upstream.send, () => true) }
}

/** What was asked, in order. */
function asked({ requests }: FakeUpstream): unknown[] {
  return requests.map(({ method, params }) => [method, params['uri'] ?? params['level']])
}

describe('subscriptions', () => {
  test('where nothing can be delivered nothing is asked', async () => {
    const { upstream, all } = subscribing(false)
    expect([await all.subscribe('test://a'), upstream.requests]).toEqual([false, []])
  })

  test('only one request for a resource is under way', async () => {
    const { upstream, all } = subscribing()
    const first = all.subscribe('test://a')
    all.unsubscribe('test://a')
    await settle()
    expect(asked(upstream)).toEqual([['resources/subscribe', 'test://a']])
    upstream.last.answer()
    await settle()
    const second = all.subscribe('test://a')
    upstream.last.answer()
    await settle()
    upstream.last.answer()
    expect([await first, await second]).toEqual([true, true])
    expect(upstream.requests.map(({ method }) => method)).toEqual([
      'resources/subscribe',
      'resources/unsubscribe',
      'resources/subscribe',
    ])
    expect(all.granted).toEqual(['test://a'])
  })

  test.each([
    ['refused', (upstream: FakeUpstream) => upstream.last.answer(REFUSED)],
    ['lost', (upstream: FakeUpstream) => upstream.last.fail(GONE)],
  ])('one that is %s is not granted, and can be asked for again', async (_, decide) => {
    const { upstream, all } = subscribing()
    const first = all.subscribe('test://a')
    decide(upstream)
    expect([await first, all.granted]).toEqual([false, []])
    const second = all.subscribe('test://a')
    upstream.last.answer()
    expect(await second).toBe(true)
  })

  test('one that takes too long is taken back: it may be granted yet', async () => {
    const { upstream, all } = subscribing()
    const late = all.subscribe('test://a')
    await settle(2_000)
    expect(await late).toBe(false)
    expect(asked(upstream)).toEqual([
      ['resources/subscribe', 'test://a'],
      ['resources/unsubscribe', 'test://a'],
    ])
    expect(upstream.requests[0]?.cancelled).toBe(true)
    await settle(2_000)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('what nobody has is not given back', () => {
    const { upstream, all } = subscribing()
    all.unsubscribe('test://a')
    expect(upstream.requests).toEqual([])
  })
})

describe('the log level', () => {
  test('is asked for one after the other, and waited for by all who need it', async () => {
    const { upstream, logs } = logging()
    const [first, same, more] = [logs.want('warning'), logs.want('error'), logs.want('debug')]
    const done: string[] = []
    void first?.then(() => done.push('first'))
    void same?.then(() => done.push('same'))
    void more?.then(() => done.push('more'))
    await settle()
    expect(asked(upstream)).toEqual([['logging/setLevel', 'warning']])
    upstream.last.answer()
    await settle()
    expect(done.toSorted()).toEqual(['first', 'same'])
    expect(asked(upstream).at(-1)).toEqual(['logging/setLevel', 'debug'])
    upstream.last.answer()
    await settle()
    expect([done.at(-1), logs.want('info')]).toEqual(['more', undefined])
  })

  test.each([
    ['refuses it', (upstream: FakeUpstream) => upstream.last.answer(REFUSED)],
    ['is silent', () => undefined],
  ])('a server that %s is not asked again', async (_, decide) => {
    const { upstream, logs } = logging()
    const wanted = logs.want('info')
    await settle()
    decide(upstream)
    await settle(1_000)
    await wanted
    expect([logs.want('info'), upstream.requests.length]).toEqual([undefined, 1])
  })
})
