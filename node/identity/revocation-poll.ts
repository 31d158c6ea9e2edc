import { asFault } from '../../protocol/errors.ts'
import { MAX_ACCESS_LIFETIME } from '../../protocol/token/access.ts'
import type { RevocationList } from '../../protocol/token/revocation-list.ts'
import { MAX_LEEWAY } from '../../protocol/token/times.ts'
import type { Logger } from '../core/logger.ts'
import type { Clock } from './clock.ts'
import type { Revocations } from './service/revocations.ts'

export interface RevocationPollOptions {
  /** What is new since a cursor; undefined where nobody tells. */
  readonly ask: (cursor: string | undefined) => Promise<RevocationList | undefined>
  /** Whether tokens of an issuer are of any concern here: what is said of others is not listened to. */
  readonly heeds: (issuer: string) => boolean
  readonly revocations: Pick<Revocations, 'revoke' | 'refuse'>
  readonly clock: Clock
  /** Between an answer and the next question, ms; looked at each time. */
  readonly interval: () => number
  readonly log: Logger
}

/** No token lives longer, so nothing need be remembered longer, s. */
const LONGEST = MAX_ACCESS_LIFETIME + MAX_LEEWAY

/** Lists in a row that are read at once; what is left comes the next time. */
const MOST_LISTS = 1_000

/**
 * Follows what another node of the organisation has revoked. Nothing waits for it: what it has not heard of yet is taken
 * for good, as it would be where nobody tells.
 */
export class RevocationPoll {
  readonly #options: RevocationPollOptions
  #cursor: string | undefined
  #timer: NodeJS.Timeout | undefined
  #isClosed = false
  /** Whether the last question went unanswered: an outage is told of once. */
  #isDeaf = false

  constructor(options: RevocationPollOptions) {
    this.#options = options
  }

  /** Asks now, and then again and again until `close()`. */
  start(): void {
    this.#timer = undefined
    void this.poll().finally(() => {
      if (!this.#isClosed) this.#await()
    })
  }

  /** Another interval may hold: waits anew, where it waits. */
  rearm(): void {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#await()
  }

  /** Asks once for all that is new. Never rejects. */
  async poll(): Promise<void> {
    const { log } = this.#options
    try {
      for (let list = 0; list < MOST_LISTS && !this.#isClosed; list += 1) {
        if (!(await this.#next())) break
      }
      if (this.#isDeaf) log.info({}, 'revocations of the organisation are heard of again')
      this.#isDeaf = false
    } catch (error) {
      if (this.#isDeaf || this.#isClosed) return
      this.#isDeaf = true
      const why = asFault(error).message
      log.warn({ why }, 'what the organisation revokes is not heard of')
    }
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #await(): void {
    this.#timer = setTimeout(() => this.start(), this.#options.interval()).unref()
  }

  /** Whether there is more. */
  async #next(): Promise<boolean> {
    const { ask, heeds, revocations, clock } = this.#options
    const list = await ask(this.#cursor)
    if (list === undefined) return false
    const latest = clock() + LONGEST
    for (const one of list.revoked) {
      if (heeds(one.issuer)) revocations.revoke({ ...one, until: Math.min(one.until, latest) })
    }
    for (const { issuer, until } of list.refused) {
      if (heeds(issuer)) revocations.refuse(issuer, Math.min(until, latest))
    }
    this.#cursor = list.cursor
    return list.more
  }
}
