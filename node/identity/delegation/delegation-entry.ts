import { asFault, type Fault } from '../../../protocol/errors.ts'
import { OAuthFault } from '../../../protocol/token/faults.ts'
import type { Clock } from '../clock.ts'
import type { DelegatedToken } from './delegated-token.ts'

/** Before a token ends it is not used any more: 15 s, or a tenth of its life. */
const EARLY = { seconds: 15, part: 0.1 }

/** How long a refusal by policy counts, s: asked again at once it would be refused again. */
const REFUSED_SECONDS = 3

interface Held {
  readonly token: DelegatedToken
  /** From then on a new one is fetched while this one is used, seconds since 1970. */
  readonly renewAt: number
  /** From then on it is not used. */
  readonly usableUntil: number
}

export interface EntryOptions {
  readonly clock: Clock
  readonly obtain: () => DelegatedToken | Promise<DelegatedToken>
}

/**
 * The token for one caller at one upstream: fetched once however many ask, renewed while it is used before it ends, and
 * forgotten when the upstream does not take it.
 */
export class DelegationEntry {
  readonly #options: EntryOptions
  #held: Held | undefined
  #underWay: Promise<DelegatedToken> | undefined
  #refusal: { readonly fault: Fault; readonly until: number } | undefined
  /** Counts what was forgotten: a token that was asked for before is not kept after. */
  #turn = 0

  constructor(options: EntryOptions) {
    this.#options = options
  }

  /**
   * A token that is good still; at once when there is one.
   *
   * @throws what the back end throws; the promise rejects with it too
   */
  token(): DelegatedToken | Promise<DelegatedToken> {
    const now = this.#options.clock()
    const held = this.#held
    if (held === undefined || now >= held.usableUntil) return this.#obtain(now)
    if (now >= held.renewAt && this.#underWay === undefined) this.#renew()
    return held.token
  }

  /** Forgets the token, and what is on its way. */
  forget(): void {
    this.#turn += 1
    this.#held = undefined
    this.#underWay = undefined
    this.#refusal = undefined
  }

  /** Whether it holds this token still. */
  holds(token: DelegatedToken): boolean {
    return this.#held?.token === token
  }

  /** Facts of what it holds. */
  get current(): DelegatedToken | undefined {
    return this.#held?.token
  }

  #obtain(now: number): DelegatedToken | Promise<DelegatedToken> {
    if (this.#refusal !== undefined && now < this.#refusal.until) throw this.#refusal.fault
    if (this.#underWay !== undefined) return this.#underWay
    const turn = this.#turn
    try {
      const token = this.#options.obtain()
      if (!(token instanceof Promise)) return this.#keep(token)
      const asked = token.then(
        (later) => (turn === this.#turn ? this.#keep(later) : later),
        (error: unknown) => {
          throw turn === this.#turn ? this.#refused(error) : error
        },
      )
      this.#underWay = asked
      void asked
        .catch(() => undefined)
        .finally(() => {
          if (this.#underWay === asked) this.#underWay = undefined
        })
      return asked
    } catch (error) {
      throw this.#refused(error)
    }
  }

  /** In the background: until it is there the old one does. */
  #renew(): void {
    try {
      const renewed = this.#obtain(this.#options.clock())
      if (renewed instanceof Promise) renewed.catch(() => undefined)
    } catch {
      // It is asked for again when it is needed, and what is wrong is told then.
    }
  }

  #keep(token: DelegatedToken): DelegatedToken {
    const now = this.#options.clock()
    const life = token.facts.expiresAt - now
    const early = Math.min(Math.max(EARLY.seconds, life * EARLY.part), life / 2)
    const usableUntil = token.facts.expiresAt - early
    this.#held = { token, usableUntil, renewAt: usableUntil - early }
    this.#refusal = undefined
    return token
  }

  #refused(error: unknown): unknown {
    if (error instanceof OAuthFault) {
      this.#refusal = { fault: asFault(error), until: this.#options.clock() + REFUSED_SECONDS }
    }
    return error
  }
}
