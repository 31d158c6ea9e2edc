import type { NodeId } from '../../../protocol/federation.ts'
import type { ToolId } from '../../../protocol/names.ts'
import type { FibEntry } from '../../../topology/rib.ts'
import { keyText, type RouteKey } from '../../../topology/route.ts'
import type { WayRank } from '../../core/way-rank.ts'

/** What of the mesh decides about ways. */
export interface Ways {
  readonly organisation: string
  readonly fib: ReadonlyMap<string, FibEntry>
  /** The node an upstream leads to; undefined where that is not known. */
  peerOf(label: string): NodeId | undefined
  /** Whether the link to a node is down. */
  isDown(peer: NodeId): boolean
  /** Whether a node says which routes it has. */
  speaks(peer: NodeId): boolean
  /** Has a node looked for at once. */
  doubt(peer: NodeId): void
}

/** Where in the order a way stands that nothing is known of: behind what leads there, before what does not. */
const UNKNOWN = 1_000
const DEAD = 2_000

/** The key routes have to where a capability lives; beyond the border that is its organisation. */
export function keyOf({ organisation, node, namespace }: ToolId, own: string): RouteKey {
  return { origin: organisation === own ? node : `org:${organisation}`, namespace }
}

/** Ways in the order the table of routes has them. */
export class WayRanks implements WayRank {
  #ways: Ways | undefined
  /** The place of each node among the candidates of a key. */
  readonly #places = new Map<string, ReadonlyMap<NodeId, number>>()

  /** From now on these ways count; undefined: none do. */
  follow(ways: Ways | undefined): void {
    this.#ways = ways
    this.#places.clear()
    if (ways !== undefined) this.changed(ways.fib.keys())
  }

  /** Entries of the table changed. */
  changed(keys: Iterable<string>): void {
    for (const key of keys) {
      const entry = this.#ways?.fib.get(key)
      if (entry === undefined) this.#places.delete(key)
      else this.#places.set(key, placesOf(entry))
    }
  }

  readonly order = (id: ToolId, labels: readonly string[]): readonly string[] => {
    const ways = this.#ways
    if (ways === undefined || labels.length < 2) return labels
    const places = this.#places.get(keyText(keyOf(id, ways.organisation)))
    const ranked = labels.map((label) => ({ label, place: placeOf(ways, places, label) }))
    const first = ranked[0]?.place ?? 0
    // Mostly nothing distinguishes them.
    if (ranked.every(({ place }) => place === first)) return labels
    // The sort is stable: what is equal stays in the order of the operator.
    return ranked.toSorted((a, b) => a.place - b.place).map(({ label }) => label)
  }

  readonly isDead = (id: ToolId, label: string): boolean => {
    const ways = this.#ways
    if (ways === undefined) return false
    const places = this.#places.get(keyText(keyOf(id, ways.organisation)))
    return placeOf(ways, places, label) === DEAD
  }

  readonly failed = (label: string): void => {
    const peer = this.#ways?.peerOf(label)
    if (peer !== undefined) this.#ways?.doubt(peer)
  }
}

function placesOf({ candidates }: FibEntry): ReadonlyMap<NodeId, number> {
  return new Map(
    candidates.flatMap(({ next }, place) => (next === undefined ? [] : [[next, place] as const])),
  )
}

function placeOf(
  ways: Ways,
  places: ReadonlyMap<NodeId, number> | undefined,
  label: string,
): number {
  const peer = ways.peerOf(label)
  if (peer === undefined) return UNKNOWN
  if (ways.isDown(peer)) return DEAD
  const place = places?.get(peer)
  if (place !== undefined) return place
  // Of a namespace that nobody has spoken of nothing is known, nor from a node that does not speak.
  return places !== undefined && ways.speaks(peer) ? DEAD : UNKNOWN
}
