import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Listen } from '../../../node/outbound/listen.ts'
import { Fault, RPC } from '../../../protocol/errors.ts'
import { EventRecorder } from '../../contract/recorder.ts'
import { DECLARED } from '../../contract/reports.ts'
import type { JsonObject } from '../../fixtures/wire.ts'
import { FakeUpstream } from './fake-upstream.ts'

/** How long an acknowledgement is waited for, ms. */
const PATIENCE_MS = 2_000
const GONE = new Fault('upstream_unavailable', 'gone')
const KINDS = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true }
const NO_ROOM = { error: { code: RPC.overloaded, message: 'later' } }
const REFUSED = { error: { code: -32_601, message: 'Method not found' } }

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

interface Bench {
  readonly upstream: FakeUpstream
  readonly events: EventRecorder
  readonly listen: Listen
}

function bench(capabilities: JsonObject = DECLARED): Bench {
  const upstream = new FakeUpstream()
  const events = new EventRecorder()
  const server = { capabilities, name: 'fake', federation: undefined }
  const { send } = upstream
  return { upstream, events, listen: new Listen({ send, meta: '"own":1', server, events }) }
}

/** A listen for all lists that is granted. */
async function started(): Promise<Bench> {
  const parts = bench()
  const starting = parts.listen.start()
  parts.upstream.last.acknowledge()
  await starting
  return parts
}

/** Lets what is planned for the end of this step happen. */
async function settle(milliseconds: number = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds)
}

/** Subscribes, and has it granted. */
async function subscribed({ listen, upstream }: Bench, ...uris: string[]): Promise<void> {
  const asked = uris.map((uri) => listen.subscribe(uri))
  await settle()
  upstream.last.acknowledge()
  expect(await Promise.all(asked)).toEqual(uris.map(() => true))
}

/** The words on some subscriptions, as far as they are there. */
function words(asked: readonly Promise<boolean>[]): (boolean | undefined)[] {
  const given: (boolean | undefined)[] = asked.map(() => undefined)
  for (const [index, promise] of asked.entries()) {
    void promise.finally(() => undefined).then((granted) => (given[index] = granted))
  }
  return given
}

describe('the lists', () => {
  test('are asked for in one listen, as far as they are announced', async () => {
    const { upstream } = await started()
    expect(upstream.requests.map(({ method, params }) => [method, params])).toEqual([
      ['subscriptions/listen', { notifications: KINDS, _meta: { own: 1 } }],
    ])
    const { listen, upstream: other } = bench({ tools: { listChanged: true }, prompts: {} })
    void listen.start()
    expect(other.last.params).toMatchObject({ notifications: { toolsListChanged: true } })
  })

  test('are watched as far as that is granted', async () => {
    const { upstream, listen } = bench()
    const starting = listen.start()
    expect(listen.watching('tools')).toBe(false)
    upstream.last.acknowledge({ promptsListChanged: true, toolsListChanged: 'yes' })
    await starting
    const watched = (['tools', 'prompts', 'resources'] as const).map((of) => listen.watching(of))
    expect(watched).toEqual([false, true, false])
  })

  test('nothing is asked where nothing is announced', async () => {
    const { upstream, listen } = bench({ tools: {}, resources: { subscribe: true } })
    await listen.start()
    expect(upstream.requests).toEqual([])
  })
})

