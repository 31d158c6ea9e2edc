import { asFault, type Fault } from '../../protocol/errors.ts'
import { TokenFault } from '../../protocol/token/faults.ts'
import type { SignatureAlgorithm } from '../core/config-identity-types.ts'
import type { Clock } from './clock.ts'
import { FetchFault } from './fetch-fault.ts'
import type { GuardedFetch } from './guarded-fetch.ts'
import type { KeyFinder } from './jwt.ts'
import { keySetOf, readKeySet, type KeyRules, type KeySet } from './key-set.ts'
import type { VerifyKey } from './verify-key.ts'

/** The keys as they stand in the configuration. */
export class StaticKeys implements KeyFinder {
  readonly #set: KeySet

  /** @throws TypeError for more than a hundred keys; those of no use are passed over */
  constructor(jwks: readonly unknown[], rules: KeyRules) {
    this.#set = keySetOf(jwks, rules)
  }

  find(kid: string | undefined, alg: SignatureAlgorithm): VerifyKey {
    return this.#set.find(kid, alg) ?? unknownKey()
  }
}

export interface RemoteKeysOptions {
  readonly rules: KeyRules
  /** Where the keys are; asked before each fetch, so that metadata may say so. */
  readonly locate: () => string | Promise<string>
  readonly fetch: Pick<GuardedFetch, 'getJson'>
  readonly clock: Clock
}

/** How old keys may be, s. */
const FRESH_SECONDS = 600
/** From this age on they are fetched anew while they are still used, so that no request has to wait. */
const RENEW_SECONDS = 300
/** Between two fetches, s, whatever is asked for: unknown key ids are free to invent. */
const COOLDOWN_SECONDS = 30
/** How long keys are used that cannot be fetched any more, s: beyond, a key that was removed would live for ever. */
const KEEP_SECONDS = 86_400

const JWKS_TYPES = ['application/json', 'application/jwk-set+json']

/** The keys one issuer publishes, fetched when they are needed and kept while they cannot be. */
export class RemoteKeys implements KeyFinder {
  readonly #options: RemoteKeysOptions
  readonly #closing = new AbortController()
  #set: KeySet | undefined
  #fetchedAt = -Infinity
  #triedAt = -Infinity
  #failure: Fault | undefined
  #underWay: Promise<void> | undefined

  constructor(options: RemoteKeysOptions) {
    this.#options = options
  }

  find(kid: string | undefined, alg: SignatureAlgorithm): VerifyKey | Promise<VerifyKey> {
    const now = this.#options.clock()
    const age = now - this.#fetchedAt
    const key = age < FRESH_SECONDS ? this.#set?.find(kid, alg) : undefined
    if (key !== undefined) {
      if (age >= RENEW_SECONDS && this.#mayFetch(now)) void this.#fetch()
      return key
    }
    if (this.#underWay === undefined && !this.#mayFetch(now)) return this.#best(kid, alg)
    return this.#fetch().then(() => this.#best(kid, alg))
  }

  /** Forgets what was fetched when the issuer is said to have changed it; the next token fetches, in its turn. */
  expire(): void {
    this.#fetchedAt = Math.min(this.#fetchedAt, this.#options.clock() - FRESH_SECONDS)
  }

  close(): void {
    this.#closing.abort()
  }

  #mayFetch(now: number): boolean {
    return now - this.#triedAt >= COOLDOWN_SECONDS && !this.#closing.signal.aborted
  }

  /** From what there is: fresh keys, or the last good ones. */
  #best(kid: string | undefined, alg: SignatureAlgorithm): VerifyKey {
    const set = this.#options.clock() - this.#fetchedAt < KEEP_SECONDS ? this.#set : undefined
    if (set === undefined && this.#failure !== undefined) throw this.#waiting(this.#failure)
    return set?.find(kid, alg) ?? unknownKey()
  }

  /** With a hint when there will be another try; not before the server wants one. */
  #waiting(failure: Fault): Fault {
    if (!(failure instanceof FetchFault)) return failure
    const left = COOLDOWN_SECONDS - (this.#options.clock() - this.#triedAt)
    return failure.after(Math.max(Math.ceil(left * 1_000), failure.retryAfterMs ?? 0))
  }

  /** Never rejects: what went wrong is kept for those who find no key. */
  #fetch(): Promise<void> {
    this.#underWay ??= this.#load().finally(() => (this.#underWay = undefined))
    return this.#underWay
  }

  async #load(): Promise<void> {
    this.#triedAt = this.#options.clock()
    try {
      const { locate, fetch, rules } = this.#options
      const url = await locate()
      const { signal } = this.#closing
      const { json } = await fetch.getJson(url, { types: JWKS_TYPES, signal })
      this.#set = readSet(url, json, rules)
      this.#fetchedAt = this.#options.clock()
      this.#failure = undefined
    } catch (error) {
      this.#failure = asFault(error)
    }
  }
}

function readSet(url: string, ...[document, rules]: Parameters<typeof readKeySet>): KeySet {
  try {
    return readKeySet(document, rules)
  } catch (error) {
    const reason = error instanceof TypeError ? error.message : 'is no key set'
    throw new FetchFault('document', new URL(url).host, `the key set ${reason}`)
  }
}

function unknownKey(): never {
  throw new TokenFault('unknown_key', 'the issuer has no such key')
}
