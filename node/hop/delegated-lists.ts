import { createHash } from 'node:crypto'
import {
  CAPABILITY_KINDS,
  LIST_RULES,
  type CapabilityKind,
  type ListKind,
} from '../../protocol/capability.ts'
import { asFault, type Fault } from '../../protocol/errors.ts'
import { nextTrail, type HopTrail, type NodeId } from '../../protocol/federation.ts'
import type { Listed } from '../../protocol/listing.ts'
import { chainDigest } from '../../protocol/token/act.ts'
import type { Delegator } from '../core/delegation.ts'
import type { Principal } from '../core/principal.ts'
import type { Context } from '../core/stages.ts'
import type { Link } from '../outbound/link.ts'
import { ListReader, type ListReading, type Snapshot } from './list-reader.ts'

/** What an upstream lists to some callers: one object, however many they are. */
export interface Edition extends Pick<Snapshot, 'items' | 'peer' | 'era' | 'cacheScope'> {
  /** Equal for equal lists, and for nothing else. */
  readonly digest: string
}

/** A caller's list is another one. */
export interface ListChange {
  /** Its {@link callerKey}. */
  readonly caller: string
  readonly kind: CapabilityKind
  /** Undefined when it had none. */
  readonly before: Edition | undefined
  readonly edition: Edition
}

export interface DelegatedListsOptions extends ListReading {
  readonly self: NodeId
  readonly delegator: Pick<Delegator, 'delegate'>
  /** Callers whose lists are remembered. */
  readonly callers: number
  /** How long a list without a ttl of its own is fresh, milliseconds. */
  readonly listTtl: number
  /** A caller is shown something else than before. */
  readonly changed: (change: ListChange) => void
}

/** What is remembered of one caller's list. */
interface Holding {
  edition: Edition | undefined
  /** As the node that gave it calls it. */
  view: string | undefined
  fetchedAt: number
  ttlMs: number
  /** When the last fetch failed; undefined when it did not. */
  failedAt: number | undefined
  /** Why, if nobody vouches for the caller there. */
  refusal: Fault | undefined
  fetch: Promise<void> | undefined
}

/** Who asks on whose behalf. */
export interface DelegatedAsk {
  readonly principal: Principal
  /** As the request came. */
  readonly trail: HopTrail
}

/**
 * How long a caller's list is taken for what it is, milliseconds: changes are announced for what the node itself is shown,
 * so of others it must be asked; with a digest between nodes that is cheap.
 */
const LONGEST_TTL_MS = 60_000
const SHORTEST_TTL_MS = 1_000
/** How long to wait for a newer list where an older one can be shown instead, milliseconds. */
const STALE_PATIENCE_MS = 1_000
/** Fetches started at one time for those who only listen. */
const MOST_POLLED = 32
/** How long after a fetch that failed another is worth it, milliseconds. */
const SECOND_TRY_MS = 1_000

/** A principal stays the same object for as long as its token is known. */
const callerKeys = new WeakMap<Principal, string>()

/** What tells callers apart to whom an upstream may list different things. */
export function callerKey(principal: Principal): string {
  const known = callerKeys.get(principal)
  if (known !== undefined) return known
  const { key, scopes = [], claims } = principal
  const made = `${key} ${chainDigest(claims?.act)} ${scopes.join(' ')}`
  callerKeys.set(principal, made)
  return made
}

/**
 * What one upstream lists to each caller it is told of. Callers who are shown the same share one {@link Edition}, and
 * editions share what they have in common.
 */
export class DelegatedLists {
  readonly link: Link
  readonly #options: DelegatedListsOptions
  readonly #readers: Readonly<Record<CapabilityKind, ListReader>>
  /** By kind and caller, who asked last at the end. */
  readonly #holdings = new Map<string, Holding>()
  readonly #editions = new Map<string, { readonly edition: Edition; holders: number }>()
  /** What editions have in common, by kind and name. */
  readonly #shared = new Map<string, Listed>()

