// What is so in a simulated mesh, whatever its nodes believe.
import type { MeshSim } from '../../topology/sim/mesh-sim.ts'

/** The nodes that `id` can use now, by links that are not cut. */
function usable(sim: MeshSim, id: string): string[] {
  return sim
    .linksOf(id)
    .filter(({ isCut, plan }) => !isCut && sim.nodes.get(plan.to)?.speaker !== undefined)
    .map(({ plan }) => plan.to)
}

/** Nodes each node can reach, itself included, with the number of nodes on the shortest way. */
export function distances(sim: MeshSim, from: string): Map<string, number> {
  const found = new Map([[from, 1]])
  const queue = [from]
  for (const id of queue) {
    for (const next of usable(sim, id)) {
      if (found.has(next)) continue
      found.set(next, (found.get(id) ?? 0) + 1)
      queue.push(next)
    }
  }
  return found
}

/** Follows the tables from a node, as a call would; the nodes it visits, or undefined when it gets nowhere. */
export function walk(sim: MeshSim, from: string, key: string): string[] | undefined {
  const visited: string[] = []
  for (let id = from; ;) {
    if (visited.includes(id)) throw new Error(`a loop: ${visited.join(' ')} ${id}`)
    visited.push(id)
    const best = sim.nodes.get(id)?.speaker?.fib.get(key)?.candidates[0]
    if (best === undefined) return undefined
    if (best.next === undefined) return visited
    const link = sim.link(id, best.next)
    if (link === undefined || link.isCut) return undefined
    id = best.next
  }
}
