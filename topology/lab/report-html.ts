import type { MetricRow } from './metric-rows.ts'
import type { LabSummary } from './summary.ts'
import { element, escapeText } from './svg.ts'
import type { CheckResult } from './verdict.ts'

/** Rows of nodes that are shown at most. */
const MOST_NODES = 200
const CHART = { width: 320, height: 48 }

/** What a report is made of. */
export interface ReportParts {
  /** Facts about the run, by what they are about. */
  readonly facts: readonly (readonly [string, string])[]
  readonly checks: readonly CheckResult[]
  readonly summary: LabSummary
  readonly metrics: readonly MetricRow[]
  /** Pictures, as SVG. */
  readonly graph: string
  readonly spaceTime: string
}

const STYLE = `body{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;color:#1d2430}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}td,th{border-bottom:1px solid #d8dde6;padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top}
td.n{text-align:right;font-variant-numeric:tabular-nums}.ok{color:#1d6b3c}.broken{color:#a3241a;font-weight:600}.unknown{color:#8a5a00}
figure{margin:0;overflow-x:auto;border:1px solid #d8dde6}`

/** A report of one run: one file that needs nothing else, no script and no network. */
export function reportHtml(parts: ReportParts): string {
  const { checks, graph, spaceTime, summary } = parts
  const title = `${escapeText(summary.name)}, seed ${summary.seed}`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${title}</h1>
${table([], parts.facts)}
<h2>What was expected</h2>
${checkTable(checks)}
<h2>What happened when</h2>
<figure>${spaceTime}</figure>
<h2>How long ways changed after it</h2>
${convergenceTable(summary)}
<h2>Figures</h2>
${table([], figures(summary))}
${totals(parts.metrics)}
<h2>Nodes at the end</h2>
${nodeTable(parts.metrics)}
<h2>The mesh</h2>
<figure>${graph}</figure>
</body>
</html>
`
}

type Cell = string | number

function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const names = head.map((name) => `<th scope="col">${escapeText(name)}</th>`).join('')
  const body = rows.map((row) => `<tr>${row.map(cellOf).join('')}</tr>`).join('\n')
  const first = head.length === 0 ? '' : `<thead><tr>${names}</tr></thead>\n`
  return `<table>${first}<tbody>${body}</tbody></table>`
}

function cellOf(cell: Cell): string {
  return typeof cell === 'number' ? `<td class="n">${cell}</td>` : `<td>${escapeText(cell)}</td>`
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(3)} s`
}

function checkTable(checks: readonly CheckResult[]): string {
  const rows = checks.map(({ at, disturbed, expect, looked, verdict, what = '' }) => {
    const when = at === undefined ? '' : seconds(at)
    const cells = [expect, looked, disturbed, when, what].map(cellOf).join('')
    return `<tr><td class="${verdict}">${verdict}</td>${cells}</tr>`
  })
  const head = ['verdict', 'expected', 'looks', 'disturbed', 'broke at', 'how']
  const names = head.map((name) => `<th scope="col">${name}</th>`).join('')
  return `<table><thead><tr>${names}</tr></thead><tbody>${rows.join('\n')}</tbody></table>`
}

function convergenceTable({ convergence }: LabSummary): string {
  const rows = Object.entries(convergence).map(([fault, { count, p50, p95, max }]) => {
    return [fault, count, seconds(p50), seconds(p95), seconds(max)]
  })
  return table(['after', 'times', 'p50', 'p95', 'max'], rows)
}

function figures(summary: LabSummary): readonly (readonly Cell[])[] {
  const { calls, falseRouteSeconds, messages, routeChanges } = summary
  return [
    ['changes of ways', routeChanges],
    ['seconds of ways that led nowhere', falseRouteSeconds],
    ['calls answered', `${calls.answered} of ${calls.asked}`],
    ['calls that took another way', calls.failovers],
    ['time of calls, p50', seconds(calls.time.p50)],
    ['time of calls, p95', seconds(calls.time.p95)],
    ...Object.entries(messages).map(([kind, count]) => [`messages, ${kind}`, count]),
  ]
}

/** A line over time for each figure of the whole mesh. */
function totals(metrics: readonly MetricRow[]): string {
  const own = Map.groupBy(
    metrics.filter(({ node }) => node === ''),
    ({ metric }) => metric,
  )
  const end = metrics.at(-1)?.t ?? 0
  const rows = [...own].map(([metric, all]) => {
    const last = all.at(-1)?.value ?? 0
    return `<tr>${cellOf(metric)}<td>${chart(all, end)}</td>${cellOf(last)}</tr>`
  })
  const head = ['figure', 'over time', 'at the end']
  const names = head.map((name) => `<th scope="col">${name}</th>`).join('')
  return `<table><thead><tr>${names}</tr></thead><tbody>${rows.join('\n')}</tbody></table>`
}

/** Values hold until the next one. */
function chart(rows: readonly MetricRow[], end: number): string {
  const most = Math.max(1, ...rows.map(({ value }) => value))
  const x = (t: number): number => Math.round((CHART.width * t * 10) / Math.max(1, end)) / 10
  const y = (value: number): number => Math.round(10 * (CHART.height - 2) * (1 - value / most)) / 10
  const steps = rows.map(({ t, value }) => `H${x(t)}V${y(value) + 1}`).join('')
  const path = { d: `M0 ${y(0) + 1}${steps}H${CHART.width}`, fill: 'none', stroke: '#2f6db3' }
  return element('svg', { ...CHART, role: 'img' }, element('path', path))
}

function nodeTable(metrics: readonly MetricRow[]): string {
  const nodes = new Map<string, Map<string, number>>()
  for (const { metric, node, value } of metrics) {
    if (node === '') continue
    const own = nodes.get(node) ?? new Map<string, number>()
    nodes.set(node, own.set(metric, value))
  }
  const rows = [...nodes].slice(0, MOST_NODES).map(([node, own]) => {
    return [node, own.get('up') === 1 ? 'runs' : 'does not run', own.get('routes') ?? 0]
  })
  const more = nodes.size - rows.length
  return `${table(['node', 'state', 'ways'], rows)}${more > 0 ? `<p>and ${more} more</p>` : ''}`
}
