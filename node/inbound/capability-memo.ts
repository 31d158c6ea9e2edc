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

/** Reads client capabilities once for each text: callers of the 2026 era say the same with each of their requests. */
export class CapabilityMemo {
  readonly #known = new Map<string, ClientCapabilities>()

  /** What the object at `place` declares. */
  read(raw: Buffer, place: Span): ClientCapabilities {
    const size = place.end - place.start
    if (size === NOTHING_BYTES) return NO_CAPABILITIES
    if (size > MAX_BYTES) return readClientCapabilities(readValue(raw, place))
    // One character a byte: different bytes are different keys, and nothing has to be decoded.
    const text = raw.toString('latin1', place.start, place.end)
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const capabilities = readClientCapabilities(readValue(raw, place))
    this.#known.set(text, capabilities)
    const [oldest] = this.#known.keys()
    if (this.#known.size > MAX_TEXTS && oldest !== undefined) this.#known.delete(oldest)
    return capabilities
  }
}
