/**
 * The canonical form of JSON text (JCS, RFC 8785), made from the bytes and not from values: a parser would round numbers
 * and keep one of two members of the same name, so that what it reads could be changed unseen.
 *
 * Numbers no double holds have a form of their own (`canonicalNumber`); where RFC 8785 says anything, this says the same.
 */

import { Buffer, isUtf8 } from 'node:buffer'
import { readString, skipString, type Span } from '../json-bytes.ts'
import { checkValue, malformed, skipSpace } from '../json-check.ts'
import { canonicalNumber } from './decimal.ts'

const QUOTE = 0x22
const COMMA = 0x2c
const NINE = 0x39
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d

/** Levels of nesting; what nests deeper has no canonical form here. */
const DEPTH = 100

/** Members of an object that are left out, or stand there in other bytes. */
export interface ObjectForm {
  /** Names of members that are not part of it. */
  readonly without: ReadonlySet<string>
  /** Puts other canonical text in place of what a member is; undefined leaves it. */
  readonly instead?: (key: string) => Buffer | undefined
}

const WHOLE: ObjectForm = { without: new Set() }

/**
 * The canonical form of one value.
 *
 * @param span where it stands in `bytes`; default: all of them, white space around it allowed
 * @throws Fault `parse_error`, `too_deep` for text that has none
 */
export function canonical(bytes: Buffer, span: Span = { start: 0, end: bytes.length }): Buffer {
  const writer = writerFor(bytes, span)
  writer.value(skipSpace(bytes, span.start))
  return writer.take()
}

/**
 * The canonical form of an object, but for some of its members.
 *
 * @throws Fault as `canonical`
 */
export function canonicalObject(bytes: Buffer, span: Span, form: ObjectForm): Buffer {
  const writer = writerFor(bytes, span)
  writer.object(skipSpace(bytes, span.start), form)
  return writer.take()
}

/** Makes sure that it is one value, and well-formed, before anything is made of it. */
function writerFor(bytes: Buffer, { start, end }: Span): Writer {
  if (!isUtf8(bytes.subarray(start, end))) throw malformed()
  const valueEnd = checkValue(bytes, skipSpace(bytes, start), DEPTH)
  if (skipSpace(bytes, valueEnd) < end) throw malformed()
  return new Writer(bytes, end - start)
}

/** Bytes more than the text has: canonical numbers may be longer than what they are made from. */
const ROOM = 64

/** A member that is written: its name, and where its text stands in what is written so far. */
interface Part extends Span {
  readonly key: string
}

/**
 * Writes canonical text. What is canonical as it stands is taken over in runs as long as possible: most text is, but for
 * the order of members.
 */
class Writer {
  readonly #bytes: Buffer
  #out: Buffer
  #length = 0
  /** Text to be taken over that is not yet. */
  #runStart = 0
  #runEnd = 0

  constructor(bytes: Buffer, size: number) {
    this.#bytes = bytes
    this.#out = Buffer.allocUnsafe(size + ROOM)
  }

  take(): Buffer {
    this.#flush()
    return this.#out.subarray(0, this.#length)
  }

