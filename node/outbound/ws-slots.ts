import type { LinkFrame } from '../../protocol/link/frames.ts'

/** A credential that was presented on a link. */
export interface Slot {
  readonly number: number
  /** What its lines were made of; undefined where nobody knows. */
  readonly stamp: object | undefined
}

/** Which credentials the other end has been shown. Beyond what it takes, those used longest ago give their place. */
export class Slots {
  readonly #capacity: number
  readonly #send: (frame: LinkFrame) => void
  /** Those that may be used again, that used longest ago first. */
  readonly #known = new Map<object, Slot>()
  readonly #free: number[] = []
  #last = 0
  /** What the link was opened with. */
  #first: Slot

  /**
   * @param capacity slots the other end takes, the first included
   * @param stamp of what the link was opened with
   */
  constructor(
    { capacity, stamp }: { readonly capacity: number; readonly stamp: object | undefined },
    send: (frame: LinkFrame) => void,
  ) {
    this.#capacity = capacity
    this.#send = send
    this.#first = { number: 0, stamp }
  }

  /** The slot of what the link was opened with. */
  get first(): Slot {
    return this.#first
  }

  /** The slot of what has been presented already. */
  find(stamp: object | undefined): Slot | undefined {
    if (stamp === undefined) return undefined
    if (this.#first.stamp === stamp) return this.#first
    const known = this.#known.get(stamp)
    if (known === undefined) return undefined
    this.#known.delete(stamp)
    this.#known.set(stamp, known)
    return known
  }

  present(stamp: object | undefined, lines: readonly string[]): Slot {
    const slot = { number: this.#place(), stamp }
    this.#known.set(stamp ?? slot, slot)
    this.#send({ type: 'credential', slot: slot.number, lines })
    return slot
  }

  /** The other end does not take it any more. */
  forget(slot: Slot): void {
    if (slot === this.#first) {
      this.#first = { number: 0, stamp: undefined }
      return
    }
    const key = slot.stamp ?? slot
    // It may have been presented anew in the meantime.
    if (this.#known.get(key) !== slot) return
    this.#known.delete(key)
    this.#free.push(slot.number)
    this.#send({ type: 'release', slot: slot.number })
  }

  #place(): number {
    const free = this.#free.pop()
    if (free !== undefined) return free
    if (this.#last + 1 < this.#capacity) {
      this.#last += 1
      return this.#last
    }
    const [oldest] = this.#known
    if (oldest === undefined) return this.#last
    const [key, { number }] = oldest
    this.#known.delete(key)
    return number
  }
}
