import {
  declaresList,
  LIST_RULES,
  type CapabilityKind,
  type ListRule,
} from '../../protocol/capability.ts'
import {
  FEDERATION,
  writeTrail,
  type FederationSettings,
  type HopTrail,
} from '../../protocol/federation.ts'
import type { Dropped } from '../../protocol/listing.ts'
import { META } from '../../protocol/meta.ts'
import type { Era } from '../../protocol/revisions.ts'
import type { Authorization } from '../core/delegation.ts'
import type { Logger } from '../core/logger.ts'
import type { Connection } from '../outbound/connection.ts'
import { listPages } from '../outbound/list-pages.ts'
import { Collector, type Collected } from './list-collector.ts'
import type { ToolScreen } from './tool-screen.ts'

/** How the lists of one upstream are read. */
export interface ListReading {
  /** For one whole fetch, all pages, milliseconds. */
  readonly listTimeout: number
  readonly toolsPerUpstream: number
  readonly listPagesPerUpstream: number
  readonly toolBytes: number
  /** Looks at tools before anybody else does; undefined where nobody does. */
  readonly screen?: ToolScreen | undefined
  readonly log: Logger
}

/** A whole list as it was at one moment. */
export interface Snapshot extends Collected {
  /** The node it came from, if it was one. */
  readonly peer: FederationSettings | undefined
  readonly era: Era | undefined
  readonly fetchedAt: number
  /** More may be in it soon, although nobody will say so. */
  readonly incomplete?: boolean
  /** What the node calls this very list; undefined where it is no node, or does not say. */
  readonly view?: string | undefined
}

/** Who asks, and on what way. */
export interface ListAsker {
  readonly trail: HopTrail
  /** In whose name; undefined: in that of the node. */
  readonly authorization?: Authorization | undefined
  /** The list that is at hand, as the node called it: it need not be sent again. */
  readonly known?: string | undefined
}

/** How long a list that waits for the keys of a signer is fresh, milliseconds. */
export const INCOMPLETE_TTL_MS = 5_000

/** Reads lists of one kind from one upstream. */
export class ListReader {
  readonly rule: ListRule
  readonly #label: string
  readonly #kind: CapabilityKind
  readonly #reading: ListReading

  constructor(label: string, kind: CapabilityKind, reading: ListReading) {
    this.rule = LIST_RULES[kind]
    this.#label = label
    this.#kind = kind
    this.#reading = reading
  }

  /**
   * Reads all pages. `unchanged` when the node still shows what the asker knows.
   *
   * @throws Fault `upstream_timeout`, `upstream_unavailable`, `upstream_protocol`, and what `Authorization.lines` throws
   */
  async read(connection: Connection, asker: ListAsker): Promise<Snapshot | 'unchanged'> {
    const { toolBytes, toolsPerUpstream, listTimeout, listPagesPerUpstream, screen } = this.#reading
    const { era, server } = connection
    const collected = new Collector(toolsPerUpstream)
    let view: string | undefined
    const taken = (): Snapshot => {
      const facts = { fetchedAt: Date.now(), peer: server.federation, era, view }
      return { ...collected.collected(), ...facts }
    }
    if (!declares(connection, this.rule)) return taken()
    const { authorization } = asker
    const limits = { timeoutMs: listTimeout, maxPages: listPagesPerUpstream, itemBytes: toolBytes }
    const plan = { kind: this.#kind, meta: metaOf(asker), authorization, ...limits }
    let more = false
    for await (const page of listPages(connection, plan)) {
      if (page.view?.unchanged === true && page.view.digest === asker.known) return 'unchanged'
      view ??= page.view?.digest
      collected.add(page)
      more = page.nextCursor !== undefined
      if (collected.full) break
    }
    this.#report(collected, more)
    const isScreened = this.#kind === 'tool' && screen !== undefined
    return isScreened ? this.#screen(screen, taken()) : taken()
  }

  async #screen(screen: ToolScreen, taken: Snapshot): Promise<Snapshot> {
    const { items, dropped, incomplete } = await screen.screen(taken.items)
    this.#tellDropped(dropped)
    if (!incomplete) return { ...taken, items }
    const ttlMs = Math.min(taken.ttlMs ?? INCOMPLETE_TTL_MS, INCOMPLETE_TTL_MS)
    return { ...taken, items, incomplete, ttlMs }
  }

  #report(collected: Collector, cut: boolean): void {
    this.#tellDropped(collected.dropped)
    if (cut || collected.full) {
      const facts = { upstream: this.#label, list: this.rule.method, kept: collected.size }
      this.#reading.log.warn(facts, 'the list is longer than the limit and was cut')
    }
  }

  #tellDropped(dropped: readonly Dropped[]): void {
    for (const { name, reason } of dropped) {
      const facts = { upstream: this.#label, [this.#kind]: name, reason }
      this.#reading.log.warn(facts, `a ${this.#kind} is left out`)
    }
  }
}

/** What is not declared is not asked for. */
export function declares({ server }: Connection, rule: ListRule): boolean {
  return declaresList(server.capabilities, rule)
}

function metaOf({ trail, known }: ListAsker): string {
  const passed = `"${FEDERATION}":${writeTrail(trail)}`
  return known === undefined ? passed : `${passed},"${META.view}":${JSON.stringify(known)}`
}
