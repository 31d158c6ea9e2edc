import { asFault } from '../../protocol/errors.ts'
import { FEDERATION, type HopTrail, type NodeId } from '../../protocol/federation.ts'
import type { ListedTool, ToolPage } from '../../protocol/listing.ts'
import type { Logger } from '../core/logger.ts'
import type { Connection } from '../outbound/connection.ts'
import { SHARED, type Link } from '../outbound/link.ts'
import { toolPages } from '../outbound/tool-pages.ts'

export interface MirrorOptions {
  /** How long a list without a ttl of its own is fresh, milliseconds. */
  readonly listTtl: number
  /** For one whole fetch, all pages, milliseconds. */
  readonly listTimeout: number
  readonly toolsPerUpstream: number
  readonly listPagesPerUpstream: number
  readonly toolBytes: number
  /** The trail the node's own requests start with. */
  readonly trail: HopTrail
  readonly log: Logger
  /** The tools are others than before. */
  readonly changed: () => void
}

interface Snapshot {
  readonly tools: readonly ListedTool[]
  /** The node it came from, if it was one. */
  readonly peer: NodeId | undefined
  readonly fetchedAt: number
  /** Milliseconds the upstream allows; undefined when it says nothing. */
  readonly ttlMs: number | undefined
  readonly cacheScope: 'public' | 'private'
}

const NOTHING: Snapshot = {
  tools: [],
  peer: undefined,
  fetchedAt: 0,
  ttlMs: undefined,
  cacheScope: 'public',
}

/** How long to wait for a newer list where an older one can be served instead, milliseconds. */
const STALE_PATIENCE_MS = 1_000

/** Pause between fetches for an upstream that announces changes where there are none, milliseconds, doubling. */
const DOUBT = { min: 50, max: 2_000 }

/**
 * What one upstream lists, kept here: fetched whole when the link comes up, again when it says so or its time is over,
 * once however many ask. While the upstream is down the last list stands, so that names do not flicker.
 */
export class Mirror {
  readonly link: Link
  readonly #options: MirrorOptions
  #snapshot = NOTHING
  #evicted = true
  #fetch: Promise<void> | undefined
  #again = false
  #failed = false
  #doubt = 0

  constructor(link: Link, options: MirrorOptions) {
    this.link = link
    this.#options = options
  }

  get tools(): readonly ListedTool[] {
    return this.#snapshot.tools
  }

  /** The node the tools were listed by; undefined when it was no node. */
  get peer(): NodeId | undefined {
    return this.#snapshot.peer
  }

  /** No list has been fetched yet, nor has it been found that there is none. */
  get untried(): boolean {
    return this.#snapshot === NOTHING && !this.#failed
  }

  get cacheScope(): 'public' | 'private' {
    return this.#snapshot.cacheScope
  }

  /** Whether the upstream turned out to be another node, under whatever kind it is configured. */
  get ofNode(): boolean {
    return this.link.current(SHARED)?.server.federation !== undefined
  }

