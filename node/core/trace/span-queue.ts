import type { FinishedSpan, SpanSink } from './span.ts'

/** What became of a batch: taken, never to be taken, or perhaps later. */
export type Sending = 'sent' | 'refused' | 'later'

/** How spans are sent. */
export interface SpanQueueOptions {
  /** Sends some; never rejects. */
  readonly send: (spans: readonly FinishedSpan[]) => Promise<Sending>
  /** Spans kept at most; beyond it new ones are dropped. Default 4 096, about 3 MiB. */
  readonly capacity?: number
  /** Spans sent at once at most. Default 512. */
  readonly batch?: number
  /** How long a span waits for others, milliseconds. Default 1 s. */
  readonly waitMs?: number
}

const CAPACITY = 4_096
const BATCH = 512
const WAIT_MS = 1_000
/** Longest pause after a collector did not take a batch, milliseconds. */
const MAX_PAUSE_MS = 30_000

/**
 * Spans on their way to the collector: never more than there is room for, one batch at a time, and with growing pauses
 * while nobody takes them. What is dropped is counted.
 */
export class SpanQueue implements SpanSink {
  readonly #options: Required<SpanQueueOptions>
  /** Of spans. */
  readonly counts = { sent: 0, dropped: 0, failed: 0 }
  #spans: FinishedSpan[] = []
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined
  #pauseMs = 0
  #closed = false

  constructor(options: SpanQueueOptions) {
    this.#options = { capacity: CAPACITY, batch: BATCH, waitMs: WAIT_MS, ...options }
  }

  /** Spans that wait. */
  get size(): number {
    return this.#spans.length
  }

  take(span: FinishedSpan): void {
    if (this.#closed || this.#spans.length >= this.#options.capacity) {
      this.counts.dropped += 1
      return
    }
    this.#spans.push(span)
    this.#arm()
  }

  /** Sends what is left, one time, as long as `graceMs` lasts; the rest is dropped. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    const late = Promise.withResolvers<void>()
    const timer = setTimeout(late.resolve, graceMs)
    await Promise.race([this.#flush(), late.promise])
    clearTimeout(timer)
    this.counts.dropped += this.#spans.length
    this.#spans = []
  }

  async #flush(): Promise<void> {
    await this.#sending
    while (this.#spans.length > 0) {
      const before = this.#spans.length
      await this.#send()
      if (this.#spans.length >= before) return
    }
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#sending !== undefined) return
    const isFull = this.#spans.length >= this.#options.batch && this.#pauseMs === 0
    const delay = isFull ? 0 : Math.max(this.#pauseMs, this.#options.waitMs)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#sending = this.#send().finally(() => {
        this.#sending = undefined
        if (this.#spans.length > 0 && !this.#closed) this.#arm()
      })
    }, delay)
    this.#timer.unref()
  }

  async #send(): Promise<void> {
    const { batch, capacity, send, waitMs } = this.#options
    const spans = this.#spans.splice(0, batch)
    const sending = await send(spans)
    if (sending !== 'later') {
      this.counts[sending === 'sent' ? 'sent' : 'failed'] += spans.length
      this.#pauseMs = 0
      return
    }
    // Newer ones may have come meanwhile; the oldest stay first, and what finds no room is gone.
    const room = Math.max(0, capacity - this.#spans.length)
    this.counts.dropped += Math.max(0, spans.length - room)
    this.#spans = [...spans.slice(0, room), ...this.#spans]
    this.#pauseMs = Math.min(MAX_PAUSE_MS, Math.max(waitMs, this.#pauseMs * 2))
  }
}
