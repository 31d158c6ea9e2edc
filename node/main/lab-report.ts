import type { LabSummary } from '../../topology/lab/summary.ts'
import type { CheckResult, Verdict } from '../../topology/lab/verdict.ts'
import { UsageError, type CommandContext } from './cli-command.ts'
import { labOption } from './lab-options.ts'
import { repeatCommand, worst, type LabOutcome } from './lab-outcome.ts'

/** Exit codes of `banyan lab`. */
export const LAB_EXIT: Readonly<Record<Verdict, number>> = { ok: 0, broken: 1, unknown: 2 }

const FORMATS = ['table', 'json', 'csv'] as const
type LabFormat = (typeof FORMATS)[number]

/** How the result is to be printed. @throws UsageError when there is no such format */
export function formatOf(context: Pick<CommandContext, 'options'>): LabFormat {
  const fallback = labOption(context, 'json') === undefined ? 'table' : 'json'
  const text = labOption(context, 'format') ?? fallback
  const format = FORMATS.find((one) => one === text)
  if (format === undefined) throw new UsageError(`--format: write one of ${FORMATS.join(', ')}`)
  return format
}

interface Report {
  readonly file: string
  readonly outcomes: readonly LabOutcome[]
  readonly format: LabFormat
  /** Whether it was asked for several, of which there may be one. */
  readonly many: boolean
}

/** Prints what became of runs. */
export function printOutcomes({ stdout }: CommandContext, report: Report): void {
  const { file, format, many, outcomes } = report
  if (format === 'json') stdout.write(`${JSON.stringify(many ? outcomes : outcomes[0])}\n`)
  else if (format === 'csv') stdout.write(csvOf(outcomes))
  else if (many) stdout.write(tableOfMany(file, outcomes))
  else for (const outcome of outcomes) stdout.write(tableOfOne(file, outcome))
}

/** Rows under each other, indented. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => row[at]?.length ?? 0)),
  )
  return rows
    .map((row) => `  ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('')
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(3)} s`
}

/** What there is to say of an expectation. */
export function remark({ at, disturbed, looked, verdict, what }: CheckResult): string {
  if (verdict === 'broken') return `at ${seconds(at ?? 0)}: ${what}`
  if (verdict === 'unknown') {
    return disturbed === 0
      ? 'never came about'
      : `disturbed ${disturbed} times, and never looked at`
  }
  return `looks: ${looked}${disturbed === 0 ? '' : `, ${disturbed} disturbed`}`
}

function checkRows(checks: readonly CheckResult[]): string {
  return columns(checks.map((check) => [check.verdict, check.expect, remark(check)]))
}

function convergenceRows({ convergence }: LabSummary): string {
  const rows = Object.entries(convergence).map(([fault, { count, p50, p95, max }]) => [
    fault,
    ...[count].map(String),
    ...[p50, p95, max].map(seconds),
  ])
  return columns([['last change after', 'times', 'p50', 'p95', 'max'], ...rows])
}

function figures({ calls, falseRouteSeconds, messages }: LabSummary): string {
  const { bus, bytes, records, routes } = messages
  const sent = `${routes} route and ${records} record messages on links, ${bus} deliveries by the bus, about ${Math.round(bytes / 1_024)} KB`
  const asked = calls.success === null ? '' : callLine(calls)
  return `${sent}\n${falseRouteSeconds} s of ways that led nowhere, summed over nodes and namespaces\n${asked}`
}

function callLine({ answered, asked, failovers }: LabSummary['calls']): string {
  return `${answered} of ${asked} calls answered, ${failovers} took another way\n`
}

function tableOfOne(file: string, outcome: LabOutcome): string {
  const { checks, cut, folder, seed, summary, took, verdict, way } = outcome
  const size = `${summary.nodes} nodes, ${summary.links} links`
  const time = `${seconds(summary.duration)} of ${way === 'sim' ? 'virtual' : 'real'} time in ${seconds(took)}${cut ? ', cut short' : ''}`
  const repeat = verdict === 'broken' ? `repeat it: ${repeatCommand(way, file, seed)}\n` : ''
  return `${summary.name}, seed ${seed}: ${size}, ${time}
${checkRows(checks)}
${convergenceRows(summary)}
${figures(summary)}${folder}
${repeat}`
}

function tableOfMany(file: string, outcomes: readonly LabOutcome[]): string {
  const rows = outcomes.map(({ checks, folder, seed, verdict }) => {
    const found = checks.find((check) => check.verdict === verdict && verdict !== 'ok')
    const what = found === undefined ? '' : `${found.expect}, ${remark(found)}`
    return [String(seed), verdict, folder, what]
  })
  const bad = outcomes.find(({ verdict }) => verdict === 'broken')
  const counted = (['ok', 'broken', 'unknown'] as const).map(
    (verdict) => `${outcomes.filter((one) => one.verdict === verdict).length} ${verdict}`,
  )
  const repeat = bad === undefined ? '' : `repeat it: ${repeatCommand(bad.way, file, bad.seed)}\n`
  const head = ['seed', worst(outcomes.map(({ verdict }) => verdict)), 'folder', 'what']
  return `${columns([head, ...rows])}${counted.join(', ')}\n${repeat}`
}

function csvOf(outcomes: readonly LabOutcome[]): string {
  const rows = outcomes.flatMap(({ checks, seed }) =>
    checks.map(({ at, disturbed, expect, looked, verdict, what }) =>
      [seed, expect, verdict, looked, disturbed, at ?? '', what ?? ''].map(csvCell).join(','),
    ),
  )
  return `${['seed,expect,verdict,looked,disturbed,at,what', ...rows].join('\n')}\n`
}

function csvCell(value: string | number): string {
  const text = String(value)
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
