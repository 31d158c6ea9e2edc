import { stamp } from './diary.ts'
import type { SeenMesh } from './seen.ts'

/** Between two readings, virtual ms. */
export const READING_MS = 500

/** Reads figures of a mesh from time to time, and gives those that are others than before. */
export class Meters {
  readonly #mesh: SeenMesh
  readonly #write: (row: string) => void
  readonly #last = new Map<string, number>()
  /** Seconds that nodes held ways that lead nowhere, summed over nodes and keys; as fine as readings are. */
  falseSeconds = 0

  constructor(mesh: SeenMesh, write: (row: string) => void) {
    this.#mesh = mesh
    this.#write = write
  }

  read(): void {
    let falseWays = 0
    for (const { id, speaker } of this.#mesh.nodes.values()) {
      let ways = 0
      for (const { key, candidates } of speaker?.fib.values() ?? []) {
        const best = candidates[0]
        if (best === undefined) continue
        ways += 1
        const path = best.route.path.map((step) => step.id)
        if (!this.#leadsThere(path, key)) falseWays += 1
      }
      this.#put(id, 'routes', ways)
      this.#put(id, 'up', speaker === undefined ? 0 : 1)
    }
    this.falseSeconds += (falseWays * READING_MS) / 1_000
    this.#put('', 'false_routes', falseWays)
    for (const [name, value] of Object.entries(this.#mesh.counts)) {
      this.#put('', name === 'bytes' ? name : `messages_${name}`, value)
    }
  }

  /** Whether all links of a path work, and what it leads to is there. Beyond a border nobody looks. */
  #leadsThere(path: readonly string[], key: { origin: string; namespace: string }): boolean {
    const { links, nodes } = this.#mesh
    const isWhole = path.every((id, at) => {
      const next = path[at + 1]
      if (nodes.get(id)?.speaker === undefined) return false
      return next === undefined || links.get(`${id} ${next}`)?.isCut === false
    })
    if (!isWhole || key.origin.startsWith('org:')) return isWhole
    const last = nodes.get(path.at(-1) ?? '')
    return last?.namespaces.some(({ name }) => name === key.namespace) === true
  }

  #put(node: string, metric: string, value: number): void {
    const key = `${node} ${metric}`
    if ((this.#last.get(key) ?? 0) === value) return
    this.#last.set(key, value)
    this.#write(`${stamp(this.#mesh.now)},${node},${metric},${value}`)
  }
}
