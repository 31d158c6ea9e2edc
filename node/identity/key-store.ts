import type { JsonWebKey } from 'node:crypto'
import type { PlannedKey } from './key-plan.ts'
import { SigningKey } from './signing-key.ts'
import {
  readIfThere,
  refuseExposed,
  replaceAtomically,
  stampOf,
  StateError,
  whileLocked,
} from './state-files.ts'

/** What a key is for: access tokens and grants, client assertions, proofs, results. A key has one purpose for ever. */
export type KeyPurpose = 'sts' | 'client' | 'dpop' | 'result'

/** A key with its place in the line. */
export interface RingKey extends PlannedKey {
  readonly signing: SigningKey
}

/** Where the keys of one purpose are kept. */
export interface KeyStore {
  /** The keys, or undefined when they are those of last time. @throws StateError */
  read(): Promise<readonly RingKey[] | undefined>
  /**
   * Changes the keys; no other process does in the meantime.
   *
   * @param change gets the keys as they are, none at the first start; what it returns is kept
   * @throws StateError, and then nothing was changed
   */
  update(change: (keys: readonly RingKey[]) => readonly RingKey[]): Promise<readonly RingKey[]>
}

/** Keys that live as long as the process. */
export class MemoryKeyStore implements KeyStore {
  #keys: readonly RingKey[] = []

  read(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  update(change: (keys: readonly RingKey[]) => readonly RingKey[]): Promise<readonly RingKey[]> {
    this.#keys = change(this.#keys)
    return Promise.resolve(this.#keys)
  }
}

const FORMAT = 1

/** One file, readable by its owner only: JSON with a version, replaced as a whole. */
export class FileKeyStore implements KeyStore {
  readonly #file: string
  readonly #purpose: KeyPurpose
  #stamp: string | undefined

  constructor(file: string, purpose: KeyPurpose) {
    this.#file = file
    this.#purpose = purpose
  }

  async read(): Promise<readonly RingKey[] | undefined> {
    const stamp = await stampOf(this.#file)
    // A file that is gone is no reason to forget keys that others were told of.
    if (stamp === undefined || stamp === this.#stamp) return undefined
    const keys = await this.#load()
    this.#stamp = stamp
    return keys
  }

  update(change: (keys: readonly RingKey[]) => readonly RingKey[]): Promise<readonly RingKey[]> {
    return whileLocked(this.#file, async () => {
      const before = await this.#load()
      const after = change(before)
      if (after !== before) await replaceAtomically(this.#file, this.#write(after))
      this.#stamp = await stampOf(this.#file)
      return after
    })
  }

  async #load(): Promise<readonly RingKey[]> {
    await refuseExposed(this.#file)
    const text = await readIfThere(this.#file)
    return text === undefined ? [] : this.#parse(text)
  }

  #write(keys: readonly RingKey[]): string {
    const kept = keys.map(({ kid, madeAt, usedFrom, signing }) => {
      return { kid, madeAt, usedFrom, jwk: signing.exportPrivate() }
    })
    return `${JSON.stringify({ version: FORMAT, purpose: this.#purpose, keys: kept }, undefined, 2)}\n`
  }

  #parse(text: string): readonly RingKey[] {
    const file = parsed(text)
    if (file === undefined) throw this.#damaged('it must hold JSON')
    const { version, purpose, keys } = file
    if (typeof version === 'number' && version > FORMAT) {
      throw new StateError(this.#file, `is of a newer version of the format (${version})`)
    }
    if (version !== FORMAT) throw this.#damaged('it must say its version')
    if (purpose !== this.#purpose) {
      throw new StateError(this.#file, `does not hold keys of the purpose "${this.#purpose}"`)
    }
    if (!Array.isArray(keys) || keys.length === 0) throw this.#damaged('it must hold keys')
    return keys.map((key: unknown, index) => this.#parseKey(key, index))
  }

  #parseKey(entry: unknown, index: number): RingKey {
    const { kid, madeAt, usedFrom, jwk } = isRecord(entry) ? entry : {}
    if (!isTime(madeAt) || !isTime(usedFrom) || !isRecord(jwk)) {
      throw this.#damaged(`key ${index + 1} is not complete`)
    }
    const signing = this.#signingKey(jwk, index)
    if (signing.kid !== kid) throw this.#damaged(`key ${index + 1} is not the one its kid names`)
    return { kid, madeAt, usedFrom, signing }
  }

  #signingKey(jwk: JsonWebKey, index: number): SigningKey {
    try {
      return SigningKey.fromJwk(jwk)
    } catch {
      // Without the cause: what OpenSSL says may quote the key.
      throw this.#damaged(`key ${index + 1} is no P-256 key`)
    }
  }

  #damaged(why: string): StateError {
    return new StateError(this.#file, `is damaged: ${why}`)
  }
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}
