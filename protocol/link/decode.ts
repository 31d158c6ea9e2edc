import { Buffer, isUtf8 } from 'node:buffer'
import { Fault } from '../errors.ts'
import { isNodeId, type HopTrail } from '../federation.ts'
import { severityAt } from '../log-level.ts'
import { Body } from './body.ts'
import {
  FRAME_TYPES,
  HEAD_BYTES,
  LINE_NAME,
  LINE_VALUE,
  NOTIFICATION,
  REQUEST,
  RESPONSE,
  ROOM,
  type LinkFrame,
  type NotificationFrame,
  type RequestFrame,
  type ResponseFrame,
  type Told,
} from './frames.ts'

/**
 * Reads a frame. The body is a view of `bytes`, not a copy, and nothing is made room for by a length that is not there.
 *
 * @throws Fault `invalid_request` when it is none
 */
export function decodeFrame(bytes: Buffer): LinkFrame {
  if (bytes.length < HEAD_BYTES) throw malformed('is too short')
  const type = FRAME_TYPES[bytes.readUInt8(0)]
  if (type === undefined) throw malformed('has an unknown type')
  const flags = bytes.readUInt8(1)
  if (flags !== 0 && !FLAGGED.has(type)) throw malformed('has unknown flags')
  const number = bytes.readUInt32BE(2)
  if (number !== 0 && ABOUT_THE_LINK.has(type)) throw malformed('has a number that means nothing')
  return READERS[type](new Reader(bytes, HEAD_BYTES), { flags, number })
}

/**
 * Reads a frame that came in fragments. How a message is cut into fragments means nothing (RFC 6455 §5.4); a large body is
 * not joined when the first of them ends behind the envelope.
 *
 * @throws Fault `invalid_request` when it is none
 */
export function decodeParts(parts: readonly Buffer[]): LinkFrame {
  const [head = NOTHING, ...rest] = parts
  if (rest.length === 0) return decodeFrame(head)
  const frame = envelopeIn(head)
  if (frame === undefined) return decodeFrame(Buffer.concat(parts))
  return { ...frame, body: new Body([...frame.body.parts, ...rest]) }
}

const NOTHING = Buffer.alloc(0)

/** A frame that has all its fields, and perhaps not all of its body; undefined when that is not what it is. */
function envelopeIn(head: Buffer): RequestFrame | ResponseFrame | undefined {
  try {
    const frame = decodeFrame(head)
    return frame.type === 'request' || frame.type === 'response' ? frame : undefined
  } catch (error) {
    // Cut elsewhere it ends too early; what is wrong with it for good shows again in the whole.
    if (error instanceof Fault) return undefined
    throw error
  }
}

/** Frames that may have flags. */
const FLAGGED: ReadonlySet<LinkFrame['type']> = new Set(['request', 'notification', 'response'])

/** Frames of no call or slot. */
const ABOUT_THE_LINK: ReadonlySet<LinkFrame['type']> = new Set(['hello', 'proof', 'mesh', 'goaway'])

interface Head {
  readonly flags: number
  /** Of a call or slot. */
  readonly number: number
}

/** What stands behind the head, by type. */
const READERS: {
  readonly [T in LinkFrame['type']]: (
    reader: Reader,
    head: Head,
  ) => Extract<LinkFrame, { readonly type: T }>
} = {
  hello: (reader) => ({ type: 'hello', body: reader.rest() }),
  proof: (reader) => ({ type: 'proof', body: reader.rest() }),
  mesh: (reader) => ({ type: 'mesh', body: reader.rest() }),
  notification: readNotification,
  request: readRequest,
  response: readResponse,
  credential: (reader, { number: slot }) =>
    reader.whole({ type: 'credential', slot, lines: reader.lines() }),
  refusal: (reader, { number: call }) =>
    reader.whole({ type: 'refusal', call, status: reader.u16(), lines: reader.lines() }),
  window: (reader, { number: call }) => reader.whole({ type: 'window', call, bytes: reader.u32() }),
  release: (reader, { number: slot }) => reader.whole({ type: 'release', slot }),
  cancel: (reader, { number: call }) => reader.whole({ type: 'cancel', call }),
  goaway: (reader) => reader.whole({ type: 'goaway' }),
}

