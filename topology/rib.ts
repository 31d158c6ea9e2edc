import type { NodeId } from '../protocol/federation.ts'
import { PathIndex } from './path-index.ts'
import type { RecordDb } from './record-db.ts'
import { isDead, isDraining, lot, type PathStep, type Route } from './route.ts'
import type { ImportPolicy, Peer } from './route-policy.ts'

/** A way to a namespace. */
export interface Candidate {
  /** The upstream node to go to next; undefined when the namespace is this node's own. */
  readonly next: NodeId | undefined
  /** As this node has it: its own step is the first. */
  readonly route: Route
}

/** Where a namespace is reached. */
export interface FibEntry {
  readonly key: Route['key']
  /** Best first; empty when it is gone, and only its names are still held. */
  readonly candidates: readonly Candidate[]
  /** What was the best before it was gone. */
  readonly last: Route
  /** Until when a namespace that is gone keeps its names, ms of the node's clock. */
  readonly staleUntil?: number | undefined
}

export interface RibLimits {
  /** Nodes on a path at most, this one included. */
  readonly maxDepth: number
  /** Routes taken from one peer at most. */
  readonly routesPerPeer: number
  /** How long names are held when all ways are gone, ms. */
  readonly staleFor: number
}

/** The link to an upstream node, as far as routes care. */
export interface Uplink {
  readonly peer: Peer
  /** Of this node's link to it; routes of a link that is down do not count. */
  readonly epoch: number
  readonly up: boolean
  readonly cost: number
}

/** Candidates kept for one namespace. */
const WAYS = 3

interface Self extends Peer {
  readonly inc: number
}

interface Ranked extends Candidate {
  readonly rank: readonly number[]
}

/** The routes upstream nodes offer, and the choice among them. */
export class Rib {
  readonly #db: RecordDb
  readonly #limits: RibLimits
  readonly #imports: ImportPolicy
  readonly #offers = new Map<NodeId, Map<string, Route>>()
  readonly #uplinks = new Map<NodeId, Uplink>()
  readonly #own = new Map<string, Route>()
  readonly #index = new PathIndex()
  readonly fib: Map<string, FibEntry> = new Map<string, FibEntry>()
  /** Routes that were not kept because a peer sent too many. */
  refused = 0

  constructor(db: RecordDb, imports: ImportPolicy, limits: RibLimits) {
    this.#db = db
    this.#imports = imports
    this.#limits = limits
  }

  /** Takes in what an upstream offers for a key; undefined takes it back. Gives whether anything changed. */
  offer(peer: NodeId, key: string, route: Route | undefined): boolean {
    const offers = this.#offers.get(peer) ?? new Map<string, Route>()
    this.#offers.set(peer, offers)
    const before = offers.get(key)
    if (route === undefined && before === undefined) return false
    if (before === undefined && offers.size >= this.#limits.routesPerPeer) {
      this.refused += 1
      return false
    }
    if (before !== undefined) this.#index.remove(key, before.path)
    if (route === undefined) offers.delete(key)
    else {
      offers.set(key, route)
      this.#index.add(key, route.path)
    }
    return true
  }

  /** The keys an upstream offers. */
  offered(peer: NodeId): Iterable<string> {
    return this.#offers.get(peer)?.keys() ?? []
  }

