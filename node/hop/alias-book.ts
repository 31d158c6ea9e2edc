import { toolKey, type ToolId } from '../../protocol/names.ts'

export interface AliasBookOptions {
  /** How long a name stays with what it was last shown for, milliseconds. */
  readonly memory: number
  /** Names remembered at most; beyond it, those that were shown longest ago are forgotten. */
  readonly limit: number
  /** Milliseconds since 1970, or of any other clock that does not go back. */
  readonly now: () => number
}

/** What a name is shown for. */
export interface Bearer {
  readonly id: ToolId
  /** Label of the upstream, where the node there is the origin; undefined where it lies farther away, or is this node. */
  readonly direct?: string | undefined
}

/** A name, and what it is shown for. */
export interface Shown extends Bearer {
  readonly name: string
}

interface Binding extends Bearer {
  readonly key: string
  readonly shownAt: number
}

/**
 * Which name an endpoint shows for what, and showed lately: a name that callers know must not come to mean something else
 * behind their back, so it goes to nothing else while it is shown, nor for some time after.
 */
export class AliasBook {
  readonly #options: AliasBookOptions
  /** What was shown longest ago first. */
  readonly #bindings = new Map<string, Binding>()

  constructor(options: AliasBookOptions) {
    this.#options = options
  }

  /** Names remembered. */
  get size(): number {
    return this.#bindings.size
  }

  /** What else a name still stands for; undefined when it may be shown for this. */
  heldBy(name: string, bearer: Bearer): ToolId | undefined {
    const binding = this.#bindings.get(name)
    if (binding === undefined || this.#isOver(binding)) return undefined
    const isSame = binding.key === toolKey(bearer.id) || isReplaced(binding, bearer)
    return isSame ? undefined : binding.id
  }

  /** Whether a name stands for this, or did lately. */
  knows(name: string, id: ToolId): boolean {
    const binding = this.#bindings.get(name)
    return binding?.key === toolKey(id) && !this.#isOver(binding)
  }

  /** These are shown now. A name that is still another's is left as it is. */
  show(shown: Iterable<Shown>): void {
    const shownAt = this.#options.now()
    for (const { name, ...bearer } of shown) {
      if (this.heldBy(name, bearer) !== undefined) continue
      this.#bindings.delete(name)
      this.#bindings.set(name, { ...bearer, key: toolKey(bearer.id), shownAt })
    }
    this.#forget()
  }

  #forget(): void {
    for (const [name, binding] of this.#bindings) {
      if (this.#bindings.size <= this.#options.limit && !this.#isOver(binding)) break
      this.#bindings.delete(name)
    }
  }

  #isOver({ shownAt }: Binding): boolean {
    return this.#options.now() - shownAt > this.#options.memory
  }
}

/**
 * Whether it is the same of a node that was made anew, with another key, where the operator says that a node is: whoever
 * is believed there may as well say what its tools are.
 */
function isReplaced(before: Bearer, after: Bearer): boolean {
  if (before.direct === undefined || before.direct !== after.direct) return false
  return toolKey({ ...before.id, node: '' }) === toolKey({ ...after.id, node: '' })
}
