import type { Fault } from '../../protocol/errors.ts'
import type { Arrival, CallEnd, CallRun } from './call-run.ts'

/** Told when a call ends; the reason is undefined after an answer. */
type EndListener = (reason: Fault | undefined) => void

/**
 * The life of one call: it ends once, by an answer or by a reason to stop. Whoever holds something for the call (an
 * upstream stream, a timer) lets go of it in `onEnd`. Cheaper than an AbortController, of which each call would need
 * one, and with the reason typed.
 */
export class CallScope {
  /** Id of the request that was last sent upstream for it: what joins the audit lines of two nodes. */
  sentAs: number | undefined = undefined
  /** The last progress its caller was told of, which only ever grows, whichever way the call goes. */
  progress: number = Number.NEGATIVE_INFINITY
  /** How its request came. */
  readonly arrival: Arrival
  /** Follows it to its end; undefined where nobody does. */
  run: CallRun | undefined = undefined
  #ended = false
  #reason: Fault | undefined
  // One listener is the rule, and needs no list.
  #first: EndListener | undefined
  #others: EndListener[] | undefined

  constructor(arrival: Arrival = 'http') {
    this.arrival = arrival
  }

  get ended(): boolean {
    return this.#ended
  }

  /** Why it was stopped; undefined while it runs and after an answer. */
  get reason(): Fault | undefined {
    return this.#reason
  }

  /** Calls `listener` when the call ends, at once if it has ended. The reason is undefined after an answer. */
  onEnd(listener: EndListener): void {
    if (this.#ended) listener(this.#reason)
    else if (this.#first === undefined) this.#first = listener
    else (this.#others ??= []).push(listener)
  }

  /** Ends it with an answer. @param end what the answer says went wrong, for whoever follows it */
  finish(end?: CallEnd): void {
    this.#end(undefined, end)
  }

  /** Ends it without one. */
  stop(reason: Fault): void {
    this.#end(reason, reason)
  }

  #end(reason: Fault | undefined, end: CallEnd): void {
    if (this.#ended) return
    this.#ended = true
    this.run?.over(end)
    this.#reason = reason
    const [first, others] = [this.#first, this.#others]
    this.#first = undefined
    this.#others = undefined
    first?.(reason)
    if (others !== undefined) for (const listener of others) listener(reason)
  }
}
