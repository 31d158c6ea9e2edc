import type { Fault } from '../../protocol/errors.ts'

/**
 * The life of one call: it ends once, by an answer or by a reason to stop. Whoever holds something for the call (an
 * upstream stream, a timer) lets go of it in `onEnd`. Cheaper than an AbortController, of which each call would need
 * one, and with the reason typed.
 */
export class CallScope {
  #ended = false
  #reason: Fault | undefined
  #listeners: ((reason: Fault | undefined) => void)[] = []

  get ended(): boolean {
    return this.#ended
  }

  /** Why it was stopped; undefined while it runs and after an answer. */
  get reason(): Fault | undefined {
    return this.#reason
  }

  /** Calls `listener` when the call ends, at once if it has ended. The reason is undefined after an answer. */
  onEnd(listener: (reason: Fault | undefined) => void): void {
    if (this.#ended) listener(this.#reason)
    else this.#listeners.push(listener)
  }

  /** Ends it with an answer. */
  finish(): void {
    this.#end(undefined)
  }

  /** Ends it without one. */
  stop(reason: Fault): void {
    this.#end(reason)
  }

  #end(reason: Fault | undefined): void {
    if (this.#ended) return
    this.#ended = true
    this.#reason = reason
    const listeners = this.#listeners
    this.#listeners = []
    for (const listener of listeners) listener(reason)
  }
}
