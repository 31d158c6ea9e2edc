import type { UpstreamMessage } from '../../protocol/upstream-message.ts'
import { Ring, type Place } from '../core/ring.ts'
import { SHARED, type Context } from '../core/stages.ts'
import type { Respond } from './connection.ts'
import { refuseQuestion } from './server-request.ts'

/** A call under way, which can take what an upstream says without naming a call. */
export interface QuestionTaker {
  /** Whose call it is: equal for calls of one caller. */
  readonly caller: string
  request(message: UpstreamMessage, respond: Respond): void
  notification(message: UpstreamMessage): unknown
}

/** The calls of one context that are under way. */
export class Calls {
  readonly #ring = new Ring<QuestionTaker>()
  #size = 0
  #doubtUntil = 0
  /** Whose calls are in doubt; undefined when they are of several. */
  #doubted: string | undefined

  get size(): number {
    return this.#size
  }

  add(taker: QuestionTaker): Place<QuestionTaker> {
    this.#size += 1
    return this.#ring.add(taker)
  }

  /** As `Ring.remove`: once only. */
  remove(place: Place<QuestionTaker>): void {
    this.#size -= 1
    this.#ring.remove(place)
  }

  /** For so long an upstream may go on with a call that is over here: what it says may belong to that one's caller. */
  doubt(milliseconds: number, caller: string): void {
    const now = performance.now()
    this.#doubted = now >= this.#doubtUntil || this.#doubted === caller ? caller : undefined
    this.#doubtUntil = Math.max(this.#doubtUntil, now + milliseconds)
  }

  /** The one there is; undefined when there are none or several, or there may be one of another caller. */
  get only(): QuestionTaker | undefined {
    const one = this.#size === 1 ? this.#ring.values()[0] : undefined
    if (one === undefined || performance.now() >= this.#doubtUntil) return one
    return one.caller === this.#doubted ? one : undefined
  }

  values(): readonly QuestionTaker[] {
    return this.#ring.values()
  }
}

/** Contexts without calls that may gather before they are swept out. */
const SWEEP = 64

/**
 * The calls of a link by context, and which of them gets what an upstream says without naming one. A context that has
 * none any more stays for a while: its next call may come soon.
 */
export class CallsByContext {
  readonly #shared = new Calls()
  readonly #others = new Map<string, Calls>()
  #sweepAt = SWEEP

  /** The calls of a context. */
  at(key: string): Calls {
    if (key === SHARED.key) return this.#shared
    const known = this.#others.get(key)
    if (known !== undefined) return known
    if (this.#others.size >= this.#sweepAt) this.#sweep()
    const calls = new Calls()
    this.#others.set(key, calls)
    return calls
  }

  /** Calls under way in a context. */
  size(key: string): number {
    return this.#find(key)?.size ?? 0
  }

  /** A question goes to the only call it can belong to: to any other caller it must not go. */
  ask({ key, offered }: Context, message: UpstreamMessage, respond: Respond): void {
    if (offered === '') return refuseQuestion(message, respond)
    const taker = this.#find(key)?.only
    if (taker !== undefined) return taker.request(message, respond)
    const why = 'the request names no call, and it is not certain which it belongs to'
    refuseQuestion(message, respond, why)
  }

  /**
   * The same for a notification.
   *
   * @param stateless whether the connection of the shared context is that of all others too
   */
  notify({ key, offered }: Context, message: UpstreamMessage, stateless: boolean): void {
    if (message.method === 'notifications/cancelled') {
      // It names a question, and only the call that has it knows that.
      const calls = offered === '' ? undefined : this.#find(key)
      for (const taker of calls?.values() ?? []) taker.notification(message)
    } else if (stateless || key === SHARED.key) {
      if (message.method !== 'notifications/message') return
      const taker = stateless ? this.#onlyOfAll() : this.#shared.only
      taker?.notification(message)
    } else this.#find(key)?.only?.notification(message)
  }

  #find(key: string): Calls | undefined {
    return key === SHARED.key ? this.#shared : this.#others.get(key)
  }

  #onlyOfAll(): QuestionTaker | undefined {
    const [busy, other] = [this.#shared, ...this.#others.values()].filter(({ size }) => size > 0)
    return other === undefined ? busy?.only : undefined
  }

  #sweep(): void {
    for (const [key, { size }] of this.#others) if (size === 0) this.#others.delete(key)
    this.#sweepAt = Math.max(SWEEP, 2 * this.#others.size)
  }
}
