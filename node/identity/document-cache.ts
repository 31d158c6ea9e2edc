import { asFault, type Fault } from '../../protocol/errors.ts'
import type { Clock } from './clock.ts'
import { FetchFault } from './fetch-fault.ts'
import { Lru } from './lru.ts'
import { SingleFlight } from './single-flight.ts'

type Entry<Value> =
  | { readonly until: number; readonly value: Value }
  | { readonly until: number; readonly fault: Fault }

export interface DocumentCacheOptions {
  readonly clock: Clock
  readonly capacity: number
  /** How long a document is kept, s. */
  readonly keepSeconds: number
  /** How long a failure is kept, s: whoever asks again and again makes no request each time. */
  readonly failSeconds: number
}

/** Documents that were fetched, and failures to fetch them. One fetch a document at a time. */
export class DocumentCache<Value> {
  readonly #options: DocumentCacheOptions
  readonly #entries: Lru<string, Entry<Value>>
  readonly #flights = new SingleFlight<string, Value>()

  constructor(options: DocumentCacheOptions) {
    this.#options = options
    this.#entries = new Lru(options.capacity)
  }

  /** The document, from here or from `load`. @throws Fault */
  get(key: string, load: () => Promise<Value>): Promise<Value> {
    const entry = this.#entries.get(key)
    const left = (entry?.until ?? 0) - this.#options.clock()
    if (entry === undefined || left <= 0) {
      return this.#flights.run(key, () => this.#load(key, load))
    }
    return 'fault' in entry
      ? Promise.reject(waiting(entry.fault, left))
      : Promise.resolve(entry.value)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  async #load(key: string, load: () => Promise<Value>): Promise<Value> {
    const { clock, keepSeconds, failSeconds } = this.#options
    try {
      const value = await load()
      this.#entries.set(key, { until: clock() + keepSeconds, value })
      return value
    } catch (error) {
      const fault = asFault(error)
      this.#entries.set(key, { until: clock() + failSeconds, fault })
      throw waiting(fault, failSeconds)
    }
  }
}

/** With a hint when there will be another try; not before the server wants one. */
function waiting(fault: Fault, seconds: number): Fault {
  if (!(fault instanceof FetchFault)) return fault
  return fault.after(Math.max(Math.ceil(seconds * 1_000), fault.retryAfterMs ?? 0))
}
