import type { JsonWebKey } from 'node:crypto'
import { jwkThumbprint, type PublicJwk } from '../../protocol/token/dpop.ts'

/** The members a thumbprint is made of (RFC 7638 §3.2; RFC 8037 §2 for OKP). */
const MEMBERS: ReadonlyMap<string, readonly string[]> = new Map([
  ['EC', ['crv', 'x', 'y']],
  ['OKP', ['crv', 'x']],
  ['RSA', ['e', 'n']],
])

/**
 * The RFC 7638 thumbprint of a key as `node:crypto` exports it, base64url: the same for its public and private form.
 *
 * @throws TypeError when it is no asymmetric key, or a member is missing
 */
export function thumbprint(jwk: Readonly<JsonWebKey>): string {
  const members = MEMBERS.get(jwk.kty ?? '')
  if (members === undefined) throw new TypeError('not an asymmetric key')
  for (const name of members) {
    if (typeof jwk[name] !== 'string') throw new TypeError(`the key has no "${name}"`)
  }
  return jwkThumbprint(jwk as PublicJwk)
}
