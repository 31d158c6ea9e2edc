import { levelField, placesField, policyField } from '../../protocol/quota/fields.ts'
import type { Quota } from '../../protocol/quota/quota.ts'
import { ALWAYS_FULL, Bucket, isFull, type FullAt } from '../../protocol/quota/rate.ts'

/** How one caller stands to one half of a limit. */
export interface Cell {
  /** Whether it was forgotten: whoever holds it must ask for another. */
  readonly gone: boolean
  /** Time to wait, µs: 0 when it may, Infinity when nobody knows. */
  wait(now: number): number
  /** Takes one. Only where {@link wait} is 0. */
  take(now: number): void
  /** Gives one back; to a rate only time does. */
  release(): void
  /** What is left, as in a header. */
  level(now: number): string
}

/** One half of a limit, and how all who use it stand to it. */
export interface Gauge {
  readonly quota: Quota
  /** What it allows, in words. */
  readonly allowance: 'rate' | 'places'
  /** The same in a header. */
  readonly policy: string
  cell(key: string, now: number): Cell
}

class RateCell implements Cell {
  gone = false
  fullAt: FullAt = ALWAYS_FULL
  readonly #name: string
  readonly #bucket: Bucket

  constructor(name: string, bucket: Bucket) {
    this.#name = name
    this.#bucket = bucket
  }

  wait(now: number): number {
    return this.#bucket.wait(this.fullAt, now)
  }

  take(now: number): void {
    this.fullAt = this.#bucket.take(this.fullAt, now)
  }

  release(): void {
    // It is time that gives it back.
  }

  level(now: number): string {
    const left = this.#bucket.left(this.fullAt, now)
    const moreIn = this.#bucket.untilMore(this.fullAt, now)
    return levelField({ name: this.#name, left, moreIn })
  }
}

class PlacesCell implements Cell {
  gone = false
  taken = 0
  readonly #name: string
  readonly #concurrent: number

  constructor(name: string, concurrent: number) {
    this.#name = name
    this.#concurrent = concurrent
  }

  wait(): number {
    return this.taken < this.#concurrent ? 0 : Infinity
  }

  take(): void {
    this.taken += 1
  }

  release(): void {
    this.taken -= 1
  }

  level(): string {
    return levelField({ name: this.#name, left: Math.max(0, this.#concurrent - this.taken) })
  }
}

/** How often: one bucket for each who has asked lately. */
export class RateGauge implements Gauge {
  readonly quota: Quota
  readonly allowance = 'rate'
  readonly policy: string
  readonly #bucket: Bucket
  readonly #capacity: number
  readonly #cells = new Map<string, RateCell>()

  /** @param capacity buckets kept at most */
  constructor(quota: Quota & Required<Pick<Quota, 'rate'>>, capacity: number) {
    this.quota = quota
    this.#bucket = new Bucket(quota.rate)
    this.#capacity = capacity
    this.policy = policyField(quota)
  }

  /** Buckets that are kept. */
  get size(): number {
    return this.#cells.size
  }

  cell(key: string, now: number): Cell {
    const known = this.#cells.get(key)
    if (known !== undefined) return known
    if (this.#cells.size >= this.#capacity) this.#makeRoom(now)
    const made = this.#made()
    this.#cells.set(key, made)
    return made
  }

  #made(): RateCell {
    return new RateCell(this.quota.name, this.#bucket)
  }

  /**
   * Forgets buckets that are full again, which changes nothing. Where too many are not, those that were begun longest ago
   * go as well: so many callers are held by no limit for each of them.
   */
  #makeRoom(now: number): void {
    for (const [key, cell] of this.#cells) if (isFull(cell.fullAt, now)) this.#forget(key, cell)
    // An eighth at a time, so that going through all of them is paid for by many.
    const most = this.#capacity - Math.ceil(this.#capacity / 8)
    for (const [key, cell] of this.#cells) {
      if (this.#cells.size <= most) return
      this.#forget(key, cell)
    }
  }

  #forget(key: string, cell: RateCell): void {
    cell.gone = true
    this.#cells.delete(key)
  }
}

/** How many at a time. Whoever holds a place is never forgotten. */
export class PlacesGauge implements Gauge {
  readonly quota: Quota
  readonly allowance = 'places'
  readonly policy: string
  readonly #concurrent: number
  readonly #capacity: number
  readonly #cells = new Map<string, PlacesCell>()

  /** @param capacity callers kept at most, besides those who hold a place */
  constructor(quota: Quota & Required<Pick<Quota, 'concurrent'>>, capacity: number) {
    this.quota = quota
    this.#concurrent = quota.concurrent
    this.#capacity = capacity
    this.policy = placesField(quota)
  }

  /** Places that are taken, by all together. */
  get taken(): number {
    let sum = 0
    for (const { taken } of this.#cells.values()) sum += taken
    return sum
  }

  cell(key: string): Cell {
    const known = this.#cells.get(key)
    if (known !== undefined) return known
    if (this.#cells.size >= this.#capacity) this.#makeRoom()
    const made = this.#made()
    this.#cells.set(key, made)
    return made
  }

  #made(): PlacesCell {
    return new PlacesCell(this.quota.name, this.#concurrent)
  }

  #makeRoom(): void {
    for (const [key, cell] of this.#cells) {
      if (cell.taken > 0) continue
      cell.gone = true
      this.#cells.delete(key)
    }
  }
}
