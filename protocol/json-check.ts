/**
 * The grammar of RFC 8259, held against bytes without making values of them: a relay must know that text is JSON, but
 * need not hold it twice. Strings of any length are checked four bytes at a time.
 */

import { Fault } from './errors.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const SPACE = 0x20

/** Strings up to this length are cheaper to read byte by byte than to search. */
const SHORT_STRING = 48

/** The refusal of text that is not JSON; it quotes nothing, for that may be a secret. */
export function malformed(): Fault {
  return new Fault('parse_error', 'the text is not JSON')
}

/** The refusal of text that nests too deep. */
export function tooDeep(): Fault {
  return new Fault('too_deep', 'JSON nests deeper than is allowed')
}

/** Index of the first byte at or after `at` that is not white space. */
export function skipSpace(bytes: Buffer, at: number): number {
  let index = at
  for (;;) {
    const byte = bytes[index]
    if (byte !== SPACE && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return index
    index += 1
  }
}

/**
 * Index just behind the string that starts at `at`.
 *
 * @throws Fault `parse_error` for a control character, an escape that does not exist, or no end
 */
export function checkString(bytes: Buffer, at: number): number {
  if (bytes[at] !== QUOTE) throw malformed()
  const near = Math.min(bytes.length, at + SHORT_STRING)
  let index = at + 1
  while (index < near) {
    const byte = bytes[index] ?? 0
    if (byte === QUOTE) return index + 1
    index = byte === BACKSLASH ? checkEscape(bytes, index) : checkPlain(byte, index)
  }
  return checkLongString(bytes, index)
}

function checkPlain(byte: number, index: number): number {
  if (byte < SPACE) throw malformed()
  return index + 1
}

function checkLongString(bytes: Buffer, from: number): number {
  const quote = bytes.indexOf(QUOTE, from)
  if (quote === -1) throw malformed()
  const upToQuote = bytes.subarray(from, quote)
  if (!upToQuote.includes(BACKSLASH)) {
    if (hasControl(upToQuote)) throw malformed()
    return quote + 1
  }
  let index = from
  while (index < bytes.length) {
    const byte = bytes[index] ?? 0
    if (byte === QUOTE) return index + 1
    index = byte === BACKSLASH ? checkEscape(bytes, index) : checkPlain(byte, index)
  }
  throw malformed()
}

/** Whether a byte is below 0x20. */
function hasControl(bytes: Buffer): boolean {
  // Words of memory begin at multiples of four; what stands before the first and behind the last is read by itself.
  const head = Math.min(bytes.length, -bytes.byteOffset & 3)
  const tail = head + ((bytes.length - head) & ~3)
  return (
    hasControlByte(bytes, 0, head) ||
    hasControlWord(bytes, head, tail) ||
    hasControlByte(bytes, tail, bytes.length)
  )
}

function hasControlByte(bytes: Buffer, from: number, to: number): boolean {
  for (let index = from; index < to; index += 1) if ((bytes[index] ?? 0) < SPACE) return true
  return false
}

/** Compares the four bytes of a word at once: where one is too small, the borrow shows in its highest bit. */
function hasControlWord(bytes: Buffer, from: number, to: number): boolean {
  if (from === to) return false
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + from, (to - from) >> 2)
  let seen = 0
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] as number
    seen |= (word - 0x20202020) & ~word
  }
  return (seen & 0x80808080) !== 0
}

/** What may stand behind a backslash, besides `u`: " \ / b f n r t */
const ESCAPES: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt'))

/** Index just behind the escape that starts at `at`. */
function checkEscape(bytes: Buffer, at: number): number {
  const letter = bytes[at + 1] ?? 0
  if (ESCAPES.has(letter)) return at + 2
  if (letter !== 0x75) throw malformed()
  for (let index = at + 2; index < at + 6; index += 1) {
    if (!isHex(bytes[index] ?? 0)) throw malformed()
  }
  return at + 6
}

function isHex(byte: number): boolean {
  const lower = byte | 0x20
  return isDigit(byte) || (lower >= 0x61 && lower <= 0x66)
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

/** Index of the first byte from `at` that is no digit; there must be one digit. */
function checkDigits(bytes: Buffer, at: number): number {
  let index = at
  while (isDigit(bytes[index] ?? 0)) index += 1
  if (index === at) throw malformed()
  return index
}

function checkNumber(bytes: Buffer, at: number): number {
  let index = bytes[at] === 0x2d ? at + 1 : at
  // A leading zero stands alone.
  index = bytes[index] === 0x30 ? index + 1 : checkDigits(bytes, index)
  if (bytes[index] === 0x2e) index = checkDigits(bytes, index + 1)
  if (((bytes[index] ?? 0) | 0x20) !== 0x65) return index
  index += 1
  if (bytes[index] === 0x2b || bytes[index] === 0x2d) index += 1
  return checkDigits(bytes, index)
}

const LITERALS: ReadonlyMap<number, Buffer> = new Map(
  ['true', 'false', 'null'].map((text) => [text.charCodeAt(0), Buffer.from(text)]),
)

function checkLiteral(bytes: Buffer, at: number, literal: Buffer): number {
  const end = at + literal.length
  for (let index = 0; index < literal.length; index += 1) {
    if (bytes[at + index] !== literal[index]) throw malformed()
  }
  return end
}

/** Finds the end of the string that starts at `at`. */
export type StringReader = (bytes: Buffer, at: number) => number

/**
 * Index just behind the value that starts at `at`.
 *
 * @param string how strings are read; by default they are checked
 * @throws Fault `parse_error` when it is not one, `too_deep` beyond `depth` levels
 */
export function checkValue(
  bytes: Buffer,
  at: number,
  depth: number,
  string: StringReader = checkString,
): number {
  const first = bytes[at] ?? 0
  if (first === QUOTE) return string(bytes, at)
  if (first === 0x7b) return checkObject(bytes, at, depth, string)
  if (first === 0x5b) return checkArray(bytes, at, depth, string)
  const literal = LITERALS.get(first)
  return literal === undefined ? checkNumber(bytes, at) : checkLiteral(bytes, at, literal)
}

function enter(depth: number): void {
  if (depth < 1) throw tooDeep()
}

function checkObject(bytes: Buffer, at: number, depth: number, string: StringReader): number {
  enter(depth)
  let index = skipSpace(bytes, at + 1)
  if (bytes[index] === 0x7d) return index + 1
  for (;;) {
    if (bytes[index] !== QUOTE) throw malformed()
    index = skipSpace(bytes, string(bytes, index))
    if (bytes[index] !== 0x3a) throw malformed()
    index = skipSpace(bytes, checkValue(bytes, skipSpace(bytes, index + 1), depth - 1, string))
    if (bytes[index] === 0x7d) return index + 1
    if (bytes[index] !== 0x2c) throw malformed()
    index = skipSpace(bytes, index + 1)
  }
}

function checkArray(bytes: Buffer, at: number, depth: number, string: StringReader): number {
  enter(depth)
  let index = skipSpace(bytes, at + 1)
  if (bytes[index] === 0x5d) return index + 1
  for (;;) {
    index = skipSpace(bytes, checkValue(bytes, index, depth - 1, string))
    if (bytes[index] === 0x5d) return index + 1
    if (bytes[index] !== 0x2c) throw malformed()
    index = skipSpace(bytes, index + 1)
  }
}
