import type { NodeId } from '../protocol/federation.ts'
import type { Uplink } from './links.ts'
import type { LinkFact, NamespaceFact, NodeRecord } from './record.ts'
import type { OwnNamespace } from './speaker-types.ts'

/** What a node says of one of its links. */
export function linkFact({ peer, cost, health }: Uplink): LinkFact {
  return { to: peer.id, up: health.state !== 'down', epoch: health.epoch, cost }
}

/** The nodes that a record says its node lost, and the one before did not. */
export function lostLinks(before: NodeRecord | undefined, { links }: NodeRecord): NodeId[] {
  if (links.every(({ up }) => up)) return []
  const known = new Map(before?.links.map((link) => [link.to, link]))
  return links.flatMap(({ to, up, epoch }) => {
    const was = known.get(to)
    const isNews = was === undefined || was.up || was.epoch < epoch
    // A link that never was up is none that was lost.
    return !up && epoch > 0 && isNews ? [to] : []
  })
}

/** What a node says of one of its namespaces: nothing, where it is hidden. */
export function namespaceFacts(own: OwnNamespace): readonly NamespaceFact[] {
  const { name, revision, count, tags, hidden } = own
  if (hidden === 'omitted') return []
  const facts = { count, digest: revision }
  if (hidden === undefined) return [{ name, ...facts, tags }]
  return [{ blinded: hidden.blinded, ...facts, tags: [] }]
}
