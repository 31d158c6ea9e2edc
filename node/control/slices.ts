import { setImmediate } from 'node:timers/promises'

/** How long one piece of work may keep calls waiting, milliseconds. */
const SLICE_MS = 2

/**
 * Long work for operators in short pieces: calls get their turn after each. Ask after every step; what it gives is to be
 * waited for.
 */
export class Slices {
  readonly #signal: AbortSignal
  #since: number = performance.now()

  /** @param signal aborts when nobody wants the result any more */
  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  /** Undefined while there is time left. @throws what the signal was aborted with; the promise rejects with it too */
  turn(): Promise<void> | undefined {
    if (performance.now() - this.#since < SLICE_MS) return undefined
    return this.#pause()
  }

  async #pause(): Promise<void> {
    await setImmediate()
    this.#signal.throwIfAborted()
    this.#since = performance.now()
  }
}
