import type { AccessClaims } from '../../../protocol/token/claims.ts'
import type { Clock } from '../clock.ts'

/** Names of a token that may be revoked by. */
export type RevocableClaims = Pick<AccessClaims, 'iss' | 'jti' | 'sid' | 'txn'>

/** What is revoked: one token, all of a session, or all of a delegation; always of one issuer. */
export interface Revocation {
  readonly issuer: string
  readonly by: 'jti' | 'sid' | 'txn'
  readonly id: string
  /** When the last token it is about ends, seconds since 1970. */
  readonly until: number
}

/** Tokens that count no more although they have not ended. */
export interface Revocations {
  /** Whether a token is revoked; at once, and for every use of a token. */
  isRevoked(claims: RevocableClaims): boolean
  revoke(revocation: Revocation): void
  /** Calls `listener` for each revocation, until the function it gives back is called. */
  onRevoked(listener: (revocation: Revocation) => void): () => void
}

export interface MemoryRevocationsOptions {
  readonly clock: Clock
  /** Entries for each issuer. */
  readonly capacity: number
}

/** Between two looks for entries that are over, s. */
const SWEEP_SECONDS = 10

interface Denied {
  /** Ends by kind and id. */
  readonly until: Map<string, number>
  /** Up to then all tokens of the issuer are refused: there was no room to remember which. */
  allUntil: number
  sweptAt: number
}

/**
 * A denylist in memory. What is on it stays until it is over. An issuer that fills its part has all its tokens refused,
 * and no other issuer's: to forget one entry would bring a revoked token back.
 *
 * It is gone with the process; what it was about is over in minutes then.
 */
export class MemoryRevocations implements Revocations {
  readonly #clock: Clock
  readonly #capacity: number
  /** By issuer: as many as are configured, because only their revocations are listened to. */
  readonly #denied = new Map<string, Denied>()
  readonly #listeners = new Set<(revocation: Revocation) => void>()

  constructor({ clock, capacity }: MemoryRevocationsOptions) {
    this.#clock = clock
    this.#capacity = capacity
  }

  isRevoked({ iss, jti, sid, txn }: RevocableClaims): boolean {
    const denied = this.#denied.get(iss)
    if (denied === undefined) return false
    const now = this.#clock()
    if (denied.allUntil > now) return true
    const covers = (by: Revocation['by'], id: string | undefined): boolean =>
      id !== undefined && (denied.until.get(`${by} ${id}`) ?? 0) > now
    return covers('jti', jti) || covers('sid', sid) || covers('txn', txn)
  }

  revoke(revocation: Revocation): void {
    const { issuer, by, id, until } = revocation
    const now = this.#clock()
    if (!(until > now)) return
    const denied = this.#deniedOf(issuer)
    sweep(denied, now)
    const key = `${by} ${id}`
    const known = denied.until.get(key)
    if (known === undefined && denied.until.size >= this.#capacity) {
      denied.allUntil = Math.max(denied.allUntil, until)
    } else denied.until.set(key, Math.max(known ?? 0, until))
    for (const listener of this.#listeners) listener(revocation)
  }

  onRevoked(listener: (revocation: Revocation) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #deniedOf(issuer: string): Denied {
    const known = this.#denied.get(issuer)
    if (known !== undefined) return known
    const fresh = { until: new Map<string, number>(), allUntil: 0, sweptAt: 0 }
    this.#denied.set(issuer, fresh)
    return fresh
  }
}

function sweep(denied: Denied, now: number): void {
  if (now - denied.sweptAt < SWEEP_SECONDS) return
  denied.sweptAt = now
  for (const [key, until] of denied.until) if (until <= now) denied.until.delete(key)
}
