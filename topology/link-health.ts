/** How the link to one upstream node stands, told from probes and calls. Times are milliseconds of the node's clock. */

/** `suspect`: something failed, and calls still go there. */
export type LinkState = 'up' | 'suspect' | 'down'

/** What a probe, or a call, says of a link: `refused` is somebody's answer, `silent` is none in time. */
export type ProbeOutcome = 'ok' | 'refused' | 'silent'

export interface LinkTiming {
  /** Between probes, and how long an answer may take, ms. */
  readonly interval: number
  /** Silences in a row that bring a link down. */
  readonly misses: number
  /** Refusals in a row that do. */
  readonly refusals: number
  /** How long a link that was down must answer before it is up again, ms: doubled with every flap. */
  readonly holdUp: number
  readonly holdUpMax: number
  /** In this time half of the flaps are forgotten, ms. */
  readonly halfLife: number
}

/** After the first refusal the next look is soon: a node that is gone refuses at once, one that restarts does not. */
const REFUSED_AGAIN_MS = 150
/** Between looks while something is open, ms. */
const DOUBT_MS = 1_000
const SOON_MS = 10

export const LINK_TIMING: LinkTiming = {
  interval: 5_000,
  misses: 3,
  refusals: 2,
  holdUp: 1_000,
  holdUpMax: 60_000,
  halfLife: 300_000,
}

/**
 * The state of a link, with damping where it is caused: a link that flaps must prove itself ever longer before it is up
 * again, while down is always at once.
 */
export class LinkHealth {
  readonly #timing: LinkTiming
  #state: LinkState = 'down'
  #epoch = 0
  #silences = 0
  #refusals = 0
  #flaps = 0
  #flapsAt = 0
  /** Since when it answers without a failure between, while it is down. */
  #goodSince: number | undefined

  constructor(timing: LinkTiming) {
    this.#timing = timing
  }

  get state(): LinkState {
    return this.#state
  }

  /** Grows whenever the link comes up; 0 before it first did. */
  get epoch(): number {
    return this.#epoch
  }

  /** How long it must answer before it is up, ms. */
  holdUp(now: number): number {
    const flaps = this.#flapsAt === 0 ? 0 : this.#faded(now)
    // The first time is no flap: a node must not wait to join.
    if (this.#epoch === 0) return 0
    return Math.min(this.#timing.holdUpMax, this.#timing.holdUp * 2 ** flaps)
  }

  /**
   * Takes in an outcome.
   *
   * @param slack factor for silences, at least 1: how far this node itself is behind its work
   * @returns whether the link came up or went down
   */
  onOutcome(outcome: ProbeOutcome, now: number, slack = 1): boolean {
    if (outcome === 'ok') return this.#onOk(now)
    this.#goodSince = undefined
    if (outcome === 'silent') this.#silences += 1
    else this.#refusals += 1
    if (this.#state === 'down') return false
    const { misses, refusals } = this.#timing
    if (this.#silences < misses * slack && this.#refusals < refusals) {
      this.#state = 'suspect'
      return false
    }
    this.#state = 'down'
    this.#flaps = this.#faded(now) + 1
    this.#flapsAt = now
    return true
  }

  /** When a probe should go out again, ms from now: sooner while something is open. */
  nextProbe(now: number): number {
    const { interval } = this.#timing
    if (this.#state === 'up') return interval
    if (this.#refusals > 0 && this.#state === 'suspect') return Math.min(interval, REFUSED_AGAIN_MS)
    if (this.#goodSince === undefined) return Math.min(interval, DOUBT_MS)
    const left = this.#goodSince + this.holdUp(now) - now
    return Math.min(interval, Math.max(left, SOON_MS))
  }

  #onOk(now: number): boolean {
    this.#silences = 0
    this.#refusals = 0
    if (this.#state !== 'down') {
      this.#state = 'up'
      return false
    }
    this.#goodSince ??= now
    if (now - this.#goodSince < this.holdUp(now)) return false
    this.#state = 'up'
    this.#epoch += 1
    this.#goodSince = undefined
    return true
  }

  #faded(now: number): number {
    return this.#flaps * 0.5 ** ((now - this.#flapsAt) / this.#timing.halfLife)
  }
}