  constructor(link: Link, options: DelegatedListsOptions) {
    this.link = link
    this.#options = options
    const reader = (kind: CapabilityKind): ListReader => new ListReader(link.label, kind, options)
    this.#readers = {
      tool: reader('tool'),
      prompt: reader('prompt'),
      resource: reader('resource'),
      template: reader('template'),
      skill: reader('skill'),
    }
  }

  /** Different lists that are kept. */
  get size(): number {
    return this.#editions.size
  }

  /** What a caller is shown; undefined as long as nobody asked. */
  edition(kind: CapabilityKind, principal: Principal): Edition | undefined {
    return this.#holdings.get(holdingKey(kind, principal))?.edition
  }

  /**
   * How long a fetch is worth waiting for, milliseconds: less the farther away from the caller, so that whoever is nearer
   * to an upstream that hangs gives up first, and the nodes before it still show what the others have.
   */
  patience(kind: CapabilityKind, { principal, trail }: DelegatedAsk): number {
    const holding = this.#holdings.get(holdingKey(kind, principal))
    if (holding?.failedAt !== undefined) return 0
    const { listTimeout } = this.#options
    const whole = listTimeout / 2 ** (1 + trail.path.length)
    return holding?.edition === undefined ? whole : Math.min(whole, STALE_PATIENCE_MS)
  }

  /** Why a caller is shown nothing, if it is because nobody vouches for it there. */
  refusal(kind: CapabilityKind, principal: Principal): Fault | undefined {
    return this.#holdings.get(holdingKey(kind, principal))?.refusal
  }

  isFetching(kind: CapabilityKind, principal: Principal): boolean {
    return this.#holdings.get(holdingKey(kind, principal))?.fetch !== undefined
  }

  /** Milliseconds a caller may keep what it is shown. */
  freshFor(kind: CapabilityKind, principal: Principal, now: number): number {
    const holding = this.#holdings.get(holdingKey(kind, principal))
    if (holding === undefined) return 0
    const { failedAt, fetchedAt, ttlMs } = holding
    const until = failedAt === undefined ? fetchedAt + ttlMs : failedAt + SECOND_TRY_MS
    return Math.max(0, until - now)
  }

  #isDue(kind: CapabilityKind, principal: Principal, now: number): boolean {
    return (
      this.#holdings.has(holdingKey(kind, principal)) && this.freshFor(kind, principal, now) === 0
    )
  }

  /** Fetches lists that callers asked for before, and that are out of date: some of them, the others next time. */
  poll(callers: readonly Principal[], trail: HopTrail, now: number): void {
    let started = 0
    for (const principal of callers) {
      if (principal.expiresAt <= now) continue
      for (const kind of CAPABILITY_KINDS) {
        if (!this.#isDue(kind, principal, now)) continue
        if ((started += 1) > MOST_POLLED) return
        void this.refresh(kind, { principal, trail })
      }
    }
  }

  /** The upstream announced a change: whoever asks next is shown what there is then. */
  evict(of?: ListKind): void {
    for (const kind of CAPABILITY_KINDS) {
      if (of !== undefined && LIST_RULES[kind].of !== of) continue
      for (const [key, holding] of this.#holdings) if (key.startsWith(`${kind} `)) holding.ttlMs = 0
    }
  }

  /**
   * Fetches a caller's list, or joins the fetch under way. Resolves when it is over; never rejects: what cannot be fetched
   * is shown as it was.
   */
  refresh(kind: CapabilityKind, ask: DelegatedAsk): Promise<void> {
    const holding = this.#hold(kind, ask.principal)
    holding.fetch ??= this.#fetch(kind, ask, holding).finally(() => {
      holding.fetch = undefined
    })
    return holding.fetch
  }

  async #fetch(kind: CapabilityKind, ask: DelegatedAsk, holding: Holding): Promise<void> {
    try {
      const read = await this.#read(kind, ask, holding)
      holding.failedAt = undefined
      holding.refusal = undefined
      holding.fetchedAt = Date.now()
      if (read !== 'unchanged') this.#take(kind, ask.principal, { holding, read })
      holding.ttlMs = this.#ttlOf(read === 'unchanged' ? undefined : read.ttlMs)
    } catch (error) {
      holding.failedAt = Date.now()
      const fault = asFault(error)
      const { code, message } = fault
      holding.refusal = code === 'delegation_refused' ? fault : undefined
      const facts = { upstream: this.link.label, list: LIST_RULES[kind].method, code }
      this.#options.log.debug(facts, `no list for a caller: ${message}`)
    }
  }

  async #read(
    kind: CapabilityKind,
    { principal, trail }: DelegatedAsk,
    { view: known }: Holding,
  ): Promise<Snapshot | 'unchanged'> {
    const { delegator, self } = this.#options
    const onward = nextTrail(trail, self)
    const authorization = await delegator.delegate(principal, { budget: onward.budget })
    const whose = `${principal.key}\n`
    const context: Context = { key: `${whose}\n`, whose, offered: '', authorization }
    const connection = await this.link.connection(context)
    const asker = { trail: onward, authorization }
    const { federation } = connection.server
    return this.#readers[kind].read(
      connection,
      federation === undefined || known === undefined ? asker : { ...asker, known },
    )
  }

  #take(
    kind: CapabilityKind,
    principal: Principal,
    { holding, read }: { readonly holding: Holding; readonly read: Snapshot },
  ): void {
    // The caller may have been forgotten while it was waited for.
    if (this.#holdings.get(holdingKey(kind, principal)) !== holding) return
    const before = holding.edition
    holding.view = read.view
    const edition = this.#intern(kind, read)
    if (edition === before) return
    holding.edition = edition
    this.#count(edition, 1)
    this.#options.changed({ caller: callerKey(principal), kind, before, edition })
    if (before !== undefined) this.#count(before, -1)
  }

  #ttlOf(ttlMs = this.#options.listTtl): number {
    return Math.min(Math.max(ttlMs, SHORTEST_TTL_MS), LONGEST_TTL_MS)
  }

  /** The edition that shows just this; its items are those of other editions where they are the same. */
  #intern(kind: CapabilityKind, read: Snapshot): Edition {
    const digest = digestOf(kind, read)
    const known = this.#editions.get(digest)?.edition
    if (known !== undefined) return known
    const items = read.items.map((item) => this.#share(item))
    const { peer, era, cacheScope } = read
    const edition = { digest, items, peer, era, cacheScope }
    this.#editions.set(digest, { edition, holders: 0 })
    return edition
  }

  /** The same item of an edition that is kept, where there is one. */
  #share(item: Listed): Listed {
    const key = `${item.kind} ${item.name}`
    const known = this.#shared.get(key)
    if (known?.text.equals(item.text) === true) return known
    if (this.#shared.size >= 2 * CAPABILITY_KINDS.length * this.#options.toolsPerUpstream) {
      this.#shared.clear()
    }
    this.#shared.set(key, item)
    return item
  }

  #count({ digest }: Edition, step: number): void {
    const kept = this.#editions.get(digest)
    if (kept === undefined) return
    kept.holders += step
    if (kept.holders > 0) return
    this.#editions.delete(digest)
    if (this.#editions.size === 0) this.#shared.clear()
  }

  #hold(kind: CapabilityKind, principal: Principal): Holding {
    const key = holdingKey(kind, principal)
    const known = this.#holdings.get(key)
    if (known !== undefined) {
      this.#holdings.delete(key)
      this.#holdings.set(key, known)
      return known
    }
    const made: Holding = {
      edition: undefined,
      view: undefined,
      fetchedAt: 0,
      ttlMs: 0,
      failedAt: undefined,
      refusal: undefined,
      fetch: undefined,
    }
    this.#holdings.set(key, made)
    const [oldest] = this.#holdings
    const most = this.#options.callers * CAPABILITY_KINDS.length
    if (this.#holdings.size > most && oldest !== undefined) {
      this.#holdings.delete(oldest[0])
      if (oldest[1].edition !== undefined) this.#count(oldest[1].edition, -1)
    }
    return made
  }
}

function holdingKey(kind: CapabilityKind, principal: Principal): string {
  return `${kind} ${callerKey(principal)}`
}

function digestOf(kind: CapabilityKind, { items, peer, era, cacheScope }: Snapshot): string {
  const hash = createHash('sha256')
  hash.update(JSON.stringify([kind, peer?.node, peer?.uris, era, cacheScope]))
  for (const { text } of items) hash.update(`${text.length} `).update(text)
  return hash.digest('base64url')
}
