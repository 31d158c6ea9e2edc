import {
  NO_CAPABILITIES,
  readClientCapabilities,
  type ClientCapabilities,
} from '../../protocol/client-capabilities.ts'
import { readValue, type Span } from '../../protocol/json-bytes.ts'

/** Texts remembered. Beyond it the oldest goes; there are about as many as kinds of clients. */
const MAX_TEXTS = 256

/** A longer text is read anew each time, bytes. */
const MAX_BYTES = 2_048

const NOTHING_BYTES = '{}'.length

interface Known {
  readonly text: Buffer
  readonly capabilities: ClientCapabilities
}

/** Reads client capabilities once for each text: callers of the 2026 era say the same with each of their requests. */
export class CapabilityMemo {
  readonly #known = new Map<string, Known>()
  /** What was read last: to compare with it costs a third of hashing, and requests of one caller come in rows. */
  #last: Known | undefined

  /** What the object at `place` declares. */
  read(raw: Buffer, place: Span): ClientCapabilities {
    const size = place.end - place.start
    if (size === NOTHING_BYTES) return NO_CAPABILITIES
    if (size > MAX_BYTES) return readClientCapabilities(readValue(raw, place))
    if (this.#last === undefined || !isAt(raw, place, this.#last.text)) {
      this.#last = this.#lookUp(raw, place)
    }
    return this.#last.capabilities
  }

  #lookUp(raw: Buffer, place: Span): Known {
    // One character a byte: different bytes are different keys, and nothing has to be decoded.
    const key = raw.toString('latin1', place.start, place.end)
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const capabilities = readClientCapabilities(readValue(raw, place))
    // A copy, so that the message around it is not kept.
    const read = { text: Buffer.from(key, 'latin1'), capabilities }
    this.#known.set(key, read)
    const [oldest] = this.#known.keys()
    if (this.#known.size > MAX_TEXTS && oldest !== undefined) this.#known.delete(oldest)
    return read
  }
}

function isAt(raw: Buffer, { start, end }: Span, text: Buffer): boolean {
  return end - start === text.length && raw.compare(text, 0, text.length, start, end) === 0
}
