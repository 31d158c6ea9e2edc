import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { FederationSettings } from '../../protocol/federation.ts'
import type { NodeConfig, TelemetrySettings } from '../core/config-types.ts'
import { LinkTraffics } from '../core/link-traffic.ts'
import { CallCounts } from '../core/metrics/call-counts.ts'
import { SpanQueue } from '../core/trace/span-queue.ts'
import { Tracer } from '../core/trace/tracer.ts'
import { OtlpExporter } from '../outbound/otlp-exporter.ts'
import { packageVersion } from './cli-version.ts'

/** Longest wait for the collector when the node closes, ms. */
const LAST_SPANS_MS = 2_000

/** Where traces go. */
export interface Tracing {
  readonly tracer: Tracer
  readonly spans: SpanQueue
  /** Sends what is left, for a moment. */
  close(): Promise<void>
}

/** What follows a node's requests: counts for whoever scrapes them, spans for whoever collects them. */
export interface Observing {
  /** Undefined where nobody could ask for them, so that calls pay nothing. */
  readonly counts: CallCounts | undefined
  readonly traffic: LinkTraffics
  /** Undefined where it is off. */
  readonly tracing: Tracing | undefined
  /** Forgets what is not configured any more. */
  configure(config: NodeConfig): void
}

export function observe(
  initial: NodeConfig,
  federation: FederationSettings,
  config: () => NodeConfig,
): Observing {
  const { admin, telemetry } = initial
  const tracing = telemetry && traceTo(telemetry, federation)
  const traffic = new LinkTraffics()
  const counts =
    admin === undefined && tracing === undefined
      ? undefined
      : new CallCounts({
          hasEndpoint: (name) => config().endpoints[name] !== undefined,
          tracer: tracing?.tracer,
        })
  return {
    counts,
    traffic,
    tracing,
    configure: ({ endpoints, upstreams }) => {
      const [names, labels] = [new Set(Object.keys(endpoints)), new Set(Object.keys(upstreams))]
      counts?.keep(names, labels)
      traffic.keep('down', names)
      traffic.keep('up', labels)
    },
  }
}

function traceTo(
  { otlp, sample, tracesPerSecond }: TelemetrySettings,
  { name, organisation, node }: FederationSettings,
): Tracing {
  const headers = Object.entries(otlp.headers).map(([key, value]) => [key, value.reveal()] as const)
  const exporter = new OtlpExporter({
    url: otlp.url,
    headers: Object.fromEntries(headers),
    timeoutMs: otlp.timeout,
    resource: { name, organisation, id: node, version: packageVersion() },
  })
  const spans = new SpanQueue({ send: (batch) => exporter.send(batch) })
  const tracer = new Tracer({
    sample,
    tracesPerSecond,
    sink: spans,
    now: () => performance.timeOrigin + performance.now(),
    random: Math.random,
    randomHex: (bytes) => randomBytes(bytes).toString('hex'),
  })
  return {
    tracer,
    spans,
    close: async () => {
      await spans.close(LAST_SPANS_MS)
      exporter.close()
    },
  }
}
