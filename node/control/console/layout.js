// Where things stand. The same things always stand at the same places, and what is there already never moves.

/** @typedef {{ x: number, y: number }} Point */
/** @typedef {import('./model.js').Picture} Picture */

const COLUMN = 190
const ROW = 105
const GAP = 150
/** Most rows of one column of an organisation; more are put beside it. */
const ROWS = 12

/** Small and steady numbers from text (FNV-1a), 0 to 1. @param {string} text */
export function seeded(text) {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  }
  return ((hash >>> 8) & 0xffff) / 0x10000
}

/** Remembers where things stand. */
export class Layout {
  /** @type {Map<string, Point>} */
  #places = new Map()
  /** Bottom of each organisation, and of all. @type {Map<string, Point>} */
  #ends = new Map()

  /**
   * Places for all of a picture. What has none yet is put below its organisation.
   *
   * @param {Picture} picture
   * @returns {ReadonlyMap<string, Point>}
   */
  place(picture) {
    const fresh = picture.nodes.filter(({ id }) => !this.#places.has(id))
    if (fresh.length === picture.nodes.length) this.#arrange(picture)
    else for (const node of fresh.toSorted(byName)) this.#add(node)
    return this.#places
  }

  /** Forgets all, so that the next picture is arranged anew. */
  forget() {
    this.#places.clear()
    this.#ends.clear()
  }

  /** @param {import('./model.js').PictureNode} node */
  #add({ id, organisation }) {
    const end = this.#ends.get(organisation)
    const bottom = Math.max(0, ...[...this.#ends.values()].map(({ y }) => y))
    const at = end === undefined ? { x: 0, y: bottom + GAP } : { x: end.x, y: end.y + ROW }
    this.#set(id, organisation, at)
  }

  /** @param {string} id @param {string} organisation @param {Point} at */
  #set(id, organisation, at) {
    this.#places.set(id, at)
    const end = this.#ends.get(organisation)
    this.#ends.set(organisation, { x: end?.x ?? at.x, y: Math.max(end?.y ?? at.y, at.y) })
  }

  /** From what uses to what is used, left to right: organisations first, then nodes within each. @param {Picture} picture */
  #arrange(picture) {
    const depths = depthsOf(picture)
    const columns = new Map()
    const organisations = Map.groupBy(picture.nodes, ({ organisation }) => organisation)
    for (const [name, nodes] of [...organisations].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      const first = Math.min(...nodes.map(({ id }) => depths.get(id) ?? 0))
      const column = columns.get(first) ?? []
      columns.set(first, [...column, { name, layers: layersOf(nodes, depths) }])
    }
    let x = 0
    for (const [, stacked] of [...columns].toSorted(([a], [b]) => a - b)) {
      let y = 0
      let width = 0
      for (const { name, layers } of stacked) {
        const rows = Math.max(...layers.map((/** @type {any[]} */ layer) => layer.length))
        this.#box(name, layers, { x, y })
        y += rows * ROW + GAP
        width = Math.max(width, layers.length)
      }
      x += width * COLUMN + GAP
    }
  }

  /** @param {string} name @param {import('./model.js').PictureNode[][]} layers @param {Point} from */
  #box(name, layers, { x, y }) {
    const rows = Math.max(...layers.map((layer) => layer.length))
    layers.forEach((layer, i) => {
      const top = y + ((rows - layer.length) * ROW) / 2
      layer.forEach(({ id }, row) => {
        // A little off, so that edges do not lie on each other.
        const off = (seeded(id) - 0.5) * 36
        this.#set(id, name, { x: x + i * COLUMN + off, y: top + row * ROW + off })
      })
    })
  }
}

/** @param {{ name: string }} a @param {{ name: string }} b */
function byName(a, b) {
  return a.name < b.name ? -1 : 1
}

/** How far each is from the node that is asked, whichever way links go. @param {Picture} picture */
function depthsOf({ nodes, edges }) {
  /** @type {Map<string, Set<string>>} */
  const beside = new Map(nodes.map(({ id }) => [id, new Set()]))
  for (const { from, to } of edges) {
    beside.get(from)?.add(to)
    beside.get(to)?.add(from)
  }
  const start = (nodes.find((one) => one.self) ?? nodes[0])?.id
  /** @type {Map<string, number>} */
  const depths = new Map(start === undefined ? [] : [[start, 0]])
  // A map that grows while it is walked is walked to its new end.
  for (const [id, depth] of depths) {
    for (const next of beside.get(id) ?? []) if (!depths.has(next)) depths.set(next, depth + 1)
  }
  return depths
}

/**
 * @param {import('./model.js').PictureNode[]} nodes
 * @param {Map<string, number>} depths
 * @returns {import('./model.js').PictureNode[][]}
 */
function layersOf(nodes, depths) {
  const byDepth = Map.groupBy(nodes, ({ id }) => depths.get(id) ?? 0)
  return [...byDepth]
    .toSorted(([a], [b]) => a - b)
    .flatMap(([, layer]) => {
      const sorted = layer.toSorted(byName)
      const parts = Math.ceil(sorted.length / ROWS)
      return Array.from({ length: parts }, (_, i) => sorted.slice(i * ROWS, (i + 1) * ROWS))
    })
}
