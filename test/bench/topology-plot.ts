// Draws what sizes of meshes cost, from the figures of `npm run bench:topology -- --nodes … --json FILE`:
// `npm run --silent plot:topology -- FILE… > docs/topology-scale.svg`.
import { readFile } from 'node:fs/promises'
import process from 'node:process'
import type { ScalePoint } from './topology-scale.ts'

interface Panel {
  readonly title: string
  readonly value: (point: ScalePoint) => number
}

const PANELS: readonly Panel[] = [
  { title: 'route messages when a node is gone', value: ({ outcome }) => outcome.loss.routes },
  { title: 'ms until nobody changes its way', value: ({ outcome }) => outcome.loss.convergence },
  { title: 'seconds of false routes, all nodes', value: ({ outcome }) => outcome.falseSeconds },
]

/** Of the modes, in the order they come; readable on light and on dark. */
const COLOURS = ['#c0504d', '#7f7f7f', '#2f7ed8']

const [WIDTH, HEIGHT, MARGIN] = [300, 220, 44] as const

/** Powers of ten that hold all values. */
function decades(values: readonly number[]): readonly [low: number, high: number] {
  const logs = values.filter((value) => value > 0).map((value) => Math.log10(value))
  return [
    Math.floor(Math.min(...logs)),
    Math.max(Math.ceil(Math.max(...logs)), Math.floor(Math.min(...logs)) + 1),
  ]
}

type Scale = (value: number) => number

function scale([low, high]: readonly [number, number], from: number, to: number): Scale {
  return (value) =>
    from + ((Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)) * (to - from)
}

function text(x: number, y: number, words: string, anchor = 'middle'): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${words}</text>`
}

function line([x1, y1]: readonly [number, number], [x2, y2]: readonly [number, number]): string {
  return `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" class="grid"/>`
}

function panel({ title, value }: Panel, points: readonly ScalePoint[], left: number): string {
  const [right, bottom, top] = [left + WIDTH - MARGIN, HEIGHT + MARGIN / 2, MARGIN]
  const [across, up] = [decades(points.map(({ nodes }) => nodes)), decades(points.map(value))]
  const [x, y] = [scale(across, left + MARGIN, right), scale(up, bottom, top)]
  const parts = [text((left + MARGIN + right) / 2, top - 14, title)]
  for (let at = up[0]; at <= up[1]; at += 1) {
    parts.push(line([left + MARGIN, y(10 ** at)], [right, y(10 ** at)]))
    parts.push(text(left + MARGIN - 6, y(10 ** at) + 4, String(10 ** at), 'end'))
  }
  for (let at = across[0]; at <= across[1]; at += 1) {
    parts.push(text(x(10 ** at), bottom + 16, String(10 ** at)))
  }
  for (const [at, mode] of modesOf(points).entries()) {
    const dots = points.filter((point) => point.mode === mode)
    const where = dots.map((point) => `${x(point.nodes).toFixed(1)},${y(value(point)).toFixed(1)}`)
    parts.push(
      `<polyline points="${where.join(' ')}" fill="none" stroke="${COLOURS[at]}" stroke-width="2"/>`,
    )
    for (const dot of where) {
      const [cx, cy] = dot.split(',')
      parts.push(`<circle cx="${cx}" cy="${cy}" r="3" fill="${COLOURS[at]}"/>`)
    }
  }
  return parts.join('\n')
}

function modesOf(points: readonly ScalePoint[]): string[] {
  return [...new Set(points.map(({ mode }) => mode))]
}

function legend(points: readonly ScalePoint[]): string {
  return modesOf(points)
    .map((mode, at) => {
      const [x, y] = [MARGIN + at * 220, HEIGHT + MARGIN + 24]
      const key = `<rect x="${x}" y="${y - 9}" width="12" height="10" fill="${COLOURS[at]}"/>`
      return `${key}\n${text(x + 18, y, mode, 'start')}`
    })
    .join('\n')
}

function draw(points: readonly ScalePoint[]): string {
  const [width, height] = [WIDTH * PANELS.length + MARGIN / 2, HEIGHT + MARGIN + 36]
  const style = 'text{font:12px sans-serif;fill:#666}.grid{stroke:#8884;stroke-width:1}'
  const panels = PANELS.map((one, at) => panel(one, points, at * WIDTH))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    '<title>What a node that is gone costs meshes of some sizes</title>',
    `<style>${style}</style>`,
    ...panels,
    text(width / 2, HEIGHT + MARGIN + 4, 'nodes'),
    legend(points),
    '</svg>',
    '',
  ].join('\n')
}

const files = await Promise.all(process.argv.slice(2).map((file) => readFile(file, 'utf8')))
process.stdout.write(draw(files.flatMap((one) => JSON.parse(one) as ScalePoint[])))
