// Whether a mesh that is whole again is as it was.
import { setTimeout as pause } from 'node:timers/promises'
import { TOOL_NAMES } from './mesh-servers.ts'
import {
  isPlainHttp,
  LINKS,
  NODES,
  ORGANISATIONS,
  organisationOf,
  reached,
  type PlannedLink,
} from './mesh-shape.ts'
import type { Visitor } from './mesh-visitor.ts'
import type { Known } from './mesh-member.ts'
import type { MeshWorld } from './mesh-world.ts'

/** Between two looks, ms. */
const LOOK_MS = 100

/**
 * Waits until all is as it was: everybody is shown everything and can call it, the nodes of an organisation know the
 * same, and every node has the shortest way to every namespace.
 *
 * @param bound ms
 * @returns how long it took, ms
 * @throws Error with what is still wrong when the bound has passed
 */
export async function recovered(
  world: MeshWorld,
  visitors: readonly Visitor[],
  bound: number,
): Promise<number> {
  const start = performance.now()
  for (;;) {
    const wrong = [...(await gossipProblems(world)), ...(await visitorProblems(visitors))]
    const took = performance.now() - start
    if (wrong.length === 0) return took
    if (took > bound) throw new Error(`not recovered after ${bound} ms: ${wrong.join('; ')}`)
    await pause(LOOK_MS)
  }
}

async function visitorProblems(visitors: readonly Visitor[]): Promise<string[]> {
  const found = await Promise.all(
    visitors.map(async (visitor) => {
      const names = await visitor.look()
      const isAll = names?.join() === visitor.all.join()
      if (!isAll)
        return [`${visitor.name} is shown ${names?.length} of ${visitor.all.length} tools`]
      const spaces = new Set(visitor.all.map((name) => name.split('__')[0] ?? ''))
      const calls = [...spaces].map(async (space) => {
        const all = await Promise.all(TOOL_NAMES.map((tool) => visitor.call(space, tool)))
        return all.every(Boolean) ? [] : [`${visitor.name} cannot call all of ${space}`]
      })
      return (await Promise.all(calls)).flat()
    }),
  )
  return found.flat()
}

/** What is wrong with what nodes know of the mesh. */
async function gossipProblems(world: MeshWorld): Promise<string[]> {
  const asked = NODES.map(async ({ name }) => [name, await world.member(name).known()] as const)
  const known = new Map(await Promise.all(asked))
  const ids = new Map([...known].map(([name, one]) => [name, one?.topology.self ?? '']))
  const apart = ORGANISATIONS.flatMap((organisation) => {
    const roots = [...known].flatMap(([name, one]) =>
      organisationOf(name) === organisation ? [one?.topology.root] : [],
    )
    const { size } = new Set(roots)
    return size === 1 ? [] : [`the nodes of ${organisation} know ${size} things`]
  })
  return [...apart, ...[...known].flatMap(([name, one]) => tableProblems(name, one, ids))]
}

/** What is wrong with the table of one node: its ways are to be the shortest there are. */
function tableProblems(
  name: string,
  known: Known | undefined,
  ids: ReadonlyMap<string, string>,
): string[] {
  if (known === undefined) return [`${name} has no table`]
  const wanted = wantedWays(name, ids)
  const held = new Map<string, string | undefined>(
    known.ways.routes.map(({ origin, namespace, candidates }) => {
      const [best] = candidates
      const way = best && `${best.organisations.length} ${best.path.length}`
      return [`${origin} ${namespace}`, way] as const
    }),
  )
  const keys = new Set([...wanted.keys(), ...held.keys()])
  return [...keys].flatMap((key) => {
    const [is, should] = [held.get(key), wanted.get(key)]
    return is === should ? [] : [`${name} has the way ${is} to ${key}, and not ${should}`]
  })
}

/** Organisations and nodes of the shortest way to each namespace there is, by the key of its route. */
function wantedWays(name: string, ids: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const own = organisationOf(name)
  const all = reached(name, { node: () => true, link: tells })
  const inside = reached(name, {
    node: (other) => organisationOf(other) === own,
    link: tells,
  })
  const ways = NODES.filter((node) => all.has(node.name)).flatMap(
    ({ name: node, organisation, namespaces }) =>
      namespaces.map((space): [string, string] => {
        const id = ids.get(node) ?? ''
        const isOwn = organisation === own
        const key = `${isOwn ? id : `org:${organisation}`} ${space}`
        const passed =
          ORGANISATIONS.indexOf(organisation as 'acme') - ORGANISATIONS.indexOf(own as 'acme')
        const steps = isOwn ? (inside.get(node) ?? 0) : nearestBorder(inside)
        return [key, `${passed + 1} ${steps + (isOwn ? 1 : 2)}`]
      }),
  )
  return new Map(ways)
}

/** Links from a node to the nearest one with a link over the border. */
function nearestBorder(inside: ReadonlyMap<string, number>): number {
  const distances = LINKS.flatMap(([from, to]) => {
    const isBorder = organisationOf(from) !== organisationOf(to) && tells([from, to])
    return isBorder ? [inside.get(from) ?? Infinity] : []
  })
  return Math.min(...distances)
}

/** Over plain HTTP nodes tell each other nothing of ways. */
function tells(link: PlannedLink): boolean {
  return !isPlainHttp(link)
}
