// The tables on stdout.
import { judge } from './goals.ts'
import { groupName, type Route } from './plan.ts'
import {
  costRatio,
  over,
  relayCost,
  servingCost,
  sibling,
  type CellResult,
  type Cost,
  type Results,
} from './results.ts'
import { difference, paired, type Spread } from './stats.ts'
import { figure, table } from './table.ts'

const MISSING = '-'

function withRange(value: Spread | undefined): string {
  if (value === undefined) return MISSING
  const { median, min, max } = value
  if (min === max) return figure(median)
  return `${figure(median)} (${figure(min)}–${figure(max)})`
}

function costOf(cell: CellResult, part: (cost: Cost) => number): string {
  if (cell.rounds.some(({ cost }) => cost === undefined)) return 'n/a'
  return figure(over(cell, ({ cost }) => (cost === undefined ? 0 : part(cost))).median)
}

function relaysOf(cell: CellResult): string {
  const count = cell.rounds[0]?.cost?.relays.length ?? 0
  if (count === 0) return MISSING
  return Array.from({ length: count }, (_, at) => costOf(cell, (c) => c.relays[at] ?? 0)).join(
    ' + ',
  )
}

/** Latency above that of the direct route, microseconds. */
function added(results: Results, cell: CellResult, which: 'p50' | 'p99'): string {
  const direct = sibling(results, cell, 'direct')
  if (direct === undefined || cell.route === 'direct') return MISSING
  const pick = (from: CellResult): number[] => from.rounds.map((round) => round[which])
  return withRange(paired(pick(cell), pick(direct), difference))
}

function callRow(results: Results, cell: CellResult): string[] {
  const against = (route: Route): string =>
    cell.route === 'direct'
      ? MISSING
      : withRange(costRatio(relayCost, cell, sibling(results, cell, route)))
  return [
    `${groupName(cell)}/${cell.route}`,
    figure(over(cell, (round) => round.perSecond).median),
    costOf(cell, (cost) => cost.load),
    relaysOf(cell),
    costOf(cell, (cost) => cost.upstream),
    against('floor'),
    figure(over(cell, (round) => round.p50).median),
    added(results, cell, 'p50'),
    added(results, cell, 'p99'),
  ]
}

function listRow(results: Results, cell: CellResult): string[] {
  const against = (route: Route): string =>
    withRange(costRatio(servingCost, cell, sibling(results, cell, route)))
  return [
    `${groupName(cell)}/${cell.route}`,
    String(cell.pages),
    figure(over(cell, (round) => round.perSecond).median),
    relaysOf(cell),
    costOf(cell, (cost) => cost.upstream),
    against('direct'),
    against('sdk-server'),
    figure(over(cell, (round) => round.p50).median),
    figure(over(cell, (round) => round.p99).median),
  ]
}

function cellsTable(results: Results, kind: 'call' | 'list'): string[] {
  const cells = results.cells.filter((cell) => cell.operation.kind === kind)
  if (cells.length === 0) return []
  if (kind === 'call') {
    const head = ['cell', 'req/s', 'load', 'relays', 'upstream', '× floor', 'p50', '+p50', '+p99']
    return [
      '\nCalls: CPU in µs per request of each process, latency in µs with one request in flight',
      table(
        head,
        cells.map((cell) => callRow(results, cell)),
      ),
    ]
  }
  const head = ['cell', 'pages', 'lists/s', 'relays', 'upstream', '× direct', '× SDK', 'p50', 'p99']
  return [
    '\nLists: a whole list is one request; CPU in µs, compared over relay and upstream together',
    table(
      head,
      cells.map((cell) => listRow(results, cell)),
    ),
  ]
}

function memoryTable({ memory }: Results): string[] {
  if (memory === undefined) return []
  const { sessions } = memory
  return [
    '\nMemory of one node with one upstream of 10 tools; sessions share the kept-alive connections',
    table(
      ['what', 'MB or KB'],
      [
        ['idle RSS, MB', figure(memory.idle)],
        ['idle RSS when run from source, MB', figure(memory.sourceIdle)],
        ['idle RSS of the floor proxy, MB', figure(memory.floorIdle)],
        ['RSS after load with few sessions, MB', figure(memory.warm)],
        [`RSS with ${sessions} sessions more, MB`, figure(memory.held)],
        ['live memory of a session, KB', figure(memory.heapKbPerSession)],
        [
          'RSS growth of a session after collecting garbage, KB',
          figure(memory.residentKbPerSession),
        ],
      ],
    ),
  ]
}

function verdict(met: boolean | undefined): string {
  if (met === undefined) return 'not measured'
  return met ? 'met' : 'NOT MET'
}

function goalsTable(results: Results): string[] {
  return [
    '\nGoals (median of the rounds, with the extremes)',
    table(
      ['goal', 'at most', 'measured', ''],
      judge(results).map(({ name, limit, measured, met }) => [
        name,
        figure(limit),
        withRange(measured),
        verdict(met),
      ]),
    ),
  ]
}

function accuracy(results: Results): string {
  const rounds = results.cells.flatMap((cell) => cell.rounds)
  const known = rounds.filter(({ cost }) => cost !== undefined)
  if (rounds.length === 0) return 'no cells'
  if (known.length === 0) return 'CPU per process: not available on this system'
  const worst = Math.max(0, ...known.map((round) => round.tickError)) * 100
  const resets = rounds.reduce((sum, round) => sum + round.resets, 0)
  const requests = rounds.reduce((sum, round) => sum + round.requests, 0)
  return (
    `${figure(requests)} requests, ${resets} resets; ` +
    `a clock tick falsifies the CPU of a relay by ${worst.toFixed(1)} % at most`
  )
}

/** The whole report as text. */
export function report(results: Results): string {
  const machine = Object.entries(results.machine).map(([name, value]) => `${name}: ${value}`)
  return [
    machine.join(' · '),
    accuracy(results),
    ...cellsTable(results, 'call'),
    ...cellsTable(results, 'list'),
    ...memoryTable(results),
    ...goalsTable(results),
    '',
  ].join('\n')
}
