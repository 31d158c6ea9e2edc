import type { Clock } from '../clock.ts'
import { Lru } from '../lru.ts'
import { TooManyRequests } from './rescue.ts'

interface Bucket {
  tokens: number
  filledAt: number
}

/** Clients that are kept count of; more than any configuration names. */
const CAPACITY = 10_000

/** So many requests a minute for each name, in bursts of as many. */
export class Rates {
  readonly #clock: Clock
  readonly #buckets = new Lru<string, Bucket>(CAPACITY)

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Counts one request. @throws TooManyRequests */
  take(name: string, perMinute: number): void {
    const bucket = this.#filled(name, perMinute)
    if (bucket.tokens < 1) {
      throw new TooManyRequests(Math.ceil(((1 - bucket.tokens) * 60) / perMinute))
    }
    bucket.tokens -= 1
  }

  #filled(name: string, perMinute: number): Bucket {
    const now = this.#clock()
    const bucket = this.#buckets.get(name) ?? { tokens: perMinute, filledAt: now }
    const grown = (Math.max(0, now - bucket.filledAt) * perMinute) / 60
    bucket.tokens = Math.min(perMinute, bucket.tokens + grown)
    bucket.filledAt = now
    this.#buckets.set(name, bucket)
    return bucket
  }
}
