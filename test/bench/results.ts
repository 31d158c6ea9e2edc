// What a run found out, as written by --json and read by the report.
import type { Route } from './plan.ts'
import { paired, ratio, spread, type Spread } from './stats.ts'
import type { Era, Operation } from './wire.ts'

/** Processor time of every process on the path, microseconds per request. */
export interface Cost {
  readonly load: number
  /** Nearest to the client first; empty on the direct route. */
  readonly relays: readonly number[]
  readonly upstream: number
}

/** One cell in one round. */
export interface Round {
  readonly requests: number
  readonly perSecond: number
  /** Undefined where the system does not tell. */
  readonly cost: Cost | undefined
  /** Share by which one clock tick can falsify the cost of what is measured. */
  readonly tickError: number
  readonly resets: number
  /** Latency with one request in flight, microseconds. */
  readonly p50: number
  readonly p99: number
}

/** One cell over all rounds. */
export interface CellResult {
  readonly era: Era
  readonly operation: Operation
  readonly route: Route
  /** Requests one list takes; 1 for a call. */
  readonly pages: number
  readonly rounds: readonly Round[]
}

/** Memory of one node in front of one upstream of ten tools, mebibytes; compiled, as it is published. */
export interface MemoryResult {
  readonly idle: number
  /** Run from source, which loads the compiler that strips types. */
  readonly sourceIdle: number
  /** The floor proxy, for comparison. */
  readonly floorIdle: number
  readonly sessions: number
  /** After the same work with sixteen sessions, and with all of them. */
  readonly warm: number
  readonly held: number
  /** Live memory of one session after collecting garbage, kibibytes. */
  readonly heapKbPerSession: number
  readonly residentKbPerSession: number
}

/** A whole run. */
export interface Results {
  readonly machine: Readonly<Record<string, string | number>>
  readonly cells: readonly CellResult[]
  readonly memory: MemoryResult | undefined
}

/** Processor time of the relays together, microseconds per request, round by round; empty where it is not known. */
export function relayCost(cell: CellResult): number[] {
  return cell.rounds.flatMap(({ cost }) => (cost === undefined ? [] : [sum(cost.relays)]))
}

/** Processor time of everything behind the client, microseconds per request, round by round. */
export function servingCost(cell: CellResult): number[] {
  return cell.rounds.flatMap(({ cost }) =>
    cost === undefined ? [] : [sum(cost.relays) + cost.upstream],
  )
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** The cell of the same group on another route. */
export function sibling(
  results: Pick<Results, 'cells'>,
  cell: Pick<CellResult, 'era' | 'operation'>,
  route: Route,
): CellResult | undefined {
  const wanted = JSON.stringify(cell.operation)
  return results.cells.find(
    (other) =>
      other.route === route && other.era === cell.era && JSON.stringify(other.operation) === wanted,
  )
}

/** Quotient of two cells' costs, taken round by round; undefined when either is missing. */
export function costRatio(
  cost: (cell: CellResult) => number[],
  cell: CellResult | undefined,
  reference: CellResult | undefined,
): Spread | undefined {
  if (cell === undefined || reference === undefined) return undefined
  const above = cost(cell)
  const below = cost(reference)
  return above.length === 0 || below.length === 0 ? undefined : paired(above, below, ratio)
}

/** Median and extremes of one figure of a cell over its rounds. */
export function over(cell: CellResult, figure: (round: Round) => number): Spread {
  return spread(cell.rounds.map(figure))
}
