import type { Exposition } from '../../core/metrics/exposition.ts'
import type { Upstream } from '../../hop/exchange.ts'
import type { LinkPhase } from '../../outbound/link-events.ts'
import type { AdminGround } from '../admin-route.ts'
import type { Counts, UpstreamStatus } from '../registry.ts'

const PHASES: readonly LinkPhase[] = ['connecting', 'up', 'down', 'closed']
const KINDS = ['tools', 'prompts', 'resources', 'templates'] as const

/** What feeds the node, and what endpoints make of it. */
export function writeUpstreams(out: Exposition, { registry }: Pick<AdminGround, 'registry'>): void {
  const { upstreams } = registry
  for (const status of registry.upstreamStatus()) {
    const upstream = upstreams.get(status.label)
    if (upstream !== undefined) writeUpstream(out, status, upstream)
  }
  for (const { name, problems, ...counts } of registry.endpointStatus()) {
    writeItems(out, 'banyan_endpoint_items', name, counts)
    out.set('banyan_endpoint_problems', problems.length, name)
  }
}

function writeUpstream(
  out: Exposition,
  status: UpstreamStatus,
  { link, concurrency }: Upstream,
): void {
  const { label, kind, phase, era, transport, callsInFlight, proofs } = status
  const way = kind === 'stdio' ? kind : transport
  out.set('banyan_upstream_info', 1, label, kind, era, way)
  out.states('banyan_upstream_state', { all: PHASES, now: phase }, label)
  const { connects, failures, resends, failovers } = link.counts
  out.set('banyan_upstream_connects_total', connects, label)
  out.set('banyan_upstream_failures_total', failures, label)
  out.set('banyan_upstream_resends_total', resends, label)
  out.set('banyan_upstream_failovers_total', failovers, label)
  out.set('banyan_upstream_retry_seconds', link.retryMs / 1_000, label)
  out.set('banyan_upstream_calls_in_flight', callsInFlight, label)
  out.set('banyan_upstream_concurrency', concurrency, label)
  writeItems(out, 'banyan_upstream_items', label, status)
  for (const [verdict, count] of Object.entries(proofs ?? {})) {
    out.set('banyan_upstream_proofs_total', count, label, verdict)
  }
}

function writeItems(
  out: Exposition,
  metric: 'banyan_upstream_items' | 'banyan_endpoint_items',
  name: string,
  counts: Counts,
): void {
  for (const kind of KINDS) out.set(metric, counts[kind], name, kind)
}
