import type { Writable } from 'node:stream'
import { singleLine } from '../core/stdio-lines.ts'

const NEWLINE = Buffer.from('\n')

/** The way out of a pipe: one message a line, in the order written, until the reader has gone. */
export class StdioOutput {
  readonly #stream: Writable
  #waiting: (() => void)[] = []
  #broken = false

  /** `gone` is told once when nobody reads any more. */
  constructor(stream: Writable, gone: () => void) {
    this.#stream = stream
    const lost = (): void => {
      if (this.#broken) return
      this.#broken = true
      this.#drained()
      gone()
    }
    stream.on('drain', () => this.#drained())
    stream.on('error', lost)
    stream.on('close', lost)
  }

  /** Whether nobody reads any more. */
  get broken(): boolean {
    return this.#broken
  }

  /** Bytes that are written, but not yet taken by the reader. */
  get queued(): number {
    return this.#stream.writableLength
  }

  /** Sends one message; false asks to wait for `onDrain`. */
  write(message: readonly Buffer[]): boolean {
    if (this.#broken) return true
    this.#stream.cork()
    for (const part of message) this.#stream.write(singleLine(part))
    const free = this.#stream.write(NEWLINE)
    // All messages of a tick leave in one write.
    process.nextTick(() => this.#stream.uncork())
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
    const waiting = this.#waiting
    this.#waiting = []
    for (const listener of waiting) listener()
  }
}
