import type { Fault } from '../../protocol/errors.ts'
import type { FrameSink, OutFrame, Sent } from './connection.ts'
import type { ModernChannel } from './modern-connection.ts'

export interface RisingOptions {
  /** What it begins with. */
  readonly http: ModernChannel
  /** How long to wait before the next attempt, milliseconds. */
  readonly waitMs: () => number
  /** Opens what is better; undefined when there is none to be had yet. Never rejects. */
  readonly open: (lost: (fault: Fault) => void) => Promise<ModernChannel | undefined>
  readonly lost: (fault: Fault) => void
}

/**
 * A channel over HTTP that goes over to a link as soon as one can be had: what kept it from getting through may have been
 * a moment. Requests under way end where they began.
 */
export class RisingChannel implements ModernChannel {
  readonly #options: RisingOptions
  #current: ModernChannel
  #timer: NodeJS.Timeout | undefined
  #over = false

  constructor(options: RisingOptions) {
    this.#options = options
    this.#current = options.http
    this.#wait()
  }

  get transport(): 'http' | 'websocket' {
    return this.#current.transport
  }

  send(frame: OutFrame, sink: FrameSink): Sent {
    return this.#current.send(frame, sink)
  }

  async close(): Promise<void> {
    this.end()
    await this.#current.close()
  }

  /** Nothing better is looked for any more. */
  end(): void {
    this.#over = true
    clearTimeout(this.#timer)
  }

  #wait(): void {
    this.#timer = setTimeout(() => void this.#rise(), this.#options.waitMs())
    this.#timer.unref()
  }

  async #rise(): Promise<void> {
    const { open, lost } = this.#options
    const better = await open((fault) => {
      if (!this.#over) lost(fault)
    })
    if (this.#over) await better?.close()
    else if (better === undefined) this.#wait()
    else this.#current = better
  }
}
