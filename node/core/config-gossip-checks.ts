import type { ConfigProblem } from './config-error.ts'
import { didYouMean } from './config-hints.ts'
import type { ConfigOutline } from './config-outline.ts'
import type { NodeConfig } from './config-types.ts'

/** Mistakes between `gossip` and the upstreams. */
export function gossipChecks(outline: ConfigOutline): readonly ConfigProblem[] {
  return [...searchesNothing(outline), ...linksNobody(outline)]
}

/** Nodes that are looked for where nobody says where they are. */
function searchesNothing({ gossip, upstreams }: ConfigOutline): readonly ConfigProblem[] {
  if (gossip !== 'none') return []
  return [...upstreams].flatMap(([label, upstream]) => {
    if (upstream?.kind !== 'node' || upstream.node.find === undefined) return []
    const key = upstream.node.find.id === undefined ? 'name' : 'id'
    const path = ['upstreams', label, 'node', key]
    const hint = 'add "gossip", or give its "url"'
    return [{ path, message: 'needs "gossip": nodes are found by their records', hint }]
  })
}

function linksNobody({ gossip, upstreams }: ConfigOutline): readonly ConfigProblem[] {
  if (gossip === undefined || gossip === 'none') return []
  return Object.keys(gossip.links).flatMap((label): ConfigProblem[] => {
    const path = ['gossip', 'links', label]
    const upstream = upstreams.get(label)
    if (upstream === undefined && upstreams.has(label)) return []
    if (upstream?.kind === 'node') return []
    const known = [...upstreams].flatMap(([name, one]) => (one?.kind === 'node' ? [name] : []))
    const hint = didYouMean(label, known)
    const message = `there is no node upstream "${label}"`
    return [{ path, message, at: 'key' as const, ...(hint !== undefined && { hint }) }]
  })
}

/** What of `gossip` is allowed but probably not meant. */
export function gossipWarnings({ gossip }: NodeConfig): readonly ConfigProblem[] {
  if (gossip === undefined) return []
  const warnings: ConfigProblem[] = []
  if (gossip.members.kind === 'first-use') {
    const hint = 'list the ids of its nodes, or name the keys that sign membership tokens'
    const message =
      'first-use: whoever reaches the bus or a link can say it is a node of the organisation'
    warnings.push({ path: ['gossip', 'members'], message, hint })
  }
  if (gossip.members.kind === 'issued' && gossip.membership === undefined) {
    const message = 'is missing: other nodes will not believe that this one is a member'
    warnings.push({ path: ['gossip', 'membership'], message })
  }
  return warnings
}
