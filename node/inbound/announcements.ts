import type { Reply } from '../core/stages.ts'

/**
 * Tells one reader that something has changed. While the reader does not keep up, what is to be told waits, and what
 * changes again in the meantime is told once: so no more waits than there are things that can change.
 */
export class Announcements {
  readonly #out: Pick<Reply, 'notify' | 'onDrain'>
  readonly #waiting = new Map<string, Buffer>()
  #flowing: boolean

  /** @param begun false to let everything wait until `begin` */
  constructor(out: Pick<Reply, 'notify' | 'onDrain'>, begun: boolean) {
    this.#out = out
    this.#flowing = begun
  }

  /** Sends what goes before everything else, and lets the rest follow. */
  begin(first: Buffer): void {
    this.#flowing = true
    this.#send(first)
    this.#resume()
  }

  /** @param about names what has changed: a message still waiting that is about the same is not sent twice */
  announce(about: string, message: Buffer): void {
    if (this.#flowing) this.#send(message)
    else this.#waiting.set(about, message)
  }

  #send(message: Buffer): void {
    if (this.#out.notify(message)) return
    this.#flowing = false
    this.#out.onDrain(() => {
      this.#flowing = true
      this.#resume()
    })
  }

  #resume(): void {
    for (const [about, message] of this.#waiting) {
      if (!this.#flowing) return
      this.#waiting.delete(about)
      this.#send(message)
    }
  }
}
