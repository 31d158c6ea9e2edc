import { matchesGlob } from '../../../protocol/glob.ts'
import { labelOf } from '../../../protocol/policy/policy.ts'
import { PageStore } from '../page-store.ts'
import { subjectOf, type Sight } from '../sight.ts'
import type { ViewRule } from '../sources.ts'
import { sameItems, type View, type ViewItem } from '../view.ts'
import { finderItems, isFinder } from './finder-tools.ts'

/** Which tools an endpoint lists: all, or those that match, and its own to find the others by. */
export type ToolListing = 'all' | { readonly listed: readonly string[] }

/** A brief list, and what is written of it. */
export interface Brief {
  readonly view: View
  readonly pages: PageStore
}

/** What an endpoint lists that lists few of its tools. */
export class BriefList {
  readonly #name: string
  readonly #rule: ViewRule
  readonly #listed: readonly string[]
  #made: (Brief & { readonly full: View }) | undefined

  constructor(endpoint: string, rule: ViewRule, { listed }: Exclude<ToolListing, 'all'>) {
    this.#name = `brief ${endpoint}`
    this.#rule = rule
    this.#listed = listed
  }

  /** Whether it is the same whatever there is. */
  get isFixed(): boolean {
    return this.#listed.length === 0
  }

  /** The same as long as nothing that is listed changes. */
  of(full: View): Brief {
    const before = this.#made
    if (before?.full === full) return before
    const view = this.#of(full)
    const kept = before !== undefined && sameItems(before.view.items, view.items)
    const made = kept ? before : { view, pages: new PageStore(this.#name) }
    this.#made = { ...made, full }
    return this.#made
  }

  #of(full: View): View {
    const isListed = ({ entry }: ViewItem): boolean => {
      const label = labelOf(subjectOf(entry))
      return this.#listed.some((glob) => matchesGlob(glob, label))
    }
    const items = [...finderItems(this.#rule), ...full.items.filter(isListed)]
    items.sort((a, b) => (a.entry.name < b.entry.name ? -1 : 1))
    return { ...full, items }
  }
}

/** Whoever finds the endpoint finds its own tools: they show nothing by themselves. */
export function withFinder(sight: Sight | undefined): Sight | undefined {
  if (sight === undefined) return undefined
  return {
    ...sight,
    shows: (entry) => isFinder(entry) || sight.shows(entry),
    sees: (entry) => isFinder(entry) || sight.sees(entry),
  }
}
