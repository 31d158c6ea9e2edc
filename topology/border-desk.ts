import { isDeepStrictEqual } from 'node:util'
import type { NodeId } from '../protocol/federation.ts'
import type { Peer } from './route-policy.ts'
import {
  MAX_GROUPS,
  type OpenSummary,
  type SealSummary,
  type SignedSummary,
  type SummaryGroup,
} from './summary.ts'
import { SummaryBook, type SummaryLimits } from './summary-book.ts'

/** When a border speaks of its organisation, ms. */
export interface SummaryTiming {
  /** Changes inside wait so long for others. */
  readonly debounce: number
  /** After so long the same is said again. */
  readonly refresh: number
  /** How long a summary may be held against replay, s. */
  readonly validFor: number
}

export const SUMMARY_TIMING: SummaryTiming = {
  debounce: 5_000,
  refresh: 900_000,
  validFor: 7 * 24 * 3_600,
}

export interface BorderParts {
  readonly self: Peer & { readonly inc: number }
  readonly timing: SummaryTiming
  readonly limits: SummaryLimits
  /** Monotonic, ms. */
  readonly now: () => number
  /** Milliseconds since 1970. */
  readonly wall: () => number
  readonly seal: SealSummary
  readonly open: OpenSummary
  /** Whether configuration takes a node for a border of that organisation; asked of what no link of its own brought. */
  readonly isBorder: (organisation: string, border: NodeId) => boolean
  /** What is exported to an organisation, or to any, under the names it has there. */
  readonly groups: (to: string | undefined) => readonly SummaryGroup[]
  readonly send: (peer: Peer, texts: readonly string[]) => void
  /** To the borders of other organisations, over a bus; left out where there is none. */
  readonly publish?: (signed: SignedSummary) => void
  /** What is known of other organisations changed. */
  readonly changed: (organisation: string) => void
}

interface Said {
  readonly signed: SignedSummary
  readonly at: number
}

/**
 * What a border node tells other organisations, and hears of them: summaries, over the links between borders and, where
 * configured, over a bus they share. It speaks for its own organisation only, and passes nothing on.
 */
export class BorderDesk {
  readonly #parts: BorderParts
  readonly #peers = new Map<NodeId, Peer>()
  /** What was last said to each organisation; to all, under the empty name. */
  readonly #said = new Map<string, Said>()
  readonly book: SummaryBook
  #seq = 0
  #due = Infinity

  constructor(parts: BorderParts) {
    this.#parts = parts
    this.book = new SummaryBook(parts.self.organisation, parts.limits)
    if (parts.publish !== undefined) this.#due = parts.now()
  }

  /** When `wake` is to be called, ms of the monotonic clock. */
  get due(): number {
    return this.#due
  }

  /** The bus is there, again: what was said before nobody may have heard. */
  announce(): void {
    this.#parts.publish?.(this.#current('').signed)
  }

  /** A link to a node of another organisation is open: it is told what its organisation is offered. */
  connect(peer: Peer): void {
    // Of no organisation is who has not shown whose it is.
    if (peer.organisation === '') return
    this.#peers.set(peer.id, peer)
    this.#parts.send(peer, [this.#current(peer.organisation).signed.text])
    this.#due = Math.min(this.#due, this.#parts.now() + this.#parts.timing.refresh)
  }

  disconnect(id: NodeId): void {
    this.#peers.delete(id)
  }

  /** What is exported may be something else now. */
  changed(): void {
    if (this.#peers.size === 0 && this.#parts.publish === undefined) return
    this.#due = Math.min(this.#due, this.#parts.now() + this.#parts.timing.debounce)
  }

  /** Says what is due, and forgets what nobody renewed. */
  wake(): void {
    const { now, publish, send, timing } = this.#parts
    this.#due = now() + timing.refresh
    for (const organisation of this.book.expire(now())) this.#parts.changed(organisation)
    const news = new Map<string, string>()
    for (const to of new Set(
      Array.from(this.#peers.values(), ({ organisation }) => organisation),
    )) {
      const fresh = this.#renew(to)
      if (fresh !== undefined) news.set(to, fresh.text)
    }
    for (const peer of this.#peers.values()) {
      const text = news.get(peer.organisation)
      if (text !== undefined) send(peer, [text])
    }
    const forAll = publish === undefined ? undefined : this.#renew('')
    if (forAll !== undefined) publish?.(forAll)
  }

  /** A border says what its organisation offers: over a link it speaks for itself alone. */
  onLink(peer: Peer, texts: readonly string[]): void {
    for (const text of texts) {
      const signed = this.#parts.open(text)
      const { border, organisation } = signed?.summary ?? {}
      if (border === peer.id && organisation === peer.organisation) this.#take(signed)
    }
  }

  /** The same over a bus. @param organisation that the subject names @param border likewise */
  onBus(organisation: string, border: NodeId, text: string): void {
    if (!this.#parts.isBorder(organisation, border)) return
    const signed = this.#parts.open(text)
    const { summary } = signed ?? {}
    if (summary?.organisation === organisation && summary.border === border) this.#take(signed)
  }

  /** What this border says to all, for those who ask over a bus. */
  pull(): readonly string[] {
    return this.#parts.publish === undefined ? [] : [this.#current('').signed.text]
  }

  #take(signed: SignedSummary | undefined): void {
    const { changed, now, wall } = this.#parts
    if (signed !== undefined && this.book.put(signed, now(), wall()))
      changed(signed.summary.organisation)
  }

  /** What is said to an organisation now, made if there is none of it. */
  #current(to: string): Said {
    this.#renew(to)
    const said = this.#said.get(to)
    if (said === undefined) throw new RangeError('a summary is always made')
    return said
  }

  /** Makes the summary for an organisation anew when it says something else, or is old; undefined when it stands. */
  #renew(to: string): SignedSummary | undefined {
    const { groups: exported, now, seal, self, timing, wall } = this.#parts
    const groups = exported(to === '' ? undefined : to).slice(0, MAX_GROUPS)
    const said = this.#said.get(to)
    const isOld = said !== undefined && now() - said.at >= timing.refresh
    if (said !== undefined && !isOld && isDeepStrictEqual(said.signed.summary.groups, groups))
      return undefined
    this.#seq += 1
    const issuedAt = Math.floor(wall() / 1_000)
    const signed = seal({
      organisation: self.organisation,
      border: self.id,
      to: to === '' ? undefined : to,
      inc: self.inc,
      seq: this.#seq,
      issuedAt,
      expiresAt: issuedAt + timing.validFor,
      groups,
    })
    this.#said.set(to, { signed, at: now() })
    return signed
  }
}
