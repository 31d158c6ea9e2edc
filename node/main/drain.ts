/** Whether the node takes work, and says so. */
export class Drain {
  #loaded = false
  #away = false
  #closing = false

  /** Whether it asks for callers. */
  get ready(): boolean {
    return this.phase === 'ready'
  }

  /** Whether it takes work: also while it sends callers elsewhere. */
  get open(): boolean {
    return !this.#closing
  }

  get phase(): 'starting' | 'ready' | 'draining' {
    if (this.#away || this.#closing) return 'draining'
    return this.#loaded ? 'ready' : 'starting'
  }

  /** The first lists are in. */
  loaded(): void {
    this.#loaded = true
  }

  /** Sends callers elsewhere, or asks for them again. */
  send(away: boolean): void {
    this.#away = away
  }

  /** Takes no more work. */
  begin(): void {
    this.#closing = true
  }
}
