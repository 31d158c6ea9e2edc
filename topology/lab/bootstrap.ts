import type { SeededRandom } from '../sim/random.ts'

/** Times a sample is drawn again. */
const ROUNDS = 2_000
/** Share of what was drawn that an interval leaves out at each end: it holds 95 %. */
const TAIL = 0.025

/** Where a figure lies, by all that is known of it. */
export interface Interval {
  readonly low: number
  readonly high: number
}

/** @returns NaN of nothing */
export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/**
 * Percentile bootstrap of the mean of a sample, at 95 %.
 *
 * @throws RangeError when the sample is empty
 */
export function meanInterval(values: readonly number[], random: SeededRandom): Interval {
  return intervalOf(() => drawnMean(values, random))
}

/**
 * The same of how much more the mean of the second of two independent samples is.
 *
 * @throws RangeError when one of them is empty
 */
export function differenceInterval(
  before: readonly number[],
  after: readonly number[],
  random: SeededRandom,
): Interval {
  return intervalOf(() => drawnMean(after, random) - drawnMean(before, random))
}

function drawnMean(values: readonly number[], random: SeededRandom): number {
  let sum = 0
  for (let at = 0; at < values.length; at += 1) sum += random.pick(values)
  return sum / values.length
}

function intervalOf(draw: () => number): Interval {
  const drawn = Array.from({ length: ROUNDS }, draw).toSorted((a, b) => a - b)
  if (drawn.some(Number.isNaN)) throw new RangeError('nothing to draw from')
  const at = (share: number): number => drawn[Math.round(share * (ROUNDS - 1))] ?? 0
  return { low: at(TAIL), high: at(1 - TAIL) }
}
