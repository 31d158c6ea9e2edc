import { performance } from 'node:perf_hooks'
import { asFault, Fault, type FaultCode } from '../../protocol/errors.ts'
import type { NodeId } from '../../protocol/federation.ts'
import type { CallEnd, Departure } from '../core/call-run.ts'
import type { Logger } from '../core/logger.ts'
import type { Delegated, Returned } from '../core/stages.ts'
import type { WayRank } from '../core/way-rank.ts'
import { exchange, type Upstream, type Upstreams } from './exchange.ts'
import { fateOfFault } from './fate.ts'
import { forward, type ForwardParts } from './forward.ts'

/** One way a call went, and that nothing came of it. */
interface Failed {
  readonly delegated: Delegated
  /** What the upstream answered, or why there is no answer. */
  readonly outcome: Returned | Fault
  readonly upstream: Upstream
  /** When the call first went out, by `performance.now()`. */
  readonly startedAt: number
}

/**
 * Whether a call may go another way: no server has got it, or doing it twice does no harm by what its tool says of itself.
 * What goes on from an answer belongs to the upstream that gave it, and a caller that has gone wants nothing any more.
 */
function mayGoElsewhere({ delegated, outcome, upstream, startedAt }: Failed): boolean {
  const { entry, continuation, received } = delegated
  if (continuation !== undefined || entry.candidates.length < 2 || received.scope.ended)
    return false
  // Each way has its own deadline; all together have one.
  if (performance.now() - startedAt >= upstream.maxTimeout) return false
  const fate = outcome instanceof Fault ? fateOfFault(outcome) : outcome.fate
  const { readOnly, idempotent } = entry.hints
  return fate === 'untaken' || (fate === 'unknown' && (readOnly || idempotent))
}

/** A call that ends so says that the link may be dead; others were answered by somebody. */
const UNANSWERED: ReadonlySet<string> = new Set<FaultCode>([
  'upstream_unavailable',
  'upstream_timeout',
])

/** What a call travels by. */
export interface TravelParts extends ForwardParts {
  readonly self: NodeId
  readonly upstreams: () => Upstreams
  /** What the mesh knows of the ways; default: nothing. */
  readonly ways?: WayRank | undefined
  readonly log: Logger
}

/** The ways a call has gone: the last, and when the first began, by `performance.now()`. */
export interface Journey {
  readonly startedAt: number
  delegated: Delegated | undefined
}

/**
 * Sends a call, and where nothing came of it and that is safe, another way: over the next upstream that leads to the
 * same origin, in whose name it is delegated anew.
 *
 * @throws Fault of the last way
 */
export async function travel(
  parts: TravelParts,
  journey: Journey,
  first: Delegated,
): Promise<Returned> {
  const { startedAt } = journey
  let avoid: readonly string[] | undefined
  for (let delegated = first; ;) {
    journey.delegated = delegated
    const upstream = upstreamOf(parts, delegated)
    const { run } = delegated.received.scope
    run?.depart(departureOf(upstream, delegated))
    const outcome = await forward(parts, upstream, delegated).catch(asFault)
    run?.arrive(endOf(outcome))
    if (outcome instanceof Fault && UNANSWERED.has(outcome.code)) {
      parts.ways?.failed(upstream.link.label)
    }
    const other = mayGoElsewhere({ delegated, outcome, upstream, startedAt })
      ? await elsewhere(parts, delegated, (avoid = [...(avoid ?? []), upstream.link.label]))
      : undefined
    if (other === undefined) {
      if (outcome instanceof Fault) throw outcome
      return outcome
    }
    const reason = outcome instanceof Fault ? outcome.message : `error ${outcome.errorCode}`
    const facts = { upstream: upstream.link.label, next: other.candidate.upstream, reason }
    parts.log.info(facts, 'a call goes another way')
    upstream.link.counts.failovers += 1
    delegated = other
  }
}

function departureOf({ link, kind }: Upstream, delegated: Delegated): Departure {
  const { entry, candidate, context } = delegated
  const transport = kind === 'stdio' ? kind : link.current(context)?.transport
  return { upstream: link.label, transport, kind: entry.kind, name: entry.name, as: candidate.name }
}

function endOf(outcome: Returned | Fault): CallEnd {
  if (outcome instanceof Fault) return outcome
  return outcome.errorCode === undefined ? undefined : 'upstream_error'
}

/** The call on its way over another upstream; undefined when there is none, or it must not go there. */
async function elsewhere(
  parts: TravelParts,
  before: Delegated,
  avoid: readonly string[],
): Promise<Delegated | undefined> {
  try {
    const { self, ways } = parts
    return await exchange({ upstreams: parts.upstreams(), self, ways, avoid }, before, undefined)
  } catch (error) {
    // What became of it where it went says more than why it cannot go elsewhere.
    if (error instanceof Fault) return undefined
    throw error
  }
}

function upstreamOf(parts: TravelParts, { candidate }: Delegated): Upstream {
  const upstream = parts.upstreams().get(candidate.upstream)
  // `exchange` found it in the same table a moment ago.
  if (upstream === undefined) throw new TypeError('the upstream vanished')
  return upstream
}
