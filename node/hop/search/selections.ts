import { createHash } from 'node:crypto'
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
const MAX_SELECTIONS = 256

/** What callers see of views, for as long as those are shown. */
export class Selections {
  readonly #made = new WeakMap<View, Map<string, Selection>>()
  /** Numbers of definitions; lists that were fetched anew keep those that have not changed. */
  readonly #serials = new WeakMap<Listed, number>()
  #lastSerial = 0

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
      ({ entry, listed }) => `${this.#serial(listed)} ${entry.namespace} ${entry.name}\n`,
    )
    return createHash('sha256').update(lines.join('')).digest('base64url')
  }

  #serial(listed: Listed): number {
    const known = this.#serials.get(listed)
    if (known !== undefined) return known
    this.#lastSerial += 1
    this.#serials.set(listed, this.#lastSerial)
    return this.#lastSerial
  }
}
