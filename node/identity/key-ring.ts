import { TokenFault } from '../../protocol/token/faults.ts'
import type { SignatureAlgorithm } from '../core/config-identity-types.ts'
import type { Clock } from './clock.ts'
import type { KeyFinder } from './jwt.ts'
import {
  currentKey,
  keysWithout,
  plannedKeys,
  publishedKeys,
  rotatedKeys,
  type KeyPlanner,
  type KeyPolicy,
} from './key-plan.ts'
import type { KeyStore, RingKey } from './key-store.ts'
import { SigningKey } from './signing-key.ts'
import type { VerifyKey } from './verify-key.ts'

/** What one may know of a key in a ring. */
export interface KeyState {
  readonly kid: string
  readonly state: 'next' | 'current' | 'old'
  /** Seconds since 1970. */
  readonly madeAt: number
  readonly usedFrom: number
}

export interface KeyRingOptions {
  readonly store: KeyStore
  readonly policy: KeyPolicy
  readonly clock: Clock
}

/** The keys of one purpose: the next, the one that signs, and the old ones whose signatures must still be checked. */
export class KeyRing implements KeyFinder {
  readonly #store: KeyStore
  readonly #planner: KeyPlanner<RingKey>
  readonly #clock: Clock
  #keys: readonly RingKey[] = []
  #document: { readonly kids: string; readonly text: string } = { kids: '', text: '' }

  private constructor({ store, policy, clock }: KeyRingOptions) {
    this.#store = store
    this.#planner = { ...policy, make: newKey }
    this.#clock = clock
  }

  /** Reads the keys, and makes the first one where there are none. @throws StateError */
  static async open(options: KeyRingOptions): Promise<KeyRing> {
    const ring = new KeyRing(options)
    await ring.#update((keys) => keys)
    return ring
  }

  /** The key to sign with now. Ask anew for each signature. */
  signing(): SigningKey {
    return currentKey(this.#keys, this.#clock()).signing
  }

  /** A published key by its thumbprint, at once. @throws TokenFault `unknown_key`, `algorithm` */
  find(kid: string | undefined, alg: SignatureAlgorithm): VerifyKey {
    const key = this.#published().find((one) => one.kid === kid)
    if (key === undefined) throw new TokenFault('unknown_key', 'the key is none of this node')
    if (alg !== 'ES256') throw new TokenFault('algorithm', 'the key is of another algorithm')
    return key.signing.public
  }

  /** The JWK set (RFC 7517 §5) of the published keys, as JSON text. */
  jwks(): string {
    const published = this.#published()
    const kids = published.map(({ kid }) => kid).join()
    if (this.#document.kids !== kids) this.#document = { kids, text: documentOf(published) }
    return this.#document.text
  }

  /** The published keys, the oldest first. */
  states(): readonly KeyState[] {
    const current = currentKey(this.#keys, this.#clock())
    return this.#published().map(({ kid, madeAt, usedFrom }) => {
      if (kid === current.kid) return { kid, state: 'current', madeAt, usedFrom }
      return { kid, state: usedFrom > current.usedFrom ? 'next' : 'old', madeAt, usedFrom }
    })
  }

  /**
   * Takes up what another process changed, makes the next key when it is time, and drops those that are over.
   *
   * @throws StateError, and then the keys stay as they were
   */
  async refresh(): Promise<void> {
    this.#keys = (await this.#store.read()) ?? this.#keys
    const now = this.#clock()
    if (plannedKeys(this.#keys, now, this.#planner) !== this.#keys) {
      await this.#update((keys) => keys)
    }
  }

  /**
   * Lets a new key take over as soon as it has been published long enough.
   *
   * @returns when it does, in seconds since 1970
   * @throws StateError
   */
  async rotate(): Promise<number> {
    await this.#update((keys) => rotatedKeys(keys, this.#clock(), this.#planner))
    return Math.max(...this.#keys.map(({ usedFrom }) => usedFrom))
  }

  /**
   * Removes a key that must not be trusted any more: what it signed is refused at once here, and elsewhere when they
   * look next. If it is the one that signs, another takes over without having been published ahead.
   *
   * @returns whether there was such a key
   * @throws StateError
   */
  async remove(kid: string): Promise<boolean> {
    let found = false
    await this.#update((keys) => {
      found = keys.some((key) => key.kid === kid)
      return keysWithout(keys, kid, this.#clock(), this.#planner)
    })
    return found
  }

  #published(): readonly RingKey[] {
    return publishedKeys(this.#keys, this.#clock(), this.#planner)
  }

  async #update(change: (keys: readonly RingKey[]) => readonly RingKey[]): Promise<void> {
    const now = this.#clock()
    // Planned first: there is always a key to change from.
    this.#keys = await this.#store.update((keys) => change(plannedKeys(keys, now, this.#planner)))
  }
}

function newKey(madeAt: number, usedFrom: number): RingKey {
  const signing = SigningKey.generate()
  return { kid: signing.kid, madeAt, usedFrom, signing }
}

function documentOf(keys: readonly RingKey[]): string {
  return JSON.stringify({
    keys: keys.map(({ kid, signing }) => ({ ...signing.jwk, kid, use: 'sig', alg: 'ES256' })),
  })
}
