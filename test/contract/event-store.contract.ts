// What every store of event streams promises, wherever it keeps them.
import * as fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import type { EventStore, StoredStream } from '../../node/inbound/event-store.ts'
import { until } from '../fixtures/wait.ts'

/** Bounds of a store under contract. */
export interface StoreBounds {
  readonly streamBytes: number
  readonly lifetimeMs: number
  readonly sessionStreams: number
  readonly streams: number
  readonly totalBytes: number
}

/** A store, and what it keeps. */
export interface StoreUnderTest {
  readonly store: EventStore
  readonly size: () => number
  readonly bytes: () => number
}

const WIDE: StoreBounds = {
  streamBytes: 100_000,
  lifetimeMs: 60_000,
  sessionStreams: 100,
  streams: 1_000,
  totalBytes: 10_000_000,
}

/** Short enough to wait for, long enough for what has to happen before. */
const SHORT_MS = 40

/** Runs the contract over one kind of store. */
export function eventStoreContract(
  name: string,
  make: (bounds: StoreBounds) => StoreUnderTest,
): void {
  describe(`event store: ${name}`, () => {
    let made: StoreUnderTest | undefined
    let forgotten: string[] = []

    afterEach(() => {
      made?.store.close()
      forgotten = []
    })

    function start(bounds: Partial<StoreBounds> = {}): EventStore {
      made = make({ ...WIDE, ...bounds })
      return made.store
    }

    function open(store: EventStore, session: string, stream: string): StoredStream {
      return store.open(session, stream, () => forgotten.push(stream))
    }

    test('row 48: what came after an event is told, of its stream only and in order', async () => {
      const store = start()
      const [one, two] = [open(store, 's', 'one'), open(store, 's', 'two')]
      const ids = ['a', 'b', 'c'].map((text) => {
        two.append([Buffer.from(`not ${text}`)])
        return one.append([Buffer.from(text), Buffer.from('ü')])
      })
      expect(await texts(store, 's', one.start)).toEqual(['aü', 'bü', 'cü'])
      expect(await texts(store, 's', ids[0] ?? '')).toEqual(['bü', 'cü'])
      expect(await texts(store, 's', ids[2] ?? '')).toEqual([])
      const replay = await store.after('s', one.start)
      expect(replay?.events.map(({ id }) => id)).toEqual(ids)
      expect(replay?.ended).toBe(false)
      one.end()
      expect((await store.after('s', ids[2] ?? ''))?.ended).toBe(true)
    })

    test('row 48: ids are unique in a session, and good in no other', async () => {
      const store = start()
      const ids = ['a', 'b', 'c'].flatMap((stream) => {
        const opened = open(store, 's', stream)
        return [opened.start, opened.append([Buffer.from('1')]), opened.append([Buffer.from('2')])]
      })
      expect(new Set(ids).size).toBe(ids.length)
      for (const id of ids) expect(await store.after('t', id)).toBeUndefined()
      const same = open(store, 't', 'a')
      same.append([Buffer.from('of t')])
      expect(await texts(store, 't', same.start)).toEqual(['of t'])
      expect(await texts(store, 's', ids[0] ?? '')).toEqual(['1', '2'])
    })

    test('row 48: ids that were never given out find nothing', async () => {
      const store = start()
      const stream = open(store, 's', 'one')
      const id = stream.append([Buffer.from('1')])
      const forged = ['', '-', 'one', 'one-', 'one-2', 'one--1', 'one-01', 'one-1.0', `${id} `]
      forged.push('one-99999999999999999999', 'two-1', '__proto__-0', 'one-1-1', `${id}\n`, 'öne-1')
      for (const other of forged)
        expect([other, await store.after('s', other)]).toEqual([other, undefined])
      expect(await texts(store, 's', id)).toEqual([])
    })

    test('a message is kept as it was, although the bytes it came in are used again', async () => {
      const store = start()
      const stream = open(store, 's', 'one')
      const chunk = Buffer.from('{"a":1}')
      stream.append([chunk])
      chunk.fill('x')
      expect(await texts(store, 's', stream.start)).toEqual(['{"a":1}'])
    })

    test('the oldest messages go, and it is told that they are gone', async () => {
      const store = start({ streamBytes: 4_000 })
      const stream = open(store, 's', 'one')
      const message = Buffer.alloc(1_000, 'm')
      const ids = Array.from({ length: 10 }, () => stream.append([message]))
      expect(made?.bytes()).toBeLessThanOrEqual(4_000)
      expect(await store.after('s', stream.start)).toBeUndefined()
      expect(await store.after('s', ids[3] ?? '')).toBeUndefined()
      expect(await texts(store, 's', ids[7] ?? '')).toHaveLength(2)
      stream.append([Buffer.alloc(4_001, 'x')])
      expect(await store.after('s', ids[9] ?? '')).toBeUndefined()
      const next = stream.append([message])
      expect(await texts(store, 's', next)).toEqual([])
    })

    test('a stream is forgotten a while after it ended, or its client left for good', async () => {
      const store = start({ lifetimeMs: SHORT_MS })
      const [ended, left, busy] = ['ended', 'left', 'busy'].map((one) => open(store, 's', one))
      for (const stream of [ended, left, busy]) stream?.append([Buffer.from('m')])
      left?.attend(false)
      ended?.end()
      await until(() => forgotten.length === 2, 'both are forgotten')
      expect(forgotten.toSorted()).toEqual(['ended', 'left'])
      expect(await store.after('s', ended?.start ?? '')).toBeUndefined()
      expect(await store.after('s', left?.start ?? '')).toBeUndefined()
      expect(await texts(store, 's', busy?.start ?? '')).toEqual(['m'])
      // Its writer need not know, and nobody is told twice.
      expect(left?.append([Buffer.from('late')])).toBe('left-2')
      left?.end()
      ended?.drop()
      expect(forgotten).toHaveLength(2)
      expect(made?.size()).toBe(1)
    })

    test('no stream is forgotten before its time, whatever becomes of another', async () => {
      const store = start({ lifetimeMs: SHORT_MS })
      const kept: number[] = []
      const leave = (stream: string): void => {
        const left = performance.now()
        const opened = store.open('s', stream, () => kept.push(performance.now() - left))
        opened.attend(false)
      }
      const began = performance.now()
      leave('first')
      await until(() => performance.now() - began > SHORT_MS / 2, 'a while passes')
      leave('second')
      await until(() => kept.length === 2, 'both are forgotten')
      for (const lived of kept) expect(lived).toBeGreaterThanOrEqual(SHORT_MS)
    })

    test('a client that is back keeps its stream', async () => {
      const store = start({ lifetimeMs: SHORT_MS })
      const [back, gone] = [open(store, 's', 'back'), open(store, 's', 'gone')]
      back.attend(false)
      back.attend(true)
      gone.attend(false)
      await until(() => forgotten.includes('gone'), 'the other is forgotten')
      expect(forgotten).toEqual(['gone'])
      back.attend(false)
      await until(() => forgotten.includes('back'), 'it is forgotten too')
      expect(made?.size()).toBe(0)
    })

    test('a session that is over takes all its streams with it, and no other', async () => {
      const store = start()
      const one = open(store, 's', 'one')
      const two = open(store, 's', 'two')
      const other = open(store, 't', 'other')
      for (const stream of [one, two, other]) stream.append([Buffer.from('m')])
      two.end()
      store.forget('s')
      expect(forgotten.toSorted()).toEqual(['one', 'two'])
      expect(await store.after('s', one.start)).toBeUndefined()
      expect(one.append([Buffer.from('m')])).toBe('one-2')
      expect(await store.after('s', 'one-1')).toBeUndefined()
      expect(await texts(store, 't', other.start)).toEqual(['m'])
    })

    test('one session has so many streams; the one that is idle longest makes room', async () => {
      const store = start({ sessionStreams: 3 })
      const streams = ['a', 'b', 'c'].map((one) => open(store, 's', one))
      const refused = open(store, 's', 'd')
      expect(refused.append([Buffer.from('m')])).toBe('d-1')
      expect(await store.after('s', refused.start)).toBeUndefined()
      refused.attend(false)
      refused.end()
      expect(forgotten.splice(0)).toEqual(['d'])
      expect(open(store, 't', 'of t').start).toBe('of t-0')
      streams[1]?.end()
      streams[0]?.end()
      open(store, 's', 'e')
      open(store, 's', 'f')
      expect(forgotten).toHaveLength(2)
      expect(forgotten.toSorted()).toEqual(['a', 'b'])
      expect(made?.size()).toBe(4)
    })

    test('there are so many streams in all; the one that is idle longest makes room', () => {
      const store = start({ streams: 3 })
      const streams = ['a', 'b', 'c'].map((one) => open(store, one, one))
      streams[2]?.end()
      streams[0]?.attend(false)
      for (const one of ['d', 'e', 'f']) open(store, one, one)
      expect(forgotten).toEqual(['c', 'a'])
      expect(made?.size()).toBe(3)
    })

    test('all streams together take so much; those that are idle go first', async () => {
      const store = start({ totalBytes: 5_000 })
      const message = Buffer.alloc(1_000, 'm')
      const [idle, busy] = [open(store, 's', 'idle'), open(store, 's', 'busy')]
      idle.append([message])
      idle.end()
      for (let count = 0; count < 4; count += 1) busy.append([message])
      expect(forgotten).toEqual(['idle'])
      expect(await texts(store, 's', busy.start)).toHaveLength(4)
      const last = busy.append([message])
      expect(made?.bytes()).toBeLessThanOrEqual(5_000)
      expect(await store.after('s', busy.start)).toBeUndefined()
      expect(await texts(store, 's', last)).toEqual([])
    })

    test('a closed store has forgotten everything and keeps nothing', async () => {
      const store = start()
      const stream = open(store, 's', 'one')
      stream.append([Buffer.from('m')])
      store.close()
      expect(forgotten).toEqual(['one'])
      const late = open(store, 's', 'late')
      for (const opened of [stream, late]) {
        opened.append([Buffer.from('m')])
        expect(await store.after('s', opened.start)).toBeUndefined()
      }
      expect(made?.size()).toBe(0)
      expect(made?.bytes()).toBe(0)
    })

    test('law: after any event there is either the whole rest or nothing', async () => {
      const step = fc.record({
        of: fc.nat(3),
        what: fc.constantFrom('append', 'append', 'append', 'leave', 'return', 'end', 'new'),
        size: fc.nat(900),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
          const store = start({ streamBytes: 1_500, totalBytes: 4_000, sessionStreams: 3 })
          const model = steps.length === 0 ? [] : play(store, steps)
          for (const { session, ids, sent } of model) {
            for (const [index, id] of ids.entries()) {
              const replay = await store.after(session, id)
              if (replay === undefined) continue
              expect(replay.events.map(({ message }) => message.toString())).toEqual(
                sent.slice(index),
              )
              expect(replay.events.map((event) => event.id)).toEqual(ids.slice(index + 1))
            }
          }
          expect(made?.bytes()).toBeLessThanOrEqual(4_000)
          store.close()
          expect(made?.bytes()).toBe(0)
        }),
      )
    })
  })
}

