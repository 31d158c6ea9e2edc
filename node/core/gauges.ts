import type { Level } from '../../protocol/quota/fields.ts'
import { takesPlace, type Quota } from '../../protocol/quota/quota.ts'
import { ALWAYS_FULL, Bucket, isFull, type FullAt } from '../../protocol/quota/rate.ts'

/** How one request stands to one limit. */
export interface Gauge {
  readonly quota: Quota
  /** Time to wait, µs: 0 when it may, Infinity when nobody knows. */
  wait(key: string, now: number): number
  take(key: string, now: number): void
  level(key: string, now: number): Level
}

/** How often: one bucket for each who has taken something lately. */
export class RateGauge implements Gauge {
  readonly quota: Quota
  readonly #bucket: Bucket
  readonly #capacity: number
  readonly #fullAt = new Map<string, FullAt>()

  /** @param capacity buckets kept at most */
  constructor(quota: Quota & Required<Pick<Quota, 'rate'>>, capacity: number) {
    this.quota = quota
    this.#bucket = new Bucket(quota.rate)
    this.#capacity = capacity
  }

  /** Buckets that are kept. */
  get size(): number {
    return this.#fullAt.size
  }

  wait(key: string, now: number): number {
    return this.#bucket.wait(this.#of(key), now)
  }

  take(key: string, now: number): void {
    const known = this.#fullAt.get(key)
    if (known === undefined) this.#makeRoom(now)
    this.#fullAt.set(key, this.#bucket.take(known ?? ALWAYS_FULL, now))
  }

  level(key: string, now: number): Level {
    const { name } = this.quota
    const { rate } = this.#bucket
    const fullAt = this.#of(key)
    const left = this.#bucket.left(fullAt, now)
    return { name, rate, left, moreIn: this.#bucket.untilMore(fullAt, now) }
  }

  #of(key: string): FullAt {
    return this.#fullAt.get(key) ?? ALWAYS_FULL
  }

  /**
   * Forgets buckets that are full again, which changes nothing. Where too many are not, those that were begun longest ago
   * go as well: so many callers are held by no limit for each of them.
   */
  #makeRoom(now: number): void {
    if (this.#fullAt.size < this.#capacity) return
    for (const [key, fullAt] of this.#fullAt) if (isFull(fullAt, now)) this.#fullAt.delete(key)
    // An eighth at a time, so that going through all of them is paid for by many.
    const most = this.#capacity - Math.ceil(this.#capacity / 8)
    for (const key of this.#fullAt.keys()) {
      if (this.#fullAt.size <= most) return
      this.#fullAt.delete(key)
    }
  }
}

/** How many at a time. */
export class PlacesGauge implements Gauge {
  readonly quota: Quota
  readonly #concurrent: number
  readonly #taken = new Map<string, number>()

  constructor(quota: Quota & Required<Pick<Quota, 'concurrent'>>) {
    this.quota = quota
    this.#concurrent = quota.concurrent
  }

  /** Those who hold a place. */
  get size(): number {
    return this.#taken.size
  }

  /** Whether a request by this method takes a place at all. */
  isFor(method: string): boolean {
    return takesPlace(this.quota, method)
  }

  wait(key: string): number {
    return (this.#taken.get(key) ?? 0) < this.#concurrent ? 0 : Infinity
  }

  take(key: string): void {
    this.#taken.set(key, (this.#taken.get(key) ?? 0) + 1)
  }

  /** Gives one place back. */
  release(key: string): void {
    const left = (this.#taken.get(key) ?? 0) - 1
    if (left > 0) this.#taken.set(key, left)
    else this.#taken.delete(key)
  }

  level(key: string): Level {
    const concurrent = this.#concurrent
    const left = Math.max(0, concurrent - (this.#taken.get(key) ?? 0))
    return { name: this.quota.name, concurrent, left }
  }
}
