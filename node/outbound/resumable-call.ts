import { Fault } from '../../protocol/errors.ts'
import { HEADER } from '../../protocol/headers.ts'
import type { UpstreamMessage } from '../../protocol/upstream-message.ts'
import { EventIds } from './event-ids.ts'
import type { HttpCall } from './http-call.ts'
import {
  isEventStream,
  type Exchange,
  type ExchangeSink,
  type Outcome,
  type ResponseHeaders,
} from './http-target.ts'
import { mayOpenLater } from './session-stream.ts'

/** Attempts in a row to come back that fail before the call does. One to a server that is up, but busy, may succeed. */
const MAX_FAILURES = 3

/** Pause before a stream is resumed whose server has not named one, milliseconds. */
const RETRY_MS = 1_000

/** What a call needs of its 2025 session. */
export interface ResumableSession {
  /** Whether streams can be resumed in it: it is open, and not closed yet. */
  readonly isOpen: boolean
  /** Calls that wait to come back; when the session ends, they are given up. */
  readonly resuming: Set<ResumableCall>
  post(body: Buffer, sink: ExchangeSink): Exchange
  get(headers: readonly string[], sink: ExchangeSink): Exchange
  /** The server does not know it any more. */
  unknown(): void
}

/**
 * One request to a 2025 server, whose answer may come over several streams: one that breaks off, or that the server ends
 * before it has answered, is resumed where it stood as long as the call waits (MCP 2025-11-25, transports, SEP-1699).
 */
export class ResumableCall implements ExchangeSink {
  readonly #call: HttpCall
  readonly #session: ResumableSession
  readonly #ids = new EventIds()
  #exchange: Exchange | undefined
  #failures = 0
  #timer: NodeJS.Timeout | undefined

  constructor(call: HttpCall, session: ResumableSession) {
    this.#call = call
    this.#session = session
  }

  /** Sends the request. */
  post(body: Buffer): void {
    this.#exchange = this.#session.post(body, this)
  }

  /** Nobody waits any more. */
  abort(): void {
    this.#stopWaiting()
    this.#exchange?.abort()
  }

  /** Lets messages flow again. */
  resume(): void {
    this.#exchange?.resume()
  }

  /** The session has ended, so that nothing comes any more. */
  giveUp(): void {
    this.#stopWaiting()
    const text = 'the upstream broke the stream off, and it cannot be resumed'
    const fault = new Fault('upstream_unavailable', text)
    this.#call.end({ kind: 'failed', fault, unsent: false })
  }

  started(status: number, headers: ResponseHeaders): void {
    this.#call.started(status, headers)
  }

  event(id: string): boolean {
    this.#failures = 0
    return this.#ids.take(id)
  }

  retry(milliseconds: number): void {
    this.#ids.retry(milliseconds)
  }

  message(message: UpstreamMessage): boolean {
    return this.#call.message(message)
  }

  end(outcome: Outcome): void {
    if (this.#call.isOver || !this.#canResume || !isBreak(outcome)) this.#call.end(outcome)
    else this.#wait()
  }

  get #canResume(): boolean {
    return this.#ids.last !== undefined && this.#session.isOpen
  }

  #wait(): void {
    this.#session.resuming.add(this)
    this.#timer = setTimeout(() => {
      this.#stopWaiting()
      this.#comeBack()
    }, this.#ids.retryMs ?? RETRY_MS)
  }

  #stopWaiting(): void {
    clearTimeout(this.#timer)
    this.#session.resuming.delete(this)
  }

  #comeBack(): void {
    let accepted = false
    this.#exchange = this.#session.get([HEADER.lastEventId, this.#ids.last ?? ''], {
      started: (status, headers) => {
        accepted = isEventStream(status, headers)
      },
      event: (id) => this.event(id),
      retry: (milliseconds) => this.retry(milliseconds),
      // What a refusal says is no answer to the call.
      message: (message) => !accepted || this.message(message),
      end: (outcome) => this.#cameBack(outcome, accepted),
    })
  }

  #cameBack(outcome: Outcome, accepted: boolean): void {
    if (this.#call.isOver) return
    if (!accepted && outcome.kind !== 'failed' && outcome.status === 404) {
      this.#session.unknown()
    }
    // A server that ends a stream in good order lets its callers poll.
    if (!accepted || outcome.kind === 'failed') this.#failures += 1
    const again = accepted ? isBreak(outcome) : isPassing(outcome)
    if (again && this.#failures < MAX_FAILURES && this.#canResume) this.#wait()
    else if (accepted && !isBreak(outcome)) this.#call.end(outcome)
    else this.giveUp()
  }
}

/** Whether a stream ended without the fault being in what came over it. */
function isBreak(outcome: Outcome): boolean {
  if (outcome.kind === 'failed') {
    return outcome.fault.code === 'upstream_unavailable' && !outcome.unsent
  }
  return outcome.kind === 'done' && outcome.status === 200
}

/** Whether a server that did not resume a stream may do so later. */
function isPassing(outcome: Outcome): boolean {
  return outcome.kind === 'failed'
    ? outcome.fault.code === 'upstream_unavailable'
    : mayOpenLater(outcome.status)
}
