/**
 * Finds members and elements of JSON text without building values, so that a relay can replace a few bytes (json-edit)
 * and pass the rest on untouched: numbers keep their spelling, unknown members survive.
 *
 * `readObject` holds what it passes over against the grammar: all of it for text of callers, its structure for text of
 * upstreams, which is only ever handed back to the caller it belongs to. The others are for text that went through it.
 */

import {
  checkString,
  checkValue,
  malformed,
  skipSpace,
  tooDeep,
  type StringReader,
} from './json-check.ts'

/** A half-open range of bytes. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** One member of an object: its decoded key, where the key's quote stands, and the span of its value. */
export interface Member extends Span {
  readonly key: string
  readonly keyStart: number
  /** The members of the value, if it is an object and its key was among those to look into. */
  readonly inside?: readonly Member[] | undefined
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const COMMA = 0x2c
const COLON = 0x3a

/** Nesting the scanner follows when the caller names no limit of its own; no configured limit is higher. */
const DEFAULT_DEPTH = 1_000

/** Strings longer than this are searched natively; shorter ones cost less in the loop. */
const NATIVE_SEARCH_FROM = 48

/** Index just behind the closing quote of the string that starts at `at`; what stands in it is not checked. */
export function skipString(bytes: Buffer, at: number): number {
  let index = at + 1
  const nearby = Math.min(bytes.length, index + NATIVE_SEARCH_FROM)
  while (index < nearby) {
    const byte = bytes[index]
    if (byte === QUOTE) return index + 1
    index += byte === BACKSLASH ? 2 : 1
  }
  // Only here can `index` stand behind an escape, never inside one, so counting back to it is enough.
  const from = index
  for (;;) {
    const quote = bytes.indexOf(QUOTE, index)
    if (quote === -1) throw malformed()
    let slashes = 0
    while (quote - 1 - slashes >= from && bytes[quote - 1 - slashes] === BACKSLASH) slashes += 1
    if (slashes % 2 === 0) return quote + 1
    index = quote + 1
  }
}

/** Texts that stand in most messages, by length: they are recognised without a string being made of them. */
const COMMON: readonly (readonly string[])[] = [
  ['jsonrpc', 'id', '2.0', 'method', 'params', 'result', 'error', 'name', 'arguments', '_meta'],
  ['tools/call', 'tools/list', 'resultType', 'content', 'structuredContent', 'isError'],
  ['progressToken', 'traceparent', 'io.modelcontextprotocol/protocolVersion'],
  ['complete', '2026-07-28'],
  ['io.modelcontextprotocol/clientCapabilities', 'io.modelcontextprotocol/clientInfo'],
  ['io.modelcontextprotocol/serverInfo', 'io.github.banyan-mcp/federation'],
]
  .flat()
  .reduce<string[][]>((byLength, text) => {
    byLength[text.length] = [...(byLength[text.length] ?? []), text]
    return byLength
  }, [])

function isAt(bytes: Buffer, at: number, text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (bytes[at + index] !== text.charCodeAt(index)) return false
  }
  return true
}

function commonAt(bytes: Buffer, at: number, length: number): string | undefined {
  const candidates = COMMON[length]
  if (candidates === undefined) return undefined
  for (const text of candidates) if (isAt(bytes, at, text)) return text
  return undefined
}

/**
 * What the string literal between `start` and `end` means.
 *
 * @throws Fault `parse_error` for an escape that does not exist
 */
export function readString(bytes: Buffer, start: number, end: number): string {
  const known = commonAt(bytes, start + 1, end - start - 2)
  if (known !== undefined) return known
  const inner = bytes.toString('latin1', start + 1, end - 1)
  let plain = true
  for (let index = 0; index < inner.length; index += 1) {
    const unit = inner.charCodeAt(index)
    if (unit === BACKSLASH || unit > 0x7e) plain = false
  }
  // It may be spelt with escapes: what counts is what it means, not how it is written.
  return plain ? inner : decodeString(bytes.toString('utf8', start, end))
}

function decodeString(text: string): string {
  try {
    return String(JSON.parse(text))
  } catch {
    throw malformed()
  }
}

const NOWHERE: ReadonlySet<string> = new Set()

/**
 * The members of the object that starts at `at`, in order, duplicates included. The objects under keys of `into` are
 * looked into on the way, so that no byte is read twice.
 *
 * @throws Fault `parse_error` when no object stands there, `too_deep` beyond `depth` levels
 */
