// Streams that answer calls of sessions: broken off, resumed, taken over, and forgotten.
import { connect } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import * as fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { EventStore } from '../../../node/inbound/event-store.ts'
import type { HttpReply } from '../../../node/inbound/http-reply.ts'
import type { RawStream } from '../../fixtures/raw-client.ts'
import { latch, until, type Latch } from '../../fixtures/wait.ts'
import type { JsonObject } from '../../fixtures/wire.ts'
import {
  eventIds,
  lastEventId,
  note,
  rest,
  SessionStreams,
  SHORT_MS,
  type SessionStreamsOptions,
} from './session-streams.ts'

const RESULT = Buffer.from('{"result":1}')
let node: SessionStreams

async function start(options?: SessionStreamsOptions): Promise<void> {
  node = await SessionStreams.start(options)
}

afterEach(() => node.close())

/** The next messages, fewer where the stream ends. */
async function some(stream: RawStream, count: number): Promise<JsonObject[]> {
  const messages: JsonObject[] = []
  while (messages.length < count && !isResult(messages.at(-1))) {
    const next = await stream.next()
    if (next === undefined) break
    messages.push(next)
  }
  return messages
}

function isResult(message: JsonObject | undefined): boolean {
  return message !== undefined && 'result' in message
}

/** A call whose caller has read one notification. */
async function begun(key = 's'): Promise<{
  readonly reply: HttpReply
  readonly stream: RawStream
  /** Hangs up; resolves when that has been noticed. */
  readonly leave: () => Promise<unknown>
}> {
  const { reply, stream: opening, response } = await node.post(key)
  reply.notify(note(1))
  const stream = await opening
  expect(await stream.next()).toEqual({ note: 1 })
  const leave = (): Promise<unknown> => {
    stream.close()
    return until(() => response.closed, 'the caller has left')
  }
  return { reply, stream, leave }
}

/** Answers after so many turns of the loop, each time another number. */
function slow(delays: readonly number[]): (store: EventStore) => EventStore {
  let asked = 0
  return (store) => ({
    open: (session, stream, forgotten) => store.open(session, stream, forgotten),
    forget: (session) => store.forget(session),
    close: () => store.close(),
    after: async (session, id) => {
      const found = await store.after(session, id)
      asked += 1
      for (let left = delays[asked % delays.length] ?? 0; left > 0; left -= 1) await turn()
      return found
    },
  })
}

/** Answers when it is told to. */
function held(gate: Latch, asked: () => void): (store: EventStore) => EventStore {
  return (store) => ({
    ...slow([0])(store),
    after: async (session, id) => {
      const found = await store.after(session, id)
      asked()
      await gate.opened
      return found
    },
  })
}

