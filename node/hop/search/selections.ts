import { hash } from 'node:crypto'
import type { Listed } from '../../../protocol/listing.ts'
import { hasCoreTasks } from '../../../protocol/revisions.ts'
import type { Sight } from '../sight.ts'
import { itemsFor, type Speaker, type View, type ViewItem } from '../view.ts'

/** The tools one caller sees: what a list of all of them would hold. */
export interface Selection {
  readonly items: readonly ViewItem[]
  /** Equal for equal tools under equal names, whoever sees them and wherever. */
  readonly digest: string
}

/** Kinds of callers of whom it is remembered what they see of one view. */
const MAX_SELECTIONS = 128

/** What callers see of views, for as long as those are shown. */
export class Selections {
  readonly #made = new WeakMap<View, Map<string, Selection>>()
  readonly #texts = new WeakMap<Listed, string>()

  /** @param sight undefined: sees everything */
  of(view: View, speaker: Speaker, sight: Sight | undefined): Selection {
    const known = this.#made.get(view) ?? new Map<string, Selection>()
    this.#made.set(view, known)
    const key = JSON.stringify([speaker.era, hasCoreTasks(speaker.revision), sight?.key])
    const found = known.get(key)
    if (found !== undefined) return found
    const usable = itemsFor(view, speaker)
    const items = sight === undefined ? usable : usable.filter(({ entry }) => sight.sees(entry))
    const made = { items, digest: this.#digest(items) }
    if (known.size >= MAX_SELECTIONS) known.clear()
    known.set(key, made)
    return made
  }

  #digest(items: readonly ViewItem[]): string {
    const lines = items.map(
      ({ entry, listed }) => `${this.#textOf(listed)} ${entry.namespace} ${entry.name}\n`,
    )
    return hash('sha256', lines.join(''), 'base64url')
  }

  /** A digest of a definition: it may have been fetched for several callers. */
  #textOf(listed: Listed): string {
    const known = this.#texts.get(listed)
    if (known !== undefined) return known
    const made = hash('sha256', listed.text, 'base64url')
    this.#texts.set(listed, made)
    return made
  }
}
