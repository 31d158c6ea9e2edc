// Reading a request without paying for its payload: the echoed text is cut out as bytes, the rest is parsed.
import { Buffer } from 'node:buffer'

/** A parsed request whose long text, if it had one, stayed bytes. */
export interface Envelope {
  readonly id?: string | number
  readonly method: string
  readonly params?: {
    readonly name?: string
    readonly arguments?: { readonly text?: string }
  }
}

/** An envelope and the JSON of the text argument, without its quotes. */
export interface Parsed {
  readonly envelope: Envelope
  readonly text: Buffer
}

/** Below this size parsing is cheaper than cutting. */
const CUT_FROM_BYTES = 2_048
const MARK = Buffer.from('"text":"')
const QUOTE = 0x22
const BACKSLASH = 0x5c
const NONE = Buffer.alloc(0)

/** Reads a request body; throws `SyntaxError` when it is not JSON. */
export function parseRequest(body: Buffer): Parsed {
  const cut = body.length < CUT_FROM_BYTES ? undefined : cutText(body)
  if (cut !== undefined) return cut
  const envelope = JSON.parse(body.toString()) as Envelope
  const text = envelope.params?.arguments?.text
  return {
    envelope,
    text: text === undefined ? NONE : Buffer.from(JSON.stringify(text).slice(1, -1)),
  }
}

/** Undefined when the body has no text argument, or one with escapes, whose end cannot be found by its quote. */
function cutText(body: Buffer): Parsed | undefined {
  const mark = body.indexOf(MARK)
  if (mark < 0) return undefined
  const start = mark + MARK.length
  const end = body.indexOf(QUOTE, start)
  if (end < 0) return undefined
  const text = body.subarray(start, end)
  if (text.includes(BACKSLASH)) return undefined
  const rest = body.toString('latin1', 0, start) + body.toString('latin1', end)
  return { envelope: JSON.parse(rest) as Envelope, text }
}
