import { compileGlob } from '../glob.ts'
import type { Hints, Policy, Selector } from './policy.ts'

type Hint = readonly [name: keyof Hints, wanted: boolean]

/** So many prefixes are compared one by one. */
const FEW = 8

/** What a selector comes to: all of it must hold. */
interface Term {
  readonly globs: readonly Glob[]
  readonly hints: readonly Hint[]
}

interface Glob {
  readonly text: string
  readonly matches: (label: string) => boolean
}

function globOf(text: string): Glob {
  return { text, matches: compileGlob(text) }
}

const ANY: Glob = globOf('*')

/** @param length of all the prefixes */
function startsWithOne(label: string, length: number, prefixes: ReadonlySet<string>): boolean {
  if (prefixes.size > FEW) return prefixes.has(label.slice(0, length))
  for (const prefix of prefixes) if (label.startsWith(prefix)) return true
  return false
}

/** One term, or one for each glob of the selector's tag. */
function termsOf({ name, tag, ...rest }: Selector, tags: Policy['tags']): readonly Term[] {
  const hints = Object.entries(rest).filter((hint): hint is [keyof Hints, boolean] => {
    return hint[1] !== undefined
  })
  const own = name === undefined ? [] : [globOf(name)]
  if (tag === undefined) return [{ globs: own, hints }]
  const tagged = Object.hasOwn(tags, tag) ? (tags[tag] ?? []) : []
  return tagged.map((glob) => ({ globs: [globOf(glob), ...own], hints }))
}

function holds({ globs, hints }: Term, label: string, said: Hints): boolean {
  for (const [hint, wanted] of hints) if (said[hint] !== wanted) return false
  for (const glob of globs) if (!glob.matches(label)) return false
  return true
}

/** Whether one selector picks what is labelled so: the plain meaning of {@link Matcher}. */
export function picks(
  selector: Selector,
  tags: Policy['tags'],
  { label, hints }: { readonly label: string; readonly hints: Hints },
): boolean {
  return termsOf(selector, tags).some((term) => holds(term, label, hints))
}

/**
 * Many selectors as one. Names and names with a star at the end, which is nearly all there are, cost a look-up for each
 * length of theirs and not one comparison for each.
 */
export class Matcher {
  #all = false
  readonly #exact = new Set<string>()
  /** What stands before the star, by its length. */
  readonly #prefixes = new Map<number, Set<string>>()
  readonly #rest: Term[] = []

  constructor(selectors: readonly Selector[], tags: Policy['tags']) {
    for (const selector of selectors) for (const term of termsOf(selector, tags)) this.#add(term)
  }

  /** Nothing matches it. */
  get isEmpty(): boolean {
    return !this.#all && this.#exact.size + this.#prefixes.size + this.#rest.length === 0
  }

  /** Everything matches it, whatever it says of itself. */
  get isEverything(): boolean {
    return this.#all
  }

  matches(label: string, hints: Hints): boolean {
    if (this.#all) return true
    // To look a text up that was just put together costs more than a few comparisons.
    if (this.#exact.size > 0 && this.#exact.has(label)) return true
    for (const [length, prefixes] of this.#prefixes) {
      if (length <= label.length && startsWithOne(label, length, prefixes)) return true
    }
    for (const term of this.#rest) if (holds(term, label, hints)) return true
    return false
  }

  #add(term: Term): void {
    const [{ text: glob } = ANY, another] = term.globs
    const star = glob.indexOf('*')
    if (term.hints.length > 0 || another !== undefined) this.#rest.push(term)
    else if (glob === '*') this.#all = true
    else if (star === -1) this.#exact.add(glob)
    else if (star === glob.length - 1) this.#addPrefix(glob.slice(0, -1))
    else this.#rest.push(term)
  }

  #addPrefix(prefix: string): void {
    const known = this.#prefixes.get(prefix.length) ?? new Set()
    this.#prefixes.set(prefix.length, known.add(prefix))
  }
}
