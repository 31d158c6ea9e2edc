import type { HopTrail, NodeId } from '../../protocol/federation.ts'
import {
  OWN,
  type Authenticated,
  type Candidate,
  type Entry,
  type Subscribed,
  type SubscriptionRequest,
  type Watcher,
} from '../core/stages.ts'
import type { Principal } from '../core/principal.ts'
import type { Who } from './exchange.ts'
import type { ListAsker } from './fresh-lists.ts'
import type { Sight } from './sight.ts'
import type { ViewRule } from './sources.ts'
import { nearest, resourceBelow } from './sub-resources.ts'
import {
  SharedSubscription,
  type SubscribedConnection,
  type SubscribedLink,
} from './shared-subscription.ts'

/**
 * How long a caller waits for what upstreams grant, milliseconds. Whoever is nearer to one that hangs gives up first, so
 * that the nodes before it still hear of what the others grant.
 */
export const PATIENCE_MS = { client: 2_000, nodeForNode: 1_500, nodeForServer: 1_000 } as const

/** Pause before what an upstream refuses to renew is asked for again, milliseconds, doubling from min to max. */
const RETRY_MS = { min: 2_000, max: 60_000 } as const

/** What `Subscriptions` is made with. */
export interface SubscriptionParts {
  readonly catalogue: {
    findResource(asker: Watcher, uri: string): Entry | undefined
    firstLists(asker: ListAsker, kind: 'resource', uri: string): Promise<unknown> | undefined
    sightOf(asker: Watcher): Sight | undefined
    rule(endpoint: string): Pick<ViewRule, 'names'> | undefined
  }
  /** The link to an upstream by label. */
  readonly link: (upstream: string) => SubscribedLink | undefined
  /** The `whose` of that caller at an upstream. */
  readonly whose: (upstream: string, who: Who) => string
}

/** One resource that one request wants to hear of. */
interface Wish extends Who {
  readonly endpoint: string
  readonly principal: Principal
  /** As it was asked for. */
  readonly uri: string
  readonly updated: (uri: string) => void
  /** Whose it is at the upstream it is placed at. */
  whose: string
  /** Set when the caller is another node. */
  readonly node: NodeId | undefined
  /** Of the request. */
  readonly trail: HopTrail
  shared: SharedSubscription<Wish> | undefined
  /** Granted once, so that the caller counts on it. */
  granted: boolean
  /** Counts the attempts to place it; an older one stops when it sees that. */
  turn: number
  placing: boolean
  /** Connections on which it was not granted: it is not asked for again before there is another. */
  refused: WeakSet<SubscribedConnection>
}

/** One way to a resource. */
interface Way {
  readonly link: SubscribedLink
  readonly whose: string
  readonly uri: string
}

/**
 * Who hears of which resource: callers of both eras share one subscription for each resource of an upstream, which ends
 * with the last of them. What was granted stays through reconnects, failover and new configurations: it is moved, and
 * because something may have been missed on the way, its caller is told that the resource has changed.
 *
 * Where a process holds a server's state alone, what a call changes in the one it went to shows in no other. So it is
 * subscribed to in the processes of its caller, too, as they come: none is started for it.
 */
export class Subscriptions {
  readonly #parts: SubscriptionParts
  readonly #wishes = new Set<Wish>()
  readonly #shared = new Map<SubscribedLink, Map<string, SharedSubscription<Wish>>>()
  #reviewing = false
  #retry: NodeJS.Timeout | undefined
  #retryDelay: number = RETRY_MS.min

  constructor(parts: SubscriptionParts) {
    this.#parts = parts
  }

  /** Resources that callers want to hear of. */
  get size(): number {
    return this.#wishes.size
  }

