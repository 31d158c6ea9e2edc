import { Fault } from '../../protocol/errors.ts'
import { isResponse, type UpstreamMessage } from '../../protocol/upstream-message.ts'
import type { FrameSink, OutFrame } from './connection.ts'
import type { ExchangeSink, Outcome } from './http-target.ts'
import { isDenial, scopesAskedFor, UpstreamDenied } from './upstream-denied.ts'

/** What differs between the eras in one POST. */
export interface CallRules {
  /**
   * Why this answer means that the connection is of no use, or undefined when it is an ordinary one. The upstream did
   * not act on the request then.
   */
  disowned(status: number, message: UpstreamMessage | undefined): string | undefined
  /** Takes what an upstream sends on whatever stream is open; false when the message belongs to this request (2025 only). */
  news?(message: UpstreamMessage): boolean
  /** A request of the upstream on the stream of ours. */
  request(message: UpstreamMessage, sink: FrameSink): void
  /** The connection is of no use. */
  lost(fault: Fault): void
  /** Response headers are here. */
  started?(headers: Readonly<Record<string, string | string[] | undefined>>): void
}

/** Turns what one POST brings into what a `FrameSink` expects. */
export class HttpCall implements ExchangeSink {
  readonly #frame: OutFrame
  readonly #sink: FrameSink
  readonly #rules: CallRules
  #status = 0
  #asked: readonly string[] = []
  #answered = false

  constructor(frame: OutFrame, sink: FrameSink, rules: CallRules) {
    this.#frame = frame
    this.#sink = sink
    this.#rules = rules
  }

  started(status: number, headers: Readonly<Record<string, string | string[] | undefined>>): void {
    this.#status = status
    if (isDenial(status)) this.#asked = scopesAskedFor(headers)
    this.#rules.started?.(headers)
  }

  /** Nothing is handed over any more. */
  get isOver(): boolean {
    return this.#answered
  }

  /** Nobody waits any more. False when the call was over before. */
  drop(): boolean {
    if (this.#answered) return false
    this.#answered = true
    return true
  }

  message(message: UpstreamMessage): boolean {
    if (this.#answered) return true
    if (!isResponse(message)) return this.#unasked(message)
    // A server that could not read the request answers without its id; on this stream it can mean no other.
    if (message.id !== this.#frame.id && message.id !== null && message.id !== undefined)
      return true
    const reason = this.#rules.disowned(this.#status, message)
    if (reason !== undefined) this.#disown(reason)
    else if (isDenial(this.#status))
      this.#fail(new UpstreamDenied(this.#status, this.#asked), false)
    else {
      this.#answered = true
      this.#sink.response(message)
    }
    return true
  }

  end(outcome: Outcome): void {
    if (this.#answered) return
    if (outcome.kind === 'failed') {
      if (outcome.unsent) this.#rules.lost(outcome.fault)
      this.#fail(outcome.fault, outcome.unsent)
      return
    }
    const reason = this.#rules.disowned(outcome.status, undefined)
    if (reason !== undefined) this.#disown(reason)
    else if (outcome.kind === 'refused') {
      const { status } = outcome
      const fault = isDenial(status) ? new UpstreamDenied(status, this.#asked) : refusal(status)
      // In somebody's name it went out twice already.
      const again = this.#frame.authorization === undefined || !isDenial(status)
      this.#fail(fault, again && isUntaken(status))
    } else {
      const text = 'the upstream ended the stream without an answer'
      this.#fail(new Fault('upstream_unavailable', text), false)
    }
  }

  #unasked(message: UpstreamMessage): boolean {
    if (message.id !== undefined) this.#rules.request(message, this.#sink)
    else if (this.#rules.news?.(message) !== true) return this.#sink.notification(message)
    return true
  }

  #disown(reason: string): void {
    const fault = new Fault('upstream_unavailable', reason)
    this.#rules.lost(fault)
    this.#fail(fault, true)
  }

  #fail(fault: Fault, unsent: boolean): void {
    this.#answered = true
    this.#sink.failed(fault, unsent)
  }
}

/** Whether a status says that nothing was done: behind any other 5xx the request may have been carried out. */
export function isUntaken(status: number): boolean {
  return status < 500 || status === 503
}

/** A refusal without JSON-RPC. The upstream's own words go no further. */
export function refusal(status: number): Fault {
  const text = `the upstream refused the request (HTTP ${status})`
  return new Fault('upstream_unavailable', text, { data: { status } })
}
