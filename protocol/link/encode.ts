import { Buffer } from 'node:buffer'
import { Fault } from '../errors.ts'
import type { HopTrail } from '../federation.ts'
import { severityRank } from '../log-level.ts'
import { Body } from './body.ts'
import {
  FRAME_TYPES,
  HEAD_BYTES,
  NOTIFICATION,
  REQUEST,
  RESPONSE,
  ROOM,
  type LinkFrame,
  type RequestFrame,
  type ResponseFrame,
  type Told,
} from './frames.ts'

const EMPTY = Buffer.alloc(0)

/**
 * The bytes of a frame, as one WebSocket message carries them.
 *
 * @throws Fault `invalid_params` when a name, method or header line is longer than the envelope has room for
 */
export function encodeFrame(frame: LinkFrame): Buffer {
  const parts = encodeParts(frame)
  const [only = EMPTY] = parts
  return parts.length === 1 ? only : Buffer.concat(parts)
}

/** Bodies shorter than this are copied behind their envelope: that costs less than a fragment of their own. */
const APART_FROM_BYTES = 2_048

/**
 * The same in parts, to be sent as the fragments of one message, so that nothing large is copied.
 *
 * @throws Fault as `encodeFrame`
 */
export function encodeParts(frame: LinkFrame): readonly Buffer[] {
  const body = 'body' in frame ? frame.body : EMPTY
  const parts = body instanceof Body ? body.fragments() : [body]
  const apart = body.length >= APART_FROM_BYTES
  const fields = sizeOf(frame)
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + fields + (apart ? 0 : body.length))
  const writer = new Writer(bytes)
  writer.u8(FRAME_TYPES.indexOf(frame.type))
  writer.u8(flagsOf(frame))
  writer.u32(numberOf(frame))
  writeFields(writer, frame)
  if (apart) return [bytes, ...parts]
  let at = HEAD_BYTES + fields
  for (const part of parts) at += part.copy(bytes, at)
  return [bytes]
}

function flagsOf(frame: LinkFrame): number {
  if (frame.type === 'request') {
    return (
      (frame.name === undefined ? 0 : REQUEST.named) |
      (frame.trail === undefined ? 0 : REQUEST.trailed) |
      (frame.told === undefined ? 0 : REQUEST.told) |
      (frame.told?.progress === true ? REQUEST.progress : 0)
    )
  }
  if (frame.type === 'notification') {
    return frame.progress === undefined ? 0 : NOTIFICATION.progress
  }
  return frame.type === 'response' ? responseFlags(frame) : 0
}

function responseFlags({ errorCode, oversized, complete }: ResponseFrame): number {
  return (
    (errorCode === undefined ? 0 : RESPONSE.error) |
    (oversized ? RESPONSE.oversized : 0) |
    (complete ? RESPONSE.complete : 0)
  )
}

function numberOf(frame: LinkFrame): number {
  if ('call' in frame) return frame.call
  return 'slot' in frame ? frame.slot : 0
}

function sizeOf(frame: LinkFrame): number {
  if (frame.type === 'request') return requestSize(frame)
  if (frame.type === 'response') return frame.errorCode === undefined ? 0 : 4
  if (frame.type === 'credential') return linesSize(frame.lines)
  if (frame.type === 'refusal') return 2 + linesSize(frame.lines)
  if (frame.type === 'notification') return frame.progress === undefined ? 0 : 8
  return frame.type === 'window' ? 4 : 0
}

function requestSize({ method, name, trail, told, lines }: RequestFrame): number {
  let size = 4 + 1 + byteLength(method, ROOM.method) + linesSize(lines)
  if (name !== undefined) size += 2 + byteLength(name, ROOM.name)
  if (trail !== undefined) size += trailSize(trail)
  if (told !== undefined) size += 8 + 1 + 2 + byteLength(told.offered, ROOM.offered)
  return size
}

