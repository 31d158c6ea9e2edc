// Writes tokens and proofs, good ones and every kind of bad one, byte by byte.
import {
  createHmac,
  generateKeyPairSync,
  randomUUID,
  sign,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto'
import { accessTokenHash, jwkThumbprint, type PublicJwk } from '../../protocol/token/dpop.ts'

export type Json = Readonly<Record<string, unknown>>

/** A part of a token: an object, or text that may be no JSON at all. */
export type Part = Json | string

export function encode(part: Part): string {
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')
}

/** A key pair with a name, for ES256. */
export class ForgeKey {
  readonly jwk: PublicJwk
  readonly privateJwk: JsonWebKey
  readonly thumbprint: string
  readonly pem: string
  readonly #private: KeyObject

  constructor() {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#private = pair.privateKey
    this.privateJwk = pair.privateKey.export({ format: 'jwk' })
    this.jwk = pair.publicKey.export({ format: 'jwk' }) as unknown as PublicJwk
    this.thumbprint = jwkThumbprint(this.jwk)
    this.pem = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  }

  /** As a JWKS shows it. */
  published(kid: string = this.thumbprint): Json {
    return { ...this.jwk, kid, use: 'sig', alg: 'ES256' }
  }

  /** A compact JWT signed with ES256, whatever its header says. */
  token(header: Part, payload: Part): string {
    const input = `${encode(header)}.${encode(payload)}`
    const options = { key: this.#private, dsaEncoding: 'ieee-p1363' } as const
    return `${input}.${sign('sha256', Buffer.from(input), options).toString('base64url')}`
  }

  /** An access token as its issuer would sign it. */
  access(claims: Part, header: Json = {}): string {
    return this.token({ alg: 'ES256', typ: 'at+jwt', kid: this.thumbprint, ...header }, claims)
  }

  /** A DPoP proof; undefined members are left out. */
  proof(claims: Json, header: Json = {}): string {
    const said = { jti: randomUUID(), htm: 'POST', ...claims }
    return this.token({ alg: 'ES256', typ: 'dpop+jwt', jwk: this.jwk, ...header }, said)
  }
}

/** Signed with a secret, for example one that everybody knows. */
export function hmacToken(header: Part, payload: Part, secret: string): string {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

export { accessTokenHash }
