import { performance } from 'node:perf_hooks'
import { Ring, type Place } from './ring.ts'

/** Something that must not wait for ever. */
export interface Due {
  /** Gives up if its time is over; `now` is that of `performance.now()`. */
  check(now: number): void
}

/** How late a deadline may be noticed, milliseconds. */
const TICK_MS = 50

/**
 * The deadlines of all calls under way, looked at together: a timer of its own for each call costs more than most calls
 * need elsewhere in a hop, and deadlines are seconds away.
 */
export class Deadlines {
  readonly #open = new Ring<Due>()
  #timer: NodeJS.Timeout | undefined

  add(due: Due): Place<Due> {
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS)
    return this.#open.add(due)
  }

  delete(place: Place<Due>): void {
    this.#open.remove(place)
  }

  #tick(): void {
    // Not the wall clock: when that is set, deadlines must not move.
    const now = performance.now()
    for (const due of this.#open.values()) due.check(now)
    // Only a tick that finds nothing ends the ticking: between two calls it goes on.
    if (!this.#open.empty) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
