import type { Lab, LabNode } from './lab.ts'
import { element, label, picture } from './svg.ts'

const NODE_RADIUS = 5
/** Room along the circle of an organisation for each of its nodes, and around the circle, px. */
const ROOM = 46
const MARGIN = 60
const LEAST_RADIUS = 40

interface Point {
  readonly x: number
  readonly y: number
}

/** A lab as a picture: an organisation is a box with its nodes in a circle, an arrow leads to the node that is used. */
export function graphSvg(lab: Lab): string {
  const groups = [...Map.groupBy(lab.nodes.values(), ({ organisation }) => organisation)]
  const most = Math.max(1, ...groups.map(([, nodes]) => nodes.length))
  const radius = Math.max(LEAST_RADIUS, (most * ROOM) / (2 * Math.PI))
  const cell = 2 * (radius + MARGIN)
  const columns = Math.max(1, Math.ceil(Math.sqrt(groups.length)))
  const rows = Math.max(1, Math.ceil(groups.length / columns))
  const places = new Map<string, Point>()
  const boxes = groups.map(([name, nodes], at) => {
    const corner = { x: (at % columns) * cell, y: Math.floor(at / columns) * cell }
    place(nodes, { x: corner.x + cell / 2, y: corner.y + cell / 2 }, { radius, places })
    return box(name, corner, cell)
  })
  const lines = lab.links.flatMap(({ filter, from, to }) => {
    const [start, end] = [places.get(from), places.get(to)]
    if (start === undefined || end === undefined) return []
    return arrow(
      start,
      end,
      Object.values(filter).some((one) => one !== undefined),
    )
  })
  const nodes = [...lab.nodes.values()].map((node) => dot(node, places.get(node.id)))
  const size = { width: columns * cell, height: rows * cell, title: `The mesh ${lab.name}` }
  return picture(size, [HEAD, ...boxes, ...lines, ...nodes])
}

const HEAD =
  '<defs><marker id="to" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#667"/></marker></defs>'

function place(
  nodes: readonly LabNode[],
  { x, y }: Point,
  { radius, places }: { readonly radius: number; readonly places: Map<string, Point> },
): void {
  for (const [at, { id }] of nodes.entries()) {
    const angle = (2 * Math.PI * at) / nodes.length - Math.PI / 2
    const far = nodes.length === 1 ? 0 : radius
    places.set(id, { x: x + far * Math.cos(angle), y: y + far * Math.sin(angle) })
  }
}

function box(name: string, { x, y }: Point, cell: number): string {
  const size = { x: x + 8, y: y + 8, width: cell - 16, height: cell - 16, rx: 8 }
  const frame = element('rect', { ...size, fill: '#f4f6fa', stroke: '#b9c2d0' })
  return `${frame}${label(x + 18, y + 26, name, { fill: '#345', 'font-size': 13 })}`
}

function arrow(from: Point, to: Point, isFiltered: boolean): string {
  const [dx, dy] = [to.x - from.x, to.y - from.y]
  const length = Math.hypot(dx, dy) || 1
  const gap = NODE_RADIUS + 2
  const ends = {
    x1: from.x + (dx * gap) / length,
    y1: from.y + (dy * gap) / length,
    x2: to.x - (dx * gap) / length,
    y2: to.y - (dy * gap) / length,
  }
  const dashes = isFiltered ? { 'stroke-dasharray': '4 3' } : {}
  return element('line', { ...ends, stroke: '#667', 'marker-end': 'url(#to)', ...dashes })
}

function dot({ id, isBorder }: LabNode, at: Point | undefined): string {
  const { x, y } = at ?? { x: 0, y: 0 }
  const ring = isBorder
    ? element('circle', { cx: x, cy: y, r: NODE_RADIUS + 3, fill: 'none', stroke: '#234' })
    : ''
  const spot = element('circle', { cx: x, cy: y, r: NODE_RADIUS, fill: '#2f6db3' })
  return `${ring}${spot}${label(x, y + 20, id, { 'text-anchor': 'middle' })}`
}
