import type { FederationSettings, NodeId } from '../../protocol/federation.ts'
import type { ToolId } from '../../protocol/names.ts'
import { authorityOf, type UriHome } from '../../protocol/uris.ts'
import type { Candidate } from '../core/stages.ts'

/** One way to something that an upstream lists. */
export interface Reached {
  readonly id: ToolId
  /** Label of the upstream it comes from at its origin. */
  readonly source: string
  /** The namespace here that it is in. */
  readonly namespace: string
  /** Nodes from this one to the origin, and those known behind it. */
  readonly path: readonly NodeId[]
  readonly candidate: Candidate
  /** The node it is imported from. */
  readonly peer: FederationSettings | undefined
}

/** One way to the server a resource lives at. */
export interface HomeWay {
  /** Label of the upstream. */
  readonly upstream: string
  /** The namespace that leads there. */
  readonly namespace: string
  /** Nodes on the way. */
  readonly distance: number
  /** The node it is imported from. */
  readonly peer: FederationSettings | undefined
}

/** A server, by where it lives, and the ways to it, one for each upstream. */
export interface Home {
  readonly home: UriHome
  readonly ways: readonly HomeWay[]
}

/** Servers by what `homeKey` gives. */
export type Homes = ReadonlyMap<string, Home>

/** A server by what exposed URIs say of it; neither part has a slash. */
export function homeKey(authority: string, source: string): string {
  return `${authority}/${source}`
}

/** The servers some listed things live at: what of theirs is not listed can be reached in the same ways. */
export function homesOf(all: readonly Reached[]): Homes {
  const found = new Map<string, { home: UriHome; ways: Map<string, HomeWay> }>()
  for (const { id, source, namespace, path, candidate, peer } of all) {
    const { organisation, node, namespace: origin } = id
    const key = JSON.stringify([organisation, node, origin, source])
    const known = found.get(key) ?? {
      home: { organisation, node, namespace: origin, source },
      ways: new Map<string, HomeWay>(),
    }
    found.set(key, known)
    const { upstream } = candidate
    const distance = path.length
    if (distance < (known.ways.get(upstream)?.distance ?? Number.POSITIVE_INFINITY)) {
      known.ways.set(upstream, { upstream, namespace, distance, peer })
    }
  }
  const homes = [...found.values()].map(({ home, ways }): [string, Home] => {
    return [homeKey(authorityOf(home), home.source), { home, ways: [...ways.values()] }]
  })
  return new Map(homes)
}

/** The same server as several lists know it: all ways, the shortest first. */
export function joinHomes(known: readonly Home[]): Home | undefined {
  const [first] = known
  if (first === undefined) return undefined
  const ways = new Map<string, HomeWay>()
  for (const way of known.flatMap((one) => one.ways)) {
    const other = ways.get(way.upstream)
    if (other === undefined || way.distance < other.distance) ways.set(way.upstream, way)
  }
  // The sort is stable: among equal distances the first list's order stays.
  const sorted = [...ways.values()].toSorted((a, b) => a.distance - b.distance)
  return { home: first.home, ways: sorted }
}
