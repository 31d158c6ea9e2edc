import {
  CAPABILITY_KINDS,
  LIST_RULES,
  type CapabilityKind,
  type ListKind,
} from '../../protocol/capability.ts'
import { asFault } from '../../protocol/errors.ts'
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts'
import type { Era } from '../../protocol/revisions.ts'
import { OWN } from '../core/stages.ts'
import { ask, expectResult, ownFrame } from '../outbound/ask.ts'
import type { Connection } from '../outbound/connection.ts'
import type { Link } from '../outbound/link.ts'
import type { DelegatedLists } from './delegated-lists.ts'
import { Mirror, type MirrorOptions } from './mirror.ts'

/** What is the same for all lists of an upstream. */
export interface MirrorsOptions extends Omit<MirrorOptions, 'changed' | 'newsSince'> {
  readonly changed: (mirror: Mirror) => void
  /** What the upstream shows each caller; undefined where it is not told who calls. */
  readonly delegated?: DelegatedLists | undefined
  /** How long its lists stand while it is down, milliseconds; default for ever. */
  readonly staleFor?: number
}

/** What an upstream said of itself. */
interface Facts {
  readonly era: Era
  readonly capabilities: JsonObject
}

/** All that one upstream lists, and what it said of itself when it was last up. */
export class Mirrors {
  readonly link: Link
  readonly delegated: DelegatedLists | undefined
  readonly #options: MirrorsOptions
  readonly #lists: Readonly<Record<CapabilityKind, Mirror>>
  #facts: Facts | undefined
  /** When a list of each kind of announcement last changed. */
  readonly #newsAt = new Map<ListKind, number>()
  #learning = false
  #learnAgain = false
  /** Runs while it is down and its lists still stand. */
  #stale: NodeJS.Timeout | undefined

  constructor(link: Link, options: MirrorsOptions) {
    this.link = link
    this.#options = options
    this.delegated = options.delegated
    const mirror = (kind: CapabilityKind): Mirror => {
      const made: Mirror = new Mirror(link, kind, {
        ...options,
        changed: () => {
          this.#note(made)
          options.changed(made)
        },
        newsSince: (time) => (this.#newsAt.get(LIST_RULES[kind].of) ?? 0) >= time,
      })
      return made
    }
    this.#lists = {
      tool: mirror('tool'),
      prompt: mirror('prompt'),
      resource: mirror('resource'),
      template: mirror('template'),
      skill: mirror('skill'),
    }
  }

  of(kind: CapabilityKind): Mirror {
    return this.#lists[kind]
  }

  get all(): readonly Mirror[] {
    return CAPABILITY_KINDS.map((kind) => this.#lists[kind])
  }

  /** The era it spoke when it was last up; undefined before. */
  get era(): Era | undefined {
    return this.#facts?.era
  }

  /** Whether it turned out to be another node, under whatever kind it is configured. */
  get ofNode(): boolean {
    return this.all.some((mirror) => mirror.ofNode || mirror.peer !== undefined)
  }

  /** What it declared when it was last up; undefined before. */
  get capabilities(): JsonObject | undefined {
    return this.#facts?.capabilities
  }

  /** Whether to ask it for something of that kind; while nothing is known of it, asking finds that out. */
  mayHave(of: ListKind): boolean {
    return this.#facts === undefined || this.#facts.capabilities[of] !== undefined
  }

  /** A connection is there: what it lists and says of itself may be anything. */
  up(): void {
    clearTimeout(this.#stale)
    const connection = this.link.current(OWN)
    if (connection !== undefined) this.#take(connection, connection.server.capabilities)
    void this.evict()
  }

  /** The connection is lost: if it is not there again in time, all lists are empty, at once. */
  down(): void {
    const { staleFor } = this.#options
    clearTimeout(this.#stale)
    if (staleFor === undefined) return
    this.#stale = setTimeout(() => {
      for (const mirror of this.all) mirror.withdraw()
    }, staleFor)
    this.#stale.unref()
  }

  /** There is no such upstream any more. */
  close(): void {
    clearTimeout(this.#stale)
  }

  /** The upstream announced a change. */
  changed(of: ListKind): void {
    void this.evict(of)
    // Behind a node there may be a server now, or no more, that has what the node declares in its place.
    const connection = this.link.current(OWN)
    if (connection?.server.federation !== undefined && connection.era === '2026') {
      void this.#learn(connection)
    }
  }

  /** Fetches what is not yet here. Resolves when that is over; never rejects. */
  async refresh(): Promise<void> {
    await Promise.all(this.all.map((mirror) => mirror.refresh()))
  }

  /** The lists of that kind, or all, are out of date and fetched anew. Resolves when that is over; never rejects. */
  async evict(of?: ListKind): Promise<void> {
    this.delegated?.evict(of)
    const meant = this.all.filter(({ kind }) => of === undefined || LIST_RULES[kind].of === of)
    await Promise.all(meant.map((mirror) => mirror.evict()))
  }

  /** Several lists are announced by one message: that one of them has not changed says nothing against it. */
  #note({ kind }: Mirror): void {
    const { of } = LIST_RULES[kind]
    this.#newsAt.set(of, Date.now())
    for (const mirror of this.all) if (LIST_RULES[mirror.kind].of === of) mirror.forgive()
  }

  #take({ era }: Connection, capabilities: JsonObject): void {
    this.#facts = { era, capabilities }
  }

  /** Asks a node anew what it declares. Announcements come in bursts, one answer serves them all. */
  async #learn(connection: Connection): Promise<void> {
    this.#learnAgain = true
    if (this.#learning) return
    this.#learning = true
    try {
      while (this.#learnAgain) {
        this.#learnAgain = false
        const { capabilities } = await discover(connection, this.#options.listTimeout)
        const current = this.link.current(OWN) === connection
        if (current && isObject(capabilities)) this.#take(connection, capabilities)
      }
    } catch (error) {
      const { code, message } = asFault(error)
      this.#options.log.debug({ upstream: this.link.label, code }, `no answer: ${message}`)
    } finally {
      this.#learning = false
    }
  }
}

function discover(connection: Connection, timeoutMs: number): Promise<JsonObject> {
  const frame = ownFrame('server/discover', undefined, connection.meta(''))
  return ask(connection.send.bind(connection), frame, timeoutMs).then((message) =>
    expectResult('server/discover', message),
  )
}
