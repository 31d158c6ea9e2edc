import type { ProbeHop, ProbeReport } from '../control/probe-answer.ts'
import { harmless, type Paint } from './cli-nodes.ts'

const COLUMNS = ['NODE', 'ORGANISATION', 'NAME THERE', 'UPSTREAM', 'LINK', 'ROUND TRIP']

/** The way of a call for people: a line for each node, then where it ends. */
export function probeText(report: ProbeReport, paint: Paint): string {
  const { end, hops, notes, problem } = report
  const rows = [COLUMNS, ...hops.map((hop) => cellsOf(hop, end))]
  const widths = COLUMNS.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  const lines = rows.map((row, index) => {
    const line = row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')
    // What stopped it is said at the end.
    const passed = (hops[index - 1]?.passed ?? []).filter(({ why }) => why !== problem)
    const before = passed.map(({ why }) => `  ${paint('yellow', '·')} ${harmless(why)}\n`)
    return [...before, `${line.trimEnd()}\n`].join('')
  })
  const table = hops.length === 0 ? '' : lines.join('')
  const also = notes.map((note) => `${paint('yellow', '·')} ${harmless(note)}\n`)
  return [table, `${endOf(report, paint)}\n`, ...also].join('')
}

function cellsOf(hop: ProbeHop, end: ProbeReport['end']): string[] {
  const { name, organisation, called, upstream, transport, ms } = hop
  return [
    harmless(name),
    harmless(organisation),
    harmless(called),
    harmless(upstream ?? (end === 'unsaid' ? 'does not say' : '-')),
    transport ?? '',
    ms === undefined ? '' : millis(ms),
  ].map((cell) => cell.slice(0, 60))
}

function endOf({ end, problem = '', server = '', hops }: ProbeReport, paint: Paint): string {
  const last = hops.at(-1)
  const place = last === undefined ? '' : ` at ${harmless(`${last.organisation}/${last.name}`)}`
  switch (end) {
    case 'reached': {
      const all = hops.reduce((sum, { ms = 0 }) => sum + ms, 0)
      return `${paint('green', 'reached')}: ${harmless(server)} answers, ${millis(all)} over all hops`
    }
    case 'unreached':
      return `${paint('red', 'not reached')}${place}: ${harmless(problem)}`
    case 'unsaid':
      return `${paint('yellow', 'not known')}${place}: ${harmless(problem)}`
    case 'unknown':
      return `${paint('red', 'unknown name')}: ${harmless(problem)}`
    default:
      return end satisfies never
  }
}

function millis(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 2 : 0)} ms`
}
