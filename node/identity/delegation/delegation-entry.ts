import { asFault, type Fault } from '../../../protocol/errors.ts'
import { OAuthFault, TokenFault } from '../../../protocol/token/faults.ts'
import { refusal } from '../../../protocol/token/refusals.ts'
import type { Clock } from '../clock.ts'
import type { DelegatedToken } from './delegated-token.ts'

/** Before a token ends it is not used any more: 15 s, or a tenth of its life. */
const EARLY = { seconds: 15, part: 0.1 }

/** How long a refusal by policy counts, s: asked again at once it would be refused again. */
const REFUSED_SECONDS = 3

/** How long the renewal of a token that is good still is left alone after it was tried, s. */
const BACK_OFF_SECONDS = 2

/** Within so many seconds a second token the upstream does not take is the last. */
const UNWANTED_SECONDS = 5

interface Held {
  readonly token: DelegatedToken
  /** From then on a new one is fetched while this one is used, seconds since 1970. */
  renewAt: number
  /** From then on it is not used. */
  readonly usableUntil: number
}

export interface EntryOptions {
  readonly clock: Clock
  readonly obtain: () => DelegatedToken | Promise<DelegatedToken>
  /** When what tokens are made from ends, seconds since 1970: close to it a new one is no better. Default: never. */
  readonly ceiling?: number
  /** Whether what tokens are made from is revoked, or this one. Default: nothing is. */
  readonly isRevoked?: (token: DelegatedToken | undefined) => boolean
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
  /** When the upstream last did not take a token. */
  #unwantedAt = -Infinity
  /** Counts what was forgotten: a token that was asked for before is not kept after. */
  #turn = 0

  constructor(options: EntryOptions) {
    this.#options = options
  }

  /**
   * A token that is good still; at once when there is one.
   *
   * @throws what the back end throws, and OAuthFault `invalid_request` when what it would be made from is revoked; the
   *   promise rejects with it too
   */
  token(): DelegatedToken | Promise<DelegatedToken> {
    const { clock, isRevoked } = this.#options
    if (isRevoked?.(undefined) === true) throw this.#end()
    const now = clock()
    const held = this.#held
    if (held === undefined || now >= held.usableUntil) return this.#obtain(now)
    if (isRevoked?.(held.token) === true) {
      this.forget()
      return this.#obtain(now)
    }
    if (now >= held.renewAt && this.#underWay === undefined) this.#renew(held, now)
    return held.token
  }

  /** Forgets the token, and what is on its way. */
  forget(): void {
    this.#turn += 1
    this.#held = undefined
    this.#underWay = undefined
    this.#refusal = undefined
  }

  /**
   * The upstream did not take a token. Forgets it, unless it is another by now; a second one within seconds is followed by
   * none for a while.
   *
   * @returns whether it is worth to try again
   */
  unwanted(token: DelegatedToken): boolean {
    if (this.#held?.token !== token) return this.#refusal === undefined
    const now = this.#options.clock()
    const isSecond = now - this.#unwantedAt < UNWANTED_SECONDS
    this.#unwantedAt = now
    this.forget()
    if (!isSecond) return true
    const fault = refusal('invalid_request', 'resource', 'the upstream takes none of its tokens')
    this.#refusal = { fault, until: now + REFUSED_SECONDS }
    return false
  }

  #end(): Fault {
    this.forget()
    return refusal('invalid_request', 'revoked', 'what the token would be made from is revoked')
  }

  #obtain(now: number): DelegatedToken | Promise<DelegatedToken> {
    if (this.#refusal !== undefined && now < this.#refusal.until) throw this.#refusal.fault
    if (this.#underWay !== undefined) return this.#underWay
    const turn = this.#turn
    try {
      const token = this.#options.obtain()
      return token instanceof Promise ? this.#wait(token, turn) : this.#keep(token)
    } catch (error) {
      throw this.#refused(error)
    }
  }

  #wait(token: Promise<DelegatedToken>, turn: number): Promise<DelegatedToken> {
    const asked = token.then(
      (later) => {
        if (this.#options.isRevoked?.(later) === true) throw this.#end()
        return turn === this.#turn ? this.#keep(later) : later
      },
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
  }

  /** In the background: until it is there the old one does. */
  #renew(held: Held, now: number): void {
    held.renewAt = now + BACK_OFF_SECONDS
    try {
      const renewed = this.#obtain(now)
      if (renewed instanceof Promise) renewed.catch(() => undefined)
    } catch {
      // It is asked for again when it is needed, and what is wrong is told then.
    }
  }

  #keep(token: DelegatedToken): DelegatedToken {
    const { clock, ceiling = Infinity } = this.#options
    const { expiresAt } = token.facts
    const life = expiresAt - clock()
    const early = Math.min(Math.max(EARLY.seconds, life * EARLY.part), life / 2)
    const usableUntil = expiresAt - early
    const isLast = expiresAt >= Math.floor(ceiling)
    this.#held = { token, usableUntil, renewAt: isLast ? Infinity : usableUntil - early }
    this.#refusal = undefined
    return token
  }

  /** What was decided is decided for a while; what could not be asked is asked again. */
  #refused(error: unknown): unknown {
    if (error instanceof OAuthFault || error instanceof TokenFault) {
      this.#refusal = { fault: asFault(error), until: this.#options.clock() + REFUSED_SECONDS }
    }
    return error
  }
}