  /** Sets how the link to an upstream stands; undefined when there is none any more, and what it offered goes too. */
  setUplink(id: NodeId, uplink: Uplink | undefined): void {
    if (uplink !== undefined) {
      this.#uplinks.set(id, uplink)
      return
    }
    this.#uplinks.delete(id)
    for (const [key, { path }] of this.#offers.get(id) ?? []) this.#index.remove(key, path)
    this.#offers.delete(id)
  }

  /** Sets a namespace of this node's own; undefined takes it away. */
  setOwn(key: string, route: Route | undefined): void {
    if (route === undefined) this.#own.delete(key)
    else this.#own.set(key, route)
  }

  /** Keys of this node's own. */
  own(): Iterable<string> {
    return this.#own.keys()
  }

  /** The keys with a route through a node. */
  through(id: NodeId): Iterable<string> {
    return this.#index.through(id)
  }

  /** Chooses anew for one key. Gives the entry, and what it was. */
  choose(key: string, self: Self, now: number): Chosen {
    const before = this.fib.get(key)
    const candidates = this.#candidates(key, self)
    const best = candidates[0]
    if (best === undefined) return { before, after: this.#gone(key, before, now) }
    const after: FibEntry = { key: best.route.key, candidates, last: best.route }
    this.fib.set(key, after)
    return { before, after }
  }

  #gone(key: string, before: FibEntry | undefined, now: number): FibEntry | undefined {
    if (before === undefined) return undefined
    const staleUntil = before.staleUntil ?? now + this.#limits.staleFor
    const after = staleUntil > now ? { ...before, candidates: [], staleUntil } : undefined
    if (after === undefined) this.fib.delete(key)
    else this.fib.set(key, after)
    return after
  }

  #candidates(key: string, self: Self): readonly Candidate[] {
    const own = this.#own.get(key)
    const ranked: Ranked[] = []
    for (const uplink of this.#uplinks.values()) {
      const one = this.#candidate(key, uplink, self)
      if (one !== undefined) ranked.push(one)
    }
    ranked.sort((a, b) => compareRanks(a.rank, b.rank))
    const ways = apart(ranked)
    return own === undefined ? ways : [{ next: undefined, route: own }, ...ways].slice(0, WAYS)
  }

  #candidate(key: string, uplink: Uplink, self: Self): Ranked | undefined {
    const { peer, up, epoch, cost } = uplink
    const offer = this.#offers.get(peer.id)?.get(key)
    if (offer === undefined || !up) return undefined
    if (!this.#isValid(offer, uplink, self)) return undefined
    const preference = this.#imports(offer, peer)
    if (preference === undefined) return undefined
    const foreign = peer.organisation !== self.organisation
    const step: PathStep = { id: self.id, inc: self.inc, epoch }
    const route: Route = {
      ...offer,
      path: [step, ...offer.path],
      organisations: foreign ? [self.organisation, ...offer.organisations] : offer.organisations,
      cost: offer.cost + cost,
    }
    const rank = [
      -preference,
      isDraining(offer.path, this.#db) ? 1 : 0,
      route.organisations.length,
      route.path.length,
      Math.floor(route.cost),
      lot(key, self.id, peer.id),
    ]
    return { next: peer.id, route, rank }
  }

  #isValid(offer: Route, { peer }: Uplink, self: Self): boolean {
    const { path, organisations } = offer
    if (path[0]?.id !== peer.id || path.length >= this.#limits.maxDepth) return false
    if (path.some(({ id }) => id === self.id)) return false
    const foreign = peer.organisation !== self.organisation
    if (foreign && organisations.includes(self.organisation)) return false
    return !isDead(path, this.#db)
  }
}

/** What choosing changed. */
export interface Chosen {
  readonly before: FibEntry | undefined
  readonly after: FibEntry | undefined
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index])
  return at === -1 ? 0 : (a[at] ?? 0) - (b[at] ?? 0)
}

/** The best, then those that share no node with what was taken, then the others. */
function apart(ranked: readonly Ranked[]): Candidate[] {
  const left = [...ranked]
  const taken: Ranked[] = []
  const passed = new Set<NodeId>()
  while (left.length > 0 && taken.length < WAYS) {
    const found = left.findIndex(({ route }) => !inner(route).some((id) => passed.has(id)))
    const [one] = left.splice(Math.max(found, 0), 1)
    if (one === undefined) break
    for (const id of inner(one.route)) passed.add(id)
    taken.push(one)
  }
  return taken.map(({ next, route }) => ({ next, route }))
}

/** The nodes of a path between this one and the last. */
function inner({ path }: Route): NodeId[] {
  return path.slice(1, -1).map(({ id }) => id)
}

/** The routes this node may be asked for by nobody but itself. */
export function ownRoute(
  self: Self,
  key: Route['key'],
  facts: Pick<Route, 'revision' | 'tags'>,
): Route {
  return {
    key,
    ...facts,
    path: [{ id: self.id, inc: self.inc, epoch: 0 }],
    organisations: [self.organisation],
    cost: 0,
  }
}
