import { Fault } from '../../protocol/errors.ts'
import { nextTrail, type NodeId } from '../../protocol/federation.ts'
import type { Candidate, Delegated, Visible } from '../core/stages.ts'
import { SHARED, type Link } from '../outbound/link.ts'

/** An upstream as the hop uses it. */
export interface Upstream {
  readonly link: Link
  readonly kind: 'stdio' | 'http' | 'node'
  /** Who shares one session or process: all callers that are one principal, or only requests of one session. */
  readonly isolate: 'principal' | 'session'
  /** Deadline of a call, milliseconds; progress extends it. */
  readonly timeout: number
  /** Hard end of a call, milliseconds. */
  readonly maxTimeout: number
  /** Calls in flight. */
  readonly concurrency: number
}

/** The upstreams by label. */
export type Upstreams = ReadonlyMap<string, Upstream>

/**
 * The only maker of a `Delegated`: chooses the next hop and settles what it is told of the caller, never more than the
 * caller came with. The hop budget shrinks here.
 *
 * @throws Fault `hop_budget` when another node lies next and the budget does not reach it, `upstream_unavailable` when
 *   the upstream was taken out of the configuration
 */
export function exchange(upstreams: Upstreams, self: NodeId, visible: Visible): Delegated {
  const { received, entry } = visible
  const onward = nextTrail(received.trail, self)
  const candidate = choose(upstreams, entry.candidates, onward.path)
  const upstream = upstreams.get(candidate.upstream)
  if (upstream === undefined) {
    throw new Fault('upstream_unavailable', `upstream "${candidate.upstream}" is gone`)
  }
  if (upstream.kind === 'node' && onward.budget < 1) {
    throw new Fault('hop_budget', 'the hop budget does not reach the next node', {
      data: { node: self, path: onward.path },
    })
  }
  const alone = upstream.isolate === 'session' ? received.caller.session : undefined
  const { principal } = visible
  return { received, principal, entry, candidate, onward, context: alone ?? SHARED } as Delegated
}

/**
 * The first way whose link is up and whose next node has not passed the call yet, for that one would refuse it; if there
 * is none, the best, so that the caller hears of that one.
 */
function choose(
  upstreams: Upstreams,
  candidates: readonly [Candidate, ...Candidate[]],
  passed: readonly NodeId[],
): Candidate {
  const open = candidates.find(({ upstream }) => {
    const connection = upstreams.get(upstream)?.link.current(SHARED)
    const node = connection?.server.federation?.node
    return connection !== undefined && (node === undefined || !passed.includes(node))
  })
  return open ?? candidates[0]
}
