// Meshes of a size: organisations of at most a thousand nodes, as a mesh of many should be made.
import { SeededRandom } from '../../topology/sim/random.ts'
import { shapeOf } from '../../topology/sim/shapes.ts'
import { figure } from './table.ts'
import type { Mesh, Mode, Outcome } from './topology-run.ts'

/** Nodes of one organisation at most: everybody in it knows everybody. */
const ORGANISATION_NODES = 1_000

/** Links a node comes with. */
const LINKS = 2

/** A mesh of a size: scale-free inside each organisation, the busiest nodes of neighbouring ones linked in a ring. */
export function meshOf(nodes: number, seed: number): Mesh {
  const random = new SeededRandom(seed)
  const count = Math.ceil(nodes / ORGANISATION_NODES)
  const [organisations, links, borders]: [string[], [number, number][], number[]] = [[], [], []]
  for (let at = 0; at < count; at += 1) {
    const first = organisations.length
    const size = Math.floor((nodes * (at + 1)) / count) - first
    const plan = shapeOf('scale-free', { n: size, m: LINKS }, random)
    for (let node = 0; node < size; node += 1) organisations.push(`o${at}`)
    for (const [from, to] of plan.links) links.push([first + from, first + to])
    borders.push(first)
  }
  const victim = busiest(links)
  for (const [at, border] of borders.entries()) {
    const next = borders[(at + 1) % borders.length] ?? border
    if (next !== border) links.push([border, next], [next, border])
  }
  const name = count === 1 ? figure(nodes) : `${figure(nodes)} in ${count} organisations`
  return { name, organisations, links, victim }
}

/** The node most others of the first organisation use, that is no border. */
export function busiest(links: readonly (readonly [number, number])[]): number {
  const users = new Map<number, number>()
  for (const [, to] of links) users.set(to, (users.get(to) ?? 0) + 1)
  const inner = [...users].filter(([node]) => node > 0 && node < ORGANISATION_NODES)
  return inner.reduce((best, one) => (one[1] > best[1] ? one : best))[0]
}

/** One size in one mode, for tables and plots. */
export interface ScalePoint {
  readonly nodes: number
  readonly mesh: string
  readonly mode: string
  readonly outcome: Outcome
}

export const SCALE_HEAD = [
  'nodes',
  'what is told',
  'start: messages',
  'start: MB',
  'start: ms',
  'loss: route messages',
  'loss: record deliveries',
  'loss: KB',
  'loss: ms',
  'loss: false-route s',
  'state of a node, KB',
  'memory of a node, KB',
  's to simulate',
] as const

export function scaleRow({ mesh, mode, outcome }: ScalePoint): string[] {
  const { start, loss, falseSeconds, bytesPerNode, heapPerNode, took } = outcome
  const figures = [
    start.routes + start.records,
    start.bytes / 1e6,
    start.convergence,
    loss.routes,
    loss.records,
    loss.bytes / 1e3,
    loss.convergence,
    falseSeconds,
    bytesPerNode / 1e3,
    heapPerNode / 1e3,
    took,
  ]
  return [mesh, mode, ...figures.map(figure)]
}

export function pointOf(mesh: Mesh, mode: Mode, outcome: Outcome): ScalePoint {
  return { nodes: mesh.organisations.length, mesh: mesh.name, mode: mode.name, outcome }
}
