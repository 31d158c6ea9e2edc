import { Buffer } from 'node:buffer'
import { type Span } from '../../protocol/json-bytes.ts'
import { readValue } from '../../protocol/json-value.ts'

/** Texts remembered. Beyond it the oldest goes. */
const MAX_TEXTS = 256

/** A longer text is read anew each time, bytes. */
const MAX_BYTES = 2_048

interface Known<T> {
  readonly text: Buffer
  readonly value: T
}

/**
 * Reads what stands in nearly every request once for each text: callers say the same again and again. `read` must depend
 * on the text alone, and what it makes must never be changed, for requests of different callers share it.
 */
export class TextMemo<T> {
  readonly #read: (value: unknown) => T
  readonly #known = new Map<string, Known<T>>()
  /** What was read last: to compare with it costs a third of hashing, and requests of one caller come in rows. */
  #last: Known<T> | undefined

  constructor(read: (value: unknown) => T) {
    this.#read = read
  }

  /** What the JSON at `place` means. */
  read(raw: Buffer, place: Span): T {
    if (place.end - place.start > MAX_BYTES) return this.#read(readValue(raw, place))
    if (this.#last === undefined || !isAt(raw, place, this.#last.text)) {
      this.#last = this.#lookUp(raw, place)
    }
    return this.#last.value
  }

  #lookUp(raw: Buffer, place: Span): Known<T> {
    // One character a byte: different bytes are different keys, and nothing has to be decoded.
    const key = raw.toString('latin1', place.start, place.end)
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const value = this.#read(readValue(raw, place))
    // A copy, so that the message around it is not kept.
    const read = { text: Buffer.from(key, 'latin1'), value }
    this.#known.set(key, read)
    const [oldest] = this.#known.keys()
    if (this.#known.size > MAX_TEXTS && oldest !== undefined) this.#known.delete(oldest)
    return read
  }
}

function isAt(raw: Buffer, { start, end }: Span, text: Buffer): boolean {
  return end - start === text.length && raw.compare(text, 0, text.length, start, end) === 0
}
