// Measures a group: warm-up, then rounds in which the targets take turns, forwards and backwards.
import { setTimeout as pause } from 'node:timers/promises'
import type { Call } from './ipc.ts'
import type { Lab, Path } from './lab.ts'
import type { LoadCommands, Outcome } from './load.ts'
import type { Options } from './options.ts'
import { groupName, type Group, type Route } from './plan.ts'
import { processorTicks, tickMicroseconds } from './proc.ts'
import type { Running } from './processes.ts'
import type { CellResult, Cost, Round } from './results.ts'

/** What measuring needs. */
export interface Bench {
  readonly lab: Lab
  readonly load: Running
  readonly call: Call<LoadCommands>
  readonly options: Options
  /** Process ids of the relays and upstreams that have seen load. */
  readonly warm: Set<number>
}

/** How long a node may take, once up, until it offers what its upstreams do, in milliseconds. */
const SETTLE_MS = 15_000
const SETTLE_STEP_MS = 50

/** Requests of each slot before each stretch, which wake connections which idled since the last round. */
const WAKE_REQUESTS = 2

/** More than a warm-up has time for. */
const WARM_UP_REQUESTS = 200_000

interface Cell {
  readonly name: string
  readonly route: Route
  readonly path: Path
  readonly target: number
  readonly pages: number
  readonly rounds: Round[]
  /** Requests of the next stretch. */
  requests: number
}

interface Sample {
  readonly outcome: Outcome
  readonly cost: Cost | undefined
  /** Least processor time that one of the measured processes used, microseconds. */
  readonly least: number
}

const TICK_US = tickMicroseconds()

async function openCell(bench: Bench, group: Group, route: Route): Promise<Cell> {
  const path = await bench.lab.path(group, route)
  const { era, operation } = group
  const { inFlight } = bench.options
  const opening = { url: path.url, era, operation, inFlight }
  const patience = performance.now() + SETTLE_MS
  for (;;) {
    try {
      const opened = await bench.call('open', opening)
      const name = `${groupName(group)}/${route}`
      return { name, route, path, ...opened, rounds: [], requests: 1 }
    } catch (cause) {
      // A node may be up before its upstreams have answered for the first time.
      if (performance.now() > patience) throw new Error(`${route}: ${path.url}`, { cause })
      await pause(SETTLE_STEP_MS)
    }
  }
}

/** The processes whose cost the cell is about: the relays, or the upstream when there is none. */
function measured({ relays, upstream }: Path): readonly Running[] {
  return relays.length > 0 ? relays : [upstream]
}

function ticks(processes: readonly Running[]): number[] | undefined {
  const now = processes.map(({ pid }) => processorTicks(pid))
  return now.every((value) => value !== undefined) ? now : undefined
}

async function sample(
  bench: Bench,
  cell: Cell,
  limit: { readonly inFlight: number; readonly requests: number; readonly seconds: number },
): Promise<Sample> {
  const { relays, upstream } = cell.path
  const processes = [bench.load, ...relays, upstream]
  const before = ticks(processes)
  const outcome = await bench.call('run', { target: cell.target, ...limit })
  const after = ticks(processes)
  if (outcome.faults.length > 0) {
    throw new Error(`${cell.name}: ${outcome.resets} resets\n${outcome.faults.join('\n')}`)
  }
  if (before === undefined || after === undefined || TICK_US === undefined) {
    return { outcome, cost: undefined, least: Number.NaN }
  }
  const used = after.map((value, at) => (value - (before[at] ?? 0)) * TICK_US)
  const each = used.map((value) => value / outcome.requests)
  const subjects = measured(cell.path).map((one) => used[processes.indexOf(one)] ?? 0)
  const cost = { load: each[0] ?? 0, relays: each.slice(1, -1), upstream: each.at(-1) ?? 0 }
  return { outcome, cost, least: Math.min(...subjects) }
}

/** So many requests that every measured process uses the processor time the options ask for. */
function enough({ outcome, least }: Sample, options: Options): number {
  const perRequest = least / outcome.requests
  if (perRequest > 0) return Math.ceil(options.processorTime / perRequest)
  return Math.ceil((outcome.requests / outcome.seconds) * options.stretchSeconds)
}

async function warmUp(bench: Bench, cell: Cell): Promise<void> {
  const { inFlight, warmUpSeconds, coldSeconds } = bench.options
  const subjects = measured(cell.path).map(({ pid }) => pid)
  const cold = subjects.some((pid) => !bench.warm.has(pid))
  for (const pid of subjects) bench.warm.add(pid)
  const limit = { inFlight, requests: WARM_UP_REQUESTS }
  await sample(bench, cell, { ...limit, seconds: cold ? coldSeconds : warmUpSeconds })
  const sizing = await sample(bench, cell, { ...limit, seconds: warmUpSeconds / 2 })
  cell.requests = enough(sizing, bench.options)
}

async function round(bench: Bench, cell: Cell): Promise<void> {
  const { options } = bench
  const { inFlight, stretchSeconds, latencyRequests, latencySeconds } = options
  await sample(bench, cell, { inFlight, requests: inFlight * WAKE_REQUESTS, seconds: 1 })
  const limit = { inFlight, requests: cell.requests, seconds: stretchSeconds }
  const loaded = await sample(bench, cell, limit)
  const alone = { inFlight: 1, requests: latencyRequests, seconds: latencySeconds }
  const { outcome: quiet } = await sample(bench, cell, alone)
  cell.requests = enough(loaded, options)
  cell.rounds.push({
    requests: loaded.outcome.requests,
    perSecond: loaded.outcome.requests / loaded.outcome.seconds,
    cost: loaded.cost,
    tickError: (TICK_US ?? Number.NaN) / loaded.least,
    resets: loaded.outcome.resets + quiet.resets,
    p50: quiet.p50,
    p99: quiet.p99,
  })
}

/** Measures every cell of the group. Rejects when a request failed, for then the figures mean nothing. */
export async function measureGroup(bench: Bench, group: Group): Promise<CellResult[]> {
  const cells: Cell[] = []
  for (const route of group.routes) {
    const cell = await openCell(bench, group, route)
    cells.push(cell)
    await warmUp(bench, cell)
  }
  for (let turn = 0; turn < bench.options.rounds; turn++) {
    const order = turn % 2 === 0 ? cells : cells.toReversed()
    for (const cell of order) await round(bench, cell)
  }
  for (const { target } of cells) await bench.call('close', target)
  const { era, operation } = group
  return cells.map(({ route, pages, rounds }) => ({ era, operation, route, pages, rounds }))
}
