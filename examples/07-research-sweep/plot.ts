// Draws the rows of the sweep: time over the number of nodes, a line for each bus. Readable on light and on dark.
import type { Row } from './sweep.ts'

const [WIDTH, HEIGHT, MARGIN] = [480, 260, 48] as const

const LINES = [
  { bus: 'nats-acme', name: 'with a bus', colour: '#2f7ed8' },
  { bus: 'off', name: 'over links alone', colour: '#c0504d' },
] as const

/** @param rows of at least two sizes */
export function plotOf(rows: readonly Row[]): string {
  const widest = Math.max(...rows.map(({ nodes }) => nodes))
  const step = 100
  const top = Math.ceil(Math.max(...rows.map(({ converged }) => converged)) / step) * step
  const x = (nodes: number): number => MARGIN + (nodes / widest) * (WIDTH - 2 * MARGIN)
  const y = (ms: number): number => HEIGHT - MARGIN - (ms / top) * (HEIGHT - 2 * MARGIN)
  const grid = Array.from({ length: top / step + 1 }, (_, at) => at * step).flatMap((ms) => [
    `<line x1="${MARGIN}" y1="${y(ms)}" x2="${WIDTH - MARGIN}" y2="${y(ms)}" class="grid"/>`,
    `<text x="${MARGIN - 6}" y="${y(ms) + 4}" text-anchor="end">${ms}</text>`,
  ])
  const sizes = [...new Set(rows.map(({ nodes }) => nodes))]
  const ticks = sizes.map(
    (nodes) =>
      `<text x="${x(nodes)}" y="${HEIGHT - MARGIN + 18}" text-anchor="middle">${nodes}</text>`,
  )
  const lines = LINES.map(({ bus, name, colour }, at) => {
    const own = rows.filter((row) => row.bus === bus)
    const points = own.map((row) => `${x(row.nodes)},${y(row.converged).toFixed(1)}`).join(' ')
    const key = `<text x="${MARGIN + at * 140}" y="20" style="fill:${colour}">${name}</text>`
    return `<polyline points="${points}" fill="none" stroke="${colour}" stroke-width="2"/>\n${key}`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">`,
    '<title>Milliseconds until a ring has converged, over its number of nodes</title>',
    '<style>text{font:12px sans-serif;fill:#777}.grid{stroke:#8884;stroke-width:1}</style>',
    ...grid,
    ...ticks,
    `<text x="${WIDTH / 2}" y="${HEIGHT - 10}" text-anchor="middle">nodes; ms until converged</text>`,
    ...lines,
    '</svg>',
    '',
  ].join('\n')
}
