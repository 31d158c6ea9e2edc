import { SeededRandom } from '../sim/random.ts'
import { differenceInterval, meanInterval, meanOf, type Interval } from './bootstrap.ts'
import type { LabSummary } from './summary.ts'
import type { CheckResult } from './verdict.ts'

const DRAW_SEED = 0x3c6ef372

/** One run, as far as runs are compared. */
export interface ComparedRun {
  readonly seed: number
  readonly checks: readonly CheckResult[]
  readonly summary: LabSummary
}

/** One figure of two sets of runs. */
export interface ComparedFigure {
  readonly figure: string
  /** Means, over the runs that have it. */
  readonly a: number
  readonly b: number
  /** How much more it is in b, and between what that lies at 95 %; undefined where a set has one run only. */
  readonly difference: number
  readonly interval: Interval | undefined
}

/** Figures of a run, by name. Times in ms. */
export function figuresOf({ checks, summary }: ComparedRun): ReadonlyMap<string, number> {
  const { calls, convergence, falseRouteSeconds, messages, routeChanges } = summary
  const broken = checks.filter(({ verdict }) => verdict === 'broken').length
  const unknown = checks.filter(({ verdict }) => verdict === 'unknown').length
  const spreads = Object.entries(convergence).flatMap(([fault, { p50, max }]) => [
    [`last change after ${fault}, p50`, p50] as const,
    [`last change after ${fault}, max`, max] as const,
  ])
  const sent = Object.entries(messages).map(([kind, count]) => [`messages ${kind}`, count] as const)
  const asked: readonly (readonly [string, number])[] =
    calls.success === null
      ? []
      : [
          ['calls answered, share', calls.success],
          ['calls, p50', calls.time.p50],
          ['calls, p95', calls.time.p95],
          ['calls that took another way', calls.failovers],
        ]
  return new Map([
    ['expectations broken', broken],
    ['expectations unknown', unknown],
    ...spreads,
    ['changes of ways', routeChanges],
    ['seconds of false ways', falseRouteSeconds],
    ...sent,
    ...asked,
  ])
}

/**
 * Compares two sets of runs, figure by figure. Runs of the same seeds are compared pair by pair; others as two samples.
 *
 * @returns figures both have
 */
export function compareRuns(
  a: readonly ComparedRun[],
  b: readonly ComparedRun[],
): readonly ComparedFigure[] {
  const [first, second] = [a.toSorted(bySeed), b.toSorted(bySeed)]
  const isPaired =
    first.length === second.length && first.every(({ seed }, at) => seed === second[at]?.seed)
  const [ours, theirs] = [first.map(figuresOf), second.map(figuresOf)]
  const names = new Set(ours.flatMap((figures) => [...figures.keys()]))
  return [...names].flatMap((figure) => {
    const [before, after] = [valuesOf(ours, figure), valuesOf(theirs, figure)]
    if (before.length === 0 || after.length === 0) return []
    const isWhole = before.length === a.length && after.length === b.length
    const [of, to] = [meanOf(before), meanOf(after)]
    const interval = between(before, after, isPaired && isWhole)
    return { figure, a: of, b: to, difference: to - of, interval }
  })
}

function bySeed(one: ComparedRun, other: ComparedRun): number {
  return one.seed - other.seed
}

function valuesOf(all: readonly ReadonlyMap<string, number>[], figure: string): number[] {
  return all.flatMap((figures) => figures.get(figure) ?? [])
}

function between(
  before: readonly number[],
  after: readonly number[],
  isPaired: boolean,
): Interval | undefined {
  if (before.length < 2 || after.length < 2) return undefined
  // Of each figure by itself, so that it does not depend on which others there are.
  const random = new SeededRandom(DRAW_SEED)
  if (!isPaired) return differenceInterval(before, after, random)
  return meanInterval(
    after.map((value, at) => value - (before[at] ?? 0)),
    random,
  )
}
