import type { Socket } from 'node:net'

/** How messages go over a link. Times in ms. */
export interface Weather {
  readonly latency: number
  readonly jitter: number
  readonly dist: 'exponential' | 'uniform'
  /** Share of what has to be sent again. */
  readonly loss: number
  /** From 0 up to 1. */
  readonly random: () => number
}

/** A way over which nothing takes any time. */
export const AT_ONCE: Weather = {
  latency: 0,
  jitter: 0,
  dist: 'uniform',
  loss: 0,
  random: () => 0,
}

/** What is lost is sent again after so long, then after twice that, ms (RFC 6298, with the minimum kernels have). */
const RESEND_MS = 200
const RESEND_MAX_MS = 12_800
/** Bytes on their way at most, before whoever sends has to wait. */
const WINDOW = 1_048_576

/** `end`: nothing more is said. `gone`: the connection is no more. */
type Parcel = { readonly due: number } & (
  { readonly bytes: Buffer } | { readonly last: 'end' | 'gone' }
)

/** One direction of one connection: takes bytes from a socket, and gives them to another in order, later. */
export class Lane {
  readonly #weather: Weather
  readonly #waiting: Parcel[] = []
  #from: Socket | undefined
  #to: Socket | undefined
  #size = 0
  #ready = 0
  #due = 0
  #held = false
  #timer: NodeJS.Timeout | undefined
  #closed = false
  readonly #carried: (bytes: number) => void

  /** @param carried hears how much it took, bytes */
  constructor(weather: Weather, carried: (bytes: number) => void) {
    this.#weather = weather
    this.#carried = carried
  }

  /** Nothing sets out before so long from now, ms. */
  delay(after: number): void {
    this.#ready = performance.now() + after
  }

  /** Where it comes from. */
  read(from: Socket): void {
    this.#from = from
    from.on('data', (bytes) => this.#take(bytes))
    from.once('end', () => this.#add({ due: this.#next(), last: 'end' }))
  }

  /** Where it goes. */
  lead(to: Socket): void {
    this.#to = to
    to.on('drain', () => this.#send())
    to.once('connect', () => this.#send())
    this.#send()
  }

  /** Nothing arrives until it is let go. */
  hold(is: boolean): void {
    this.#held = is
    if (!is) this.#send()
  }

  /** Where it comes from is no more. */
  gone(): void {
    this.#add({ due: this.#next(), last: 'gone' })
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#waiting.length = 0
  }

  #take(bytes: Buffer): void {
    this.#carried(bytes.length)
    this.#size += bytes.length
    if (this.#size > WINDOW) this.#from?.pause()
    this.#add({ due: this.#next(), bytes })
  }

  #add(parcel: Parcel): void {
    if (this.#closed) return
    this.#waiting.push(parcel)
    this.#send()
  }

  /** When what is said now arrives: nothing overtakes. */
  #next(): number {
    const start = Math.max(this.#ready, performance.now())
    this.#due = Math.max(this.#due, start + this.#weather.latency + this.#extra())
    return this.#due
  }

  #extra(): number {
    const { jitter, dist, loss, random } = this.#weather
    let extra = 0
    if (jitter > 0) extra = dist === 'uniform' ? random() * 2 * jitter : exponential(jitter, random)
    for (let wait = RESEND_MS; wait <= RESEND_MAX_MS && random() < loss; wait *= 2) extra += wait
    return extra
  }

  #send(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const to = this.#to
    if (this.#held || this.#closed || to === undefined || to.connecting) return
    for (;;) {
      const first = this.#waiting[0]
      if (first === undefined) return
      const wait = first.due - performance.now()
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#send(), wait)
        return
      }
      if (to.writableNeedDrain) return
      this.#waiting.shift()
      this.#deliver(first, to)
    }
  }

  #deliver(parcel: Parcel, to: Socket): void {
    if ('last' in parcel) {
      if (parcel.last === 'end') to.end()
      // What both sides have ended ends by itself.
      else if (!to.writableEnded || !to.readableEnded) cutOff(to)
      return
    }
    to.write(parcel.bytes)
    this.#size -= parcel.bytes.length
    if (this.#size <= WINDOW / 2) this.#from?.resume()
  }
}

/**
 * Resets a connection. One that has said its last, or is not there yet, is only closed: a reset is refused then, and what is
 * left of it would keep the process from ending.
 */
export function cutOff(socket: Socket): void {
  if (socket.writableEnded || socket.connecting) socket.destroy()
  else socket.resetAndDestroy()
}

function exponential(mean: number, random: () => number): number {
  return -Math.log(1 - random()) * mean
}
