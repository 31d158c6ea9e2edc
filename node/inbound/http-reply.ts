import type { ServerResponse } from 'node:http'
import { responseStatus } from '../core/rescue.ts'
import type { Place } from '../core/ring.ts'
import type { Reply } from '../core/stages.ts'
import type { Era } from '../../protocol/revisions.ts'
import {
  openEventStream,
  writeComment,
  writeEvent,
  type Beating,
  type KeepAlive,
} from './event-stream.ts'

export interface HttpReplyOptions {
  readonly era: Era
  readonly keepAlive: KeepAlive
  /** Names and values in turn, for every response. */
  readonly headers: readonly string[]
  /** The caller went away before the answer. */
  readonly left?: () => void
}

/**
 * The answer to one POST. It becomes an event stream with the first notification, or when it takes long; a response
 * that comes first is plain JSON, which is cheaper on every hop.
 */
export class HttpReply implements Reply, Beating {
  readonly #response: ServerResponse
  readonly #options: HttpReplyOptions
  readonly #place: Place<Beating>
  #streaming = false
  #beats = 0
  #done = false
  #waiting: (() => void)[] = []

  constructor(response: ServerResponse, options: HttpReplyOptions) {
    this.#response = response
    this.#options = options
    this.#place = options.keepAlive.add(this)
    response.on('close', () => {
      if (this.#done) return
      this.#finished()
      options.left?.()
    })
  }

  notify(text: Buffer): boolean {
    if (this.#done) return true
    this.#stream()
    return writeEvent(this.#response, [text])
  }

  onDrain(listener: () => void): void {
    if (this.#done) {
      listener()
      return
    }
    if (this.#waiting.push(listener) > 1) return
    // A client that has gone drains nothing, and its call may go on.
    const release = (): void => {
      this.#response.off('drain', release).off('close', release)
      const waiting = this.#waiting
      this.#waiting = []
      for (const one of waiting) one()
    }
    this.#response.once('drain', release).once('close', release)
  }

  finish(text: readonly Buffer[], errorCode?: number): void {
    if (this.#done) return
    this.#finished()
    if (this.#streaming) {
      writeEvent(this.#response, text)
      this.#response.end()
      return
    }
    writeJson(this.#response, {
      status: responseStatus(errorCode, this.#options.era),
      headers: this.#options.headers,
      text,
    })
  }

  /** Ends without a response: the caller withdrew the request. */
  abandon(): void {
    if (this.#done) return
    this.#stream()
    this.#finished()
    this.#response.end()
  }

  #stream(): void {
    if (this.#streaming) return
    this.#streaming = true
    openEventStream(this.#response, this.#options.headers)
  }

  beat(): void {
    this.#beats += 1
    // The first beat may come right after the request did; one whole interval is what counts.
    if (this.#beats < 2) return
    this.#stream()
    writeComment(this.#response)
  }

  #finished(): void {
    this.#done = true
    this.#options.keepAlive.delete(this.#place)
  }
}

/** Sends a JSON body. */
export function writeJson(
  response: ServerResponse,
  {
    status,
    headers,
    text,
  }: { status: number; headers: readonly string[]; text: readonly Buffer[] },
): void {
  let length = 0
  for (const part of text) length += part.length
  const own = ['content-type', 'application/json', 'content-length', String(length)]
  response.writeHead(status, headers.length === 0 ? own : own.concat(headers))
  const [only] = text
  if (text.length === 1) {
    response.end(only)
    return
  }
  response.cork()
  for (const part of text) response.write(part)
  response.end()
  response.uncork()
}
