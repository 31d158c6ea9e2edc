import type { ServerResponse } from 'node:http'
import { Ring, type Place } from '../core/ring.ts'

const HEADERS = [
  'content-type',
  'text/event-stream',
  'cache-control',
  'no-store, no-transform',
  // Keeps nginx from collecting events (MCP 2026-07-28, streamable-http).
  'x-accel-buffering',
  'no',
]

const HEAD = Buffer.from('event: message\ndata: ')
const MIDDLE = Buffer.from('\ndata: ')
const TAIL = Buffer.from('\n\n')
const COMMENT = Buffer.from(':\n\n')
const LF = 0x0a
const CR = 0x0d

/** Starts an event stream; headers go out at once. */
export function openEventStream(response: ServerResponse, headers: readonly string[]): void {
  response.writeHead(200, [...HEADERS, ...headers])
  response.flushHeaders()
}

/** Writes one message as one event; false when the client does not keep up. */
export function writeEvent(response: ServerResponse, text: readonly Buffer[]): boolean {
  response.cork()
  response.write(HEAD)
  for (const part of text) writeData(response, part)
  const flowing = response.write(TAIL)
  response.uncork()
  return flowing
}

/** Text with line breaks, as relayed JSON may have, becomes several data lines; readers join them again. */
function writeData(response: ServerResponse, part: Buffer): void {
  let start = 0
  if (part.includes(LF) || part.includes(CR)) {
    for (let index = 0; index < part.length; index += 1) {
      if (part[index] !== LF && part[index] !== CR) continue
      response.write(part.subarray(start, index))
      response.write(MIDDLE)
      start = index + 1
    }
  }
  response.write(start === 0 ? part : part.subarray(start))
}

/** A stream that is kept alive. */
export interface Beating {
  /** One interval has passed. */
  beat(): void
}

/** Keeps idle streams from being cut by whatever lies between: one timer for all, a comment each round. */
export class KeepAlive {
  readonly #idle = new Ring<Beating>()
  readonly #timer: NodeJS.Timeout

  constructor(intervalMs: number) {
    this.#timer = setInterval(() => {
      for (const stream of this.#idle.values()) stream.beat()
    }, intervalMs)
    this.#timer.unref()
  }

  add(stream: Beating): Place<Beating> {
    return this.#idle.add(stream)
  }

  delete(place: Place<Beating>): void {
    this.#idle.remove(place)
  }

  close(): void {
    clearInterval(this.#timer)
  }
}

/** Writes a comment: it keeps the stream alive and means nothing. */
export function writeComment(response: ServerResponse): void {
  response.write(COMMENT)
}
