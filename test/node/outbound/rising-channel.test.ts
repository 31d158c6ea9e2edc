// A channel over HTTP that becomes a link.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Fault } from '../../../protocol/errors.ts'
import type { ModernChannel } from '../../../node/outbound/modern-connection.ts'
import { RisingChannel, type RisingOptions } from '../../../node/outbound/rising-channel.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const WAIT_MS = 1_000

interface Fake extends ModernChannel {
  closed: boolean
}

function fake(transport: ModernChannel['transport']): Fake {
  return {
    transport,
    closed: false,
    send: () => ({ cancel: () => undefined, resume: () => undefined }),
    async close() {
      this.closed = true
      await Promise.resolve()
    },
  }
}

type Lost = Parameters<RisingOptions['open']>[0]

/** A channel whose attempts come to what the test says. */
class Stage {
  readonly http = fake('http')
  readonly faults: string[] = []
  readonly attempts: { readonly give: (better?: ModernChannel) => void; readonly lost: Lost }[] = []
  readonly channel: RisingChannel = new RisingChannel({
    http: this.http,
    waitMs: () => WAIT_MS,
    open: (lost) => {
      const { promise, resolve } = Promise.withResolvers<ModernChannel | undefined>()
      this.attempts.push({ give: resolve, lost })
      return promise
    },
    lost: ({ message }) => this.faults.push(message),
  })

  async give(better?: ModernChannel): Promise<void> {
    await vi.advanceTimersByTimeAsync(WAIT_MS)
    this.attempts.at(-1)?.give(better)
    await vi.advanceTimersByTimeAsync(0)
  }
}

test('it tries until there is something better, and then no more', async () => {
  const stage = new Stage()
  await stage.give()
  expect(stage.channel.transport).toBe('http')
  await stage.give(fake('websocket'))
  expect(stage.channel.transport).toBe('websocket')
  await vi.advanceTimersByTimeAsync(100 * WAIT_MS)
  expect(stage.attempts).toHaveLength(2)
  expect(vi.getTimerCount()).toBe(0)
})

test('what is better is closed with it, and so is what comes too late', async () => {
  const [first, second] = [new Stage(), new Stage()]
  const links = [fake('websocket'), fake('websocket')] as const
  await first.give(links[0])
  await first.channel.close()
  await vi.advanceTimersByTimeAsync(WAIT_MS)
  await second.channel.close()
  await second.give(links[1])
  expect(links.map(({ closed }) => closed)).toEqual([true, true])
  expect(second.channel.transport).toBe('http')
  expect(vi.getTimerCount()).toBe(0)
})

test('the loss of what is better is told, but not after the end', async () => {
  const stage = new Stage()
  await stage.give(fake('websocket'))
  const fault = new Fault('upstream_unavailable', 'gone')
  stage.attempts[0]?.lost(fault)
  stage.channel.end()
  stage.attempts[0]?.lost(fault)
  expect(stage.faults).toEqual(['gone'])
})
