// What sessions hold is bounded, and let go of in every way a session can end.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { LOCAL_CALLER } from '../../../node/core/principal.ts'
import { LocalSessionMemory, type HeldSubscription } from '../../../node/inbound/session-memory.ts'

interface Probe extends HeldSubscription {
  readonly ends: () => number
}

function held(): Probe {
  let ends = 0
  return {
    watcher: { endpoint: 'main', principal: LOCAL_CALLER },
    granted: Promise.resolve(true),
    end: () => {
      ends += 1
    },
    ends: () => ends,
  }
}

let heard: Set<string>
let memory: LocalSessionMemory

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
  heard = new Set()
  const isHeard = (session: string): boolean => heard.has(session)
  memory = new LocalSessionMemory({ subscriptions: 3, idleMs: 1_000, isHeard })
})
afterEach(() => vi.useRealTimers())

describe('a log level', () => {
  test('is that of its session alone, until it ends', () => {
    expect(memory.logLevel('a')).toBeUndefined()
    memory.setLogLevel('a', 'info')
    memory.setLogLevel('a', 'error')
    expect([memory.logLevel('a'), memory.logLevel('b')]).toEqual(['error', undefined])
    memory.end('a')
    expect(memory.logLevel('a')).toBeUndefined()
  })

  test('is forgotten when too many sessions have one, the oldest first', () => {
    for (let index = 0; index <= 10_000; index += 1) memory.setLogLevel(`s${index}`, 'debug')
    expect(memory.logLevel('s0')).toBeUndefined()
    expect([memory.logLevel('s1'), memory.logLevel('s10000')]).toEqual(['debug', 'debug'])
  })
})

describe('a subscription', () => {
  test('is found by session and URI, and ends once', () => {
    const one = held()
    expect(memory.hold('a', 'x:1', one)).toBe(true)
    expect(memory.subscription('a', 'x:1')).toBe(one)
    expect(memory.subscription('b', 'x:1')).toBeUndefined()
    memory.release('b', 'x:1')
    expect(one.ends()).toBe(0)
    memory.release('a', 'x:1')
    memory.release('a', 'x:1')
    memory.end('a')
    expect([one.ends(), memory.held]).toEqual([1, 0])
  })

  test('that takes the place of another ends that', () => {
    const [first, second] = [held(), held()]
    memory.hold('a', 'x:1', first)
    memory.hold('a', 'x:1', second)
    expect([first.ends(), second.ends(), memory.held]).toEqual([1, 0, 1])
    expect(memory.subscription('a', 'x:1')).toBe(second)
  })

  test('ends with its session', () => {
    const [mine, other] = [held(), held()]
    memory.hold('a', 'x:1', mine)
    memory.hold('b', 'x:1', other)
    memory.end('a')
    expect([mine.ends(), other.ends(), memory.held]).toEqual([1, 0, 1])
  })

  test('is one of as many as a session may have', () => {
    for (const uri of ['x:1', 'x:2', 'x:3']) expect(memory.hold('a', uri, held())).toBe(true)
    expect(memory.hold('a', 'x:4', held())).toBe(false)
    expect(memory.hold('b', 'x:4', held())).toBe(true)
    memory.release('a', 'x:1')
    expect(memory.hold('a', 'x:4', held())).toBe(true)
  })

  test('ends when its session has been without a stream for the time', () => {
    const [listening, deaf] = [held(), held()]
    heard.add('a')
    memory.hold('a', 'x:1', listening)
    memory.hold('b', 'x:1', deaf)
    vi.advanceTimersByTime(999)
    memory.beat()
    expect([listening.ends(), deaf.ends()]).toEqual([0, 0])
    vi.advanceTimersByTime(1)
    memory.beat()
    expect([listening.ends(), deaf.ends(), memory.held]).toEqual([0, 1, 1])
    heard.delete('a')
    vi.advanceTimersByTime(999)
    memory.beat()
    expect(listening.ends()).toBe(0)
    vi.advanceTimersByTime(1)
    memory.beat()
    expect([listening.ends(), memory.held]).toEqual([1, 0])
  })

  test('is one of a bounded number in all', () => {
    const roomy = new LocalSessionMemory({
      subscriptions: 100_000,
      idleMs: 1_000,
      isHeard: () => true,
    })
    for (let index = 0; index < 100_000; index += 1) roomy.hold('a', `x:${index}`, held())
    expect(roomy.hold('b', 'x:1', held())).toBe(false)
    roomy.end('a')
    expect(roomy.held).toBe(0)
    expect(roomy.hold('b', 'x:1', held())).toBe(true)
  })
})
