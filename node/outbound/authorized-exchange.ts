import { asFault } from '../../protocol/errors.ts'
import type { UpstreamMessage } from '../../protocol/upstream-message.ts'
import type { Authorization, HttpMethod, Refusal } from '../core/delegation.ts'
import type { Exchange, ExchangeSink, Outcome, ResponseHeaders } from './http-target.ts'

/** Sends one request with further header lines. */
export type Dispatch = (lines: readonly string[], sink: ExchangeSink) => Exchange

/** What is sent, and in whose name. */
export interface AuthorizedPlan {
  readonly authorization: Authorization
  readonly method: HttpMethod
  readonly dispatch: Dispatch
}

/**
 * One HTTP exchange in somebody's name. Waits for the token where there is none yet; refused once with 401, nothing was
 * done with the request, and it is sent a second time with another token or proof, where there is one.
 */
export class AuthorizedExchange implements Exchange, ExchangeSink {
  readonly #plan: AuthorizedPlan
  readonly #sink: ExchangeSink
  #exchange: Exchange | undefined
  #over = false
  #attempts = 0
  /** What comes of this attempt is nobody's: another follows. */
  #isVain = false

  constructor(plan: AuthorizedPlan, sink: ExchangeSink) {
    this.#plan = plan
    this.#sink = sink
  }

  begin(): this {
    this.#attempts += 1
    try {
      const lines = this.#plan.authorization.lines(this.#plan.method)
      if (lines instanceof Promise) {
        lines.then(
          (later) => this.#send(later),
          (error: unknown) => this.#fail(error),
        )
      } else this.#send(lines)
    } catch (error) {
      queueMicrotask(() => this.#fail(error))
    }
    return this
  }

  abort(): void {
    this.#over = true
    this.#exchange?.abort()
  }

  resume(): void {
    this.#exchange?.resume()
  }

  started(status: number, headers: ResponseHeaders): void {
    if (status === 401 && this.#isWorthAnother(headers)) this.#isVain = true
    else {
      if (status === 403) this.#plan.authorization.refused(refusalOf(403, headers))
      this.#sink.started?.(status, headers)
    }
  }

  event(id: string): boolean {
    return !this.#isVain && this.#sink.event?.(id) !== false
  }

  retry(milliseconds: number): void {
    if (!this.#isVain) this.#sink.retry?.(milliseconds)
  }

  message(message: UpstreamMessage): boolean {
    return this.#isVain || this.#sink.message(message)
  }

  end(outcome: Outcome): void {
    if (!this.#isVain) {
      this.#over = true
      this.#sink.end(outcome)
      return
    }
    this.#isVain = false
    if (!this.#over) this.begin()
  }

  #send(lines: readonly string[]): void {
    if (!this.#over) this.#exchange = this.#plan.dispatch(lines, this)
  }

  #isWorthAnother(headers: ResponseHeaders): boolean {
    const { nonce, ...refusal } = refusalOf(401, headers)
    // With a nonce it is the proof that was old; refused with that as well, it is the token.
    const isFirst = this.#attempts === 1
    const told = isFirst && nonce !== undefined ? { ...refusal, nonce } : refusal
    return this.#plan.authorization.refused(told) && isFirst
  }

  /** No request was made, and the connection is as good as before. */
  #fail(error: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#sink.end({ kind: 'failed', fault: asFault(error), unsent: false })
  }
}

export function refusalOf(status: Refusal['status'], headers: ResponseHeaders): Refusal {
  const { 'dpop-nonce': nonce, 'www-authenticate': challenges } = headers
  return {
    status,
    ...(typeof nonce === 'string' && { nonce }),
    ...(challenges !== undefined && { challenges: [challenges].flat().join(', ') }),
  }
}
