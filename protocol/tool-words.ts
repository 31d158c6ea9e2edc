/** Words of tools and of what people ask for, as the two are compared by. */

import { isObject, type JsonObject } from './jsonrpc.ts'

/** The words of a tool by where they stand. */
export interface ToolWords {
  /** Of its name and titles, each once. */
  readonly name: readonly string[]
  readonly description: readonly string[]
  /** Of the names of its parameters and what is said of them, each once. */
  readonly parameters: readonly string[]
}

/** Most characters that are read of a description, and of all that is said of parameters. */
const MAX_TEXT = 4_096
/** Levels of nested parameters that are read. */
const MAX_LEVELS = 4

/** Words that stand anywhere, whatever is asked for. */
const STOP_WORDS: ReadonlySet<string> = new Set(
  `a about all also an and any are as at be been but by can could did do does each either for from had has have how i if in
  into is it its let like me more most my need no not of on one only or other our please should so some such than that the
  their them then there these they this those to too use used using via want was we what when where whether which who why
  will with would you your`.split(/\s+/),
)

const RUN = /[\p{L}\p{N}]+/gu
const MARKS = /\p{M}+/gu
/** Where a word begins inside of a run: `readFile`, `HTTPServer`, `oauth2`, `2fa`. */
const SEAM =
  /(?<=\p{Ll})(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})|(?<=\p{L})(?=\p{N})|(?<=\p{N})(?=\p{L})/u
/** Scripts that put no spaces between words. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u

// Nearly all text is of this kind, and ten times as fast to read.
const ASCII = /^[\0-\x7f]*$/
const ASCII_RUN = /[A-Za-z0-9]+/g
const ONE_WORD = /^[A-Z]?[a-z]+$/

/**
 * The words of a text in one form: lower case, without accents, singular, without those that say nothing. A run that is
 * put together is there as a whole and in its parts, so that `GitHub` is found by `github`, and `readFile` by `file`.
 */
export function wordsOf(text: string): string[] {
  const isAscii = ASCII.test(text)
  const runs = isAscii
    ? text.match(ASCII_RUN)
    : text.normalize('NFKD').replace(MARKS, '').match(RUN)
  const words: string[] = []
  for (const run of runs ?? []) {
    if (ONE_WORD.test(run)) pushWord(run, words)
    else if (!isAscii && UNSPACED.test(run)) words.push(...pairsOf(run))
    else pushParts(run, words)
  }
  return words
}

function pushWord(run: string, to: string[]): void {
  const lower = run.toLowerCase()
  if (!STOP_WORDS.has(lower)) to.push(singular(lower))
}

function pushParts(run: string, to: string[]): void {
  const parts = run.split(SEAM)
  pushWord(run, to)
  if (parts.length === 1) return
  for (const part of parts) {
    // A letter beside a digit says nothing by itself.
    if (part.length > 1 || /\p{N}/u.test(part)) pushWord(part, to)
  }
}

/** The singular of an English plural (the S-stemmer of Harman, "How effective is suffixing?", 1991). */
function singular(word: string): string {
  if (word.length < 4 || !word.endsWith('s')) return word
  if (word.endsWith('ies')) return /[ae]ies$/.test(word) ? word : `${word.slice(0, -3)}y`
  if (/(?:ss|us|is)$/.test(word)) return word
  return /(?:sh|ch|x|ss|z)es$/.test(word) ? word.slice(0, -2) : word.slice(0, -1)
}

/** Each two neighbours: where words begin, only a dictionary could tell. */
function pairsOf(run: string): readonly string[] {
  const letters = Array.from(run.toLowerCase())
  if (letters.length === 1) return letters
  return letters.slice(1).map((letter, index) => `${letters[index] ?? ''}${letter}`)
}

/** @param definition as its server lists it */
export function toolWords(definition: JsonObject): ToolWords {
  const { name, title, description, inputSchema, annotations } = definition
  const hinted = isObject(annotations) ? annotations['title'] : undefined
  const named = [name, title, hinted].map(textOf).join('\n')
  return {
    name: unique(wordsOf(named)),
    description: wordsOf(textOf(description)),
    parameters: unique(wordsOf(parameterText(inputSchema))),
  }
}

function unique(words: readonly string[]): readonly string[] {
  return [...new Set(words)]
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, MAX_TEXT) : ''
}

function parameterText(schema: unknown): string {
  const said: Said = { texts: [], room: MAX_TEXT }
  collect(schema, said, MAX_LEVELS)
  return said.texts.join('\n')
}

interface Said {
  readonly texts: string[]
  /** Characters that may still be added. */
  room: number
}

/** Names and descriptions of properties, also of those of objects in lists. */
function collect(schema: unknown, to: Said, levels: number): void {
  if (!isObject(schema) || levels === 0 || to.room <= 0) return
  const { properties, items } = schema
  if (isObject(properties)) {
    for (const [name, property] of Object.entries(properties)) {
      add(name, to)
      add(isObject(property) ? property['description'] : undefined, to)
      collect(property, to, levels - 1)
    }
  }
  collect(items, to, levels - 1)
}

function add(text: unknown, to: Said): void {
  if (typeof text !== 'string' || to.room <= 0) return
  to.texts.push(text.slice(0, to.room))
  to.room -= text.length
}
