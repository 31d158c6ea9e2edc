// Markdown tables whose columns also line up in a terminal.

import type { SelfTime } from './cpu-profile.ts'

/** A table: the first column is text and stands left, the others are figures and stand right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)),
  )
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, at) => pad(cells[at] ?? '', width, at)).join(' | ')} |`
  const rule = widths.map((width, at) =>
    at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`,
  )
  return [line(head), line(rule), ...rows.map((row) => line(row))].join('\n')
}

function pad(text: string, width: number, column: number): string {
  return column === 0 ? text.padEnd(width) : text.padStart(width)
}

/** A figure with as many digits as it deserves: 12 345, 123, 12.3, 1.23. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return 'n/a'
  const size = Math.abs(value)
  if (size >= 1_000) return String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, ' ')
  if (size >= 100) return value.toFixed(0)
  return value.toFixed(size >= 10 ? 1 : 2)
}

/** Where the time of a profile went, spread over the requests made under it. */
export function profileTable(title: string, times: readonly SelfTime[], requests: number): string {
  const rows = times.map(({ where, microseconds, share }) => [
    where,
    `${(share * 100).toFixed(1)} %`,
    figure(microseconds / requests),
  ])
  return `${table([title, 'self', 'µs/request'], rows)}\n`
}