describe('resources', () => {
  test('of one step are asked for together, with the lists', async () => {
    const parts = await started()
    await subscribed(parts, 'test://a', 'test://b')
    expect(parts.upstream.requests).toHaveLength(2)
    expect(parts.upstream.last.params['notifications']).toEqual({
      ...KINDS,
      resourceSubscriptions: ['test://a', 'test://b'],
    })
  })

  test('the listen before ends when the new one is acknowledged, and not sooner', async () => {
    const parts = await started()
    const { upstream, events, listen } = parts
    const [before] = upstream.requests
    const asked = listen.subscribe('test://a')
    await settle()
    before?.notify('notifications/tools/list_changed')
    expect([upstream.open.length, events.changed]).toEqual([2, ['tools']])
    upstream.last.acknowledge()
    expect(await asked).toBe(true)
    expect([upstream.open.length, before?.cancelled]).toEqual([1, true])
    // Nothing was missed, so nothing is said to have changed.
    expect([events.changed, events.uris]).toEqual([['tools'], []])
  })

  test('wanted while one is being decided wait for the next', async () => {
    const { upstream, listen } = await started()
    const first = listen.subscribe('test://a')
    await settle()
    const second = listen.subscribe('test://b')
    await settle()
    expect(upstream.requests).toHaveLength(2)
    upstream.last.acknowledge()
    await settle()
    expect(await first).toBe(true)
    expect(upstream.last.uris).toEqual(['test://a', 'test://b'])
    upstream.last.acknowledge()
    expect(await second).toBe(true)
    expect(upstream.open).toHaveLength(1)
  })

  test('that are not granted are not asked for again', async () => {
    const parts = await started()
    const { upstream, listen } = parts
    const asked = ['test://a', 'test://b'].map((uri) => listen.subscribe(uri))
    await settle()
    upstream.last.acknowledge({ ...KINDS, resourceSubscriptions: ['test://b', 'test://other'] })
    expect(await Promise.all(asked)).toEqual([false, true])
    await settle()
    expect(upstream.requests).toHaveLength(2)
    await subscribed(parts, 'test://c')
    expect(upstream.last.uris).toEqual(['test://b', 'test://c'])
  })

  test('let go are not asked for any more; the last ends a listen that has nothing else', async () => {
    const parts = bench({ resources: { subscribe: true } })
    const { upstream, listen } = parts
    await subscribed(parts, 'test://a', 'test://b')
    listen.unsubscribe('test://a')
    await settle()
    expect(upstream.last.uris).toEqual(['test://b'])
    upstream.last.acknowledge()
    listen.unsubscribe('test://b')
    await settle()
    expect([upstream.requests.length, upstream.open]).toEqual([2, []])
    await subscribed(parts, 'test://a')
    expect(upstream.last.uris).toEqual(['test://a'])
  })

  test('let go and taken again in one step cost nothing', async () => {
    const parts = await started()
    const { upstream, listen } = parts
    await subscribed(parts, 'test://a')
    listen.unsubscribe('test://a')
    expect(await listen.subscribe('test://a')).toBe(true)
    await settle()
    expect(upstream.requests).toHaveLength(2)
  })

  test('taken again while they are being let go are asked for again', async () => {
    const parts = await started()
    const { upstream, listen } = parts
    await subscribed(parts, 'test://a')
    listen.unsubscribe('test://a')
    await settle()
    const given = words([listen.subscribe('test://a')])
    upstream.last.acknowledge()
    await settle()
    expect(given).toEqual([undefined])
    upstream.last.acknowledge()
    await settle()
    expect([given, upstream.last.uris]).toEqual([[true], ['test://a']])
  })

  test('let go before the word is there are not granted', async () => {
    const { upstream, listen } = await started()
    const asked = listen.subscribe('test://a')
    listen.unsubscribe('test://a')
    expect(await asked).toBe(false)
    await settle()
    expect(upstream.requests).toHaveLength(1)
  })

  test('are not granted by a listen that hangs, and the one before goes on', async () => {
    const parts = await started()
    const { upstream, events, listen } = parts
    const [before] = upstream.requests
    const given = words([listen.subscribe('test://a')])
    await settle(PATIENCE_MS - 1)
    expect(given).toEqual([undefined])
    await settle(1)
    expect([given, upstream.open]).toEqual([[false], [before]])
    before?.notify('notifications/tools/list_changed')
    expect(events.changed).toEqual(['tools'])
    expect(vi.getTimerCount()).toBe(0)
    await subscribed(parts, 'test://b')
    expect(upstream.last.uris).toEqual(['test://b'])
  })

  test('are not granted by a listen that is refused, and the one before goes on', async () => {
    const { upstream, listen } = await started()
    const [before] = upstream.requests
    const asked = listen.subscribe('test://a')
    await settle()
    const late = listen.subscribe('test://b')
    upstream.last.answer(REFUSED)
    expect(await asked).toBe(false)
    await settle()
    // What came later has not been refused.
    expect(upstream.last.uris).toEqual(['test://b'])
    upstream.last.acknowledge()
    expect([await late, before?.cancelled, listen.watching('tools')]).toEqual([true, true, true])
  })

  test('wait for a first listen that is slow, as long as they can', async () => {
    const { upstream, listen } = bench()
    void listen.start()
    const given = words([listen.subscribe('test://a')])
    await settle(PATIENCE_MS / 2)
    expect(upstream.requests).toHaveLength(1)
    upstream.last.acknowledge()
    await settle()
    upstream.last.acknowledge()
    await settle()
    expect(given).toEqual([true])
  })
})