  /** Subscriptions at upstreams. */
  get upstreamSize(): number {
    let size = 0
    for (const shared of this.#shared.values()) size += shared.size
    return size
  }

  /**
   * Subscribes to resources of an endpoint. Those nobody grants within `PATIENCE_MS` are not granted, and let go; those
   * that are hidden or unknown are not either, and nothing is asked upstream. Never rejects.
   */
  async subscribe(
    { received, principal }: Authenticated,
    { uris, updated }: SubscriptionRequest,
  ): Promise<Subscribed> {
    const { endpoint, caller, trail } = received
    const node = caller.capabilities.federation?.node
    // No more of the call: this stays for as long as the subscription does.
    const { session } = caller
    const common = { endpoint, principal, session, updated, node, trail }
    const wishes = [...new Set(uris)].map((uri) => this.#wish({ ...common, uri }))
    await Promise.all(wishes.map((wish) => this.#introduce(wish)))
    const granted = wishes.filter((wish) => wish.granted)
    for (const wish of wishes) if (!wish.granted) this.#drop(wish)
    return {
      granted: granted.map(({ uri }) => uri),
      end: () => {
        for (const wish of granted) this.#drop(wish)
      },
    }
  }

  /** A resource changed at an upstream, or a part of it; `uri` as it is known there. With `whose`: for them alone. */
  updated(link: SubscribedLink, uri: string, whose?: string): void {
    const ofLink = this.#shared.get(link)
    const shared = nearest(uri, (name) => {
      const found = ofLink?.get(name)
      return found?.isWanted(whose) === true ? found : undefined
    })
    for (const wish of shared?.holders(whose) ?? []) {
      if (shared?.uri === uri) tell(wish)
      else this.#tellBelow(wish, link, uri)
    }
  }

  /** Something below what was subscribed to has changed. A node is told what, for it has callers who may not see that. */
  #tellBelow(wish: Wish, link: SubscribedLink, uri: string): void {
    const { catalogue } = this.#parts
    const entry = this.#find(wish)
    const way = entry?.candidates.find(({ upstream }) => this.#parts.link(upstream) === link)
    if (entry === undefined || way === undefined || !wish.granted) return
    const names = catalogue.rule(wish.endpoint)?.names.style ?? 'prefixed'
    const peer = way.imported ? link.current(OWN)?.server.federation : undefined
    const below = resourceBelow(entry, { uri, names, peer })
    const sight = catalogue.sightOf(wish)
    if (sight?.hasRules === true && !sight.shows(below)) return
    wish.updated(wish.node === undefined ? wish.uri : below.name)
  }

  /**
   * A process of somebody's own is there: what they subscribed to is subscribed to there, too. If it takes the place of
   * another, that had another state, and they are told.
   */
  openedApart(link: SubscribedLink, connection: SubscribedConnection, whose: string): void {
    for (const shared of this.#shared.get(link)?.values() ?? []) {
      if (!shared.openedApart(connection, whose)) continue
      for (const wish of shared.holders(whose)) tell(wish)
    }
  }

  /** An upstream came or went, or shows other resources: what is granted moves to where it is to be had now. */
  review(): void {
    if (this.#reviewing || this.#wishes.size === 0) return
    this.#reviewing = true
    clearTimeout(this.#retry)
    this.#retry = undefined
    this.#retryDelay = RETRY_MS.min
    // News of several upstreams and lists come together.
    queueMicrotask(() => {
      this.#reviewing = false
      for (const wish of this.#wishes) this.#look(wish)
    })
  }

  /** Forgets everything. What is subscribed ends with the connections, which are closed next. */
  close(): void {
    clearTimeout(this.#retry)
    for (const wish of this.#wishes) wish.turn += 1
    this.#wishes.clear()
    this.#shared.clear()
  }

  #wish(
    facts: Pick<Wish, 'endpoint' | 'principal' | 'session' | 'uri' | 'updated' | 'node' | 'trail'>,
  ): Wish {
    const wish: Wish = {
      ...facts,
      whose: '',
      shared: undefined,
      granted: false,
      turn: 0,
      placing: false,
      refused: new WeakSet(),
    }
    this.#wishes.add(wish)
    return wish
  }

  /** Places a new wish, as far as there is time. */
  async #introduce(wish: Wish): Promise<void> {
    const { uri, node, trail } = wish
    const startedAt = performance.now()
    // Right after the start it may be unknown only because the list it stands in is still on its way.
    const asker = { ...wish, trail, forNode: node !== undefined }
    const lists = this.#parts.catalogue.firstLists(asker, 'resource', uri)
    const longest = node === undefined ? PATIENCE_MS.client : PATIENCE_MS.nodeForServer
    if (lists !== undefined) await within(lists, startedAt + longest)
    const entry = this.#find(wish)
    if (entry === undefined) return
    const ways = this.#waysTo(wish, entry)
    const open = ways.filter(isUp)
    // If none is up, the best may be back by now; asking finds that out.
    const worth = open.length > 0 ? open : ways.slice(0, 1)
    await this.#place(wish, worth, startedAt + patience(wish, entry))
  }

  /** The resource, if whoever wishes for it may read it. */
  #find(wish: Wish): Entry | undefined {
    const { catalogue } = this.#parts
    const entry = catalogue.findResource(wish, wish.uri)
    const sight = catalogue.sightOf(wish)
    return entry === undefined || sight?.sees(entry) === false ? undefined : entry
  }

  /** Moves a wish that was granted, if it is not where it should be. */
  #look(wish: Wish): void {
    // A new one is on its way already.
    if (!wish.granted) return
    const entry = this.#find(wish)
    const open = entry === undefined ? [] : this.#waysTo(wish, entry).filter(isUp)
    const untried = open.filter((way) => !wasRefused(wish, way))
    const [best] = untried
    if (best !== undefined && isOnTheWay(wish, best)) return
    void this.#place(wish, untried)
    if (untried.length < open.length) this.#retryLater()
  }

  /** Tries the ways in turn until one grants: all of them by a deadline, or each for as long as it is worth. */
  async #place(wish: Wish, ways: readonly Way[], deadline?: number): Promise<void> {
    const turn = (wish.turn += 1)
    wish.placing = true
    for (const way of ways) {
      const limit = deadline ?? performance.now() + PATIENCE_MS.client
      if (performance.now() >= limit) break
      const shared = this.#move(wish, way)
      const granted = shared.live || (await within(shared.open(), limit)) === true
      if (wish.turn !== turn) return
      if (granted) {
        // Before anybody is told, who might change it in the next moment.
        await within(shared.openApart(way.whose), limit)
        if (wish.turn !== turn) return
        this.#settle(wish)
        // It may have been lost while the others were waited for, when nobody looked.
        if (!shared.live) this.#look(wish)
        return
      }
      const connection = way.link.current(OWN)
      if (connection !== undefined) wish.refused.add(connection)
    }
    wish.placing = false
    this.#leave(wish)
    if (wish.granted && ways.length > 0) this.#retryLater()
  }

  #settle(wish: Wish): void {
    wish.placing = false
    // Nothing was promised before, so nothing was missed.
    if (wish.granted) tell(wish)
    wish.granted = true
  }

  /** Where a wish may be placed, in order of preference. */
  #waysTo(wish: Wish, { candidates }: Entry): readonly Way[] {
    const { node } = wish
    const { path: passed } = wish.trail
    return candidates.flatMap((candidate, index) => {
      const link = this.#parts.link(candidate.upstream)
      if (link === undefined || (node !== undefined && isDetour(candidate, index))) return []
      const next = link.current(OWN)?.server.federation?.node
      if (next !== undefined && (next === node || passed.includes(next))) return []
      return [{ link, uri: candidate.name, whose: this.#parts.whose(candidate.upstream, wish) }]
    })
  }

  #move(wish: Wish, way: Way): SharedSubscription<Wish> {
    if (wish.shared !== undefined && isAt(wish.shared, way)) return wish.shared
    this.#leave(wish)
    const { link, uri, whose } = way
    const ofLink = this.#shared.get(link) ?? new Map<string, SharedSubscription<Wish>>()
    this.#shared.set(link, ofLink)
    const shared = ofLink.get(uri) ?? new SharedSubscription<Wish>(link, uri)
    ofLink.set(uri, shared)
    wish.whose = whose
    wish.shared = shared
    shared.add(wish)
    return shared
  }

  #leave(wish: Wish): void {
    const { shared } = wish
    if (shared === undefined) return
    wish.shared = undefined
    shared.remove(wish)
    if (shared.isWanted()) return
    const ofLink = this.#shared.get(shared.link)
    ofLink?.delete(shared.uri)
    if (ofLink?.size === 0) this.#shared.delete(shared.link)
    shared.close()
  }

  #drop(wish: Wish): void {
    if (!this.#wishes.delete(wish)) return
    wish.turn += 1
    this.#leave(wish)
  }

  /** An upstream that is up but does not grant any more says nothing when it would again. */
  #retryLater(): void {
    if (this.#retry !== undefined) return
    this.#retry = setTimeout(() => {
      this.#retry = undefined
      for (const wish of this.#wishes) {
        if (wish.shared !== undefined) continue
        wish.refused = new WeakSet()
        this.#look(wish)
      }
    }, this.#retryDelay)
    this.#retry.unref()
    this.#retryDelay = Math.min(this.#retryDelay * 2, RETRY_MS.max)
  }
}

function tell({ granted, updated, uri }: Wish): void {
  if (granted) updated(uri)
}

function isUp({ link }: Way): boolean {
  return link.current(OWN) !== undefined
}

function wasRefused({ refused }: Wish, { link }: Way): boolean {
  const connection = link.current(OWN)
  return connection !== undefined && refused.has(connection)
}

/** Whether it stands there, or is about to. */
function isOnTheWay({ shared, placing }: Wish, way: Way): boolean {
  return shared !== undefined && isAt(shared, way) && (shared.live || (placing && shared.pending))
}

function isAt(shared: SharedSubscription<Wish>, { link, uri }: Way): boolean {
  return shared.link === link && shared.uri === uri
}

/**
 * Whether it is not the way this node tells other nodes of. On their behalf it is not taken: nodes that evade to each
 * other would, with nothing behind them, send each other's updates in a circle.
 */
function isDetour({ imported }: Candidate, index: number): boolean {
  return imported && index > 0
}

function patience({ node }: Wish, { candidates }: Entry): number {
  if (node === undefined) return PATIENCE_MS.client
  return candidates[0].imported ? PATIENCE_MS.nodeForNode : PATIENCE_MS.nodeForServer
}

/** What comes of it until the deadline; undefined when nothing does. */
async function within<T>(work: Promise<T> | undefined, deadline: number): Promise<T | undefined> {
  const milliseconds = deadline - performance.now()
  if (work === undefined || milliseconds <= 0) return undefined
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds)
  })
  try {
    return await Promise.race([work, limit])
  } finally {
    clearTimeout(timer)
  }
}
