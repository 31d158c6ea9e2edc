import { LIST_RULES } from '../../protocol/capability.ts'
import type { Dropped, Listed, ListedPage } from '../../protocol/listing.ts'

/** What the pages of one fetch make together. */
export interface Collected {
  readonly items: readonly Listed[]
  /** The least of what the pages say, milliseconds; undefined when none says anything. */
  readonly ttlMs: number | undefined
  readonly cacheScope: 'public' | 'private'
}

/** Gathers the pages of one fetch. */
export class Collector {
  readonly dropped: Dropped[] = []
  readonly #max: number
  readonly #items = new Map<string, Listed>()
  #ttlMs: number | undefined
  #scope: 'public' | 'private' = 'public'
  #cut = false

  constructor(max: number) {
    this.#max = max
  }

  get full(): boolean {
    return this.#cut
  }

  get size(): number {
    return this.#items.size
  }

  add(page: ListedPage): void {
    this.dropped.push(...page.dropped)
    for (const item of page.items) this.#addItem(item)
    if (page.cacheScope === 'private') this.#scope = 'private'
    if (page.ttlMs !== undefined) this.#ttlMs = Math.min(this.#ttlMs ?? page.ttlMs, page.ttlMs)
  }

  collected(): Collected {
    const items = [...this.#items.values()]
    return { items, ttlMs: this.#ttlMs, cacheScope: this.#scope }
  }

  #addItem(item: Listed): void {
    if (this.#items.has(item.name)) {
      const { key } = LIST_RULES[item.kind]
      const what = key === 'name' ? 'name' : 'URI'
      this.dropped.push({ name: item.name, reason: `the upstream lists the ${what} twice` })
    } else if (this.#items.size >= this.#max) this.#cut = true
    else this.#items.set(item.name, item)
  }
}

/** The list before where nothing differs, and otherwise the new one with unchanged items kept as the same objects. */
export function reuse(before: readonly Listed[], next: readonly Listed[]): readonly Listed[] {
  const known = new Map(before.map((item) => [item.name, item]))
  const merged = next.map((item) => {
    const old = known.get(item.name)
    return old?.text.equals(item.text) === true ? old : item
  })
  const same =
    merged.length === before.length && merged.every((item, index) => item === before[index])
  return same ? before : merged
}
