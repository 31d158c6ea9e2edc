import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { FinishedSpan } from '../../../../node/core/trace/span.ts'
import { SpanQueue, type Sending } from '../../../../node/core/trace/span-queue.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

function span(name: string): FinishedSpan {
  const ids = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), parentId: undefined }
  const times = { startedAt: 1, endedAt: 2, attributes: {}, error: undefined }
  return { ...ids, name, kind: 'server', ...times }
}

/** A collector that answers as it is told. */
function queueOf(answers: Sending[], more: { capacity?: number; batch?: number } = {}) {
  const sent: string[][] = []
  const queue = new SpanQueue({
    waitMs: 100,
    ...more,
    send: (spans) => {
      sent.push(spans.map(({ name }) => name))
      return Promise.resolve(
        answers.length > 1 ? (answers.shift() ?? 'sent') : (answers[0] ?? 'sent'),
      )
    },
  })
  return { queue, sent }
}

describe('spans on their way', () => {
  test('wait for each other, and go in batches, in order', async () => {
    const { queue, sent } = queueOf(['sent'], { batch: 2 })
    for (const name of ['a', 'b', 'c']) queue.take(span(name))
    expect(sent).toEqual([])
    await vi.advanceTimersByTimeAsync(300)
    expect(sent).toEqual([['a', 'b'], ['c']])
    expect(queue.counts).toEqual({ sent: 3, dropped: 0, failed: 0 })
  })

  test('beyond what there is room for they are dropped and counted, however long nobody takes them', async () => {
    const { queue, sent } = queueOf(['later'], { capacity: 3, batch: 2 })
    for (let i = 0; i < 10; i += 1) queue.take(span(String(i)))
    await vi.advanceTimersByTimeAsync(10_000)
    for (let i = 0; i < 10; i += 1) queue.take(span(String(i)))
    expect(queue.size).toBe(3)
    expect(queue.counts).toEqual({ sent: 0, dropped: 17, failed: 0 })
    // Pauses of 100, 100, 200, 400, … ms.
    expect(sent.length).toBeLessThan(10)
  })

  test('are sent again when the collector is back, and not when it refuses them', async () => {
    const { queue, sent } = queueOf(['later', 'sent', 'refused'])
    queue.take(span('a'))
    await vi.advanceTimersByTimeAsync(500)
    expect(sent).toEqual([['a'], ['a']])
    queue.take(span('b'))
    await vi.advanceTimersByTimeAsync(500)
    expect(queue.counts).toEqual({ sent: 1, dropped: 0, failed: 1 })
  })

  test('what is left goes at the end, once; what then finds nobody is dropped', async () => {
    const good = queueOf(['sent'])
    good.queue.take(span('a'))
    await good.queue.close(1_000)
    expect(good.sent).toEqual([['a']])
    good.queue.take(span('late'))
    expect(good.queue.counts).toEqual({ sent: 1, dropped: 1, failed: 0 })
    const bad = queueOf(['later'])
    bad.queue.take(span('a'))
    await bad.queue.close(1_000)
    expect(bad.queue.counts).toEqual({ sent: 0, dropped: 1, failed: 0 })
  })

  test('a collector that never answers holds the end up no longer than is allowed', async () => {
    const queue = new SpanQueue({ send: () => new Promise(() => undefined) })
    queue.take(span('a'))
    const closed = queue.close(1_000)
    await vi.advanceTimersByTimeAsync(1_000)
    await closed
    expect(vi.getTimerCount()).toBe(0)
  })
})
