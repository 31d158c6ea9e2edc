import { META } from '../../../protocol/meta.ts'
import { readTraceparent, writeTraceparent } from '../../../protocol/trace-context.ts'
import type { CallEnd, Departure } from '../call-run.ts'
import type { Authenticated, Received } from '../stages.ts'
import { RecordedSpans } from './recorded-spans.ts'
import type { SpanSink } from './span.ts'

/** The spans of one request. */
export interface CallSpans {
  /** What the next hop is told. */
  readonly traceparent: string
  /** Whether the trace begins here: what the caller says of one counts for nothing. */
  readonly isNew: boolean
  depart(to: Departure): void
  arrive(end: CallEnd): void
  /** A token is fetched. The function ends that. */
  exchange(): ((end: CallEnd) => void) | undefined
  over(end: CallEnd): void
}

export interface TracerOptions {
  /** Share of the requests without a trace that begin one, 0 to 1. */
  readonly sample: number
  /** Requests recorded in a second, whoever asks for it. */
  readonly tracesPerSecond: number
  readonly sink: SpanSink
  /** Milliseconds since 1970, with fractions. */
  readonly now: () => number
  /** From 0 up to 1. */
  readonly random: () => number
  /** So many random bytes in hex. */
  readonly randomHex: (bytes: number) => string
}

/**
 * Decides which requests are recorded, and begins their spans. A caller is not trusted with that: what it says is sampled
 * is recorded only as far as `tracesPerSecond` reaches, and goes on as it came beyond; what it says is not, is not.
 */
export class Tracer {
  readonly #options: TracerOptions
  #tokens: number
  #filledAt: number

  constructor(options: TracerOptions) {
    this.#options = options
    this.#tokens = options.tracesPerSecond
    this.#filledAt = options.now()
  }

  /** Undefined for a request that goes on with what its caller says of a trace. */
  begin(call: Authenticated): CallSpans | undefined {
    const { sample, random, randomHex } = this.#options
    const parent = readTraceparent(traceparentOf(call.received))
    if (parent?.sampled === false) return undefined
    if (parent !== undefined) return this.#take() ? this.#record(call, parent) : undefined
    const traceId = randomHex(16)
    if (random() < sample && this.#take()) return this.#record(call, { traceId })
    // So that nodes behind do not begin another trace in the middle of the way.
    return unrecorded(writeTraceparent({ traceId, spanId: randomHex(8), sampled: false }))
  }

  #record(call: Authenticated, { traceId, spanId }: Begun): CallSpans {
    const { sink, now, randomHex } = this.#options
    return new RecordedSpans(call.received, { traceId, parentId: spanId, sink, now, randomHex })
  }

  /** One of those that may be recorded in this second. */
  #take(): boolean {
    const { tracesPerSecond, now } = this.#options
    const at = now()
    const gained = (Math.max(0, at - this.#filledAt) / 1_000) * tracesPerSecond
    this.#tokens = Math.min(tracesPerSecond, this.#tokens + gained)
    this.#filledAt = at
    if (this.#tokens < 1) return false
    this.#tokens -= 1
    return true
  }
}

interface Begun {
  readonly traceId: string
  readonly spanId?: string
}

/** That in `_meta` wins, as on the way (SEP-414). */
function traceparentOf({ request, header }: Received): unknown {
  if (request.metaMembers === undefined) return undefined
  return request.meta(META.traceparent) ?? header('traceparent')
}

function unrecorded(traceparent: string): CallSpans {
  return {
    traceparent,
    isNew: true,
    depart: () => undefined,
    arrive: () => undefined,
    exchange: () => undefined,
    over: () => undefined,
  }
}
