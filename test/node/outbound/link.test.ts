import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SILENT } from '../../../node/core/logger.ts'
import { SHARED } from '../../../node/core/stages.ts'
import { Link } from '../../../node/outbound/link.ts'
import type { LinkEvents } from '../../../node/outbound/link-events.ts'
import { Fault } from '../../../protocol/errors.ts'
import { DEAF, FakeConnector, ofSession, type FakeConnection } from './fake-connector.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const refused = new Fault('upstream_unavailable', 'connection refused')
const gone = new Fault('upstream_unavailable', 'connection lost')

interface Bench {
  readonly connector: FakeConnector
  readonly link: Link
  /** What the link reported, in order. */
  readonly heard: string[]
}

function bench(backoff?: { min: number; max: number }, more: Partial<LinkEvents> = {}): Bench {
  const connector = new FakeConnector(backoff)
  const heard: string[] = []
  const events: LinkEvents = {
    up: () => {
      heard.push('up')
      more.up?.()
    },
    down: () => heard.push('down'),
    listChanged: (of) => heard.push(`${of} changed`),
    updated: (uri) => heard.push(`${uri} updated`),
    openedApart: () => undefined,
  }
  return {
    connector,
    heard,
    link: new Link('files', {
      connector,
      events,
      sessionIdleMs: 600_000,
      sessions: 2,
      log: SILENT,
    }),
  }
}

async function connected(
  stateless = true,
  backoff?: { min: number; max: number },
): Promise<Bench & { first: FakeConnection }> {
  const parts = bench(backoff)
  const started = parts.link.start()
  const first = parts.connector.last.succeed(stateless)
  await started
  return { ...parts, first }
}

/** Fails the attempt under way and lets the link see it. */
async function fail({ connector }: Bench, fault: Error = refused): Promise<void> {
  connector.last.fail(fault)
  await vi.advanceTimersByTimeAsync(0)
}

/** Milliseconds until the next attempt. */
async function nextAttempt({ connector }: Bench): Promise<number> {
  const count = connector.attempts.length
  let waited = 0
  for (; connector.attempts.length === count; waited += 1) {
    if (waited > 10_000) throw new Error('it never tries again')
    await vi.advanceTimersByTimeAsync(1)
  }
  return waited
}

describe('coming up', () => {
  test('the first attempt makes the link up', async () => {
    const { link, heard, first } = await connected()
    expect(link.status).toEqual({
      phase: 'up',
      target: 'fake://upstream',
      era: '2026',
      revision: '2026-07-28',
      server: 'fake',
      error: undefined,
    })
    expect(heard).toEqual(['up'])
    expect(link.current(SHARED)).toBe(first)
  })

  test('starting ends also when the first attempt fails, and says why', async () => {
    const parts = bench()
    const started = parts.link.start()
    expect(parts.link.status.phase).toBe('connecting')
    parts.connector.last.fail(refused)
    await started
    expect(parts.link.status).toMatchObject({
      phase: 'down',
      era: undefined,
      error: 'upstream "files": connection refused',
    })
    expect(parts.heard).toEqual(['down'])
  })

  test('however many ask, there is one attempt, or one more if it fails, and all get what comes of it', async () => {
    const { connector, link } = bench()
    const asked = [1, 2, 3].map(() => link.connection(SHARED))
    const connection = connector.last.succeed()
    expect(await Promise.all(asked)).toEqual([connection, connection, connection])
    const failing = bench()
    const all = [1, 2, 3].map(() => failing.link.connection(SHARED))
    const settled = Promise.allSettled(all)
    failing.connector.last.fail(refused)
    await vi.advanceTimersByTimeAsync(60)
    failing.connector.last.fail(refused)
    const outcomes = await settled
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect([connector.attempts.length, failing.connector.attempts.length]).toEqual([1, 2])
  })

  test('what is thrown names the upstream and keeps its code; what is no fault says nothing', async () => {
    for (const [thrown, expected] of [
      [
        new Fault('upstream_timeout', 'too slow'),
        { code: 'upstream_timeout', message: 'upstream "files": too slow' },
      ],
      [new TypeError('secret'), { code: 'internal', message: 'upstream "files": internal error' }],
    ] as const) {
      const { connector, link } = bench()
      const asked = link.connection(SHARED)
      connector.last.fail(thrown)
      await expect(asked).rejects.toMatchObject(expected)
    }
  })

  test('changed lists are reported for the shared connection, from the time it is there', async () => {
    const { connector, link, heard } = bench()
    const started = link.start()
    connector.last.events.listChanged('tools')
    connector.last.succeed(false)
    await started
    connector.last.events.listChanged('tools')
    const alone = link.connection(ofSession('session'))
    await vi.advanceTimersByTimeAsync(0)
    connector.last.succeed(false)
    await alone
    connector.last.events.listChanged('tools')
    expect(heard).toEqual(['up', 'tools changed'])
  })
})

