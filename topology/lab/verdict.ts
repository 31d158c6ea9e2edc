/** `unknown`: what it is about never happened. */
export type Verdict = 'ok' | 'broken' | 'unknown'

/** What became of one expectation. */
export interface CheckResult {
  /** As written, in one line. */
  readonly expect: string
  readonly verdict: Verdict
  /** How often it was looked at. */
  readonly looked: number
  /** How often it was not looked at because something else happened in between. */
  readonly disturbed: number
  /** When it broke first, ms, and how. */
  readonly at?: number
  readonly what?: string
}

/** Counts what becomes of one expectation. */
export class Tally {
  readonly expect: string
  looked = 0
  disturbed = 0
  #broken: { readonly at: number; readonly what: string } | undefined
  readonly #isGoodOnce: boolean

  /** @param isGoodOnce whether one good look is enough, and none is no fault */
  constructor(expect: string, isGoodOnce = false) {
    this.expect = expect
    this.#isGoodOnce = isGoodOnce
  }

  /** Takes in a look. @param what is wrong; undefined when nothing is */
  look(at: number, what: string | undefined): void {
    this.looked += 1
    if (what !== undefined) this.#broken ??= { at, what }
  }

  result(): CheckResult {
    const { expect, looked, disturbed } = this
    const verdict = this.#broken === undefined ? this.#calm() : 'broken'
    return { expect, verdict, looked, disturbed, ...this.#broken }
  }

  #calm(): Verdict {
    return this.looked > 0 ? 'ok' : 'unknown'
  }

  /** Whether it needs no further look. */
  get isSettled(): boolean {
    return this.#broken !== undefined || (this.#isGoodOnce && this.looked > 0)
  }
}
