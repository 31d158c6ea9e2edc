import type { RecordDb } from './record-db.ts'
import { SyncRound, type SyncReply, type SyncRequest } from './sync.ts'

/** `lost`: not connected. `joining`: connected, and something may have been missed. `live`: in step with others. */
export type BusState = 'lost' | 'joining' | 'live'

/** What became of a question: `alone` when nobody is there to answer, `lost` when no answer came. */
export type SyncOutcome = SyncReply | 'alone' | 'lost'

export interface SyncTiming {
  /** Between rounds, ms. */
  readonly interval: number
  /** After a connection the first round waits up to so long, ms: a server that comes back must not be stormed. */
  readonly spread: number
  /** After an answer that did not come, ms. */
  readonly retry: number
}

export const SYNC_TIMING: SyncTiming = { interval: 30_000, spread: 250, retry: 1_000 }

interface BusClocks {
  readonly now: () => number
  readonly random: () => number
}

/**
 * Whether the bus can be relied on, when to compare notes with others on it, and presence: the time this node has been
 * in step, by which records age.
 */
export class BusSync {
  readonly #db: RecordDb
  readonly #take: (records: readonly string[]) => number
  readonly #timing: SyncTiming
  readonly #clocks: BusClocks
  #state: BusState = 'lost'
  #round: SyncRound | undefined
  #due = Infinity
  #presence = 0
  #presentSince: number | undefined
  #failed = false

  constructor(db: RecordDb, parts: BusSyncParts) {
    this.#db = db
    this.#take = parts.take
    this.#timing = parts.timing
    this.#clocks = parts.clocks
  }

  get state(): BusState {
    return this.#state
  }

  /** Whether something is missed that the bus does not bring: it is not there, or nobody on it answers. */
  get isBehind(): boolean {
    return this.#state === 'lost' || (this.#state === 'joining' && this.#failed)
  }

  /** When a round is to begin, ms of the monotonic clock. */
  get due(): number {
    return this.#due
  }

  /** Milliseconds this node has been in step with others. */
  get presence(): number {
    const since = this.#presentSince
    return this.#presence + (since === undefined ? 0 : this.#clocks.now() - since)
  }

  /** The bus came or went. */
  connected(is: boolean): void {
    this.#presence = this.presence
    this.#presentSince = undefined
    this.#round = undefined
    this.#failed = false
    this.#state = is ? 'joining' : 'lost'
    const { spread } = this.#timing
    this.#due = is ? this.#clocks.now() + spread * this.#clocks.random() : Infinity
  }

  /** The question a round begins with. */
  begin(): SyncRequest {
    this.#round = new SyncRound(this.#db, this.#take)
    this.#schedule(this.#timing.interval)
    return this.#round.start()
  }

  /** What to ask next; undefined when the round is over. */
  onOutcome(outcome: SyncOutcome): SyncRequest | undefined {
    const round = this.#round
    if (round === undefined || this.#state === 'lost') return undefined
    if (outcome === 'lost') {
      this.#round = undefined
      this.#failed = true
      this.#schedule(this.#timing.retry)
      return undefined
    }
    const next = outcome === 'alone' ? undefined : round.onReply(outcome)
    if (next === undefined) this.#inStep()
    return next
  }

  #inStep(): void {
    this.#round = undefined
    if (this.#state === 'live') return
    this.#state = 'live'
    this.#presentSince = this.#clocks.now()
  }

  #schedule(after: number): void {
    this.#due = this.#clocks.now() + after * (0.75 + 0.5 * this.#clocks.random())
  }
}

export interface BusSyncParts {
  /** Joins in records, and says how many were news. */
  readonly take: (records: readonly string[]) => number
  readonly timing: SyncTiming
  readonly clocks: BusClocks
}
