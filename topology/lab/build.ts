import type { ImportRule } from '../route-policy.ts'
import { MeshSim, type NodePlan, type Tuning } from '../sim/mesh-sim.ts'
import type { Lab, LabLink, LabNode } from './lab.ts'

/**
 * So long all nodes are on the bus before they have links, ms. A mesh that begins all at once would tell every record
 * over every link: with 1 000 nodes that is most of what a run takes, and says nothing about what happens later.
 */
const ALONE_MS = 1_000

/** How the nodes of a run differ from what the file says: for trying out whether expectations can break. */
export interface Sabotage {
  readonly tuning?: Tuning
  readonly plan?: (plan: NodePlan) => NodePlan
}

/** The mesh of a lab, a second after the beginning of time. */
export function buildMesh(lab: Lab, { tuning = {}, plan = (of) => of }: Sabotage = {}): MeshSim {
  const sim = new MeshSim(lab.seed, tuning)
  for (const [name, { gossip }] of lab.organisations) {
    if (gossip === undefined) sim.bus(name).set(false)
  }
  const filters = Map.groupBy(lab.links, ({ from }) => from)
  for (const node of lab.nodes.values()) {
    sim.addNode(plan(planOf(lab, node, filters.get(node.id) ?? [])))
  }
  sim.run(ALONE_MS)
  for (const { from, to, latency, jitter, dist, loss, cost } of lab.links) {
    sim.addLink({ from, to, latency, jitter, dist, loss, cost })
  }
  return sim
}

function planOf(lab: Lab, node: LabNode, links: readonly LabLink[]): NodePlan {
  const { id, organisation, namespaces } = node
  const { imports = [], exports = [] } = lab.organisations.get(organisation) ?? {}
  return { id, organisation, namespaces, exports, imports: [...links.flatMap(denials), ...imports] }
}

/** What a link does not let through, as rules of the node that uses it. */
export function denials({ to, filter: { tag, namespace } }: LabLink): ImportRule[] {
  const rule = { peer: to, preference: undefined }
  return [
    ...(tag === undefined ? [] : [{ ...rule, tags: [tag] }]),
    ...(namespace === undefined ? [] : [{ ...rule, namespaces: [namespace] }]),
  ]
}