describe('the answer to a call', () => {
  it('row 48: begins with an event of no message; every event has an id of its own', async () => {
    await start()
    const { reply, stream } = await begun()
    reply.notify(note(2))
    reply.finish([RESULT])
    expect(await rest(stream)).toEqual([{ note: 2 }, { result: 1 }])
    expect(stream.raw).toMatch(/^id: [\w-]+-0\nretry: \d+\ndata:\n\nid: /)
    expect(eventIds(stream)).toHaveLength(4)
    expect(new Set(eventIds(stream)).size).toBe(4)
  })

  it('has ids for clients of older revisions too, but no event they would choke on', async () => {
    await start()
    node.revision = '2025-06-18'
    const { reply, stream } = await begun()
    reply.finish([RESULT])
    expect(await rest(stream)).toEqual([{ result: 1 }])
    expect(eventIds(stream)).toHaveLength(2)
    expect(stream.raw).toMatch(/^id: [\w-]+-1\nevent: message\ndata: \{/)
    expect(stream.raw).not.toContain('retry')
    const again = await node.get('s', eventIds(stream)[0])
    expect(await rest(again)).toEqual([{ result: 1 }])
    expect(eventIds(again)).toEqual([lastEventId(stream)])
  })

  it('that is plain JSON keeps nothing', async () => {
    await start()
    const { reply, stream } = await node.post('s')
    reply.finish([RESULT])
    expect((await stream).headers['content-type']).toBe('application/json')
    expect(node.store.size).toBe(0)
  })

  it('may be a stream before there is anything to send', async () => {
    await start()
    const { reply, stream: opening } = await node.post('s', '/at-once')
    const stream = await opening
    expect(stream.headers['content-type']).toBe('text/event-stream')
    reply.finish([RESULT])
    expect(await rest(stream)).toEqual([{ result: 1 }])
  })

  it('row 48: goes on when its caller leaves; the same stream is resumed, first what was missed, then live', async () => {
    await start()
    const { reply, stream, leave } = await begun()
    const other = await begun()
    await leave()
    for (const count of [2, 3]) reply.notify(note(count))
    other.reply.notify(note(-2))
    const again = await node.get('s', lastEventId(stream))
    expect(await again.next()).toEqual({ note: 2 })
    expect(await again.next()).toEqual({ note: 3 })
    reply.notify(note(4))
    other.reply.notify(note(-3))
    reply.finish([RESULT])
    expect(await rest(again)).toEqual([{ note: 4 }, { result: 1 }])
    expect(eventIds(again)[0]).toBe(lastEventId(stream))
    other.reply.finish([RESULT])
    expect(await rest(other.stream)).toEqual([{ note: -2 }, { note: -3 }, { result: 1 }])
  })

  it('row 48: can be had after its end, any number of times, until there is nothing left of it', async () => {
    await start()
    const { reply, stream, leave } = await begun()
    await leave()
    reply.finish([RESULT])
    for (let times = 0; times < 2; times += 1) {
      const again = await node.get('s', lastEventId(stream))
      expect(await rest(again)).toEqual([{ result: 1 }])
      const none = await node.refusal('s', lastEventId(again))
      expect([none.status, none.raw]).toEqual([204, ''])
    }
  })

  it('can be resumed from before its first message', async () => {
    await start()
    const { reply, stream } = await begun()
    const again = await node.get('s', eventIds(stream)[0])
    reply.finish([RESULT])
    expect(await rest(again)).toEqual([{ note: 1 }, { result: 1 }])
  })

  it('is taken over by a second GET; the first connection ends', async () => {
    await start()
    const { reply, stream } = await begun()
    const again = await node.get('s', lastEventId(stream))
    expect(await rest(stream)).toEqual([])
    reply.notify(note(2))
    const third = await node.get('s', lastEventId(stream))
    expect(await third.next()).toEqual({ note: 2 })
    reply.finish([RESULT])
    expect(await rest(again)).toEqual([{ note: 2 }])
    expect(await rest(third)).toEqual([{ result: 1 }])
  })

  it('row 48: is not to be had by another session, nor by an id that was never given', async () => {
    await start()
    const { reply, stream } = await begun()
    const id = lastEventId(stream)
    const wrong = [id.replace(/\d+$/, '7'), `a${'A'.repeat(12)}-1`, 'nonsense', '1']
    const refusals = await Promise.all([
      node.refusal('t', id),
      ...wrong.map((one) => node.refusal('s', one)),
    ])
    for (const { status, raw } of refusals) expect([status, raw]).toEqual([400, 'invalid_request'])
    reply.finish([RESULT])
    expect(await rest(stream)).toEqual([{ result: 1 }])
    expect((await node.refusal('t', id)).status).toBe(400)
  })

  it('cannot be resumed from before what is kept, and says so', async () => {
    await start({ streamBytes: 10_000 })
    const { reply, stream, leave } = await begun()
    await leave()
    const large = Buffer.from(JSON.stringify({ note: 'x'.repeat(3_000) }))
    for (let count = 0; count < 10; count += 1) reply.notify(large)
    expect((await node.refusal('s', lastEventId(stream))).status).toBe(400)
    reply.finish([RESULT])
    expect((await node.refusal('s', lastEventId(stream))).status).toBe(400)
  })

  it('that was withdrawn ends without a response, and there is nothing to come back for', async () => {
    await start()
    const { reply, stream } = await begun()
    reply.abandon()
    expect(await rest(stream)).toEqual([])
    expect((await node.refusal('s', lastEventId(stream))).status).toBe(204)
    const early = await node.post('s')
    early.reply.abandon()
    const never = await early.stream
    expect(await rest(never)).toEqual([])
    expect(eventIds(never)).toEqual([])
  })

  it('is forgotten when its caller stays away, and the call ends by itself', async () => {
    await start({ lifetimeMs: SHORT_MS })
    const { reply, stream, leave } = await begun()
    await leave()
    await until(() => node.store.size === 0, 'it is forgotten')
    expect((await node.refusal('s', lastEventId(stream))).status).toBe(400)
    expect(reply.notify(note(2))).toBe(true)
    reply.finish([RESULT])
    expect(node.store.size + node.store.bytes).toBe(0)
  })

  it('goes on to its connected caller when the session ends, but is not kept', async () => {
    await start()
    const { reply, stream } = await begun()
    node.streams.end('s')
    expect(node.store.size).toBe(0)
    expect((await node.refusal('s', lastEventId(stream))).status).toBe(400)
    reply.finish([RESULT])
    expect(await rest(stream)).toEqual([{ result: 1 }])
  })

  it('is kept alive on whatever connection it has', async () => {
    await start({ keepAliveMs: 20 })
    const { reply, stream, leave } = await begun()
    const comments = async (on: RawStream): Promise<boolean> => {
      reply.notify(note(0))
      await on.next()
      return on.raw.includes('\n:\n\n')
    }
    expect(await until(() => comments(stream), 'a comment')).toBe(true)
    await leave()
    const again = await node.get('s', lastEventId(stream))
    expect(await until(() => comments(again), 'a comment on the new one')).toBe(true)
    reply.finish([RESULT])
  })
})

describe('back-pressure', () => {
  const LARGE = Buffer.from(JSON.stringify('x'.repeat(8_000_000)))

  it('holds for a caller that came back as for one that never left', async () => {
    await start({ streamBytes: 100_000_000 })
    const { reply, stream, leave } = await begun()
    await leave()
    const again = await node.get('s', lastEventId(stream))
    expect(reply.notify(LARGE)).toBe(false)
    let drained = 0
    reply.onDrain(() => (drained += 1))
    await turn()
    expect(drained).toBe(0)
    const reading = rest(again)
    await until(() => drained === 1, 'the caller has caught up')
    reply.finish([RESULT])
    expect(await reading).toEqual([{ result: 1 }])
  })

  it('does not hold for a caller that is away', async () => {
    await start()
    const { reply, leave } = await begun()
    expect(reply.notify(LARGE)).toBe(false)
    let drained = 0
    reply.onDrain(() => (drained += 1))
    await leave()
    expect(drained).toBe(1)
    for (let count = 0; count < 10; count += 1) expect(reply.notify(LARGE)).toBe(true)
    reply.onDrain(() => (drained += 1))
    expect(drained).toBe(2)
    expect(node.store.bytes).toBeLessThanOrEqual(1_000_000)
    reply.finish([RESULT])
  })

  it('of a connection that hangs is over when the stream is taken over', async () => {
    await start({ streamBytes: 100_000_000 })
    const { reply, stream } = await begun()
    expect(reply.notify(LARGE)).toBe(false)
    let drained = 0
    reply.onDrain(() => (drained += 1))
    const again = await node.get('s', lastEventId(stream))
    expect(drained).toBe(1)
    const reading = rest(again)
    reply.finish([RESULT])
    expect(await reading).toEqual([{ result: 1 }])
  })
})

describe('a store that takes its time', () => {
  it('loses nothing of what comes while a stream is resumed', async () => {
    const gate = latch()
    let asked = 0
    await start({ wrap: held(gate, () => (asked += 1)) })
    const { reply, stream, leave } = await begun()
    await leave()
    reply.notify(note(2))
    const resuming = node.get('s', lastEventId(stream))
    await until(() => asked === 1, 'the store is asked')
    reply.notify(note(3))
    reply.finish([RESULT])
    gate.open()
    expect(await rest(await resuming)).toEqual([{ note: 2 }, { note: 3 }, { result: 1 }])
  })

  it('is not waited for by a client that comes back and leaves again', async () => {
    const gate = latch()
    let asked = 0
    await start({ wrap: held(gate, () => (asked += 1)), lifetimeMs: SHORT_MS })
    const { stream, leave } = await begun()
    await leave()
    const socket = connect(Number(new URL(node.url).port), '127.0.0.1')
    const headers = `Host: x\r\nMcp-Session-Id: s\r\nLast-Event-ID: ${lastEventId(stream)}`
    socket.write(`GET / HTTP/1.1\r\n${headers}\r\n\r\n`)
    await until(() => asked === 1, 'the store is asked')
    socket.destroy()
    await until(() => node.gets[0]?.closed, 'the client has left')
    gate.open()
    expect(await until(() => node.store.size === 0, 'the stream is forgotten')).toBe(true)
  })

  it('law: however often a caller leaves and comes back, it gets everything once and in order', async () => {
    const plan = fc.record({
      /** Messages read before it hangs up, for each connection but the last. */
      reads: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 }),
      delays: fc.array(fc.nat(4), { minLength: 1, maxLength: 4 }),
      pauses: fc.array(fc.nat(3), { minLength: 1, maxLength: 4 }),
      total: fc.integer({ min: 1, max: 30 }),
    })
    await start()
    await fc.assert(
      fc.asyncProperty(plan, async ({ reads, delays, pauses, total }) => {
        await node.close()
        await start({ wrap: slow(delays) })
        const { reply, stream: opening } = await node.post('s', '/at-once')
        const writing = (async () => {
          for (let count = 1; count < total; count += 1) {
            reply.notify(note(count))
            for (let left = pauses[count % pauses.length] ?? 0; left > 0; left -= 1) await turn()
          }
          reply.finish([RESULT])
        })()
        const got: JsonObject[] = []
        let stream = await opening
        for (const wanted of reads) {
          got.push(...(await some(stream, wanted)))
          if (isResult(got.at(-1))) break
          const id = lastEventId(stream).replace(/\d+$/, String(got.length))
          stream.close()
          stream = await node.get('s', id)
        }
        if (!isResult(got.at(-1))) got.push(...(await rest(stream)))
        await writing
        const notes = Array.from({ length: total - 1 }, (_, index) => ({ note: index + 1 }))
        expect(got).toEqual([...notes, { result: 1 }])
      }),
      { numRuns: 40 },
    )
  })
})
