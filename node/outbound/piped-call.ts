import type { Fault } from '../../protocol/errors.ts'
import type { UpstreamMessage } from '../../protocol/upstream-message.ts'
import type { FrameSink } from './connection.ts'

/** Bytes of notifications kept for a caller that is slow to take them. */
const HELD_BYTES = 262_144

/**
 * One request on a pipe it shares with others. A caller that is slow cannot stop the pipe, so what comes for it waits
 * here; when that is too much the oldest notifications go, which progress allows: it only ever grows.
 */
export class PipedCall {
  readonly #sink: FrameSink
  #held: UpstreamMessage[] | undefined
  #heldBytes = 0
  #finish: (() => void) | undefined
  #over = false

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  notification(message: UpstreamMessage): void {
    if (this.#over) return
    if (this.#held === undefined) {
      if (!this.#sink.notification(message)) this.#held = []
      return
    }
    this.#held.push(message)
    this.#heldBytes += message.raw.length
    while (this.#heldBytes > HELD_BYTES) this.#heldBytes -= this.#held.shift()?.raw.length ?? 0
  }

  response(message: UpstreamMessage): void {
    this.#settle(() => this.#sink.response(message))
  }

  failed(fault: Fault, unsent: boolean): void {
    this.#settle(() => this.#sink.failed(fault, unsent))
  }

  /** Hands over what waits, until the caller is full again. */
  resume(): void {
    const held = this.#held
    if (held === undefined || this.#over) return
    for (let next = held.shift(); next !== undefined; next = held.shift()) {
      this.#heldBytes -= next.raw.length
      if (!this.#sink.notification(next)) return
    }
    this.#held = undefined
    if (this.#finish !== undefined) this.#settle(this.#finish)
  }

  /** Nothing more is handed over. */
  drop(): void {
    this.#over = true
    this.#held = undefined
    this.#finish = undefined
  }

  #settle(finish: () => void): void {
    if (this.#over) return
    if (this.#held !== undefined) {
      this.#finish ??= finish
      return
    }
    this.#over = true
    finish()
  }
}
