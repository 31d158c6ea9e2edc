/** Upper bounds of the buckets of every duration, seconds: from what a node takes by itself to what callers give up at. */
export const BOUNDS: readonly number[] = [
  0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
  10, 30, 60,
]

/** How often something took how long. Made once and filled without allocating, for what is measured at each call. */
export class Histogram {
  /** One for each bound, and one for what is above them all; not cumulative. */
  readonly counts: Float64Array = new Float64Array(BOUNDS.length + 1)
  /** Of all that was measured, seconds. */
  sum = 0

  /** @param seconds what is below zero, because a clock was set back, counts as none */
  observe(seconds: number): void {
    const known = seconds > 0 ? seconds : 0
    let bucket = 0
    while (known > (BOUNDS[bucket] ?? Infinity)) bucket += 1
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1
    this.sum += known
  }
}
