const MAX_TIMER_MS = 2 ** 31 - 1

/** Time of a run, ms since it began, and what is to be done when. */
export class RunClock {
  readonly #timers = new Set<NodeJS.Timeout>()
  #began: number | undefined
  #closed = false

  /** From now on it runs; before, it stands at 0. */
  begin(): void {
    this.#began = performance.now()
  }

  get now(): number {
    return this.#began === undefined ? 0 : performance.now() - this.#began
  }

  /** Does something at a time, or at once when that is over; nothing after the end. */
  at(time: number, run: () => void): void {
    if (this.#closed) return
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer)
        run()
      },
      Math.min(MAX_TIMER_MS, Math.max(0, time - this.now)),
    )
    this.#timers.add(timer)
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }
}
