// The goals of the relay's cost, and whether a run met them. A missed goal is news, not a failure.
import {
  costRatio,
  relayCost,
  servingCost,
  sibling,
  type CellResult,
  type Results,
} from './results.ts'
import type { Route } from './plan.ts'
import type { Spread } from './stats.ts'
import type { Era, Operation } from './wire.ts'

/** One line of the table of goals. */
export interface Goal {
  readonly name: string
  readonly limit: number
  /** The quotient, or the figure in the unit of the name; undefined when the run left it out. */
  readonly measured: Spread | undefined
  /** Undefined when it was not measured. */
  readonly met: boolean | undefined
}

interface Comparison {
  readonly name: string
  readonly limit: number
  readonly operation: Operation
  readonly route: Route
  readonly against: Route
  readonly cost: (cell: CellResult) => number[]
}

const ECHO_100_B: Operation = { kind: 'call', payload: 100 }
const ECHO_64_KIB: Operation = { kind: 'call', payload: 65_536 }
const LIST_1_000: Operation = { kind: 'list', tools: 1_000 }

const COMPARISONS: readonly Comparison[] = [
  {
    name: 'one hop, 100 B: CPU / floor',
    limit: 1.5,
    operation: ECHO_100_B,
    route: 'hop1',
    against: 'floor',
    cost: relayCost,
  },
  {
    name: 'one hop, 64 KiB: CPU / floor',
    limit: 1.3,
    operation: ECHO_64_KIB,
    route: 'hop1',
    against: 'floor',
    cost: relayCost,
  },
  {
    name: 'three hops / one hop, 100 B: CPU',
    limit: 3.5,
    operation: ECHO_100_B,
    route: 'hop3',
    against: 'hop1',
    cost: relayCost,
  },
  {
    name: 'cached list of 1 000 tools / asking an SDK server: CPU',
    limit: 1,
    operation: LIST_1_000,
    route: 'hop1',
    against: 'sdk-server',
    cost: servingCost,
  },
  {
    name: 'cached list of 1 000 tools / asking for ready-made bytes: CPU',
    limit: 1,
    operation: LIST_1_000,
    route: 'hop1',
    against: 'direct',
    cost: servingCost,
  },
]

const IDLE_MB = 90
const SESSION_KB = 6

function goal(name: string, limit: number, measured: Spread | undefined): Goal {
  return {
    name,
    limit,
    measured,
    met: measured === undefined ? undefined : measured.median <= limit,
  }
}

function compare(results: Results, era: Era, comparison: Comparison): Goal {
  const { operation, route, against, cost, limit } = comparison
  const measured = costRatio(
    cost,
    sibling(results, { era, operation }, route),
    sibling(results, { era, operation }, against),
  )
  return goal(`${comparison.name}, ${era}`, limit, measured)
}

function single(value: number | undefined): Spread | undefined {
  return value === undefined ? undefined : { median: value, min: value, max: value }
}

/** Every goal, judged by the median over the rounds. */
export function judge(results: Results): Goal[] {
  const { memory } = results
  return [
    ...COMPARISONS.flatMap((comparison) => [
      compare(results, '2026', comparison),
      compare(results, '2025', comparison),
    ]),
    goal('idle RSS, MB', IDLE_MB, single(memory?.idle)),
    goal('live memory of a session, KB', SESSION_KB, single(memory?.heapKbPerSession)),
  ]
}
