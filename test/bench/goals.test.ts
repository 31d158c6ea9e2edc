import { expect, test } from 'vitest'
import { judge } from './goals.ts'
import type { Route } from './plan.ts'
import { report } from './report.ts'
import type { CellResult, MemoryResult, Results } from './results.ts'

const MEMORY: MemoryResult = {
  idle: 80,
  sourceIdle: 100,
  floorIdle: 60,
  sessions: 1_000,
  warm: 95,
  held: 97,
  heapKbPerSession: 8,
  residentKbPerSession: 2,
}

/** A cell whose rounds cost so much in each relay; the upstream costs 10. */
function cell(route: Route, ...relays: readonly (readonly number[])[]): CellResult {
  const rounds = relays.map((each) => ({
    requests: 1_000,
    perSecond: 500,
    cost: { load: 5, relays: each, upstream: 10 },
    tickError: 0.01,
    resets: 0,
    p50: 200,
    p99: 400,
  }))
  return { era: '2026', operation: { kind: 'call', payload: 100 }, route, pages: 1, rounds }
}

const RESULTS: Results = {
  machine: { node: 'v0' },
  cells: [
    cell('direct', [], [], []),
    cell('floor', [40], [80], [40]),
    cell('hop1', [56], [112], [80]),
    cell('hop3', [56, 60, 64], [112, 140, 168], [80, 80, 80]),
  ],
  memory: MEMORY,
}

function named(name: string): ReturnType<typeof judge>[number] | undefined {
  return judge(RESULTS).find((goal) => goal.name === name)
}

test('a goal is judged by the median of the quotients inside each round', () => {
  expect(named('one hop, 100 B: CPU / floor, 2026')).toEqual({
    name: 'one hop, 100 B: CPU / floor, 2026',
    limit: 1.5,
    measured: { median: 1.4, min: 1.4, max: 2 },
    met: true,
  })
})

test('three hops are the sum of three nodes', () => {
  expect(named('three hops / one hop, 100 B: CPU, 2026')?.measured).toEqual({
    median: 180 / 56,
    min: 3,
    max: 3.75,
  })
})

test('memory is judged by its limit', () => {
  expect(named('idle RSS, MB')?.met).toBe(true)
  expect(named('live memory of a session, KB')?.met).toBe(false)
})

test('what was left out is neither met nor missed', () => {
  const left = judge({ machine: {}, cells: [], memory: undefined })
  expect(left.length).toBe(judge(RESULTS).length)
  expect(left.every(({ met }) => met === undefined)).toBe(true)
})

test('the report shows every cell and says plainly what was missed', () => {
  const text = report(RESULTS)
  expect(text).toContain('call/2026/100B/hop3')
  expect(text).toContain('80.0 + 80.0 + 80.0')
  expect(text).toMatch(/live memory of a session, KB .*8\.00 .*NOT MET/)
  expect(text).toMatch(/one hop, 64 KiB: CPU \/ floor, 2025 .*not measured/)
})

test('the report says so when the system does not tell processor time', () => {
  const blind = RESULTS.cells.map((one) => ({
    ...one,
    rounds: one.rounds.map((round) => ({ ...round, cost: undefined })),
  }))
  const text = report({ ...RESULTS, cells: blind })
  expect(text).toContain('not available on this system')
  expect(text).toMatch(/one hop, 100 B: CPU \/ floor, 2026 .*not measured/)
})
