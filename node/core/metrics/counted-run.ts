import { performance } from 'node:perf_hooks'
import { asFault, Fault } from '../../../protocol/errors.ts'
import type { CallEnd, CallRun, Departure } from '../call-run.ts'
import type { CallSpans } from '../trace/tracer.ts'
import type { CallCounts } from './call-counts.ts'
import { outcomeOf, type EndpointCounts } from './endings.ts'

/** By `performance.now()`, seconds. */
function secondsSince(then: number): number {
  return (performance.now() - then) / 1_000
}

/** One request as it is begun. */
export interface BegunRun {
  readonly all: CallCounts
  readonly counts: EndpointCounts
  /** Its class, as `classOf` says. */
  readonly of: number
  /** It lasts as long as its caller likes: how long says nothing. */
  readonly isListen: boolean
  /** Undefined where it is not traced. */
  readonly spans: CallSpans | undefined
}

/** Counts one request when it is over, and what it waited for on the way. */
export class CountedRun implements CallRun {
  readonly #begun: BegunRun
  readonly #startedAt = performance.now()
  /** Seconds it waited for others. */
  #waited = 0
  #upstream: string | undefined
  #departedAt = 0

  constructor(begun: BegunRun) {
    this.#begun = begun
  }

  get traceparent(): string | undefined {
    return this.#begun.spans?.traceparent
  }

  get isNewTrace(): boolean {
    return this.#begun.spans?.isNew === true
  }

  depart(to: Departure): void {
    this.#upstream = to.upstream
    this.#departedAt = performance.now()
    this.#begun.spans?.depart(to)
  }

  arrive(end: CallEnd): void {
    const upstream = this.#upstream
    if (upstream === undefined) return
    this.#upstream = undefined
    const seconds = secondsSince(this.#departedAt)
    this.#waited += seconds
    this.#begun.all.upstream(upstream).arrived(outcomeOf(end), seconds)
    this.#begun.spans?.arrive(end)
  }

  async exchanging<T>(work: Promise<T>): Promise<T> {
    const before = performance.now()
    const ended = this.#begun.spans?.exchange()
    try {
      const done = await work
      ended?.(undefined)
      return done
    } catch (error) {
      ended?.(asFault(error))
      throw error
    } finally {
      const seconds = secondsSince(before)
      this.#waited += seconds
      this.#begun.all.tokenWait.observe(seconds)
    }
  }

  over(end: CallEnd): void {
    // Whoever goes in the middle of a call ends it there as well.
    this.arrive(end)
    const { all, counts, of, isListen, spans } = this.#begun
    if (!isListen) {
      const seconds = secondsSince(this.#startedAt)
      counts.inFlight -= 1
      counts.duration.observe(seconds)
      counts.own.observe(seconds - this.#waited)
    }
    counts.ended(of, outcomeOf(end))
    if (end instanceof Fault) all.hit(end)
    spans?.over(end)
  }
}