async function texts(store: EventStore, session: string, id: string): Promise<string[]> {
  const replay = await store.after(session, id)
  if (replay === undefined) throw new Error(`nothing can be told after ${id}`)
  return replay.events.map(({ message }) => message.toString())
}

interface Step {
  readonly of: number
  readonly what: string
  readonly size: number
}

interface Written {
  readonly session: string
  readonly stream: StoredStream
  /** The start and the id of each message. */
  readonly ids: string[]
  readonly sent: string[]
  ended: boolean
}

/** Does what the steps say, on the latest streams of two sessions; returns all that was written. */
function play(store: EventStore, steps: readonly Step[]): Written[] {
  const all: Written[] = []
  const begin = (of: number): Written => {
    const session = `session ${of % 2}`
    const stream = store.open(session, `stream${all.length}`, () => undefined)
    const written = { session, stream, ids: [stream.start], sent: [], ended: false }
    all.push(written)
    return written
  }
  const current = [0, 1, 2, 3].map(begin)
  for (const [turn, { of, what, size }] of steps.entries()) {
    const written = current[of]
    if (written === undefined) throw new RangeError('there are four')
    if (what === 'new') current[of] = begin(of)
    else if (what === 'leave') written.stream.attend(false)
    else if (what === 'return') written.stream.attend(true)
    else if (what === 'end') {
      written.stream.end()
      written.ended = true
    } else if (!written.ended) {
      const text = `${turn}${'.'.repeat(size)}`
      written.ids.push(written.stream.append([Buffer.from(text)]))
      written.sent.push(text)
    }
  }
  return all
}
