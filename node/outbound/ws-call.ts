import { asFault, Fault } from '../../protocol/errors.ts'
import type { NotificationFrame, ResponseFrame } from '../../protocol/link/frames.ts'
import {
  isResponse,
  readUpstreamMessage,
  type UpstreamMessage,
} from '../../protocol/upstream-message.ts'
import type { FrameSink, OutFrame } from './connection.ts'
import type { Slot } from './ws-slots.ts'

/** What a call needs of the link it is on. */
export interface WsCallParts {
  /** Bytes of notifications the other end may send before it is told that more are taken. */
  readonly window: number
  /** Largest message taken, bytes. */
  readonly maxBytes: number
  /** Says that so many bytes more are taken. */
  readonly more: (bytes: number) => void
  /** It is over, and the other end does not know that yet. */
  readonly cancel: () => void
  /** It is over; called once. */
  readonly over: () => void
}

/**
 * One request on a link, and what comes back for it. A caller that does not keep up is not sent more than one window: what
 * it has not taken yet waits here, and nothing of it is lost.
 */
export class WsCall {
  readonly frame: OutFrame
  /** What it was sent with last. */
  slot: Slot | undefined
  /** Whether that was presented for it. */
  isFresh = false
  /** Whether it was refused once with what had been presented for another. */
  wasStale = false
  /** How often it was refused with what was presented for it. */
  refusals = 0
  readonly #sink: FrameSink
  readonly #parts: WsCallParts
  #held: NotificationFrame[] | undefined
  /** What ends it, behind what is held. */
  #ending: (() => void) | undefined
  /** Bytes the other end may still send. */
  #credit: number
  #taken = 0
  #over = false

  constructor(frame: OutFrame, sink: FrameSink, parts: WsCallParts) {
    this.frame = frame
    this.#sink = sink
    this.#parts = parts
    this.#credit = parts.window
  }

  get isOver(): boolean {
    return this.#over
  }

  /** @throws Fault `invalid_request` when more comes than was taken: the link is of no use then */
  notification(frame: NotificationFrame): void {
    if (this.#over || this.#ending !== undefined) return
    if (this.#credit <= 0)
      throw new Fault('invalid_request', 'there are more notifications than a call takes')
    this.#credit -= frame.body.length
    if (this.#held !== undefined) this.#held.push(frame)
    else this.#hand(frame)
  }

  response({ body, errorCode, oversized, complete }: ResponseFrame): void {
    if (this.#over) return
    if (oversized) {
      const text = `the upstream sent more than ${this.#parts.maxBytes} bytes`
      this.fail(new Fault('upstream_protocol', text), false)
      return
    }
    const mayPass = complete && errorCode === undefined
    this.#end(() => {
      if (!mayPass || this.#sink.completed?.(body) !== true) this.#respond(body.text)
    })
  }

  fail(fault: Fault, unsent: boolean): void {
    this.#end(() => this.#sink.failed(fault, unsent))
  }

  /** Lets notifications flow again. */
  resume(): void {
    const held = this.#held
    if (held === undefined || this.#over) return
    this.#held = undefined
    for (let next = held.shift(); next !== undefined; next = held.shift()) {
      if (this.#hand(next)) continue
      this.#held = held
      return
    }
    const ending = this.#ending
    if (ending !== undefined) this.#finish(ending)
  }

  /** Nobody waits any more. False when it was over before. */
  drop(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#held = undefined
    this.#parts.over()
    return true
  }

  /** False when the caller is full; what it was given counts as taken all the same. */
  #hand({ body, progress }: NotificationFrame): boolean {
    const passed = progress === undefined ? undefined : this.#sink.progressed?.(body, progress)
    const goesOn = passed ?? this.#notify(body)
    this.#take(body.length)
    if (!goesOn && !this.#over) this.#held = []
    return goesOn
  }

  #notify(body: Buffer): boolean {
    const message = readOr(body)
    if (message instanceof Fault) {
      this.#parts.cancel()
      if (this.drop()) this.#sink.failed(message, false)
      return false
    }
    // A server of this era may not ask, and what answers is no notification.
    const isNone = isResponse(message) || message.id !== undefined
    return isNone || this.#sink.notification(message)
  }

  /** Gives the answer, which ended the call on the link. */
  #respond(body: Buffer): void {
    const message = readOr(body)
    if (message instanceof Fault) {
      this.#sink.failed(message, false)
      return
    }
    const { id } = message
    const isOurs = id === this.frame.id || id === null || id === undefined
    if (isResponse(message) && isOurs) this.#sink.response(message)
    else {
      const fault = new Fault('upstream_protocol', 'the upstream answered another request')
      this.#sink.failed(fault, false)
    }
  }

  #take(bytes: number): void {
    this.#taken += bytes
    if (this.#taken * 2 < this.#parts.window || this.#over) return
    this.#credit += this.#taken
    this.#parts.more(this.#taken)
    this.#taken = 0
  }

  #end(ending: () => void): void {
    if (this.#over || this.#ending !== undefined) return
    if (this.#held === undefined) this.#finish(ending)
    else this.#ending = ending
  }

  #finish(ending: () => void): void {
    if (this.drop()) ending()
  }
}

/** The message, or what is wrong with it. */
function readOr(body: Buffer): UpstreamMessage | Fault {
  try {
    return readUpstreamMessage(body)
  } catch (error) {
    return asFault(error)
  }
}