export function members(
  bytes: Buffer,
  at: number,
  depth: number = DEFAULT_DEPTH,
  into: ReadonlySet<string> = NOWHERE,
): Member[] {
  const found: Member[] = []
  new Scan(bytes, into, true).object(at, depth, found)
  return found
}

/** How `readObject` reads. */
export interface ReadPlan {
  /** Levels of nesting. */
  readonly depth: number
  /** Keys whose objects are looked into. */
  readonly into: ReadonlySet<string>
  /** What stands in strings is somebody else's to check: only their ends are found. */
  readonly openStrings?: boolean
}

/**
 * The members of the object that starts at `at`, as `members` gives them, from text that must be JSON to the last byte of
 * the object; and the index just behind it.
 *
 * @throws Fault `parse_error`, `too_deep`
 */
export function readObject(
  bytes: Buffer,
  at: number,
  { depth, into, openStrings = false }: ReadPlan,
): { readonly members: readonly Member[]; readonly end: number } {
  const found: Member[] = []
  const end = new Scan(bytes, into, openStrings).object(at, depth, found)
  return { members: found, end }
}

/** One pass over a text. */
class Scan {
  readonly #bytes: Buffer
  readonly #into: ReadonlySet<string>
  readonly #string: StringReader

  constructor(bytes: Buffer, into: ReadonlySet<string>, openStrings: boolean) {
    this.#bytes = bytes
    this.#into = into
    this.#string = openStrings ? skipString : checkString
  }

  /** Adds the members of the object at `at` to `found`; gives the index just behind it. */
  object(at: number, depth: number, found: Member[]): number {
    const bytes = this.#bytes
    if (bytes[at] !== OPEN_BRACE) throw malformed()
    if (depth < 1) throw tooDeep()
    let index = skipSpace(bytes, at + 1)
    if (bytes[index] === CLOSE_BRACE) return index + 1
    for (;;) {
      if (bytes[index] !== QUOTE) throw malformed()
      const member = this.#member(index, depth - 1)
      found.push(member)
      index = skipSpace(bytes, member.end)
      if (bytes[index] === CLOSE_BRACE) return index + 1
      if (bytes[index] !== COMMA) throw malformed()
      index = skipSpace(bytes, index + 1)
    }
  }

  #member(keyStart: number, depth: number): Member {
    const bytes = this.#bytes
    const keyEnd = this.#string(bytes, keyStart)
    const colon = skipSpace(bytes, keyEnd)
    if (bytes[colon] !== COLON) throw malformed()
    const start = skipSpace(bytes, colon + 1)
    const key = readString(bytes, keyStart, keyEnd)
    if (bytes[start] !== OPEN_BRACE || !this.#into.has(key)) {
      const end = checkValue(bytes, start, depth, this.#string)
      return { key, keyStart, start, end, inside: undefined }
    }
    const inside: Member[] = []
    const end = this.object(start, depth, inside)
    return { key, keyStart, start, end, inside }
  }
}

/** The spans of the elements of the array that starts at `at`. */
export function elements(bytes: Buffer, at: number, depth: number = DEFAULT_DEPTH): Span[] {
  if (bytes[at] !== OPEN_BRACKET) throw malformed()
  if (depth < 1) throw tooDeep()
  const found: Span[] = []
  let index = skipSpace(bytes, at + 1)
  if (bytes[index] === CLOSE_BRACKET) return found
  for (;;) {
    const end = checkValue(bytes, index, depth - 1, skipString)
    found.push({ start: index, end })
    index = skipSpace(bytes, end)
    if (bytes[index] === CLOSE_BRACKET) return found
    if (bytes[index] !== COMMA) throw malformed()
    index = skipSpace(bytes, index + 1)
  }
}

/** The member called `key`, the last one if it stands there twice, as `JSON.parse` would have it. */
export function memberOf(list: readonly Member[], key: string): Member | undefined {
  for (let index = list.length - 1; index >= 0; index -= 1) {
    const member = list[index]
    if (member?.key === key) return member
  }
  return undefined
}

/** A key that stands twice in `list`, or undefined. */
export function duplicateKey(list: readonly Member[]): string | undefined {
  // Objects on this path have a handful of members: comparing them all is cheaper than a Set.
  if (list.length > 16) return duplicateAmongMany(list)
  for (let index = 1; index < list.length; index += 1) {
    const key = list[index]?.key
    for (let before = 0; before < index; before += 1) {
      if (list[before]?.key === key) return key
    }
  }
  return undefined
}

function duplicateAmongMany(list: readonly Member[]): string | undefined {
  const seen = new Set<string>()
  for (const { key } of list) {
    if (seen.has(key)) return key
    seen.add(key)
  }
  return undefined
}