function trailSize({ path }: HopTrail): number {
  if (path.length > ROOM.path) throw tooLong('the path of a trail')
  let size = 2
  for (const node of path) size += 1 + byteLength(node, ROOM.node)
  return size
}

function linesSize(lines: readonly string[]): number {
  if (lines.length / 2 > ROOM.lines) throw tooLong('the list of header lines')
  let size = 1
  for (let index = 0; index < lines.length; index += 2) {
    const [name = '', value = ''] = [lines[index], lines[index + 1]]
    if (name.length > ROOM.lineName || value.length > ROOM.lineValue) throw tooLong('a header line')
    size += 3 + name.length + value.length
  }
  return size
}

function byteLength(text: string, room: number): number {
  const length = Buffer.byteLength(text)
  if (length > room) throw tooLong('a name')
  return length
}

function tooLong(what: string): Fault {
  return new Fault('invalid_params', `${what} is longer than a link can carry`)
}

function writeFields(writer: Writer, frame: LinkFrame): void {
  if (frame.type === 'request') writeRequest(writer, frame)
  else if (frame.type === 'response' && frame.errorCode !== undefined) writer.i32(frame.errorCode)
  else if (frame.type === 'notification' && frame.progress !== undefined) {
    writer.f64(frame.progress)
  } else if (frame.type === 'credential') writer.lines(frame.lines)
  else if (frame.type === 'window') writer.u32(frame.bytes)
  else if (frame.type === 'refusal') {
    writer.u16(frame.status)
    writer.lines(frame.lines)
  }
}

function writeRequest(writer: Writer, frame: RequestFrame): void {
  const { slot, method, name, trail, told, lines } = frame
  writer.u32(slot)
  writer.short(method)
  if (name !== undefined) writer.long(name)
  if (trail !== undefined) {
    // A budget beyond the byte is none that any node has; below it stays used up.
    writer.u8(Math.max(0, Math.min(0xff, trail.budget)))
    writer.u8(trail.path.length)
    for (const node of trail.path) writer.short(node)
  }
  if (told !== undefined) writeTold(writer, told)
  writer.lines(lines)
}

function writeTold(writer: Writer, { id, logLevel, offered }: Told): void {
  writer.f64(id)
  writer.u8(severityRank(logLevel))
  writer.long(offered)
}

/** Writes numbers (most significant byte first) and texts behind each other. */
class Writer {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  u8(value: number): void {
    this.#at = this.#bytes.writeUInt8(value, this.#at)
  }

  u16(value: number): void {
    this.#at = this.#bytes.writeUInt16BE(value, this.#at)
  }

  u32(value: number): void {
    this.#at = this.#bytes.writeUInt32BE(value, this.#at)
  }

  i32(value: number): void {
    this.#at = this.#bytes.writeInt32BE(value, this.#at)
  }

  f64(value: number): void {
    this.#at = this.#bytes.writeDoubleBE(value, this.#at)
  }

  /** UTF-8 behind one byte of length. */
  short(text: string): void {
    const length = this.#bytes.write(text, this.#at + 1)
    this.#bytes[this.#at] = length
    this.#at += 1 + length
  }

  /** UTF-8 behind two bytes of length. */
  long(text: string): void {
    const length = this.#bytes.write(text, this.#at + 2)
    this.#bytes.writeUInt16BE(length, this.#at)
    this.#at += 2 + length
  }

  /** Names in lower case; one byte a character, as in HTTP. */
  lines(lines: readonly string[]): void {
    this.u8(lines.length / 2)
    for (let index = 0; index < lines.length; index += 2) {
      const [name = '', value = ''] = [lines[index], lines[index + 1]]
      this.u8(name.length)
      this.#at += this.#bytes.write(name.toLowerCase(), this.#at, 'latin1')
      this.u16(value.length)
      this.#at += this.#bytes.write(value, this.#at, 'latin1')
    }
  }
}
