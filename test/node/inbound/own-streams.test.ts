// The streams that sessions have for themselves: resumed, replaced, let go.
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { RawStream } from '../../fixtures/raw-client.ts'
import { until } from '../../fixtures/wait.ts'
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

let node: SessionStreams

async function start(options?: SessionStreamsOptions): Promise<void> {
  node = await SessionStreams.start(options)
}

afterEach(() => node.close())

const changed = (of: string): JsonObject => ({
  jsonrpc: '2.0',
  method: `notifications/${of}/list_changed`,
})

/** The session's own stream, opened, and closed by the client. */
async function ownThenGone(key = 's'): Promise<RawStream> {
  const stream = await node.get(key)
  node.change('tools')
  expect(await stream.next()).toEqual(changed('tools'))
  stream.close()
  await until(() => node.gets.at(-1)?.closed, 'the client has left')
  return stream
}

describe('the stream of a session', () => {
  it('tells of changed lists, under ids', async () => {
    await start()
    const stream = await node.get('s')
    for (const of of ['tools', 'prompts', 'resources'] as const) {
      node.change(of)
      expect(await stream.next()).toEqual(changed(of))
    }
    expect(new Set(eventIds(stream)).size).toBe(4)
    expect(stream.raw).toMatch(/^id: [\w-]+-0\nretry: /)
  })

  it('row 48: is resumed with what was announced meanwhile, once', async () => {
    await start()
    const stream = await ownThenGone()
    node.change('prompts')
    node.streams.notify('s', Buffer.from('{"updated":"x"}'))
    expect(node.streams.size).toBe(0)
    const again = await node.get('s', lastEventId(stream))
    expect(await again.next()).toEqual(changed('prompts'))
    expect(await again.next()).toEqual({ updated: 'x' })
    expect(node.streams.size).toBe(1)
    node.change('resources')
    expect(await again.next()).toEqual(changed('resources'))
    expect(node.watchers.size).toBe(1)
  })

  it('gives way to a new one', async () => {
    await start()
    const stream = await node.get('s')
    const instead = await node.get('s')
    expect(await rest(stream)).toEqual([])
    node.change('tools')
    expect(await instead.next()).toEqual(changed('tools'))
    expect([node.watchers.size, node.streams.size, node.store.size]).toEqual([1, 1, 1])
  })

  it('that is not there any more begins anew, and announces everything there may be to know', async () => {
    await start()
    const old = `s${'A'.repeat(12)}-3`
    const stream = await node.get('s', old)
    for (const of of ['tools', 'prompts', 'resources']) {
      expect(await stream.next()).toEqual(changed(of))
    }
    expect(eventIds(stream)).not.toContain(old)
    const other = await node.get('t', lastEventId(stream))
    expect(await other.next()).toEqual(changed('tools'))
    expect(node.streams.size).toBe(2)
  })

  it('is let go when its client stays away', async () => {
    await start({ lifetimeMs: SHORT_MS })
    await ownThenGone()
    expect(node.watchers.size).toBe(1)
    await until(() => node.watchers.size === 0, 'nobody watches any more')
    expect(node.store.size + node.store.bytes).toBe(0)
    node.streams.notify('s', note(1))
    expect(node.store.bytes).toBe(0)
  })

  it('is let go with its client where there was no room to keep it', async () => {
    await start({ streams: 1 })
    const first = await node.get('s')
    await ownThenGone('t')
    expect(node.watchers.size).toBe(1)
    node.change('prompts')
    expect(await first.next()).toEqual(changed('tools'))
    expect(await first.next()).toEqual(changed('prompts'))
  })

  it('ends with its session', async () => {
    await start({ keepAliveMs: 20 })
    const [deleted, expired] = [await node.get('s'), await node.get('t')]
    node.streams.end('s')
    expect(await rest(deleted)).toEqual([])
    expect([node.watchers.size, node.store.size]).toEqual([1, 1])
    node.isValid = false
    expect(await rest(expired)).toEqual([])
    expect([node.watchers.size, node.store.size, node.streams.size]).toEqual([0, 0, 0])
  })

  it('is one more only if its session has none open', async () => {
    await start()
    const stream = await node.get('s')
    node.change('tools')
    await stream.next()
    node.hasRoom = false
    expect((await node.refusal('t')).raw).toBe('overloaded')
    const again = await node.get('s', lastEventId(stream))
    expect(again.status).toBe(200)
    again.close()
    await until(() => node.streams.size === 0, 'the client has left')
    expect((await node.refusal('s', lastEventId(stream))).raw).toBe('overloaded')
  })

  it('is cut off when its client does not read, and can be resumed', async () => {
    await start({ streamBytes: 100_000_000 })
    const stream = await node.get('s')
    node.change('tools')
    await stream.next()
    const message = { updated: 'x'.repeat(100_000) }
    let sent = 0
    while (sent < 1_000 && node.gets[0]?.destroyed !== true) {
      node.streams.notify('s', Buffer.from(JSON.stringify(message)))
      sent += 1
      await turn()
    }
    expect(sent).toBeLessThan(1_000)
    const again = await node.get('s', lastEventId(stream))
    for (let count = 0; count < sent; count += 1) expect(await again.next()).toEqual(message)
    node.change('prompts')
    expect(await again.next()).toEqual(changed('prompts'))
  })
})
