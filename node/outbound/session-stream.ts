import { Fault } from '../../protocol/errors.ts'
import { HEADER } from '../../protocol/headers.ts'
import type { UpstreamMessage } from '../../protocol/upstream-message.ts'
import { EventIds } from './event-ids.ts'
import {
  isEventStream,
  type Exchange,
  type ExchangeSink,
  type Outcome,
  type ResponseHeaders,
} from './http-target.ts'

/** Delay before a stream that was dropped is opened again, milliseconds, doubling from min to max. */
const REOPEN = { min: 100, max: 2_000 }

/** How long the server may take to open it before nobody waits for that any more, milliseconds. */
const OPEN_MS = 1_000

/** Who is told of a stream. */
export interface StreamOwner {
  message(message: UpstreamMessage): void
  /** Something may have been missed: it is open again, or will not be any more. */
  missed(): void
  /** The session is of no use any more. */
  lost(fault: Fault): void
}

/** Sends the GET that opens the stream, with these headers besides those of the session. */
export type OpenStream = (headers: readonly string[], sink: ExchangeSink) => Exchange

/** The GET stream of a 2025 session, opened again whenever it drops. */
export class SessionStream {
  readonly #get: OpenStream
  readonly #owner: StreamOwner
  readonly #ids = new EventIds()
  #exchange: Exchange | undefined
  #timer: NodeJS.Timeout | undefined
  #delay = REOPEN.min
  #since = 0
  #settled: (() => void) | undefined
  #isOpen = false
  #wasEverOpen = false
  #stopped = false
  /** What happened while it was not open is unknown, which is told once no other attempt follows. */
  readonly #missed = (): void => {
    if (!this.#stopped && this.#timer === undefined) this.#owner.missed()
  }

  constructor(get: OpenStream, owner: StreamOwner) {
    this.#get = get
    this.#owner = owner
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  /** Resolves when it is open or refused, or takes too long. */
  start(): Promise<void> {
    return new Promise((resolve) => {
      this.#settled = resolve
      this.#open()
    })
  }

  stop(): void {
    this.#stopped = true
    this.#isOpen = false
    clearTimeout(this.#timer)
    this.#exchange?.abort()
    this.#settle()
  }

  #open(): void {
    if (this.#stopped) return
    const giveUp = setTimeout(() => {
      this.#settle()
      this.#settled = this.#missed
    }, OPEN_MS)
    const { last } = this.#ids
    this.#exchange = this.#get(last === undefined ? [] : [HEADER.lastEventId, last], {
      started: (status, headers) => {
        // What a refusal means is decided at its end.
        if (this.#started(status, headers)) clearTimeout(giveUp)
      },
      event: (id) => this.#ids.take(id),
      retry: (milliseconds) => this.#ids.retry(milliseconds),
      message: (message) => {
        this.#owner.message(message)
        return true
      },
      end: (outcome) => {
        clearTimeout(giveUp)
        this.#ended(outcome)
        this.#settle()
      },
    })
  }

  #started(status: number, headers: ResponseHeaders): boolean {
    this.#isOpen = isEventStream(status, headers)
    if (!this.#isOpen) return false
    this.#wasEverOpen = true
    this.#since = performance.now()
    this.#settle()
    return true
  }

  #ended(outcome: Outcome): void {
    if (this.#stopped) return
    const wasOpen = this.#isOpen
    this.#isOpen = false
    if (outcome.kind === 'failed') {
      if (outcome.unsent) this.#owner.lost(outcome.fault)
      else this.#reopen(wasOpen)
      return
    }
    const { status } = outcome
    if (!wasOpen && this.#ids.last !== undefined && isRefused(status)) {
      // It may refuse no more than to go on from there.
      this.#ids.forget()
      this.#reopen(wasOpen)
      return
    }
    // Many a server that has no such stream says 404 where it should say 405.
    if (status === 404 && this.#wasEverOpen) this.#owner.lost(sessionEnded())
    else if (wasOpen || mayOpenLater(status)) this.#reopen(wasOpen)
  }

  #reopen(wasOpen: boolean): void {
    // A stream that never lasts must not make the node hammer its upstream.
    if (wasOpen && performance.now() - this.#since > REOPEN.max) this.#delay = REOPEN.min
    const delay = Math.max(this.#delay, this.#ids.retryMs ?? 0)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#settled = this.#missed
      this.#open()
    }, delay)
    this.#delay = Math.min(this.#delay * 2, REOPEN.max)
  }

  /** The attempt to open it is decided; told once. */
  #settle(): void {
    const settled = this.#settled
    this.#settled = undefined
    settled?.()
  }
}

/** Whether a status refuses what was asked, and neither the session nor all such streams. */
function isRefused(status: number): boolean {
  return status >= 400 && status < 500 && status !== 404 && status !== 405
}

/** What is said of a session that the server does not know any more. */
export const SESSION_ENDED = 'the upstream ended the session'

/** The fault of such a session. */
export function sessionEnded(): Fault {
  return new Fault('upstream_unavailable', SESSION_ENDED)
}

/** 405 means that there is no such stream; who is overloaded, or has not yet seen that the last one broke, may have one. */
export function mayOpenLater(status: number): boolean {
  return status === 409 || status === 429 || status >= 500
}
