import { enterNode, type HopTrail, type NodeId } from '../protocol/federation.ts'
import type { Candidate, FibEntry } from './rib.ts'

/**
 * The ways a request may still take, best first: none leads to a node it has passed, and none is left when it may enter
 * no further one. Whatever tables say, a request visits no node twice.
 *
 * @param trail of the request as it came to this node, before it enters
 * @throws Fault `loop`, `hop_budget` when it may not even enter this one
 */
export function waysFor(entry: FibEntry, trail: HopTrail, self: NodeId): readonly Candidate[] {
  const { budget, path } = enterNode(trail, self)
  return entry.candidates.filter(
    ({ next }) => next === undefined || (budget > 1 && !path.includes(next) && next !== self),
  )
}
