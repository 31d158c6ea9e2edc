import type { NodeId } from '../protocol/federation.ts'
import type { PathStep } from './route.ts'

/** Which routes go through which node, so that a fact about it finds all of them. */
export class PathIndex {
  /** Node -> key -> how many routes of that key pass it. */
  readonly #keys = new Map<NodeId, Map<string, number>>()

  add(key: string, path: readonly PathStep[]): void {
    for (const { id } of path) {
      const keys = this.#keys.get(id) ?? new Map<string, number>()
      if (keys.size === 0) this.#keys.set(id, keys)
      keys.set(key, (keys.get(key) ?? 0) + 1)
    }
  }

  remove(key: string, path: readonly PathStep[]): void {
    for (const { id } of path) {
      const keys = this.#keys.get(id)
      const count = keys?.get(key)
      if (keys === undefined || count === undefined) continue
      if (count > 1) keys.set(key, count - 1)
      else keys.delete(key)
      if (keys.size === 0) this.#keys.delete(id)
    }
  }

  /** The keys with a route through the node. */
  through(id: NodeId): Iterable<string> {
    return this.#keys.get(id)?.keys() ?? []
  }
}
