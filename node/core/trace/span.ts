/** What a span is, by OpenTelemetry: a request answered, a request made, or work in between. */
export type SpanKind = 'internal' | 'server' | 'client'

export type SpanAttributes = Readonly<Record<string, string | number>>

/** A span that is over. Attributes hold no argument, token, or subject. */
export interface FinishedSpan {
  /** 32 hex digits. */
  readonly traceId: string
  /** 16 hex digits. */
  readonly spanId: string
  /** 16 hex digits; undefined where the trace begins. */
  readonly parentId: string | undefined
  readonly name: string
  readonly kind: SpanKind
  /** Milliseconds since 1970, with fractions. */
  readonly startedAt: number
  readonly endedAt: number
  readonly attributes: SpanAttributes
  /** Why it failed; undefined where it did not. */
  readonly error: string | undefined
}

/** Takes spans that are over. Never throws, and never waits. */
export interface SpanSink {
  take(span: FinishedSpan): void
}
