import { hash } from 'node:crypto'
import type { LinkMessage, RouteDelta } from './link-message.ts'
import { keyText, sameRoute, type Route } from './route.ts'
import type { Peer } from './route-policy.ts'

/** Minimum time between two advertisements of one key that are no better than what was said, ms. */
export interface AdvertTiming {
  readonly interval: number
  /** Up to this share more or less, so that nodes do not speak in chorus. */
  readonly jitter: number
}

export const ADVERT_TIMING: AdvertTiming = { interval: 200, jitter: 0.25 }

interface Sent {
  readonly route: Route
  /** From when on something no better may be said, ms of the node's clock. */
  readonly quietUntil: number
}

/**
 * What one downstream node was told, and is still to be told. A withdrawal, or something better, goes out at once; all
 * else waits for its time, and if the truth comes back to what was said, nothing goes out at all.
 */
export class Advertiser {
  readonly peer: Peer
  readonly #timing: AdvertTiming
  readonly #random: () => number
  readonly #sent = new Map<string, Sent>()
  readonly #pending = new Map<string, { readonly delta: RouteDelta; readonly due: number }>()
  /** Of namespaces that are one for this peer: the routes they are made of, by the keys they have here. */
  readonly #merged = new Map<string, Map<string, Route>>()
  readonly #outer = new Map<string, string>()
  #seq = 0
  #full = true
  #due = Infinity

  constructor(peer: Peer, timing: AdvertTiming, random: () => number) {
    this.peer = peer
    this.#timing = timing
    this.#random = random
  }

  /** When the next thing must be said, ms of the node's clock. */
  get due(): number {
    return this.#full ? 0 : this.#due
  }

  /** Routes it was told of. */
  get size(): number {
    return this.#sent.size
  }

  /** Begins anew: everything is to be said again, as it stands. */
  restart(): void {
    for (const [key, { route }] of this.#sent) {
      if (!this.#pending.has(key)) this.#put(key, { key: route.key, route }, 0)
    }
    this.#sent.clear()
    for (const [key, { delta }] of this.#pending) {
      if (delta.route === undefined) this.#pending.delete(key)
      else this.#put(key, delta, 0)
    }
    this.#full = true
  }

  /** Takes in what the peer is to know of a key of this node; undefined when it is to know nothing of it. */
  update(inner: string, route: Route | undefined, now: number): void {
    const outer = route === undefined ? undefined : keyText(route.key)
    const before = this.#outer.get(inner)
    if (before !== undefined && before !== outer) {
      this.#outer.delete(inner)
      this.#merge(before, inner, undefined, now)
    }
    if (route === undefined || outer === undefined) {
      if (before === undefined) this.#say(inner, undefined, now)
      return
    }
    if (outer === inner) this.#say(outer, route, now)
    else {
      this.#outer.set(inner, outer)
      this.#merge(outer, inner, route, now)
    }
  }

  /** What is to be said by now; undefined when that is nothing. @param records texts that are the cause of it */
  flush(now: number, records: readonly string[]): LinkMessage | undefined {
    if (this.due > now) return undefined
    const routes: RouteDelta[] = []
    let next = Infinity
    for (const [key, { delta, due }] of this.#pending) {
      if (due > now && !this.#full) {
        next = Math.min(next, due)
        continue
      }
      this.#pending.delete(key)
      routes.push(delta)
      if (delta.route === undefined) this.#sent.delete(key)
      else this.#sent.set(key, { route: delta.route, quietUntil: now + this.#interval() })
    }
    this.#due = next
    const full = this.#full
    if (!full && routes.length === 0) return undefined
    this.#full = false
    this.#seq += 1
    return { type: 'routes', seq: this.#seq, full, routes, records }
  }

  #interval(): number {
    const { interval, jitter } = this.#timing
    return interval * (1 + jitter * (2 * this.#random() - 1))
  }

  #merge(outer: string, inner: string, route: Route | undefined, now: number): void {
    const parts = this.#merged.get(outer) ?? new Map<string, Route>()
    if (route === undefined) parts.delete(inner)
    else parts.set(inner, route)
    if (parts.size === 0) this.#merged.delete(outer)
    else this.#merged.set(outer, parts)
    this.#say(outer, union(parts), now)
  }

  #say(key: string, route: Route | undefined, now: number): void {
    const sent = this.#sent.get(key)
    if (sameRoute(sent?.route, route)) {
      this.#pending.delete(key)
      return
    }
    const of = route?.key ?? sent?.route.key
    // What was never said needs no taking back.
    if (of === undefined) {
      this.#pending.delete(key)
      return
    }
    const waits = sent !== undefined && route !== undefined && !isBetter(route, sent.route)
    this.#put(key, { key: of, route }, waits ? Math.max(now, sent.quietUntil) : now)
  }

  #put(key: string, delta: RouteDelta, due: number): void {
    this.#pending.set(key, { delta, due })
    this.#due = Math.min(this.#due, due)
  }
}

function isBetter(a: Route, b: Route): boolean {
  const byOrganisations = a.organisations.length - b.organisations.length
  const byPath = a.path.length - b.path.length
  return (byOrganisations || byPath || a.cost - b.cost) < 0
}

/** Several namespaces as the one they are for others: the first by key, of a revision that is all of theirs. */
function union(parts: ReadonlyMap<string, Route>): Route | undefined {
  const ordered = [...parts].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const first = ordered[0]?.[1]
  if (first === undefined || ordered.length === 1) return first
  const revisions = ordered.map(([key, { revision }]) => `${key} ${revision}`)
  const tags = [...new Set(ordered.flatMap(([, { tags: own }]) => own))]
  return { ...first, tags, revision: hash('sha256', revisions.join('\n'), 'base64url') }
}
