import type { CapabilityKind } from '../../protocol/capability.ts'
import { asFault } from '../../protocol/errors.ts'
import type { FederationSettings, HopTrail } from '../../protocol/federation.ts'
import type { Listed } from '../../protocol/listing.ts'
import type { Era } from '../../protocol/revisions.ts'
import { OWN } from '../core/stages.ts'
import type { Connection } from '../outbound/connection.ts'
import type { Link } from '../outbound/link.ts'
import { reuse } from './list-collector.ts'
import {
  declares,
  INCOMPLETE_TTL_MS,
  ListReader,
  type ListReading,
  type Snapshot,
} from './list-reader.ts'

export interface MirrorOptions extends ListReading {
  /** How long a list without a ttl of its own is fresh, milliseconds. */
  readonly listTtl: number
  /** What this node lists behind the items of that kind. Default: nothing. */
  readonly own?: Listed
  /** The trail the node's own requests start with. */
  readonly trail: HopTrail
  /** What is listed is something else than before. */
  readonly changed: () => void
  /** Whether what is announced together with it has changed since that time. */
  readonly newsSince: (time: number) => boolean
}

const NOTHING: Snapshot = {
  items: [],
  peer: undefined,
  era: undefined,
  fetchedAt: 0,
  ttlMs: undefined,
  cacheScope: 'public',
}

/** How long to wait for a newer list where an older one can be served instead, milliseconds. */
const STALE_PATIENCE_MS = 1_000

/** How long after a fetch that failed another is worth it, for callers who ask for what is not there, milliseconds. */
const SECOND_TRY_MS = 1_000

/** Pause between fetches for an upstream that announces changes where there are none, milliseconds, doubling. */
const DOUBT = { min: 50, max: 2_000 }

/**
 * What one upstream lists of one kind, kept here: fetched whole when the link comes up, again when it says so or its time
 * is over, once however many ask. While the upstream is down the last list stands for a while, so that names do not flicker.
 */
export class Mirror {
  readonly link: Link
  readonly kind: CapabilityKind
  readonly #reader: ListReader
  readonly #options: MirrorOptions
  #snapshot = NOTHING
  /** The items with our own behind them, made once for a list. */
  #joined: { readonly from: readonly Listed[]; readonly items: readonly Listed[] } | undefined
  #evicted = true
  #fetch: Promise<void> | undefined
  #again = false
  /** When the last fetch failed; undefined when it did not. */
  #failedAt: number | undefined
  #doubt = 0
  /** The upstream has been down for so long that nothing of it is shown. */
  #withdrawn = false

  constructor(link: Link, kind: CapabilityKind, options: MirrorOptions) {
    this.link = link
    this.kind = kind
    this.#reader = new ListReader(link.label, kind, options)
    this.#options = options
  }

  get items(): readonly Listed[] {
    const items = this.#withdrawn ? NOTHING.items : this.#snapshot.items
    return this.showsOwn ? this.#own(items) : items
  }

  /** Whether something of this node's own stands behind what the upstream lists: not where that has the same name. */
  get showsOwn(): boolean {
    const { own } = this.#options
    if (own?.kind !== this.kind) return false
    return !this.#snapshot.items.some(({ name }) => name === own.name)
  }

  /** The node that listed it; undefined when it was no node. */
  get peer(): FederationSettings | undefined {
    return this.#snapshot.peer
  }

  /** The era it was listed in; undefined before the first list. */
  get era(): Era | undefined {
    return this.#snapshot.era
  }

  /** No list has been fetched yet, nor has it been found that there is none. */
  get untried(): boolean {
    return this.#snapshot === NOTHING && this.#failedAt === undefined
  }

  /** Whether something may be missing because it could not be fetched, and another try may fare better. */
  isLacking(now: number): boolean {
    return this.#failedAt !== undefined && now - this.#failedAt >= SECOND_TRY_MS
  }

  /** A list has been fetched. */
  get listed(): boolean {
    return this.#snapshot !== NOTHING
  }

  get cacheScope(): 'public' | 'private' {
    return this.#snapshot.cacheScope
  }

  /** Whether the upstream turned out to be another node, under whatever kind it is configured. */
  get ofNode(): boolean {
    return this.link.current(OWN)?.server.federation !== undefined
  }

