import { randomUUID } from 'node:crypto'
import { TYP } from '../../../protocol/token/claims.ts'
import { MAX_ASSERTION_LIFETIME } from '../../../protocol/token/assertion.ts'
import { URN } from '../../../protocol/token/metadata.ts'
import type { ClientCredentials } from '../../core/config-identity-types.ts'
import type { Clock } from '../clock.ts'
import { signJwt } from '../jwt.ts'
import type { KeyRing } from '../key-ring.ts'
import { SigningKey } from '../signing-key.ts'

/** What a request to an authorization server has in it to say which client sends it. */
export interface ClientAuthentication {
  /** Names and values in turn. */
  readonly headers: readonly string[]
  readonly form: readonly [name: string, value: string][]
}

/**
 * Makes the authentication of one request.
 *
 * @param issuer identifier of the authorization server
 */
export type AuthenticateClient = (client: ClientCredentials, issuer: string) => ClientAuthentication

/**
 * With the secret where there is one (RFC 6749 §2.3.1), else `private_key_jwt` with the client key (RFC 7523 §2.2), unless
 * the client has a method of its own.
 */
export function clientAuthenticator(
  keys: Pick<KeyRing, 'signing'>,
  clock: Clock,
): AuthenticateClient {
  return (client, issuer) => {
    const { id, secret, key } = client
    const method =
      client.method ?? (secret === undefined ? 'private_key_jwt' : 'client_secret_basic')
    if (method === 'none') return { headers: [], form: [['client_id', id]] }
    const text = secret?.reveal() ?? ''
    if (method === 'client_secret_basic') {
      return { headers: ['authorization', basic(id, text)], form: [] }
    }
    if (method === 'client_secret_post') {
      return {
        headers: [],
        form: [
          ['client_id', id],
          ['client_secret', text],
        ],
      }
    }
    const iat = Math.floor(clock())
    const exp = iat + MAX_ASSERTION_LIFETIME
    const claims = { iss: id, sub: id, aud: issuer, jti: randomUUID(), iat, exp }
    const signing = key === undefined ? keys.signing() : SigningKey.fromPem(key.reveal())
    const assertion = signJwt(signing, TYP.clientAssertion, claims)
    return {
      headers: [],
      form: [
        ['client_id', id],
        ['client_assertion_type', URN.clientAssertion],
        ['client_assertion', assertion],
      ],
    }
  }
}

/** Both parts are form-encoded first (RFC 6749 §2.3.1), so that a colon in the id cannot move the border. */
function basic(id: string, secret: string): string {
  const text = `${formEncode(id)}:${formEncode(secret)}`
  return `Basic ${Buffer.from(text).toString('base64')}`
}

function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}
