import { isUtf8, type Buffer } from 'node:buffer'
import { Fault } from '../errors.ts'
import { isNodeId, type HopTrail } from '../federation.ts'
import {
  FRAME_TYPES,
  HEAD_BYTES,
  LINE_NAME,
  LINE_VALUE,
  REQUEST,
  RESPONSE,
  ROOM,
  type LinkFrame,
  type RequestFrame,
  type ResponseFrame,
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
  if (flags !== 0 && type !== 'request' && type !== 'response') throw malformed('has unknown flags')
  const number = bytes.readUInt32BE(2)
  if (number !== 0 && ABOUT_THE_LINK.has(type)) throw malformed('has a number that means nothing')
  return READERS[type](new Reader(bytes, HEAD_BYTES), { flags, number })
}

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
  notification: (reader, { number: call }) => ({ type: 'notification', call, body: reader.rest() }),
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
  if ((flags & ~(REQUEST.named | REQUEST.trailed)) !== 0) throw malformed('has unknown flags')
  return {
    type: 'request',
    call: number,
    slot: reader.u32(),
    method: reader.text(reader.u8()),
    name: (flags & REQUEST.named) === 0 ? undefined : reader.text(reader.u16()),
    trail: (flags & REQUEST.trailed) === 0 ? undefined : readTrail(reader),
    lines: reader.lines(),
    body: reader.rest(),
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

function readResponse(reader: Reader, { flags, number }: Head): ResponseFrame {
  if ((flags & ~(RESPONSE.error | RESPONSE.oversized)) !== 0) throw malformed('has unknown flags')
  return {
    type: 'response',
    call: number,
    errorCode: (flags & RESPONSE.error) === 0 ? undefined : reader.i32(),
    oversized: (flags & RESPONSE.oversized) !== 0,
    body: reader.rest(),
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
