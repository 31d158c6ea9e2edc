import type { Buffer } from 'node:buffer'
import type { Fault } from '../../protocol/errors.ts'
import { Body } from '../../protocol/link/body.ts'
import type { LinkFrame } from '../../protocol/link/frames.ts'
import { refusalStatus } from '../core/rescue.ts'
import type { Asked, Reply } from '../core/stages.ts'

/** What a reply needs of the link it goes out on. */
export interface LinkReplyParts {
  readonly call: number
  /** Bytes of notifications the caller takes before it says that it takes more. */
  readonly window: number
  /** Largest message the caller takes, bytes. */
  readonly maxBytes: number
  readonly wire: {
    readonly crowded: boolean
    send(frame: LinkFrame): void
    onDrain(listener: () => void): void
  }
  /** Names and values in turn, for a refusal that the caller can do something about with its authorization server. */
  readonly challenge: (refusal: Fault) => readonly string[]
  /** The last frame is out. */
  readonly over: () => void
}

/**
 * The answer to one request on a link. Notifications go out as far as the caller of this request takes them, so that one
 * that is slow keeps nothing back from the others.
 */
export class LinkReply implements Reply {
  readonly #parts: LinkReplyParts
  #credit: number
  #held: Held[] = []
  #waiting: (() => void)[] = []
  /** Sends what ends it, behind what is held back. */
  #final: (() => void) | undefined
  #done = false

  constructor(parts: LinkReplyParts) {
    this.#parts = parts
    this.#credit = parts.window
  }

  notify(text: Buffer, progress?: number): boolean {
    if (this.#done || this.#final !== undefined) return true
    const one = { text, progress }
    if (this.#credit > 0) this.#notify(one)
    else this.#held.push(one)
    return this.#credit > 0 && !this.#parts.wire.crowded
  }

  onDrain(listener: () => void): void {
    if (this.#done) listener()
    else if (this.#credit <= 0) this.#waiting.push(listener)
    else this.#parts.wire.onDrain(listener)
  }

  /** The caller takes so many bytes more. */
  more(bytes: number): void {
    this.#credit = Math.min(this.#credit + bytes, this.#parts.window)
    while (this.#credit > 0) {
      const next = this.#held.shift()
      if (next === undefined) break
      this.#notify(next)
    }
    if (this.#credit <= 0) return
    this.#final?.()
    this.#release()
  }

  finish(text: readonly Buffer[], errorCode?: number, refusal?: Fault, complete = false): void {
    if (this.#done) return
    this.#final ??= (): void => {
      if (refusal?.code === 'insufficient_scope') this.refuse(refusal)
      else this.#respond(text, errorCode, complete)
    }
    if (this.#held.length === 0) this.#final()
  }

  /** Ends it with what over HTTP is a status with a challenge. */
  refuse(fault: Fault): void {
    if (this.#done) return
    const { call, wire, challenge } = this.#parts
    wire.send({
      type: 'refusal',
      call,
      status: refusalStatus(fault),
      lines: challenge(fault),
    })
    // Behind it, for this may be all that the link still waits for.
    this.#end()
  }

  /** Nobody takes anything any more. */
  abandon(): void {
    this.#end()
  }

  /** @throws TypeError always: callers on links are of era 2026 */
  ask(): Asked {
    throw new TypeError('a caller of era 2026 takes no requests')
  }

  #respond(text: readonly Buffer[], errorCode: number | undefined, complete: boolean): void {
    const { call, wire, maxBytes } = this.#parts
    const body = new Body(text)
    const oversized = body.length > maxBytes
    const outcome = { errorCode, oversized, complete: complete && !oversized }
    wire.send({ type: 'response', call, ...outcome, body: oversized ? NOTHING : body })
    this.#end()
  }

  #notify({ text: body, progress }: Held): void {
    const { call, wire, maxBytes } = this.#parts
    if (body.length > maxBytes) return
    this.#credit -= body.length
    wire.send({ type: 'notification', call, progress, body })
  }

  #end(): void {
    if (this.#done) return
    this.#done = true
    this.#held = []
    this.#final = undefined
    this.#parts.over()
    this.#release()
  }

  #release(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const one of waiting) one()
  }
}

/** A notification that is to go out. */
interface Held {
  readonly text: Buffer
  /** The progress it tells of, where it is known for that. */
  readonly progress: number | undefined
}

const NOTHING = new Body([])
