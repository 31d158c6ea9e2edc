import type { TopologyEvent } from '../../topology/speaker-types.ts'

/** Something that happened at a node, for who looks on. */
export type NodeEvent =
  | TopologyEvent
  | { readonly type: 'routes'; readonly changes: number }
  | { readonly type: 'bus'; readonly connected: boolean }
  | { readonly type: 'upstream'; readonly label: string; readonly up: boolean }
  | { readonly type: 'lists' }

type Listener = (event: NodeEvent) => void

/** Tells those who follow it, at once and in order. Nothing is kept: without anybody it costs nothing. */
export class Feed {
  readonly #listeners = new Set<Listener>()

  tell(event: NodeEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  /** @param listener must not throw @returns ends it */
  follow(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
