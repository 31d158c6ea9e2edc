import { randomBytes } from 'node:crypto'
import type { AccessClaims } from '../../../protocol/token/claims.ts'
import type { RevocationList, Revoked } from '../../../protocol/token/revocation-list.ts'
import type { Clock } from '../clock.ts'

/** Names of a token that may be revoked by. */
export type RevocableClaims = Pick<AccessClaims, 'iss' | 'jti' | 'sid' | 'txn'>

/** What is revoked: one token, all of a session, or all of a delegation; always of one issuer. */
export type Revocation = Revoked

/** Tokens that count no more although they have not ended. */
export interface Revocations {
  /** Whether a token is revoked; at once, and for every use of a token. */
  isRevoked(claims: RevocableClaims): boolean
  revoke(revocation: Revocation): void
  /** Refuses all tokens of an issuer up to a time, seconds since 1970. */
  refuse(issuer: string, until: number): void
  /**
   * What was revoked since a list with that cursor was made, the oldest first; all there is where the cursor is of another
   * process, or none.
   *
   * @param most entries of one list
   */
  since(cursor: string | undefined, most: number): RevocationList
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

/** A revocation with its place in the order of all. */
interface Entry extends Revocation {
  readonly place: number
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
  /** All that is denied, in the order it came, for those who ask what is new. */
  readonly #journal = new Map<string, Entry>()
  readonly #listeners = new Set<(revocation: Revocation) => void>()
  /** Names this process, so that cursors of the one before are told from its own. */
  readonly #epoch = randomBytes(8).toString('hex')
  #place = 0

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
    this.#sweep(issuer, denied, now)
    const key = `${by} ${id}`
    const known = denied.until.get(key)
    if (known === undefined && denied.until.size >= this.#capacity) this.refuse(issuer, until)
    else {
      denied.until.set(key, Math.max(known ?? 0, until))
      if (until > (known ?? 0)) this.#write(revocation)
    }
    for (const listener of this.#listeners) listener(revocation)
  }

  refuse(issuer: string, until: number): void {
    const denied = this.#deniedOf(issuer)
    denied.allUntil = Math.max(denied.allUntil, until)
  }

  since(cursor: string | undefined, most: number): RevocationList {
    const [epoch, place] = (cursor ?? '').split('.')
    let last = epoch === this.#epoch ? Number(place) || 0 : 0
    const revoked: Revocation[] = []
    let more = false
    const now = this.#clock()
    for (const { place: at, ...revocation } of this.#journal.values()) {
      if (at <= last || revocation.until <= now) continue
      more = revoked.length >= most
      if (more) break
      revoked.push(revocation)
      last = at
    }
    return { revoked, refused: this.#refused(now), cursor: `${this.#epoch}.${last}`, more }
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

  /** At the end, also where it was there before: who has read that far must hear of it again. */
  #write(revocation: Revocation): void {
    const key = journalKey(revocation.issuer, `${revocation.by} ${revocation.id}`)
    this.#place += 1
    this.#journal.delete(key)
    this.#journal.set(key, { ...revocation, place: this.#place })
  }

  #refused(now: number): RevocationList['refused'] {
    return [...this.#denied]
      .filter(([, { allUntil }]) => allUntil > now)
      .map(([issuer, { allUntil: until }]) => ({ issuer, until }))
  }

  #sweep(issuer: string, denied: Denied, now: number): void {
    if (now - denied.sweptAt < SWEEP_SECONDS) return
    denied.sweptAt = now
    for (const [key, until] of denied.until) {
      if (until > now) continue
      denied.until.delete(key)
      this.#journal.delete(journalKey(issuer, key))
    }
  }
}

function journalKey(issuer: string, key: string): string {
  return `${issuer.length} ${issuer}${key}`
}