  /** Milliseconds others may keep the list, never more than the upstream allowed. */
  freshFor(now: number): number {
    const { ttlMs, fetchedAt } = this.#snapshot
    if (this.#evicted) return 0
    if (ttlMs !== undefined) return Math.max(0, fetchedAt + ttlMs - now)
    if (this.#watching()) return this.#options.listTtl
    return Math.max(0, fetchedAt + this.#options.listTtl - now)
  }

  /** The same for callers from whom some of it is hidden: a node says it of all that it lists. */
  get freshForSome(): number {
    return this.#options.listTtl
  }

  /** Whether the list can be served as it is. */
  isFresh(now: number): boolean {
    if (this.#evicted) return false
    const { ttlMs } = this.#snapshot
    // "Do not keep" is honoured where nobody would tell us of a change; where the upstream reports changes, it does that.
    if (this.#watching() && (ttlMs === undefined || ttlMs === 0)) return true
    return this.freshFor(now) > 0
  }

  /** Whether to ask again on behalf of those who watch: nobody else will say that the list changed. */
  isDue(now: number): boolean {
    // A change that was announced and could not be fetched is not announced again.
    const { ttlMs = 0, fetchedAt, incomplete = false } = this.#snapshot
    if (incomplete) return now - fetchedAt >= INCOMPLETE_TTL_MS
    if (this.#watching()) return this.#evicted
    return now - fetchedAt >= Math.max(ttlMs, this.#options.listTtl)
  }

  /**
   * How long a fetch is worth waiting for, milliseconds: a slow upstream must not hold up the tools of the others. Less
   * than a fetch may take, because behind a gateway of another make it may be this very node that is asked.
   */
  get patience(): number {
    if (this.#failedAt !== undefined) return 0
    const { listTimeout } = this.#options
    return this.#snapshot === NOTHING ? listTimeout / 2 : Math.min(listTimeout, STALE_PATIENCE_MS)
  }

  /** The upstream is down for good, as far as callers are concerned: its list is empty until it is fetched again. */
  withdraw(): void {
    if (this.#withdrawn) return
    this.#withdrawn = true
    if (this.#snapshot.items.length > 0) this.#options.changed()
  }

  /** An announcement was not in vain: it was of a list that is announced together with this. */
  forgive(): void {
    this.#doubt = 0
  }

  /** The list is out of date from now on, and fetched anew. Resolves when that is over; never rejects. */
  evict(): Promise<void> {
    this.#evicted = true
    this.#failedAt = undefined
    if (this.#fetch !== undefined) this.#again = true
    return this.refresh()
  }

  /**
   * Fetches the list, or joins the fetch under way. Resolves when it is over, whether it succeeded or not: a list that
   * cannot be fetched again is served as it was (MCP 2026-07-28, utilities/caching).
   */
  refresh(): Promise<void> {
    this.#fetch ??= this.#run()
    return this.#fetch
  }

  #own(from: readonly Listed[]): readonly Listed[] {
    const { own } = this.#options
    if (this.#joined?.from === from) return this.#joined.items
    const items = own === undefined ? from : [...from, own]
    this.#joined = { from, items }
    return items
  }

  /** Whether the upstream would say that the list has changed; one that has no such list cannot get one unseen. */
  #watching(): boolean {
    const connection = this.link.current(OWN)
    if (connection === undefined) return false
    return connection.watching(this.#reader.rule.of) || !declares(connection, this.#reader.rule)
  }

  async #run(): Promise<void> {
    try {
      // Also after one that failed: what it failed for may be over.
      do await this.#once()
      while (this.#again)
    } finally {
      // In the same step as the last look at `#again`: whoever evicts after it must not join a fetch that is over.
      this.#fetch = undefined
    }
  }

  async #once(): Promise<void> {
    const announced = this.#evicted
    if (announced) await this.#pause()
    this.#again = false
    try {
      const connection = await this.link.connection(OWN)
      this.#take(announced, await this.#drainTwice(connection))
      this.#failedAt = undefined
    } catch (error) {
      this.#failedAt = Date.now()
      const { code, message } = asFault(error)
      const upstream = this.link.label
      this.#options.log.debug(
        { upstream, list: this.#reader.rule.method, code },
        `no list: ${message}`,
      )
    }
  }

  /** One that announces a change with every list would otherwise be asked in a circle. */
  async #pause(): Promise<void> {
    const milliseconds = this.#snapshot.fetchedAt + this.#doubt - Date.now()
    if (milliseconds <= 0) return
    await new Promise<void>((resolve) => {
      setTimeout(resolve, milliseconds).unref()
    })
  }

  #take(announced: boolean, next: Snapshot): void {
    const before = this.#snapshot
    const items = reuse(before.items, next.items)
    const same =
      !this.#withdrawn &&
      items === before.items &&
      before.cacheScope === next.cacheScope &&
      before.era === next.era &&
      before.peer?.node === next.peer?.node &&
      before.peer?.uris === next.peer?.uris
    this.#snapshot = { ...next, items }
    this.#withdrawn = false
    const vain = announced && same && next.fetchedAt - before.fetchedAt < 2 * DOUBT.max
    const doubtful = vain && !this.#options.newsSince(before.fetchedAt)
    this.#doubt = doubtful ? Math.min(Math.max(this.#doubt * 2, DOUBT.min), DOUBT.max) : 0
    if (!this.#again) this.#evicted = false
    if (!same) this.#options.changed()
  }

  /** Asking again does no harm, and an idle connection may have been cut without this side knowing. */
  async #drainTwice(connection: Connection): Promise<Snapshot> {
    try {
      return await this.#drain(connection)
    } catch (error) {
      if (asFault(error).code !== 'upstream_unavailable') throw error
      return this.#drain(await this.link.connection(OWN))
    }
  }

  async #drain(connection: Connection): Promise<Snapshot> {
    const read = await this.#reader.read(connection, { trail: this.#options.trail })
    // It names no list that is at hand.
    return read === 'unchanged' ? this.#snapshot : read
  }
}