  /** Writes the value at `at`; gives the index just behind it. */
  value(at: number): number {
    const first = this.#bytes[at] ?? 0
    if (first === QUOTE) return this.#string(at)
    if (first === OPEN_BRACE) return this.object(at, WHOLE)
    if (first === OPEN_BRACKET) return this.#array(at)
    const end = checkValue(this.#bytes, at, 1)
    if (first <= NINE) this.#number(at, end)
    else this.#keep(at, end)
    return end
  }

  object(at: number, form: ObjectForm): number {
    const bytes = this.#bytes
    const parts: Part[] = []
    this.#keep(at, at + 1)
    let comma = -1
    let index = skipSpace(bytes, at + 1)
    while (bytes[index] !== CLOSE_BRACE) {
      index = skipSpace(bytes, this.#member({ at: index, comma }, form, parts))
      if (bytes[index] !== COMMA) continue
      comma = index
      index = skipSpace(bytes, index + 1)
    }
    this.#order(parts)
    this.#keep(index, index + 1)
    return index + 1
  }

  /** Writes the member whose name begins at `at`, after a comma unless it is the first; gives the index behind its value. */
  #member(
    { at, comma }: { readonly at: number; readonly comma: number },
    { without, instead }: ObjectForm,
    parts: Part[],
  ): number {
    const bytes = this.#bytes
    const nameEnd = skipString(bytes, at)
    const colon = skipSpace(bytes, nameEnd)
    const start = skipSpace(bytes, colon + 1)
    const key = readString(bytes, at, nameEnd)
    if (without.has(key)) return checkValue(bytes, start, DEPTH, skipString)
    if (parts.length > 0) this.#keep(comma, comma + 1)
    const from = this.#position
    this.#stringTo(at, nameEnd)
    this.#keep(colon, colon + 1)
    const other = instead?.(key)
    const end =
      other === undefined ? this.value(start) : checkValue(bytes, start, DEPTH, skipString)
    if (other !== undefined) this.#add(other)
    parts.push({ key, start: from, end: this.#position })
    return end
  }

  /** Puts members in order, by UTF-16 code units of their names (RFC 8785 §3.2.3). */
  #order(parts: readonly Part[]): void {
    if (isInOrder(parts)) return
    const ordered = parts.toSorted((a, b) => (a.key < b.key ? -1 : 1))
    if (!isInOrder(ordered)) throw malformed()
    this.#flush()
    const texts = ordered.flatMap(({ start, end }) => [COMMA_TEXT, this.#out.subarray(start, end)])
    Buffer.concat(texts.slice(1)).copy(this.#out, parts[0]?.start)
  }

  #array(at: number): number {
    const bytes = this.#bytes
    this.#keep(at, at + 1)
    let index = skipSpace(bytes, at + 1)
    while (bytes[index] !== CLOSE_BRACKET) {
      index = skipSpace(bytes, this.value(index))
      if (bytes[index] !== COMMA) continue
      this.#keep(index, index + 1)
      index = skipSpace(bytes, index + 1)
    }
    this.#keep(index, index + 1)
    return index + 1
  }

  #number(start: number, end: number): void {
    const bytes = this.#bytes
    if (isShortInteger(bytes, start, end)) {
      this.#keep(start, end)
      return
    }
    const text = canonicalNumber(bytes.toString('latin1', start, end))
    if (text === undefined) throw malformed()
    this.#add(Buffer.from(text))
  }

  #string(at: number): number {
    const end = skipString(this.#bytes, at)
    this.#stringTo(at, end)
    return end
  }

  #stringTo(at: number, end: number): void {
    const bytes = this.#bytes
    if (isCanonicalString(bytes, at, end)) {
      this.#keep(at, end)
      return
    }
    const value = readString(bytes, at, end)
    if (!value.isWellFormed()) throw malformed()
    this.#add(Buffer.from(JSON.stringify(value)))
  }

  /** How long the text is so far. */
  get #position(): number {
    return this.#length + this.#runEnd - this.#runStart
  }

  /** Takes text over as it stands. */
  #keep(start: number, end: number): void {
    if (start !== this.#runEnd) {
      this.#flush()
      this.#runStart = start
    }
    this.#runEnd = end
  }

  #add(text: Buffer): void {
    this.#flush()
    this.#reserve(text.length)
    text.copy(this.#out, this.#length)
    this.#length += text.length
  }

  #flush(): void {
    const size = this.#runEnd - this.#runStart
    if (size === 0) return
    this.#reserve(size)
    this.#bytes.copy(this.#out, this.#length, this.#runStart, this.#runEnd)
    this.#length += size
    this.#runStart = this.#runEnd
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#out.length) return
    const larger = Buffer.allocUnsafe((this.#length + size) * 2)
    this.#out.copy(larger, 0, 0, this.#length)
    this.#out = larger
  }
}

const COMMA_TEXT = Buffer.from(',')

/** Integers up to this many digits are exact, and are written one way unless they are a negative zero. */
const SHORT_INTEGER = 15

function isShortInteger(bytes: Buffer, start: number, end: number): boolean {
  if (end - start > SHORT_INTEGER) return false
  for (let index = start; index < end; index += 1) {
    const byte = bytes[index] ?? 0
    if (byte < 0x30 || byte > NINE) return false
  }
  return true
}

/** Whether names rise: no two are the same then either. */
function isInOrder(parts: readonly Part[]): boolean {
  return parts.every(({ key }, index) => index === 0 || (parts[index - 1]?.key ?? '') < key)
}

/** What RFC 8785 §3.2.2.2 writes behind a backslash, but for `u`. */
const PLAIN_ESCAPES: ReadonlySet<number> = new Set(Buffer.from('"\\bfnrt'))

/** Longer strings are searched natively. */
const SHORT_STRING = 48

/** Whether a string literal is written the canonical way: characters as they are, and none but the short escapes. */
function isCanonicalString(bytes: Buffer, start: number, end: number): boolean {
  if (end - start > SHORT_STRING) return hasPlainEscapes(bytes.subarray(start, end))
  for (let index = start; index < end; index += 1) {
    if (bytes[index] !== BACKSLASH) continue
    if (!PLAIN_ESCAPES.has(bytes[index + 1] ?? 0)) return false
    index += 1
  }
  return true
}

function hasPlainEscapes(literal: Buffer): boolean {
  let at = literal.indexOf(BACKSLASH)
  while (at !== -1) {
    if (!PLAIN_ESCAPES.has(literal[at + 1] ?? 0)) return false
    at = literal.indexOf(BACKSLASH, at + 2)
  }
  return true
}
