import type { FinishedSpan, SpanAttributes, SpanKind } from './span.ts'

/** What sends spans. */
export interface TraceResource {
  /** Name of the node, its organisation, and its id. */
  readonly name: string
  readonly organisation: string
  readonly id: string
  readonly version: string
}

/** Numbers of `SpanKind` (opentelemetry-proto, trace.proto). */
const KINDS: Readonly<Record<SpanKind, number>> = { internal: 1, server: 2, client: 3 }
const STATUS_ERROR = 2

/** The body of an `ExportTraceServiceRequest` as OTLP/HTTP writes it in JSON: ids in hex, 64-bit numbers as text. */
export function otlpTraces(spans: readonly FinishedSpan[], resource: TraceResource): string {
  const { name, organisation, id, version } = resource
  const attributes = attributesOf({
    'service.name': name,
    'service.namespace': organisation,
    'service.instance.id': id,
    'service.version': version,
  })
  const scope = { name: 'banyan-mcp', version }
  return JSON.stringify({
    resourceSpans: [
      { resource: { attributes }, scopeSpans: [{ scope, spans: spans.map(spanOf) }] },
    ],
  })
}

function spanOf(span: FinishedSpan): object {
  const { traceId, spanId, parentId, name, kind, startedAt, endedAt, attributes, error } = span
  return {
    traceId,
    spanId,
    ...(parentId !== undefined && { parentSpanId: parentId }),
    name,
    kind: KINDS[kind],
    startTimeUnixNano: nanoseconds(startedAt),
    endTimeUnixNano: nanoseconds(endedAt),
    attributes: attributesOf(attributes),
    status: error === undefined ? {} : { code: STATUS_ERROR },
  }
}

function attributesOf(attributes: SpanAttributes): readonly object[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
  }))
}

/** @param at milliseconds with fractions, of which microseconds count */
function nanoseconds(at: number): string {
  return `${Math.round(at * 1_000)}000`
}
