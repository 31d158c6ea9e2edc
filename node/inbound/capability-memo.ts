import type { Buffer } from 'node:buffer'
import {
  NO_CAPABILITIES,
  readClientCapabilities,
  type ClientCapabilities,
} from '../../protocol/client-capabilities.ts'
import type { Span } from '../../protocol/json-bytes.ts'
import { TextMemo } from './text-memo.ts'

const NOTHING_BYTES = '{}'.length

/** Reads client capabilities once for each text: callers of the 2026 era say the same with each of their requests. */
export class CapabilityMemo {
  readonly #memo = new TextMemo(readClientCapabilities)

  /** What the object at `place` declares. */
  read(raw: Buffer, place: Span): ClientCapabilities {
    const nothing = place.end - place.start === NOTHING_BYTES
    return nothing ? NO_CAPABILITIES : this.#memo.read(raw, place)
  }
}
