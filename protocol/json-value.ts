/** Makes values of JSON text that was found with `json-bytes`. */

import { readString, type Span } from './json-bytes.ts'
import { checkString, checkValue, malformed, skipSpace } from './json-check.ts'

const QUOTE = 0x22
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const COMMA = 0x2c
const COLON = 0x3a

/** Longest integer that is read digit by digit: nine digits are always exact. */
const SHORT_INTEGER = 9

/**
 * What the value between `start` and `end` means. Strings and small integers, which ids, names and methods are, take a
 * short way.
 *
 * @param span of text whose nesting was measured (`readObject`, `members`, `elements`): it is read as deep as it goes
 * @throws Fault `parse_error`, or a SyntaxError, when it is not JSON
 */
export function readValue(bytes: Buffer, { start, end }: Span): unknown {
  if (bytes[start] === QUOTE) return readString(bytes, start, end)
  if (end - start <= SHORT_INTEGER) {
    let number = 0
    let index = start
    for (; index < end; index += 1) {
      const digit = (bytes[index] ?? 0) - 0x30
      if (digit < 0 || digit > 9) break
      number = number * 10 + digit
    }
    if (index === end) return number
  }
  const text = bytes.toString('utf8', start, end)
  if (!text.includes('\\')) return JSON.parse(text) as unknown
  const reader = new ValueReader(bytes, start)
  const value = reader.value()
  if (skipSpace(bytes, reader.at) < end) throw malformed()
  return value
}

/**
 * Reads text with escapes in it. V8's parser gives a key that is spelt with an escape the name of another key when it
 * saw an object of that shape before (nodejs/node#63785), so what a text means would depend on texts of strangers.
 */
class ValueReader {
  readonly #bytes: Buffer
  at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.at = at
  }

  value(): unknown {
    const start = skipSpace(this.#bytes, this.at)
    const first = this.#bytes[start]
    this.at = start
    if (first === OPEN_BRACE) return this.#object()
    if (first === OPEN_BRACKET) return this.#array()
    if (first === QUOTE) return this.#string()
    this.at = checkValue(this.#bytes, start, 1)
    return JSON.parse(this.#bytes.toString('latin1', start, this.at)) as unknown
  }

  #string(): string {
    const start = this.at
    if (this.#bytes[start] !== QUOTE) throw malformed()
    this.at = checkString(this.#bytes, start)
    return readString(this.#bytes, start, this.at)
  }

  #object(): object {
    const entries: [string, unknown][] = []
    while (this.#another(entries.length, CLOSE_BRACE)) {
      const key = this.#string()
      this.at = skipSpace(this.#bytes, this.at)
      if (this.#bytes[this.at] !== COLON) throw malformed()
      this.at += 1
      entries.push([key, this.value()])
    }
    // Defines members, as JSON.parse does: `__proto__` is a name like others.
    return Object.fromEntries(entries)
  }

  #array(): unknown[] {
    const items: unknown[] = []
    while (this.#another(items.length, CLOSE_BRACKET)) items.push(this.value())
    return items
  }

  /** Steps over what opens, separates or closes; whether something follows. */
  #another(before: number, close: number): boolean {
    const bytes = this.#bytes
    if (before === 0) this.at += 1
    this.at = skipSpace(bytes, this.at)
    if (bytes[this.at] === close) {
      this.at += 1
      return false
    }
    if (before === 0) return true
    if (bytes[this.at] !== COMMA) throw malformed()
    this.at = skipSpace(bytes, this.at + 1)
    return true
  }
}
