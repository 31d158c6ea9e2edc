// One place in flight: sends its requests one after the other and checks every answer cheaply.
import { Buffer } from 'node:buffer'
import type { Dispatcher, Pool } from 'undici'
import { nonceOf, stamp, type Template } from './wire.ts'

/** What a slot sends, again and again. */
export interface Flight {
  readonly path: string
  readonly headers: string[]
  /** Sent in order; all of them together count as one request. */
  readonly templates: readonly Template[]
  /** An answer shorter than this cannot be the right one. */
  readonly bytesAtLeast: number
}

/** What went wrong with one request. */
export interface Fault {
  readonly words: string
  /** Whether the connection broke, as opposed to a wrong answer. */
  readonly reset: boolean
}

/** A slot of the load generator. Not for concurrent use: its bodies are stamped anew for every request. */
export class Slot implements Dispatcher.DispatchHandler {
  readonly #pool: Pool
  readonly #flight: Flight
  readonly #next: () => number
  readonly #bodies: readonly Buffer[]
  #chunks: Buffer[] = []
  #bytes = 0
  #status = 0
  #proof = ''
  #settle: (fault: Fault | undefined) => void = () => undefined

  constructor(pool: Pool, flight: Flight, next: () => number) {
    this.#pool = pool
    this.#flight = flight
    this.#next = next
    this.#bodies = flight.templates.map((template) => Buffer.from(template.bytes))
  }

  /** Sends every template once; the fault of the first that failed, or undefined. */
  async fly(): Promise<Fault | undefined> {
    for (const [at, template] of this.#flight.templates.entries()) {
      const body = this.#bodies[at]
      const fault = body === undefined ? undefined : await this.#send(template, body)
      if (fault !== undefined) return fault
    }
    return undefined
  }

  #send(template: Template, body: Buffer): Promise<Fault | undefined> {
    const serial = this.#next()
    stamp(body, template, serial)
    this.#proof = String(template.noncesAt.length > 0 ? nonceOf(serial) : serial)
    this.#chunks = []
    this.#bytes = 0
    const { path, headers } = this.#flight
    return new Promise((resolve) => {
      this.#settle = resolve
      this.#pool.dispatch({ path, method: 'POST', headers, body }, this)
    })
  }

  onRequestStart(): void {
    // The interface wants it; there is nothing to do before the answer.
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
  }

  onResponseEnd(): void {
    this.#settle(this.#judge())
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#settle({ words: String(error), reset: true })
  }

  #judge(): Fault | undefined {
    const short = this.#bytes < this.#flight.bytesAtLeast
    if (this.#status === 200 && !short && this.#proven()) return undefined
    const body = Buffer.concat(this.#chunks).toString('latin1', 0, 300)
    return { words: `${this.#status}, ${this.#bytes} bytes: ${body}`, reset: false }
  }

  /** The answer is to this very request. The proof nearly always lies in the first piece or the last. */
  #proven(): boolean {
    const first = this.#chunks[0]
    const last = this.#chunks.at(-1)
    if (first?.includes(this.#proof) === true || last?.includes(this.#proof) === true) return true
    return Buffer.concat(this.#chunks).includes(this.#proof)
  }
}
