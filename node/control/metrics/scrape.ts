import type { LimitName } from '../../core/config-limits.ts'
import { LIMITS } from '../../core/config-limits.ts'
import type { LinkTraffics } from '../../core/link-traffic.ts'
import type { CallCounts } from '../../core/metrics/call-counts.ts'
import { Exposition } from '../../core/metrics/exposition.ts'
import type { TokenCounts } from '../../core/metrics/token-counts.ts'
import type { SpanQueue } from '../../core/trace/span-queue.ts'
import type { AdminGround } from '../admin-route.ts'
import { writeMesh } from './mesh-metrics.ts'
import type { ProcessWatch } from './process-metrics.ts'
import { writeUpstreams } from './upstream-metrics.ts'

/** What callers hold. */
export interface HeldNow {
  readonly streams: number
  readonly listens: number
  readonly subscriptions: number
  readonly parkedCalls: number
}

/** What is counted outside of what operators can ask for otherwise. */
export interface ScrapeSources {
  readonly counts: CallCounts | undefined
  readonly tokens: TokenCounts
  readonly traffic: LinkTraffics
  readonly spans: SpanQueue | undefined
  readonly process: ProcessWatch
  readonly held: () => HeldNow
}

/** What is written from. */
export interface ScrapeGround extends AdminGround {
  readonly sources: ScrapeSources
}

/** Everything there is to say of the node now, as Prometheus reads it. Reads what is there; nothing is asked of others. */
export function scrape(ground: ScrapeGround): string {
  const out = new Exposition()
  const { counts, tokens, traffic, process } = ground.sources
  counts?.write(out)
  tokens.write(out)
  writeHeld(out, ground)
  writeUpstreams(out, ground)
  writeMesh(out, ground.mesh, traffic)
  writeNode(out, ground)
  process.write(out)
  return out.text()
}

function writeHeld(out: Exposition, { config, node, sources }: ScrapeGround): void {
  const { streams, listens, subscriptions, parkedCalls } = sources.held()
  out.set('banyan_streams', streams, 'get')
  out.set('banyan_streams', listens, 'listen')
  out.set('banyan_subscriptions', subscriptions)
  out.set('banyan_parked_calls', parkedCalls)
  const { limits } = config()
  const usage = node.usage()
  if (usage.connections !== undefined) out.set('banyan_connections', usage.connections)
  for (const name of Object.keys(LIMITS) as LimitName[]) {
    out.set('banyan_limit_value', limits[name], name, LIMITS[name].unit)
    const used = usage[name]
    if (used !== undefined) out.set('banyan_limit_in_use', used, name)
  }
}

const PHASES = ['starting', 'ready', 'draining'] as const

function writeNode(out: Exposition, { config, node, sources }: ScrapeGround): void {
  const { organisation } = config().node
  out.set('banyan_build_info', 1, node.version, process.version, organisation)
  out.states('banyan_node_phase', { all: PHASES, now: node.phase() })
  const { spans } = sources
  if (spans === undefined) return
  for (const [fate, count] of Object.entries(spans.counts)) {
    out.set('banyan_spans_total', count, fate)
  }
  out.set('banyan_spans_queued', spans.size)
}
