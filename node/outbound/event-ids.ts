/** Ids kept of one stream, for a server that replays more than it was asked for. */
const KEPT = 1_000

/** Longest id that is sent back, bytes: it goes into a header. */
const MAX_ID_BYTES = 1_024

/** What a header can carry as it is. */
const PLAIN = /^[\x21-\x7e]+$/

/** Bounds of the server's `retry`, milliseconds. */
const RETRY = { min: 100, max: 30_000 }

/** Where one event stream of a 2025 server stands, for coming back to it (MCP 2025-11-25, transports, Resumability). */
export class EventIds {
  #seen: Set<string> | undefined
  #last: string | undefined
  #retryMs: number | undefined

  /** Value of `Last-Event-ID`; undefined when the stream cannot be resumed. */
  get last(): string | undefined {
    return this.#last
  }

  /** How long the server wants to be left alone before that, milliseconds; undefined when it has not said. */
  get retryMs(): number | undefined {
    return this.#retryMs
  }

  /** Forgets where it stands: the server does not know that place any more. */
  forget(): void {
    this.#last = undefined
    this.#seen = undefined
  }

  /** Takes the server's `retry`, milliseconds. */
  retry(milliseconds: number): void {
    this.#retryMs = Math.min(Math.max(milliseconds, RETRY.min), RETRY.max)
  }

  /** Takes the id of an event; false when that event was there before. */
  take(id: string): boolean {
    this.#last = id.length <= MAX_ID_BYTES && PLAIN.test(id) ? id : undefined
    if (this.#last === undefined) return true
    this.#seen ??= new Set()
    if (this.#seen.has(id)) return false
    const [oldest] = this.#seen
    if (oldest !== undefined && this.#seen.size >= KEPT) this.#seen.delete(oldest)
    this.#seen.add(id)
    return true
  }
}