describe('after a drop', () => {
  test('all is asked for again, and counts as changed once it is granted', async () => {
    const parts = await started()
    const { upstream, events, listen } = parts
    await subscribed(parts, 'test://a')
    upstream.last.fail(GONE)
    expect([listen.watching('tools'), events.changed]).toEqual([false, []])
    await settle(100)
    expect(upstream.last.uris).toEqual(['test://a'])
    upstream.last.acknowledge()
    expect(events.changed).toEqual(['tools', 'prompts', 'resources'])
    expect([events.uris, listen.watching('tools')]).toEqual([['test://a'], true])
  })

  test('what was wanted in between is granted then, and has not changed', async () => {
    const parts = await started()
    const { upstream, events, listen } = parts
    await subscribed(parts, 'test://a')
    upstream.last.fail(GONE)
    const asked = listen.subscribe('test://b')
    await settle(100)
    upstream.last.acknowledge()
    expect([await asked, events.uris]).toEqual([true, ['test://a']])
  })

  test('while a new one is being decided, that one takes its place', async () => {
    const parts = await started()
    const { upstream, events, listen } = parts
    await subscribed(parts, 'test://a')
    const before = upstream.last
    const asked = listen.subscribe('test://b')
    await settle()
    before.fail(GONE)
    upstream.last.acknowledge()
    expect(await asked).toBe(true)
    expect([events.changed.length, events.uris]).toEqual([3, ['test://a']])
    await settle(10_000)
    expect(upstream.requests).toHaveLength(3)
  })

  test('while a new one is being refused, all is asked for again', async () => {
    const parts = await started()
    const { upstream, events, listen } = parts
    await subscribed(parts, 'test://a')
    const before = upstream.last
    const asked = listen.subscribe('test://b')
    await settle()
    before.fail(GONE)
    upstream.last.fail(GONE)
    expect(await asked).toBe(false)
    await settle(100)
    expect(upstream.last.uris).toEqual(['test://a'])
    upstream.last.acknowledge()
    expect(events.uris).toEqual(['test://a'])
  })

  test('what was granted once is asked for until it is granted again, with growing delays', async () => {
    const parts = await started()
    const { upstream, events } = parts
    await subscribed(parts, 'test://a')
    upstream.last.answer(REFUSED)
    const delays: number[] = []
    for (let round = 0; round < 7; round += 1) {
      const count = upstream.requests.length
      let waited = 0
      for (; upstream.requests.length === count; waited += 100) await settle(100)
      delays.push(waited)
      upstream.last.answer(REFUSED)
    }
    expect(delays).toEqual([100, 200, 400, 800, 1_600, 2_000, 2_000])
    expect(events.uris).toEqual([])
  })

  test('lists alone are polled when the listen is refused for good, and asked for again after an overload', async () => {
    const { upstream, events, listen } = await started()
    upstream.last.answer(NO_ROOM)
    await settle(100)
    expect(events.changed).toEqual([])
    upstream.last.answer(REFUSED)
    expect(events.changed).toHaveLength(3)
    await settle(10_000)
    expect([upstream.requests.length, listen.watching('tools')]).toEqual([2, false])
  })
})

test('stopped, it ends what is open and grants nothing', async () => {
  const parts = await started()
  const { upstream, listen } = parts
  await subscribed(parts, 'test://a')
  const given = words([listen.subscribe('test://b')])
  await settle()
  expect(upstream.open).toHaveLength(2)
  listen.stop()
  expect(await listen.subscribe('test://a')).toBe(false)
  await settle(10_000)
  expect([given, upstream.open, upstream.requests.length]).toEqual([[false], [], 3])
  expect([vi.getTimerCount(), listen.watching('tools')]).toEqual([0, false])
})
