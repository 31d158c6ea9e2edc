import type { NodeId } from '../protocol/federation.ts'
import type { SignedSummary, Summary } from './summary.ts'
import { compareVersions, isPlausible, MAX_SKEW_MS } from './version.ts'

export interface SummaryLimits {
  /** Organisations remembered at most, and borders of each. */
  readonly organisations: number
  readonly borders: number
  /** How long a summary counts after it was received, ms. */
  readonly ttl: number
}

export const SUMMARY_LIMITS: SummaryLimits = { organisations: 1_000, borders: 8, ttl: 3_600_000 }

interface Entry {
  readonly signed: SignedSummary
  readonly receivedAt: number
}

/** What other organisations say they offer: the latest of each border, joined like records are. */
export class SummaryBook {
  readonly #limits: SummaryLimits
  readonly #organisation: string
  readonly #entries = new Map<string, Map<NodeId, Entry>>()
  /** Summaries that found no place. */
  refused = 0

  /** @param organisation this node's own, of which nothing is kept */
  constructor(organisation: string, limits: SummaryLimits) {
    this.#organisation = organisation
    this.#limits = limits
  }

  /** Joins one in that was verified. Gives whether it is news. @param now ms of a monotonic clock @param wall ms since 1970 */
  put(signed: SignedSummary, now: number, wall: number): boolean {
    const { summary } = signed
    if (!this.#concerns(summary) || !isCurrent(summary, wall)) return false
    const borders = this.#entries.get(summary.organisation) ?? new Map<NodeId, Entry>()
    const known = borders.get(summary.border)
    const order = known === undefined ? 1 : compareVersions(summary, known.signed.summary)
    // Two texts of one version: all who hear both keep the same one.
    if (order < 0 || (order === 0 && signed.digest >= (known?.signed.digest ?? ''))) return false
    const isFull =
      (known === undefined && borders.size >= this.#limits.borders) ||
      (borders.size === 0 && this.#entries.size >= this.#limits.organisations)
    if (isFull) {
      this.refused += 1
      return false
    }
    this.#entries.set(summary.organisation, borders)
    borders.set(summary.border, { signed, receivedAt: now })
    return true
  }

  /** What the borders of an organisation say. */
  of(organisation: string): readonly Summary[] {
    return Array.from(
      this.#entries.get(organisation)?.values() ?? [],
      ({ signed }) => signed.summary,
    )
  }

  organisations(): Iterable<string> {
    return this.#entries.keys()
  }

  /** Lets go of what nobody renewed. Gives the organisations of which something went. */
  expire(now: number): string[] {
    const gone = new Set<string>()
    for (const [organisation, borders] of this.#entries) {
      for (const [border, { receivedAt }] of borders) {
        if (now - receivedAt <= this.#limits.ttl) continue
        borders.delete(border)
        gone.add(organisation)
      }
      if (borders.size === 0) this.#entries.delete(organisation)
    }
    return [...gone]
  }

  #concerns({ organisation, to }: Summary): boolean {
    return organisation !== this.#organisation && (to === undefined || to === this.#organisation)
  }
}

function isCurrent({ expiresAt, inc }: Summary, wall: number): boolean {
  return isPlausible(inc, wall) && expiresAt * 1_000 + MAX_SKEW_MS >= wall
}
