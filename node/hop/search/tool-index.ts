import MiniSearch from 'minisearch'
import { wordsOf } from '../../../protocol/tool-words.ts'

/** The words of one tool by where they stand, in one text each with spaces between. */
export interface IndexedTool {
  readonly name: string
  readonly namespace: string
  readonly description: string
  readonly parameters: string
}

const FIELDS = ['name', 'namespace', 'description', 'parameters'] as const

/** What a word counts by where it stands; in a description 1. Chosen by the labelled set (test/node/hop/search). */
const BOOST = { name: 2, namespace: 1.5, parameters: 0.5 }

/** Words of a query that are looked for. */
const MAX_WORDS = 24
/** Words nobody has, for which like ones are looked for. */
const MAX_UNKNOWN = 4
/** Shortest word that stands for longer ones, and for misspelt ones, characters. */
const MIN_PREFIX = 4
const MIN_FUZZY = 5
/** Longest that does. */
const MAX_LIKE = 40
/** Tools that are weighed, and occurrences of words that are looked at: what one query may cost. */
const MAX_CANDIDATES = 500
const MAX_OCCURRENCES = 10_000

/** What an occurrence of a word takes in memory, bytes (`npm run bench:search`). */
const BYTES_A_WORD = 80

/**
 * Ranks tools by BM25. All that its weights are made from (how many tools there are, how many have a word, how long they
 * are) is of the tools in it: an index for one who may not see a tool must not have it.
 */
export class ToolIndex {
  readonly #index = new MiniSearch<IndexedTool & { readonly id: number }>({
    fields: [...FIELDS],
    tokenize: (text) => text.split(' '),
    processTerm: (word) => word,
    autoVacuum: false,
  })
  /** How many tools have a word. */
  readonly #spread = new Map<string, number>()
  #words = 0

  /** Adds a tool; the first is number 0. */
  add(tool: IndexedTool): void {
    const words = FIELDS.flatMap((field) => (tool[field] === '' ? [] : tool[field].split(' ')))
    for (const word of new Set(words)) this.#spread.set(word, (this.#spread.get(word) ?? 0) + 1)
    this.#words += words.length
    this.#index.add({ ...tool, id: this.#index.documentCount })
  }

  /** About what it takes in memory. */
  get bytes(): number {
    return this.#words * BYTES_A_WORD
  }

  /** Numbers of the tools that match, the best first; never more than 500. */
  find(query: string): readonly number[] {
    const words = this.#chosen(query)
    const candidates = new Set<number>()
    // Words are looked up one after the other, the rarest first: those that most tools have in common only weigh what
    // the others have found.
    const boostDocument = (id: number): number => {
      if (candidates.size < MAX_CANDIDATES) candidates.add(id)
      return candidates.has(id) ? 1 : 0
    }
    const isLike = (word: string, from: number): boolean =>
      word.length >= from && word.length <= MAX_LIKE && !this.#spread.has(word)
    const results = this.#index.search(words.join(' '), {
      boost: BOOST,
      boostDocument,
      prefix: (word) => isLike(word, MIN_PREFIX),
      fuzzy: (word) => (isLike(word, MIN_FUZZY) ? 0.2 : false),
      maxFuzzy: 2,
      weights: { prefix: 0.5, fuzzy: 0.2 },
    })
    return results.map(({ id }) => Number(id))
  }

  /** The words that tell most, as many as may be looked up. */
  #chosen(query: string): readonly string[] {
    const unique = [...new Set(wordsOf(query))].slice(0, MAX_WORDS)
    const unknown = unique.filter((word) => !this.#spread.has(word)).slice(0, MAX_UNKNOWN)
    const known = unique.flatMap((word) => {
      const spread = this.#spread.get(word)
      return spread === undefined ? [] : [{ word, spread }]
    })
    known.sort((a, b) => a.spread - b.spread)
    let occurrences = 0
    const affordable = known.filter(({ spread }, index) => {
      occurrences += spread
      return index === 0 || occurrences <= MAX_OCCURRENCES
    })
    // What nobody has comes last: it is a guess, and guesses must not take the places.
    return [...affordable.map(({ word }) => word), ...unknown]
  }
}