describe('coming back', () => {
  test('the delay doubles up to its maximum, and there is one report', async () => {
    const parts = bench()
    void parts.link.start()
    const waits: number[] = []
    for (let round = 0; round < 6; round += 1) {
      await fail(parts)
      waits.push(await nextAttempt(parts))
    }
    expect(waits).toEqual([100, 200, 400, 800, 800, 800])
    expect(parts.heard).toEqual(['down'])
  })

  test('a delay shorter than what calls are held off by is kept too', async () => {
    const parts = bench({ min: 10, max: 10 })
    void parts.link.start()
    for (let round = 0; round < 3; round += 1) {
      await fail(parts)
      expect(await nextAttempt(parts)).toBe(10)
    }
  })

  test('a connection that lasted starts the delays anew', async () => {
    const parts = bench()
    void parts.link.start()
    await fail(parts)
    await nextAttempt(parts)
    await fail(parts)
    await nextAttempt(parts)
    parts.connector.last.succeed()
    await vi.advanceTimersByTimeAsync(60_000)
    parts.connector.last.lose(gone)
    expect(await nextAttempt(parts)).toBe(100)
    expect(parts.heard).toEqual(['down', 'up', 'down'])
  })

  test('connections that end as soon as they are there do not', async () => {
    const parts = bench()
    void parts.link.start()
    const waits: number[] = []
    for (let round = 0; round < 4; round += 1) {
      parts.connector.last.succeed()
      await vi.advanceTimersByTimeAsync(0)
      parts.connector.last.lose(gone)
      waits.push(await nextAttempt(parts))
    }
    expect(waits).toEqual([100, 200, 400, 800])
  })

  test('a call does not wait for the delay: it tries at once, and the delay is not due any more', async () => {
    const parts = bench({ min: 1_000, max: 8_000 })
    void parts.link.start()
    await fail(parts)
    await vi.advanceTimersByTimeAsync(200)
    const asked = parts.link.connection(SHARED)
    expect(parts.connector.attempts).toHaveLength(2)
    const connection = parts.connector.last.succeed()
    expect(await asked).toBe(connection)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(parts.connector.attempts).toHaveLength(2)
  })

  test('calls right after a failure wait a moment, and then try once for all', async () => {
    const parts = bench()
    const first = parts.link.connection(SHARED)
    parts.connector.last.fail(refused)
    await expect(first).rejects.toThrow('connection refused')
    const later = [parts.link.connection(SHARED), parts.link.connection(SHARED)]
    await vi.advanceTimersByTimeAsync(20)
    expect(parts.connector.attempts).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(40)
    expect(parts.connector.attempts).toHaveLength(2)
    const connection = parts.connector.last.succeed()
    expect(await Promise.all(later)).toEqual([connection, connection])
  })

  test('a call that finds an attempt under way has another made if that fails, and no third', async () => {
    const parts = bench()
    const first = parts.link.connection(SHARED)
    const second = parts.link.connection(SHARED)
    const outcomes = Promise.allSettled([first, second])
    parts.connector.last.fail(refused)
    await expect(first).rejects.toThrow('connection refused')
    await vi.advanceTimersByTimeAsync(60)
    expect(parts.connector.attempts).toHaveLength(2)
    parts.connector.last.fail(refused)
    await vi.advanceTimersByTimeAsync(0)
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(parts.connector.attempts).toHaveLength(2)
  })

  test('a connection that is lost before it is there has failed, and is not used', async () => {
    const { connector, link, heard } = bench()
    const asked = link.connection(SHARED)
    connector.last.lose(gone)
    connector.last.succeed()
    await expect(asked).rejects.toThrow('connection lost')
    expect(link.current(SHARED)).toBeUndefined()
    expect(heard).toEqual(['down'])
  })

  test('what an old connection says later changes nothing', async () => {
    const parts = await connected()
    parts.connector.last.lose(gone)
    const old = parts.connector.last
    await nextAttempt(parts)
    const second = parts.connector.last.succeed()
    await vi.advanceTimersByTimeAsync(0)
    old.lose(gone)
    expect(parts.link.current(SHARED)).toBe(second)
    expect(parts.link.status.phase).toBe('up')
  })

  test('the delay of the shared connection outlives an attempt for one caller', async () => {
    let loseAtOnce = true
    const parts = bench(undefined, {
      up: () => {
        if (loseAtOnce) parts.connector.last.lose(gone)
        loseAtOnce = false
      },
    })
    const alone = parts.link.connection(ofSession('session'))
    parts.connector.last.succeed(false)
    await vi.advanceTimersByTimeAsync(0)
    expect(parts.connector.attempts).toHaveLength(2)
    parts.connector.last.fail(refused)
    await expect(alone).rejects.toThrow('connection refused')
    expect(await nextAttempt(parts)).toBe(100)
  })
})

