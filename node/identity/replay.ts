import { createHash } from 'node:crypto'
import { Fault } from '../../protocol/errors.ts'
import { TokenFault } from '../../protocol/token/faults.ts'
import type { Clock } from './clock.ts'

/** Remembers what may be used once. */
export interface ReplayMemory {
  /**
   * Remembers `id` in `scope` up to `until` (seconds since 1970). Of any number who ask for the same at once exactly one
   * gets through.
   *
   * @param scope who the id is unique for: an issuer, or the thumbprint of a key
   * @throws TokenFault `replayed` when it is remembered already; Fault `overloaded` when there is no room, because to
   *   forget another would let that one be used twice. A promise rejects with them.
   */
  remember(scope: string, id: string, until: number): void | Promise<void>
  close(): void
}

/** Entries that end within the same so many seconds are forgotten together. */
const BUCKET_SECONDS = 10

/** Keys up to this length are kept as they are; longer ones by their hash, so that an entry has a bounded size. */
const PLAIN_KEY = 96

/** Entries a memory has room for by default: some 20 MB when all are taken. */
const CAPACITY = 100_000

export interface MemoryReplayOptions {
  readonly clock: Clock
  /** Most entries at a time; default 100 000. */
  readonly capacity?: number
}

/** A {@link ReplayMemory} of this process. Each step costs the same however much is remembered, amortised. */
export class MemoryReplay implements ReplayMemory {
  readonly #clock: Clock
  readonly #capacity: number
  readonly #until = new Map<string, number>()
  /** Keys by the bucket they end in. */
  readonly #buckets = new Map<number, string[]>()
  /** All buckets before this one are empty. */
  #swept = -Infinity

  constructor(options: MemoryReplayOptions) {
    this.#clock = options.clock
    this.#capacity = options.capacity ?? CAPACITY
  }

  /** Entries held, some of them over for up to ten seconds. */
  get size(): number {
    return this.#until.size
  }

  remember(scope: string, id: string, until: number): void {
    const now = this.#clock()
    this.#sweep(now)
    const key = keyOf(scope, id)
    const known = this.#until.get(key)
    if (known !== undefined && known > now) throw new TokenFault('replayed', 'it was used before')
    // What is over by now cannot be used again, whoever asks.
    if (!(until > now)) throw new TokenFault('expired', 'it is over')
    if (known === undefined && this.#until.size >= this.#capacity) {
      const text = 'too many tokens and proofs are being remembered'
      throw new Fault('overloaded', text, { limit: 'replayEntries' })
    }
    this.#until.set(key, until)
    const bucket = Math.floor(until / BUCKET_SECONDS)
    const keys = this.#buckets.get(bucket)
    if (keys === undefined) this.#buckets.set(bucket, [key])
    else keys.push(key)
  }

  close(): void {
    this.#until.clear()
    this.#buckets.clear()
  }

  /** Forgets the buckets that are over as a whole. */
  #sweep(now: number): void {
    const current = Math.floor(now / BUCKET_SECONDS)
    if (current <= this.#swept) return
    this.#swept = current
    for (const [bucket, keys] of this.#buckets) {
      if (bucket >= current) continue
      this.#buckets.delete(bucket)
      for (const key of keys) this.#forget(key, now)
    }
  }

  /** Unless it was remembered anew in the meantime. */
  #forget(key: string, now: number): void {
    if ((this.#until.get(key) ?? 0) <= now) this.#until.delete(key)
  }
}

/** One text for the two, which no other two have. */
function keyOf(scope: string, id: string): string {
  const key = `${scope.length} ${scope}${id}`
  return key.length <= PLAIN_KEY ? key : createHash('sha256').update(key).digest('base64url')
}