function readRequest(reader: Reader, { flags, number }: Head): RequestFrame {
  const { named, trailed, told, progress } = REQUEST
  if ((flags & ~(named | trailed | told | progress)) !== 0) throw malformed('has unknown flags')
  return {
    type: 'request',
    call: number,
    slot: reader.u32(),
    method: reader.text(reader.u8()),
    name: (flags & named) === 0 ? undefined : reader.text(reader.u16()),
    trail: (flags & trailed) === 0 ? undefined : readTrail(reader),
    told: readTold(reader, flags),
    lines: reader.lines(),
    body: reader.body(),
  }
}

function readTrail(reader: Reader): HopTrail {
  const budget = reader.u8()
  const count = reader.u8()
  if (count > ROOM.path) throw malformed('has a path that is too long')
  const path: string[] = []
  for (let index = 0; index < count; index += 1) {
    const node = reader.text(reader.u8())
    if (!isNodeId(node)) throw malformed('has a path of something else than nodes')
    path.push(node)
  }
  return { budget, path }
}

function readTold(reader: Reader, flags: number): Told | undefined {
  const progress = (flags & REQUEST.progress) !== 0
  if ((flags & REQUEST.told) === 0) {
    if (progress) throw malformed('has a flag that means nothing')
    return undefined
  }
  const id = reader.f64()
  if (!Number.isSafeInteger(id)) throw malformed('has an id that is no integer')
  const rank = reader.u8()
  const logLevel = severityAt(rank)
  if (rank !== 0 && logLevel === undefined) throw malformed('has an unknown log level')
  return { id, progress, logLevel, offered: reader.text(reader.u16()) }
}

function readNotification(reader: Reader, { flags, number }: Head): NotificationFrame {
  if ((flags & ~NOTIFICATION.progress) !== 0) throw malformed('has unknown flags')
  const progress = flags === 0 ? undefined : reader.f64()
  if (Number.isNaN(progress)) throw malformed('has a progress that is no number')
  return { type: 'notification', call: number, progress, body: reader.rest() }
}

function readResponse(reader: Reader, { flags, number }: Head): ResponseFrame {
  const { error, oversized, complete } = RESPONSE
  if ((flags & ~(error | oversized | complete)) !== 0) throw malformed('has unknown flags')
  return {
    type: 'response',
    call: number,
    errorCode: (flags & error) === 0 ? undefined : reader.i32(),
    oversized: (flags & oversized) !== 0,
    complete: (flags & complete) !== 0,
    body: reader.body(),
  }
}

function malformed(what: string): Fault {
  return new Fault('invalid_request', `a frame of a link ${what}`)
}

/** Reads what is there, and throws where it is not. */
class Reader {
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#step(1))
  }

  u16(): number {
    return this.#bytes.readUInt16BE(this.#step(2))
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#step(4))
  }

  i32(): number {
    return this.#bytes.readInt32BE(this.#step(4))
  }

  f64(): number {
    return this.#bytes.readDoubleBE(this.#step(8))
  }

  text(length: number): string {
    const start = this.#step(length)
    const bytes = this.#bytes.subarray(start, this.#at)
    if (!isUtf8(bytes)) throw malformed('has a text that is not UTF-8')
    return bytes.toString('utf8')
  }

  lines(): readonly string[] {
    const count = this.u8()
    const lines: string[] = []
    for (let index = 0; index < count; index += 1) {
      const name = this.#latin(this.u8())
      const value = this.#latin(this.u16())
      if (!LINE_NAME.test(name) || !LINE_VALUE.test(value)) {
        throw malformed('has a header line that is none')
      }
      lines.push(name, value)
    }
    return lines
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#at)
  }

  body(): Body {
    const rest = this.rest()
    return new Body(rest.length === 0 ? [] : [rest])
  }

  /** A frame behind which there must be nothing. */
  whole<T>(frame: T): T {
    if (this.#at !== this.#bytes.length) throw malformed('has something behind it')
    return frame
  }

  #latin(length: number): string {
    const start = this.#step(length)
    return this.#bytes.toString('latin1', start, this.#at)
  }

  /** Goes on by `length`; gives where that begins. */
  #step(length: number): number {
    const start = this.#at
    if (length > this.#bytes.length - start) throw malformed('ends too early')
    this.#at = start + length
    return start
  }
}
