import type { Principal } from '../core/principal.ts'
import type { Sealer } from '../core/seal.ts'

/** A task as this node knows it. */
export interface TaskPlace {
  /** Name of the tool that was called, as the endpoint shows it: who may no longer see it has no task of it either. */
  readonly tool: string
  /** Label of the upstream that runs it. */
  readonly upstream: string
  /** Its id there. */
  readonly id: string
}

/** Whose a task is. */
export interface TaskOwner {
  readonly endpoint: string
  readonly principal: Principal
}

/**
 * Task ids that lead to their owner: what is needed to find the upstream is sealed in the id itself, so that nothing is
 * kept here, ids outlive a restart, and none works for another principal or endpoint (SEP-2663, security; MCP 2025-11-25,
 * utilities/tasks). The same task has the same id each time: callers compare them.
 */
export class TaskIds {
  readonly #sealer: Sealer
  readonly #maxBytes: number

  /** @param maxBytes the longest id opened; each hop adds a third and about a hundred bytes */
  constructor(sealer: Sealer, maxBytes: number) {
    this.#sealer = sealer
    this.#maxBytes = maxBytes
  }

  seal(owner: TaskOwner, { tool, upstream, id }: TaskPlace): string {
    return this.#sealer.sealSame(JSON.stringify([tool, upstream, id]), bound(owner))
  }

  /** The place of a task; undefined when the id was not given to this principal at this endpoint. */
  find(owner: TaskOwner, sealed: string): TaskPlace | undefined {
    const text =
      sealed.length > this.#maxBytes ? undefined : this.#sealer.open(sealed, bound(owner))
    if (text === undefined) return undefined
    const [tool, upstream, id] = JSON.parse(text) as [string, string, string]
    return { tool, upstream, id }
  }
}

function bound({ endpoint, principal }: TaskOwner): string {
  return JSON.stringify([endpoint, principal.key])
}
