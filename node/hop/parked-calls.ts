import { randomBytes } from 'node:crypto'
import { Fault } from '../../protocol/errors.ts'

/** A call that waits for its caller. */
export interface Parked {
  /** Whose it is: nobody else may take it up again. */
  readonly owner: string
  /** How often it has been parked: a retry that answers an earlier question is too late. */
  readonly round: number
  /** Ends it: nobody will take it up again. */
  abandon(): void
}

/** Finds parked calls again. Narrow, so that what keeps them may one day be another process. */
export interface ParkingLot<T extends Parked> {
  /**
   * Keeps a call and gives it a name nobody can guess.
   *
   * @throws Fault `overloaded` when its owner has as many as it may
   */
  park(call: T): string
  /** Whether {@link take} would find it. */
  has(id: string, owner: string, round: number): boolean
  /** Takes a call out, once; undefined when it is not there, not this owner's, or in another round. */
  take(id: string, owner: string, round: number): T | undefined
  /** Gives a call up that nobody took. */
  drop(id: string): void
}

/** The calls parked in this process. */
export class ParkedCalls<T extends Parked> implements ParkingLot<T> {
  readonly #perOwner: number
  readonly #calls = new Map<string, T>()
  readonly #counts = new Map<string, number>()

  /** @param perOwner calls one owner may have parked at once */
  constructor(perOwner: number) {
    this.#perOwner = perOwner
  }

  get size(): number {
    return this.#calls.size
  }

  park(call: T): string {
    const count = this.#counts.get(call.owner) ?? 0
    if (count >= this.#perOwner) {
      const text = `${count} calls of this client wait for its input already`
      throw new Fault('overloaded', text, { limit: 'parkedCalls' })
    }
    const id = randomBytes(12).toString('base64url')
    this.#calls.set(id, call)
    this.#counts.set(call.owner, count + 1)
    return id
  }

  has(id: string, owner: string, round: number): boolean {
    return this.#find(id, owner, round) !== undefined
  }

  take(id: string, owner: string, round: number): T | undefined {
    const call = this.#find(id, owner, round)
    if (call !== undefined) this.drop(id)
    return call
  }

  #find(id: string, owner: string, round: number): T | undefined {
    const call = this.#calls.get(id)
    return call?.owner === owner && call.round === round ? call : undefined
  }

  /** Ends all that is parked. */
  close(): void {
    const calls = [...this.#calls]
    for (const [id, call] of calls) {
      this.drop(id)
      call.abandon()
    }
  }

  drop(id: string): void {
    const call = this.#calls.get(id)
    if (call === undefined) return
    this.#calls.delete(id)
    const left = (this.#counts.get(call.owner) ?? 1) - 1
    if (left > 0) this.#counts.set(call.owner, left)
    else this.#counts.delete(call.owner)
  }
}
