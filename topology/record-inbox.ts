import type { NodeId } from '../protocol/federation.ts'

/**
 * Records that came and were not yet looked at: the last of each node, so that a storm costs no more memory than the mesh
 * has nodes.
 */
export class RecordInbox {
  readonly #texts = new Map<NodeId, string>()
  readonly #limit: number
  /** Records that found no place; comparing notes brings them later. */
  dropped = 0

  /** @param limit nodes at most */
  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#texts.size
  }

  put(id: NodeId, text: string): void {
    if (!this.#texts.has(id) && this.#texts.size >= this.#limit) {
      this.dropped += 1
      return
    }
    this.#texts.set(id, text)
  }

  /** Takes out up to `count`, the oldest first. */
  take(count: number): readonly (readonly [id: NodeId, text: string])[] {
    const taken: [NodeId, string][] = []
    for (const one of this.#texts) {
      if (taken.length >= count) break
      taken.push(one)
    }
    for (const [id] of taken) this.#texts.delete(id)
    return taken
  }
}
