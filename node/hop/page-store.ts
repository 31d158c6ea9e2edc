import { createHash } from 'node:crypto'
import { hasCoreTasks } from '../../protocol/revisions.ts'
import type { UriVeil } from '../../protocol/result-uris.ts'
import { writePages, type PageContext, type Pages } from './pages.ts'
import type { Sight } from './sight.ts'
import { resourceBelow } from './sub-resources.ts'
import { itemsFor, writeViewItem, type Dialect, type View, type ViewItem } from './view.ts'

/** Text that is kept of one kind at one endpoint, bytes; beyond it what was used longest ago is written anew. */
const MAX_BYTES = 64 * 2 ** 20
/** Kinds of callers of whom it is remembered what they see. */
const MAX_SELECTIONS = 10_000

/** What callers of one sight and dialect see. */
interface Selection {
  readonly items: readonly ViewItem[]
  /** Equal for equal items, and for nothing else. */
  readonly digest: string
}

interface Kept {
  readonly pages: Pages
  readonly bytes: number
}

/**
 * The pages of one view as text. Callers who see the same share them, whatever their classes and scopes are called: what
 * is kept grows with what can be told apart, not with who asks.
 */
export class PageStore {
  /** What cursors are bound to. */
  readonly bound: string
  /** Digests by dialect and sight. */
  readonly #selections = new Map<string, string>()
  /** By dialect and digest, what was used last at the end. */
  readonly #kept = new Map<string, Kept>()
  /** Texts of items by dialect: a page for others is put together from them. */
  readonly #texts = new Map<string, Map<ViewItem, Buffer>>()
  #bytes = 0

  constructor(bound: string) {
    this.bound = bound
  }

  /** Bytes of the pages that are kept. */
  get bytes(): number {
    return this.#bytes
  }

  /** Different lists that are kept. */
  get size(): number {
    return this.#kept.size
  }

  /** @param sight undefined: sees everything */
  of(view: View, context: PageContext, sight: Sight | undefined): Pages {
    const dialect = dialectKey(context.dialect)
    if (sight === undefined) {
      return (
        this.#find(dialect) ??
        this.#keep(
          dialect,
          writePages({ ...view, items: itemsFor(view, context.dialect) }, context),
        )
      )
    }
    const seen = `${dialect} ${sight.key}`
    const digest = this.#selections.get(seen)
    const known = digest === undefined ? undefined : this.#find(`${dialect} ${digest}`)
    return known ?? this.#select({ view, sight, seen }, context)
  }

  clear(): void {
    this.#selections.clear()
    this.#kept.clear()
    this.#texts.clear()
    this.#bytes = 0
  }

  #select({ view, sight, seen }: Wanted, context: PageContext): Pages {
    const dialect = dialectKey(context.dialect)
    const { items, digest: marks } = select(view, context.dialect, sight)
    // What of a skill's files is seen differs where which skills are does not.
    const isApart = view.kind === 'skill' && sight.hasRules
    const digest = isApart ? `${marks} ${sight.key}` : marks
    if (this.#selections.size >= MAX_SELECTIONS) this.#selections.clear()
    this.#selections.set(seen, digest)
    const key = `${dialect} ${digest}`
    const textOf = isApart
      ? (item: ViewItem) => writeViewItem(item, context.dialect, fileVeil(item, sight))
      : this.#writer(dialect, context.dialect)
    return (
      this.#find(key) ??
      this.#keep(key, writePages({ ...view, items }, { ...context, cursorsApart: true, textOf }))
    )
  }

  #writer(key: string, dialect: Dialect): (item: ViewItem) => Buffer {
    const texts = this.#texts.get(key) ?? new Map<ViewItem, Buffer>()
    this.#texts.set(key, texts)
    return (item) => {
      const known = texts.get(item)
      if (known !== undefined) return known
      const text = writeViewItem(item, dialect)
      texts.set(item, text)
      return text
    }
  }

  #find(key: string): Pages | undefined {
    const kept = this.#kept.get(key)
    if (kept === undefined) return undefined
    this.#kept.delete(key)
    this.#kept.set(key, kept)
    return kept.pages
  }

  #keep(key: string, pages: Pages): Pages {
    const bytes = pages.written.reduce((sum, { items }) => sum + items.length, 0)
    this.#kept.set(key, { pages, bytes })
    this.#bytes += bytes
    for (const [oldest, kept] of this.#kept) {
      if (this.#bytes <= MAX_BYTES || oldest === key) break
      this.#kept.delete(oldest)
      this.#bytes -= kept.bytes
    }
    return pages
  }
}

interface Wanted {
  readonly view: View
  readonly sight: Sight
  /** Key of the selection. */
  readonly seen: string
}

/** Which files of a skill are hidden, by the decision that reading them would ask. */
function fileVeil({ entry, uris }: ViewItem, sight: Sight): UriVeil {
  return (uri) => !sight.shows(resourceBelow(entry, { uri, ...uris }))
}

function dialectKey({ era, revision, federated }: Dialect): string {
  return `${era} ${hasCoreTasks(revision)} ${federated}`
}

function select(view: View, dialect: Dialect, sight: Sight): Selection {
  const usable = itemsFor(view, dialect)
  const marks = Buffer.alloc(usable.length)
  const items = usable.filter(({ entry }, index) => {
    const seen = sight.sees(entry)
    if (seen) marks[index] = 1
    return seen
  })
  return { items, digest: createHash('sha256').update(marks).digest('base64url') }
}
