import type { ServerResponse } from 'node:http'
import type { Fault } from '../../protocol/errors.ts'
import { limitHeaders } from '../core/meter.ts'
import { refusalStatus, responseStatus } from '../core/rescue.ts'
import type { Place } from '../core/ring.ts'
import type { Asked, Question, QuestionSink, Reply } from '../core/stages.ts'
import type { Era, LegacyRevision } from '../../protocol/revisions.ts'
import {
  openEventStream,
  writeComment,
  writeEvent,
  type Beating,
  type KeepAlive,
} from './event-stream.ts'
import type { ResumableStream } from './resumable-stream.ts'
import type { Streams } from './streams.ts'

export interface HttpReplyOptions {
  readonly era: Era
  readonly keepAlive: KeepAlive
  /** Names and values in turn, for every response. */
  readonly headers: readonly string[]
  /** Names and values in turn, for a refusal that the caller can do something about with its authorization server. */
  readonly challenge: (refusal: Fault) => readonly string[]
  /** The caller went away before the answer, which is dropped. */
  readonly left?: () => void
  /** What a reply to a session of the 2025 era has besides. */
  readonly session?: SessionSide
}

/** Where a reply to a session gets its stream, and who asks its caller. */
export interface SessionSide {
  readonly key: string
  readonly revision: LegacyRevision
  readonly streams: Pick<Streams, 'answer'>
  readonly asks: QuestionMaker
  /** Whether the stream begins before there is anything to send: then the caller can come back from the first moment. */
  readonly atOnce: boolean
}

/** Makes what asks the caller of one request; `send` puts a message on the stream of that request. */
export interface QuestionMaker {
  of(session: string, send: (text: Buffer) => void): Questions
}

/** The questions of one reply to its caller. */
export interface Questions {
  ask(question: Question, sink: QuestionSink): Asked
  /** Forgets those that are open. */
  drop(): void
}

/**
 * The answer to one POST. It becomes an event stream with the first notification, or when it takes long; a response
 * that comes first is plain JSON, which is cheaper on every hop. The stream of a session goes on when its caller leaves.
 */
export class HttpReply implements Reply, Beating {
  readonly #response: ServerResponse
  readonly #options: HttpReplyOptions
  readonly #place: Place<Beating>
  #told: readonly string[] = NONE
  #streaming = false
  /** The stream, if it is one of a session. */
  #resumable: ResumableStream | undefined
  #questions: Questions | undefined
  #beats = 0
  #done = false
  #waiting: (() => void)[] = []

  constructor(response: ServerResponse, options: HttpReplyOptions) {
    this.#response = response
    this.#options = options
    this.#place = options.keepAlive.add(this)
    response.on('close', () => {
      if (this.#done || this.#resumable !== undefined) return
      this.#finished()
      options.left?.()
    })
    if (options.session?.atOnce === true) this.#stream()
  }

  notify(text: Buffer): boolean {
    if (this.#done) return true
    this.#stream()
    return this.#resumable === undefined
      ? writeEvent(this.#response, [text])
      : this.#resumable.write([text])
  }

  tell(headers: readonly string[]): void {
    this.#told = headers
  }

  onDrain(listener: () => void): void {
    if (this.#done) listener()
    else if (this.#resumable === undefined) this.#onDrained(listener)
    else this.#resumable.onDrain(listener)
  }

  finish(text: readonly Buffer[], errorCode?: number, refusal?: Fault): void {
    if (this.#done) return
    this.#finished()
    if (this.#resumable !== undefined) {
      this.#resumable.write(text)
      this.#resumable.end()
    } else if (this.#streaming) {
      writeEvent(this.#response, text)
      this.#response.end()
    } else if (refusal?.code === 'insufficient_scope') {
      // In both eras (MCP, basic/authorization, scope challenge handling).
      const headers = [...this.#headers(), ...this.#options.challenge(refusal)]
      writeJson(this.#response, { status: refusalStatus(refusal), headers, text })
    } else {
      writeJson(this.#response, {
        status: responseStatus(errorCode, this.#options.era),
        headers: this.#headers(refusal),
        text,
      })
    }
  }

  /** @throws TypeError when the caller is not one of era 2025 */
  ask(question: Question, sink: QuestionSink): Asked {
    const { session } = this.#options
    if (session === undefined) throw new TypeError('a caller of era 2026 takes no requests')
    this.#questions ??= session.asks.of(session.key, (text) => void this.notify(text))
    // Nobody would end what is asked after the end.
    if (this.#done) this.#questions.drop()
    return this.#questions.ask(question, sink)
  }

  /** Ends without a response: the caller withdrew the request. */
  abandon(): void {
    if (this.#done) return
    this.#finished()
    if (this.#resumable !== undefined) {
      this.#resumable.end()
      return
    }
    // Nothing will come: there must be no id to come back with.
    if (!this.#streaming) openEventStream(this.#response, this.#headers())
    this.#response.end()
  }

  beat(): void {
    if (this.#done) return
    this.#beats += 1
    // The first beat may come right after the request did; one whole interval is what counts.
    if (this.#beats < 2) return
    this.#stream()
    if (this.#resumable === undefined) writeComment(this.#response)
    else this.#resumable.beat()
  }

  #stream(): void {
    if (this.#streaming) return
    this.#streaming = true
    const { session } = this.#options
    const headers = this.#headers()
    const response = this.#response
    if (session === undefined) openEventStream(response, headers)
    else {
      const { key, revision } = session
      this.#resumable = session.streams.answer(key, { response, headers, revision })
    }
  }

  /** What goes out before the answer; a refusal by a limit says more than what was told of the others. */
  #headers(refusal?: Fault): readonly string[] {
    const { headers } = this.#options
    const limits = refusal?.code === 'limited' ? limitHeaders(refusal) : this.#told
    return limits.length === 0 ? headers : [...headers, ...limits]
  }

  #onDrained(listener: () => void): void {
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

  #finished(): void {
    this.#done = true
    this.#options.keepAlive.delete(this.#place)
    this.#questions?.drop()
  }
}

const NONE: readonly string[] = []

/** A body up to this size is sent in one piece with its head, bytes. */
const ONE_PIECE_BYTES = 4_096

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
    // As a string of one character a byte Node puts it behind the head and writes both at once; a buffer it would gather.
    if (length <= ONE_PIECE_BYTES) response.end(only?.toString('latin1'), 'latin1')
    else response.end(only)
    return
  }
  response.cork()
  for (const part of text) response.write(part)
  response.end()
  response.uncork()
}
