// The few statistics the bench rests on: medians over rounds, and ratios taken inside a round.

/** The middle of a handful of rounds, with the extremes beside it. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/**
 * The value below which the share `q` (0 to 1) of the samples lies, linearly interpolated between neighbours.
 *
 * Samples must be sorted upwards. Throws `RangeError` when there are none.
 */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) throw new RangeError('no samples')
  const at = (sorted.length - 1) * Math.min(Math.max(q, 0), 1)
  const below = sorted[Math.floor(at)] ?? 0
  const above = sorted[Math.ceil(at)] ?? 0
  return below + (above - below) * (at - Math.floor(at))
}

/** Median, smallest and largest of the values. Throws `RangeError` when there are none. */
export function spread(values: Iterable<number>): Spread {
  const sorted = Float64Array.from(values).toSorted()
  return { median: quantile(sorted, 0.5), min: quantile(sorted, 0), max: quantile(sorted, 1) }
}

/**
 * Compares two series round by round: what disturbs the machine for a whole round cancels out.
 *
 * Both series must have the same length, or a `RangeError` is thrown.
 */
export function paired(
  left: readonly number[],
  right: readonly number[],
  compare: (a: number, b: number) => number,
): Spread {
  if (left.length !== right.length) throw new RangeError('series of different length')
  return spread(left.map((value, round) => compare(value, right[round] ?? Number.NaN)))
}

/** The quotient of two figures, for {@link paired}. */
export function ratio(a: number, b: number): number {
  return a / b
}

/** The distance of two figures, for {@link paired}. */
export function difference(a: number, b: number): number {
  return a - b
}
