import type { NodeId } from '../protocol/federation.ts'
import type { LinkFact, NamespaceFact, NodeRecord, NodeStatus } from './record.ts'
import type { SealRecord, SignedRecord } from './signed-record.ts'
import type { Version } from './version.ts'

/** When a node speaks of itself, ms. */
export interface RecordTiming {
  /** Changes wait so long for others, unless they are urgent. */
  readonly debounce: number
  /** Between two records that are not urgent. */
  readonly minInterval: number
  /** After so long it says the same again, a fifth more or less. */
  readonly refresh: number
  /** How long a record may be held against replay, s. */
  readonly validFor: number
}

export const RECORD_TIMING: RecordTiming = {
  debounce: 200,
  minInterval: 1_000,
  refresh: 900_000,
  validFor: 7 * 24 * 3_600,
}

/** What is in a node's records that it is configured with. */
export interface Profile extends Pick<
  NodeRecord,
  'organisation' | 'name' | 'urls' | 'protocols' | 'disclosure' | 'membership'
> {
  readonly id: NodeId
}

/** What is in them that changes while it runs. */
export interface Facts {
  readonly status: NodeStatus
  readonly links: readonly LinkFact[]
  readonly namespaces: readonly NamespaceFact[]
}

interface Clocks {
  /** Monotonic, ms. */
  readonly now: () => number
  /** Milliseconds since 1970. */
  readonly wall: () => number
  readonly random: () => number
}

/** The record of this node itself: its version, and when the next one is due. */
export class OwnRecord {
  readonly #profile: Profile
  readonly #seal: SealRecord
  readonly #timing: RecordTiming
  readonly #clocks: Clocks
  #inc: number
  #seq = 0
  #madeAt = -Infinity
  #due: number

  constructor(profile: Profile, inc: number, parts: OwnRecordParts) {
    this.#profile = profile
    this.#inc = inc
    this.#seal = parts.seal
    this.#timing = parts.timing
    this.#clocks = parts.clocks
    this.#due = parts.clocks.now()
  }

  get inc(): number {
    return this.#inc
  }

  get version(): Version {
    return { inc: this.#inc, seq: this.#seq }
  }

  /** When the next record is to be made, ms of the monotonic clock. */
  get due(): number {
    return this.#due
  }

  /** Something changed. @param urgent others must know at once: a link is down, or the node goes */
  changed(urgent: boolean): void {
    const now = this.#clocks.now()
    const { debounce, minInterval } = this.#timing
    const wanted = urgent ? now : Math.max(now + debounce, this.#madeAt + minInterval)
    this.#due = Math.min(this.#due, wanted)
  }

  /** Jumps past a version that others hold of this node, and that it does not remember. */
  outdo({ inc, seq }: Version): void {
    if (inc > this.#inc) {
      this.#inc = inc + 1
      this.#seq = 0
    } else this.#seq = Math.max(this.#seq, seq)
    this.#due = this.#clocks.now()
  }

  /** The next record. */
  make({ status, links, namespaces }: Facts): SignedRecord {
    const now = this.#clocks.now()
    const issuedAt = Math.floor(this.#clocks.wall() / 1_000)
    this.#seq += 1
    this.#madeAt = now
    this.#due = now + this.#timing.refresh * (0.8 + 0.4 * this.#clocks.random())
    return this.#seal({
      ...this.#profile,
      inc: this.#inc,
      seq: this.#seq,
      issuedAt,
      expiresAt: issuedAt + this.#timing.validFor,
      status,
      links,
      namespaces,
    })
  }
}

export interface OwnRecordParts {
  readonly seal: SealRecord
  readonly timing: RecordTiming
  readonly clocks: Clocks
}