  /** Milliseconds others may keep the list, never more than the upstream allowed. */
  freshFor(now: number): number {
    const { ttlMs, fetchedAt } = this.#snapshot
    if (this.#evicted) return 0
    if (ttlMs !== undefined) return Math.max(0, fetchedAt + ttlMs - now)
    if (this.#watching()) return this.#options.listTtl
    return Math.max(0, fetchedAt + this.#options.listTtl - now)
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
    if (this.#watching()) return this.#evicted
    const { ttlMs = 0, fetchedAt } = this.#snapshot
    return now - fetchedAt >= Math.max(ttlMs, this.#options.listTtl)
  }

  /**
   * How long a fetch is worth waiting for, milliseconds: a slow upstream must not hold up the tools of the others. Less
   * than a fetch may take, because behind a gateway of another make it may be this very node that is asked.
   */
  get patience(): number {
    if (this.#failed) return 0
    const { listTimeout } = this.#options
    return this.#snapshot === NOTHING ? listTimeout / 2 : Math.min(listTimeout, STALE_PATIENCE_MS)
  }

  /** The list is out of date from now on, and fetched anew. Resolves when that is over; never rejects. */
  evict(): Promise<void> {
    this.#evicted = true
    this.#failed = false
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

  #watching(): boolean {
    return this.link.current(SHARED)?.watching === true
  }

  async #run(): Promise<void> {
    try {
      do {
        const announced = this.#evicted
        if (announced) await this.#pause()
        this.#again = false
        const connection = await this.link.connection(SHARED)
        this.#take(announced, await this.#drainTwice(connection))
        this.#failed = false
      } while (this.#again)
    } catch (error) {
      this.#failed = true
      const { code, message } = asFault(error)
      this.#options.log.debug({ upstream: this.link.label, code }, `no list: ${message}`)
    } finally {
      // In the same step as the last look at `#again`: whoever evicts after it must not join a fetch that is over.
      this.#fetch = undefined
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
    const tools = reuse(before.tools, next.tools)
    const same =
      tools === before.tools && before.cacheScope === next.cacheScope && before.peer === next.peer
    this.#snapshot = { ...next, tools }
    const vain = announced && same && next.fetchedAt - before.fetchedAt < 2 * DOUBT.max
    this.#doubt = vain ? Math.min(Math.max(this.#doubt * 2, DOUBT.min), DOUBT.max) : 0
    if (!this.#again) this.#evicted = false
    if (!same) this.#options.changed()
  }

  /** Asking again does no harm, and an idle connection may have been cut without this side knowing. */
  async #drainTwice(connection: Connection): Promise<Snapshot> {
    try {
      return await this.#drain(connection)
    } catch (error) {
      if (asFault(error).code !== 'upstream_unavailable') throw error
      return this.#drain(await this.link.connection(SHARED))
    }
  }

  async #drain(connection: Connection): Promise<Snapshot> {
    const { trail, toolBytes, toolsPerUpstream, listTimeout, listPagesPerUpstream } = this.#options
    const meta = `"${FEDERATION}":${JSON.stringify(trail)}`
    const plan = { meta, toolBytes, timeoutMs: listTimeout, maxPages: listPagesPerUpstream }
    const collected = new Collector(toolsPerUpstream)
    let more = false
    for await (const page of toolPages(connection, plan)) {
      collected.add(page)
      more = page.nextCursor !== undefined
      if (collected.full) break
    }
    this.#report(collected, more)
    return { ...collected.snapshot(Date.now()), peer: connection.server.federation?.node }
  }

  #report(collected: Collector, cut: boolean): void {
    const { log } = this.#options
    const upstream = this.link.label
    for (const { name, reason } of collected.dropped) {
      log.warn({ upstream, tool: name, reason }, 'a tool is left out')
    }
    if (cut || collected.full) {
      log.warn({ upstream, kept: collected.size }, 'the list is longer than the limit and was cut')
    }
  }
}

/** Gathers the pages of one fetch. */
class Collector {
  readonly dropped: { readonly name: string; readonly reason: string }[] = []
  readonly #max: number
  readonly #tools = new Map<string, ListedTool>()
  #ttlMs: number | undefined
  #scope: 'public' | 'private' = 'public'
  #cut = false

  constructor(max: number) {
    this.#max = max
  }

  get full(): boolean {
    return this.#cut
  }

  get size(): number {
    return this.#tools.size
  }

  add(page: ToolPage): void {
    this.dropped.push(...page.dropped)
    for (const tool of page.tools) this.#addTool(tool)
    if (page.cacheScope === 'private') this.#scope = 'private'
    if (page.ttlMs !== undefined) this.#ttlMs = Math.min(this.#ttlMs ?? page.ttlMs, page.ttlMs)
  }

  snapshot(now: number): Omit<Snapshot, 'peer'> {
    const tools = [...this.#tools.values()]
    return { tools, fetchedAt: now, ttlMs: this.#ttlMs, cacheScope: this.#scope }
  }

  #addTool(tool: ListedTool): void {
    if (this.#tools.has(tool.name)) {
      this.dropped.push({ name: tool.name, reason: 'the upstream lists the name twice' })
    } else if (this.#tools.size >= this.#max) this.#cut = true
    else this.#tools.set(tool.name, tool)
  }
}

/** The list before where nothing differs, and otherwise the new one with unchanged tools kept as the same objects. */
function reuse(before: readonly ListedTool[], next: readonly ListedTool[]): readonly ListedTool[] {
  const known = new Map(before.map((tool) => [tool.name, tool]))
  const merged = next.map((tool) => {
    const old = known.get(tool.name)
    return old?.text.equals(tool.text) === true ? old : tool
  })
  const same =
    merged.length === before.length && merged.every((tool, index) => tool === before[index])
  return same ? before : merged
}
