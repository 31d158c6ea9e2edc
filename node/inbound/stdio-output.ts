import type { Writable } from 'node:stream'
import { singleLine } from '../core/stdio-lines.ts'

const NEWLINE = Buffer.from('\n')

/** What the other side of a pipe is told. */
export interface OutputEvents {
  /** Nobody reads any more; told once. */
  gone(): void
  /** More waits for the reader than it should: nothing more should be asked for until `caughtUp`. */
  crowded(): void
  caughtUp(): void
}

/** The way out of a pipe: one message a line, in the order written, until the reader has gone. */
export class StdioOutput {
  readonly #stream: Writable
  readonly #maxQueued: number
  readonly #events: OutputEvents
  #crowded = false
  #waiting: (() => void)[] = []
  #broken = false

  /** @param maxQueued bytes that may wait for the reader before it is `crowded`; what the stream holds by itself may always */
  constructor(stream: Writable, maxQueued: number, events: OutputEvents) {
    this.#stream = stream
    this.#maxQueued = maxQueued
    this.#events = events
    const lost = (): void => {
      if (this.#broken) return
      this.#broken = true
      this.#drained()
      events.gone()
    }
    stream.on('drain', () => this.#drained())
    stream.on('error', lost)
    stream.on('close', lost)
  }

  /** Whether nobody reads any more. */
  get broken(): boolean {
    return this.#broken
  }

  /** Sends one message; false asks to wait for `onDrain`. */
  write(message: readonly Buffer[]): boolean {
    if (this.#broken) return true
    this.#stream.cork()
    for (const part of message) this.#stream.write(singleLine(part))
    const free = this.#stream.write(NEWLINE)
    // All messages of a tick leave in one write.
    process.nextTick(() => this.#stream.uncork())
    if (!free && !this.#crowded && this.#stream.writableLength > this.#maxQueued) {
      this.#crowded = true
      this.#events.crowded()
    }
    return free
  }

  /** Calls `listener` once when the reader has caught up, or has gone. */
  onDrain(listener: () => void): void {
    if (this.#broken || !this.#stream.writableNeedDrain) listener()
    else this.#waiting.push(listener)
  }

  /** Resolves when the reader has taken all that was written, or has gone. */
  flushed(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      // An empty write is called back after all before it.
      this.#stream.write('', () => resolve())
      if (this.#broken) resolve()
    })
  }

  #drained(): void {
    if (this.#crowded) {
      this.#crowded = false
      this.#events.caughtUp()
    }
    const waiting = this.#waiting
    this.#waiting = []
    for (const listener of waiting) listener()
  }
}
