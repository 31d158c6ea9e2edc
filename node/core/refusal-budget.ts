/** What refusals are counted by that are not written one by one. */
export interface Unwritten {
  readonly reason: string
  readonly count: number
}

export interface RefusalBudgetOptions {
  /** Refusals written in a second; as many may come at once as in two. */
  readonly perSecond: number
  /** Gets what was not written, once a second at most while there is any. */
  readonly tell: (unwritten: readonly Unwritten[]) => void
  /** Milliseconds that only go up. */
  readonly now: () => number
}

/** How long refusals are gathered, ms. */
const GATHERED_MS = 1_000

/** Reasons that are told apart; there are fewer, so that nothing a caller says makes more of them. */
const MAX_REASONS = 100
const OTHER = 'other'

/**
 * Keeps a flood of refusals cheap: beyond a number in a second each costs a count, and one line says how many there were
 * for each reason.
 */
export class RefusalBudget {
  readonly #options: RefusalBudgetOptions
  readonly #unwritten = new Map<string, number>()
  #room: number
  #at: number
  #timer: NodeJS.Timeout | undefined

  constructor(options: RefusalBudgetOptions) {
    this.#options = options
    this.#room = 2 * options.perSecond
    this.#at = options.now()
  }

  /** Whether a refusal is to be written; if not, it is counted. */
  take(reason: string): boolean {
    const { perSecond, now } = this.#options
    const at = now()
    this.#room = Math.min(2 * perSecond, this.#room + ((at - this.#at) / 1_000) * perSecond)
    this.#at = at
    if (this.#room >= 1) {
      this.#room -= 1
      return true
    }
    const key = this.#unwritten.size < MAX_REASONS || this.#unwritten.has(reason) ? reason : OTHER
    this.#unwritten.set(key, (this.#unwritten.get(key) ?? 0) + 1)
    this.#timer ??= setTimeout(() => this.flush(), GATHERED_MS).unref()
    return false
  }

  /** Tells what has been counted so far. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#unwritten.size === 0) return
    const unwritten = [...this.#unwritten].map(([reason, count]) => ({ reason, count }))
    this.#unwritten.clear()
    this.#options.tell(unwritten)
  }
}
