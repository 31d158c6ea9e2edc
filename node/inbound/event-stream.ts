import type { ServerResponse } from 'node:http'
import { Fault } from '../../protocol/errors.ts'
import { Ring, type Place } from '../core/ring.ts'
import { singleLine } from '../core/stdio-lines.ts'

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
const TAIL = Buffer.from('\n\n')
const COMMENT = Buffer.from(':\n\n')

/** Starts an event stream; headers go out at once. */
export function openEventStream(response: ServerResponse, headers: readonly string[]): void {
  response.writeHead(200, [...HEADERS, ...headers])
  response.flushHeaders()
}

/** An event up to this size goes out as one chunk; a larger one is not copied for that. */
const ONE_CHUNK_BYTES = 16_384

/** Writes one message as one event; false when the client does not keep up. With an id, a client can resume from it. */
export function writeEvent(
  response: ServerResponse,
  text: readonly Buffer[],
  id?: string,
): boolean {
  const head = id === undefined ? HEAD : Buffer.from(`id: ${id}\nevent: message\ndata: `)
  const parts = [head, ...text.map((part) => singleLine(part)), TAIL]
  const size = parts.reduce((sum, part) => sum + part.length, 0)
  if (size <= ONE_CHUNK_BYTES) return response.write(Buffer.concat(parts, size))
  // A corked response would tell of what it holds back itself, not of the socket; Node gathers the writes of a tick.
  let flowing = true
  for (const part of parts) flowing = response.write(part)
  return flowing
}

/** How long a client waits before it resumes a stream that broke off, milliseconds. */
const RETRY_MS = 1_000

/**
 * Writes an event of no message, which tells a client the id to resume from before it has got anything (MCP 2025-11-25,
 * basic/transports).
 */
export function writePriming(response: ServerResponse, id: string): void {
  response.write(`id: ${id}\nretry: ${RETRY_MS}\ndata:\n\n`)
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

/** One stream more than there may be. */
export function noStream(): Fault {
  return new Fault('overloaded', 'this node has no stream to spare', { limit: 'streams' })
}
