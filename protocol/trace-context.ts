/** What a request says of the trace it belongs to (W3C Trace Context, §3.2). */
export interface TraceParent {
  /** 32 hex digits. */
  readonly traceId: string
  /** 16 hex digits: the span of whoever sent it. */
  readonly spanId: string
  /** Whether whoever sent it records. */
  readonly sampled: boolean
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const ZEROES = /^0+$/

/**
 * Reads a `traceparent`; undefined for what is none, so that a new trace is begun. Of versions to come the part that is
 * known counts.
 */
export function readTraceparent(value: unknown): TraceParent | undefined {
  if (typeof value !== 'string' || value.length > 256) return undefined
  const [, version, traceId, spanId, flags, rest] = FORM.exec(value) ?? []
  if (version === undefined || traceId === undefined || spanId === undefined) return undefined
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  if (ZEROES.test(traceId) || ZEROES.test(spanId)) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags ?? '0', 16) & 1) === 1 }
}

export function writeTraceparent({ traceId, spanId, sampled }: TraceParent): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`
}