describe('connections of one caller', () => {
  test('where no state is kept, all share one', async () => {
    const { link, connector, first } = await connected(true)
    expect(await link.connection(ofSession('a'))).toBe(first)
    expect(link.current(ofSession('a'))).toBe(first)
    await link.release('a')
    expect([connector.attempts.length, first.closed]).toEqual([1, 0])
  })

  test('where state is kept, each has its own, which its release closes', async () => {
    const { link, connector, first } = await connected(false)
    const [a, b] = [link.connection(ofSession('a')), link.connection(ofSession('b'))]
    await vi.advanceTimersByTimeAsync(0)
    const [one, other] = connector.attempts.slice(1).map((attempt) => attempt.succeed(false))
    expect(await Promise.all([a, b])).toEqual([one, other])
    expect([
      link.current(ofSession('a')),
      link.current(ofSession('b')),
      link.current(SHARED),
    ]).toEqual([one, other, first])
    await link.release('a')
    expect([one?.closed, other?.closed, first.closed]).toEqual([1, 0, 0])
    expect(link.current(ofSession('a'))).toBeUndefined()
  })

  test('the shared one is not for release, and unknown ones are nothing', async () => {
    const { link, first } = await connected(false)
    await link.release('')
    await link.release('nobody')
    expect([first.closed, link.current(SHARED)]).toEqual([0, first])
  })

  test('released while it connects: what comes of it is closed and used by nobody', async () => {
    const { link, connector } = await connected(false)
    const asked = link.connection(ofSession('a'))
    await vi.advanceTimersByTimeAsync(0)
    const released = link.release('a')
    const late = connector.last.succeed(false)
    await expect(asked).rejects.toMatchObject({ code: 'shutting_down' })
    await released
    expect([late.closed, link.current(ofSession('a'))]).toEqual([1, undefined])
  })

  test('losing one is not losing the link', async () => {
    const { link, connector, heard } = await connected(false)
    const asked = link.connection(ofSession('a'))
    await vi.advanceTimersByTimeAsync(0)
    connector.last.succeed(false)
    await asked
    connector.last.lose(gone)
    expect([link.current(ofSession('a')), link.status.phase, heard]).toEqual([
      undefined,
      'up',
      ['up'],
    ])
    await vi.advanceTimersByTimeAsync(20_000)
    expect(connector.attempts).toHaveLength(2)
  })
})

