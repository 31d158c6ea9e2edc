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
const COLON = 0x3a
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

class Writer {
  readonly #bytes: Buffer
  #out: Buffer
  #length = 0

  constructor(bytes: Buffer, size: number) {
    this.#bytes = bytes
    this.#out = Buffer.allocUnsafe(size + ROOM)
  }

  take(): Buffer {
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
    else this.#copy(at, end)
    return end
  }

  object(at: number, form: ObjectForm): number {
    const bytes = this.#bytes
    const parts: Part[] = []
    this.#byte(OPEN_BRACE)
    const from = this.#length
    let index = skipSpace(bytes, at + 1)
    while (bytes[index] !== CLOSE_BRACE) {
      index = skipSpace(bytes, this.#member(index, form, parts))
      if (bytes[index] === COMMA) index = skipSpace(bytes, index + 1)
    }
    this.#order(from, parts)
    this.#byte(CLOSE_BRACE)
    return index + 1
  }

  /** Writes the member whose name begins at `at`, with a comma behind it; gives the index behind its value. */
  #member(at: number, { without, instead }: ObjectForm, parts: Part[]): number {
    const bytes = this.#bytes
    const nameEnd = skipString(bytes, at)
    const start = skipSpace(bytes, skipSpace(bytes, nameEnd) + 1)
    const key = readString(bytes, at, nameEnd)
    if (without.has(key)) return checkValue(bytes, start, DEPTH, skipString)
    const from = this.#length
    this.#string(at)
    this.#byte(COLON)
    const other = instead?.(key)
    const end =
      other === undefined ? this.value(start) : checkValue(bytes, start, DEPTH, skipString)
    if (other !== undefined) this.#add(other)
    this.#byte(COMMA)
    parts.push({ key, start: from, end: this.#length })
    return end
  }

  /** Puts members in order, by UTF-16 code units of their names (RFC 8785 §3.2.3), and takes the last comma away. */
  #order(from: number, parts: readonly Part[]): void {
    if (parts.length === 0) return
    if (!isInOrder(parts)) {
      const ordered = parts.toSorted((a, b) => (a.key < b.key ? -1 : 1))
      if (!isInOrder(ordered)) throw malformed()
      const text = Buffer.concat(ordered.map(({ start, end }) => this.#out.subarray(start, end)))
      text.copy(this.#out, from)
    }
    this.#length -= 1
  }

  #array(at: number): number {
    const bytes = this.#bytes
    this.#byte(OPEN_BRACKET)
    let index = skipSpace(bytes, at + 1)
    while (bytes[index] !== CLOSE_BRACKET) {
      index = skipSpace(bytes, this.value(index))
      if (bytes[index] !== COMMA) continue
      this.#byte(COMMA)
      index = skipSpace(bytes, index + 1)
    }
    this.#byte(CLOSE_BRACKET)
    return index + 1
  }

  #number(start: number, end: number): void {
    const text = canonicalNumber(this.#bytes.toString('latin1', start, end))
    if (text === undefined) throw malformed()
    this.#text(text)
  }

  #string(at: number): number {
    const bytes = this.#bytes
    const end = skipString(bytes, at)
    if (isCanonicalString(bytes.subarray(at, end))) {
      this.#copy(at, end)
      return end
    }
    const value = readString(bytes, at, end)
    if (!value.isWellFormed()) throw malformed()
    this.#text(JSON.stringify(value))
    return end
  }

  #byte(byte: number): void {
    this.#reserve(1)
    this.#out[this.#length] = byte
    this.#length += 1
  }

  #copy(start: number, end: number): void {
    this.#reserve(end - start)
    this.#bytes.copy(this.#out, this.#length, start, end)
    this.#length += end - start
  }

  #add(bytes: Buffer): void {
    this.#reserve(bytes.length)
    bytes.copy(this.#out, this.#length)
    this.#length += bytes.length
  }

  #text(text: string): void {
    this.#reserve(Buffer.byteLength(text))
    this.#length += this.#out.write(text, this.#length)
  }

  #reserve(size: number): void {
    if (this.#length + size <= this.#out.length) return
    const larger = Buffer.allocUnsafe((this.#length + size) * 2)
    this.#out.copy(larger, 0, 0, this.#length)
    this.#out = larger
  }
}

/** Whether names rise: no two are the same then either. */
function isInOrder(parts: readonly Part[]): boolean {
  return parts.every(({ key }, index) => index === 0 || (parts[index - 1]?.key ?? '') < key)
}

/** What RFC 8785 §3.2.2.2 writes behind a backslash, but for `u`. */
const PLAIN_ESCAPES: ReadonlySet<number> = new Set(Buffer.from('"\\bfnrt'))

/** Whether a string literal is written the canonical way: characters as they are, and none but the short escapes. */
function isCanonicalString(literal: Buffer): boolean {
  let at = literal.indexOf(BACKSLASH)
  while (at !== -1) {
    if (!PLAIN_ESCAPES.has(literal[at + 1] ?? 0)) return false
    at = literal.indexOf(BACKSLASH, at + 2)
  }
  return true
}
