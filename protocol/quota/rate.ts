/**
 * A rate with bursts, by the generic cell rate algorithm (ITU-T I.371): a token bucket whose whole state is the time at
 * which it is full again. Nothing has to be filled by a clock, the time to wait falls out of it, and a bucket that is
 * full is the same as one that never was, so that it can be forgotten.
 *
 * All times are whole microseconds of one clock that only goes up: sums of them are exact.
 */

/** How often, and how many at once. */
export interface Rate {
  /** Requests in a period, on the long run. */
  readonly count: number
  readonly periodMs: number
  /** Requests that may come at once. In any stretch of time no more than this and those of the rate are let through. */
  readonly burst: number
}

/** When a bucket is full again; one nobody has taken from is full always. */
export type FullAt = number

export const ALWAYS_FULL: FullAt = 0

/** Time until one more request is there, µs: rounded up, so that no rounding adds to the rate. */
export function intervalOf({ count, periodMs }: Rate): number {
  return Math.ceil((periodMs * 1_000) / count)
}

/** A rate that is asked often. */
export class Bucket {
  readonly rate: Rate
  readonly #interval: number
  /** How far from full a bucket may be that still has one. */
  readonly #slack: number

  constructor(rate: Rate) {
    this.rate = rate
    this.#interval = intervalOf(rate)
    this.#slack = (rate.burst - 1) * this.#interval
  }

  /** Time until there is one to take, µs; 0 when there is. */
  wait(fullAt: FullAt, now: number): number {
    return Math.max(0, fullAt - now - this.#slack)
  }

  /** The bucket after one was taken. Only where {@link wait} is 0. */
  take(fullAt: FullAt, now: number): FullAt {
    return Math.max(fullAt, now) + this.#interval
  }

  /** How many there are to take. */
  left(fullAt: FullAt, now: number): number {
    const missing = Math.max(0, fullAt - now)
    const part = missing % this.#interval
    const taken = (missing - part) / this.#interval + (part > 0 ? 1 : 0)
    return Math.max(0, this.rate.burst - taken)
  }

  /** Time until there is one more than now, µs; 0 when it is full. */
  untilMore(fullAt: FullAt, now: number): number {
    const missing = Math.max(0, fullAt - now)
    const waiting = this.rate.burst - this.left(fullAt, now)
    return waiting === 0 ? 0 : missing - (waiting - 1) * this.#interval
  }
}

/** Whether a bucket is as one nobody has taken from. */
export function isFull(fullAt: FullAt, now: number): boolean {
  return fullAt <= now
}