describe('closing', () => {
  test('closes every connection once, and the connector', async () => {
    const { link, connector, first } = await connected(false)
    const asked = link.connection(ofSession('a'))
    await vi.advanceTimersByTimeAsync(0)
    const alone = connector.last.succeed(false)
    await asked
    await link.close()
    expect([first.closed, alone.closed, connector.closed]).toEqual([1, 1, 1])
    expect(link.status.phase).toBe('closed')
    expect(link.current(SHARED)).toBeUndefined()
  })

  test('while it connects: the connector is told at once, and what still comes is closed', async () => {
    const { link, connector } = bench()
    const asked = link.connection(SHARED)
    const closing = link.close()
    await vi.advanceTimersByTimeAsync(0)
    expect(connector.closed).toBe(1)
    const late = connector.last.succeed()
    await expect(asked).rejects.toMatchObject({ code: 'shutting_down' })
    await closing
    expect([late.closed, link.current(SHARED), link.status.phase]).toEqual([1, undefined, 'closed'])
  })

  test('while it connects in vain: nobody tries again', async () => {
    const parts = bench()
    const asked = parts.link.connection(SHARED)
    parts.connector.onClose = () => parts.connector.last.fail(refused)
    await Promise.all([
      parts.link.close(),
      expect(asked).rejects.toMatchObject({ code: 'shutting_down' }),
    ])
    await vi.advanceTimersByTimeAsync(20_000)
    expect(parts.connector.attempts).toHaveLength(1)
    expect(parts.heard).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
  })

  test('while a delay runs: it ends with the link', async () => {
    const parts = bench()
    void parts.link.start()
    await fail(parts)
    await parts.link.close()
    expect(vi.getTimerCount()).toBe(0)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(parts.connector.attempts).toHaveLength(1)
  })

  test('a connection lost in the meantime is no news, and later calls are refused', async () => {
    const parts = await connected()
    await parts.link.close()
    parts.connector.last.lose(gone)
    await expect(parts.link.connection(SHARED)).rejects.toMatchObject({ code: 'shutting_down' })
    expect(parts.heard).toEqual(['up'])
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('calls under way', () => {
  test('are counted out once each', () => {
    const { link } = bench()
    const [leave, other] = [link.enter(SHARED, DEAF), link.enter(SHARED, DEAF)]
    expect(link.inFlight).toBe(2)
    leave()
    leave()
    expect(link.inFlight).toBe(1)
    other()
    expect(link.inFlight).toBe(0)
  })

  test('draining ends with the last of them', async () => {
    const { link } = bench()
    await link.drain(0)
    const [leave, other] = [link.enter(SHARED, DEAF), link.enter(SHARED, DEAF)]
    let drained = false
    const draining = link.drain(5_000)
    void draining.finally(() => {
      drained = true
    })
    leave()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(drained).toBe(false)
    other()
    await draining
    expect(vi.getTimerCount()).toBe(0)
  })

  test('or with the time there is for it', async () => {
    const { link } = bench()
    link.enter(SHARED, DEAF)
    const draining = link.drain(5_000)
    await vi.advanceTimersByTimeAsync(5_000)
    await draining
    expect(link.inFlight).toBe(1)
  })
})

describe('sessions of single clients', () => {
  test('are limited, the shared one aside, and a place that is given back can be had again', async () => {
    const { link, connector } = await connected(false)
    for (const context of ['a', 'b']) {
      const opening = link.connection(ofSession(context))
      await vi.advanceTimersByTimeAsync(0)
      connector.last.succeed(false)
      await opening
    }
    await expect(link.connection(ofSession('c'))).rejects.toMatchObject({ code: 'overloaded' })
    expect(link.current(ofSession('c'))).toBeUndefined()
    await link.release('a')
    const opening = link.connection(ofSession('c'))
    await vi.advanceTimersByTimeAsync(0)
    const third = connector.last.succeed(false)
    expect(await opening).toBe(third)
  })
})
