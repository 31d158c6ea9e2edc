import type { SignatureAlgorithm } from '../core/config-identity-types.ts'
import { TokenFault } from '../../protocol/token/faults.ts'
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts'
import { importPublicJwk, type VerifyKey } from './verify-key.ts'

/** Which keys of an issuer are taken. */
export interface KeyRules {
  readonly algs: readonly SignatureAlgorithm[]
  /** RFC 7638 thumbprints; when there are any, no other key is taken. */
  readonly pins: readonly string[]
  /**
   * Whether each `kid` must be the thumbprint of its key, as with all issuers of this kind of node: then no `kid` can
   * come to mean another key.
   */
  readonly thumbprintKids: boolean
}

/** Keys in one set; more are refused. */
const MAX_KEYS = 100

/** The usable keys of one issuer. */
export class KeySet {
  readonly #keys: readonly VerifyKey[]

  constructor(keys: readonly VerifyKey[]) {
    this.#keys = keys
  }

  get size(): number {
    return this.#keys.length
  }

  /** RFC 7638, each once. */
  get thumbprints(): readonly string[] {
    return [...new Set(this.#keys.map(({ thumbprint }) => thumbprint))]
  }

  /**
   * The key of a token's header, or undefined when there is none. A token without `kid` means the only key of its
   * algorithm.
   *
   * @throws TokenFault `unknown_key` when several keys may be meant
   */
  find(kid: string | undefined, alg: SignatureAlgorithm): VerifyKey | undefined {
    const found = this.#keys.filter(
      (key) => key.algs.includes(alg) && (kid === undefined || key.kid === kid),
    )
    if (found.length > 1) throw new TokenFault('unknown_key', 'several keys may be meant')
    return found[0]
  }
}

/**
 * Reads a JWK set (RFC 7517 §5). Keys that are of no use here are passed over, as §5 demands: sets hold keys for others
 * too.
 *
 * @throws TypeError when it is no set, or one of more than a hundred keys
 */
export function readKeySet(document: JsonObject, rules: KeyRules): KeySet {
  const { keys } = document
  if (!Array.isArray(keys)) throw new TypeError('holds no keys')
  return keySetOf(keys, rules)
}

/** The set of JWKs. @throws TypeError when there are more than a hundred */
export function keySetOf(jwks: readonly unknown[], rules: KeyRules): KeySet {
  if (jwks.length > MAX_KEYS) throw new TypeError(`holds more than ${MAX_KEYS} keys`)
  const taken = new Map<string, VerifyKey>()
  for (const jwk of jwks) {
    const key = isObject(jwk) ? usable(jwk, rules) : undefined
    // The same key twice is one key.
    if (key !== undefined) taken.set(`${key.thumbprint} ${key.kid ?? ''}`, key)
  }
  return new KeySet([...taken.values()])
}

function usable(jwk: JsonObject, { algs, pins, thumbprintKids }: KeyRules): VerifyKey | undefined {
  const key = imported(jwk, algs)
  if (key === undefined || (thumbprintKids && key.kid !== key.thumbprint)) return undefined
  return pins.length === 0 || pins.includes(key.thumbprint) ? key : undefined
}

function imported(jwk: JsonObject, algs: readonly SignatureAlgorithm[]): VerifyKey | undefined {
  try {
    return importPublicJwk(jwk, algs)
  } catch {
    return undefined
  }
}
