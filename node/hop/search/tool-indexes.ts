import { setImmediate as turn } from 'node:timers/promises'
import type { JsonObject } from '../../../protocol/jsonrpc.ts'
import type { Listed } from '../../../protocol/listing.ts'
import { toolWords, wordsOf } from '../../../protocol/tool-words.ts'
import type { ViewItem } from '../view.ts'
import type { Selection } from './selections.ts'
import type { IndexedTool, ToolIndex } from './tool-index.ts'

/** How long building holds up everything else at a time, milliseconds. */
const SLICE_MS = 2

/** What is used by nobody for so long goes when another is made, milliseconds. */
const IDLE_MS = 600_000

type Words = Omit<IndexedTool, 'namespace'>

interface Kept {
  readonly index: ToolIndex
  usedAt: number
}

/**
 * The indexes of a node, one for each set of tools somebody searches: who sees the same shares one, and what is not in
 * the set has no part in it. Made when first searched, bounded together, what was used longest ago goes first.
 */
export class ToolIndexes {
  readonly #maxBytes: () => number
  readonly #now: () => number
  /** By digest, what was used last at the end. */
  readonly #kept = new Map<string, Kept>()
  readonly #building = new Map<string, Promise<ToolIndex>>()
  readonly #words = new WeakMap<Listed, Words>()
  #bytes = 0
  /** They are built one after the other: together they would take the memory of all at once. */
  #queue: Promise<unknown> = Promise.resolve()

  /** @param now milliseconds on a clock that does not go back */
  constructor(maxBytes: () => number, now: () => number = () => performance.now()) {
    this.#maxBytes = maxBytes
    this.#now = now
  }

  /** About what they take in memory. */
  get bytes(): number {
    return this.#bytes
  }

  get size(): number {
    return this.#kept.size
  }

  /** At once where there is one. */
  of(selection: Selection): ToolIndex | Promise<ToolIndex> {
    const { digest } = selection
    const kept = this.#kept.get(digest)
    if (kept === undefined) return this.#building.get(digest) ?? this.#start(selection)
    kept.usedAt = this.#now()
    this.#kept.delete(digest)
    this.#kept.set(digest, kept)
    return kept.index
  }

  #start({ digest, items }: Selection): Promise<ToolIndex> {
    const built = this.#queue.then(() => this.#build(items))
    this.#queue = built.catch(() => undefined)
    this.#building.set(digest, built)
    const over = (): void => void this.#building.delete(digest)
    built.then((index) => this.#keep(digest, index)).then(over, over)
    return built
  }

  async #build(items: readonly ViewItem[]): Promise<ToolIndex> {
    // Most nodes search nothing, and need not have it in memory.
    const { ToolIndex: Index } = await import('./tool-index.ts')
    const index = new Index()
    let until = performance.now() + SLICE_MS
    for (const item of items) {
      index.add({ ...this.#wordsOf(item), namespace: wordsOf(item.entry.namespace).join(' ') })
      if (performance.now() < until) continue
      await turn()
      until = performance.now() + SLICE_MS
    }
    return index
  }

  #wordsOf({ listed, entry }: ViewItem): Words {
    const known = this.#words.get(listed)
    if (known !== undefined) return known
    const definition = JSON.parse(listed.text.toString('utf8')) as JsonObject
    // A node lists it under a name that has a namespace of that node in it.
    const { name, description, parameters } = toolWords({ ...definition, name: entry.id.name })
    const made = {
      name: name.join(' '),
      description: description.join(' '),
      parameters: parameters.join(' '),
    }
    this.#words.set(listed, made)
    return made
  }

  #keep(digest: string, index: ToolIndex): void {
    const now = this.#now()
    this.#kept.set(digest, { index, usedAt: now })
    this.#bytes += index.bytes
    for (const [oldest, kept] of this.#kept) {
      const isIdle = now - kept.usedAt > IDLE_MS
      if (oldest === digest || (this.#bytes <= this.#maxBytes() && !isIdle)) break
      this.#kept.delete(oldest)
      this.#bytes -= kept.index.bytes
    }
  }
}
