import type { SignatureAlgorithm } from '../core/config-identity-types.ts'
import { TokenFault } from '../../protocol/token/faults.ts'
import type { SigningKey } from './signing-key.ts'
import { verifySignature, type VerifyKey } from './verify-key.ts'

/** What a signature is checked of: a compact JWT that `readCompact` has taken apart. */
export interface SignedToken {
  readonly header: { readonly alg: string; readonly kid: string | undefined }
  /** Header and payload as they came, with the dot (RFC 7515 §5.1). */
  readonly signingInput: string
  readonly signature: Uint8Array
}

/** The keys of one issuer; never those of several. */
export interface KeyFinder {
  /**
   * The key to check a signature with; at once when it is at hand.
   *
   * @throws TokenFault `unknown_key`, `algorithm`; Fault `upstream_*` when keys cannot be fetched and none are at hand. A
   *   promise rejects with them.
   */
  find(kid: string | undefined, alg: SignatureAlgorithm): VerifyKey | Promise<VerifyKey>
}

/** Every algorithm there is an implementation for; `none` and the symmetric ones are not (RFC 8725 §3.1, §3.2). */
const ALGORITHMS: readonly SignatureAlgorithm[] = ['ES256', 'EdDSA', 'ES384', 'PS256', 'RS256']

/**
 * A JWT signed with ES256, its `kid` the thumbprint.
 *
 * @param typ one of `TYP`: says what it is for
 * @param claims plain JSON
 */
export function signJwt(key: SigningKey, typ: string, claims: object): string {
  return signCompact(key, encode({ alg: 'ES256', typ, kid: key.kid }), claims)
}

/** A JWT with a header that is encoded already. */
export function signCompact(key: SigningKey, header: string, claims: object): string {
  const input = `${header}.${encode(claims)}`
  return `${input}.${key.sign(input).toString('base64url')}`
}

/** The JSON text of a value, base64url. */
export function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** The algorithm a header names. @throws TokenFault `algorithm` when it is none we check */
export function algorithmOf(alg: string): SignatureAlgorithm {
  const known = ALGORITHMS.find((one) => one === alg)
  if (known === undefined) throw new TokenFault('algorithm', 'the algorithm is not allowed')
  return known
}

/**
 * Checks the signature with the keys of the one issuer the token must be of; at once when the key is at hand. Believe
 * no claim before.
 *
 * @returns the key it was checked with
 * @throws TokenFault `algorithm`, `unknown_key`, `signature`, and what the finder throws; a promise rejects with it
 */
export function verifyWith(keys: KeyFinder, token: SignedToken): VerifyKey | Promise<VerifyKey> {
  const alg = algorithmOf(token.header.alg)
  const key = keys.find(token.header.kid, alg)
  if (!(key instanceof Promise)) return checked(key, alg, token)
  return key.then((found) => checked(found, alg, token))
}

function checked(key: VerifyKey, alg: SignatureAlgorithm, token: SignedToken): VerifyKey {
  if (verifySignature(key, alg, token.signingInput, token.signature)) return key
  throw new TokenFault('signature', 'the signature is not that of the key it names')
}
