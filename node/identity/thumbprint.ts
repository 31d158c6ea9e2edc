import { createHash, type JsonWebKey } from 'node:crypto'

/** The members a thumbprint is made of, in their order (RFC 7638 §3.2; RFC 8037 §2 for OKP). */
const MEMBERS: ReadonlyMap<string, readonly (keyof JsonWebKey)[]> = new Map([
  ['EC', ['crv', 'kty', 'x', 'y']],
  ['OKP', ['crv', 'kty', 'x']],
  ['RSA', ['e', 'kty', 'n']],
])

/**
 * The RFC 7638 thumbprint of a key with SHA-256, base64url: the same for its public and its private form.
 *
 * @throws TypeError when it is no asymmetric key, or a member is missing
 */
export function thumbprint(jwk: Readonly<JsonWebKey>): string {
  const members = MEMBERS.get(jwk.kty ?? '')
  if (members === undefined) throw new TypeError('not an asymmetric key')
  const required = members.map((name) => {
    const value = jwk[name]
    if (typeof value !== 'string') throw new TypeError(`the key has no "${name}"`)
    return [name, value]
  })
  return createHash('sha256')
    .update(JSON.stringify(Object.fromEntries(required)))
    .digest('base64url')
}
