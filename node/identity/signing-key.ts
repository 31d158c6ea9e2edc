import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto'
import { rawOfDer } from './ecdsa.ts'
import { importPublicJwk, verifySignature, type VerifyKey } from './verify-key.ts'

/** What others may know of an ES256 key (RFC 7517). */
export interface PublicJwk {
  readonly kty: 'EC'
  readonly crv: 'P-256'
  readonly x: string
  readonly y: string
}

/** Bytes of a coordinate of P-256. */
const COORDINATE = 32

/** A private key for ES256 (RFC 7518 §3.4). The key itself never shows when it is printed. */
export class SigningKey {
  /** The RFC 7638 thumbprint, which is also its `kid` and, for proofs, the `jkt` of tokens. */
  readonly kid: string
  readonly jwk: PublicJwk
  /** To check its own signatures with. */
  readonly public: VerifyKey
  readonly #private: KeyObject

  private constructor(key: KeyObject) {
    const { x, y } = createPublicKey(key).export({ format: 'jwk' })
    if (x === undefined || y === undefined) throw new TypeError('not an EC key')
    this.jwk = { kty: 'EC', crv: 'P-256', x, y }
    this.public = importPublicJwk({ ...this.jwk }, ['ES256'])
    this.kid = this.public.thumbprint
    this.#private = key
  }

  static generate(): SigningKey {
    return new SigningKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
  }

  /**
   * The key of a private JWK.
   *
   * @throws TypeError or an error of OpenSSL when it is none, or its halves do not belong together
   */
  static fromJwk(jwk: JsonWebKey): SigningKey {
    const { kty, crv, x, y, d } = jwk
    if (kty !== 'EC' || crv !== 'P-256') throw new TypeError('not a P-256 key')
    const key = new SigningKey(
      createPrivateKey({ key: { kty, crv, x, y, d } as JsonWebKey, format: 'jwk' }),
    )
    const probe = 'both halves are of one key'
    if (!verifySignature(key.public, 'ES256', probe, key.sign(probe))) {
      throw new TypeError('the public half is not that of the private')
    }
    return key
  }

  /**
   * The key of a PEM file (PKCS #8).
   *
   * @throws TypeError or an error of OpenSSL when it is none of P-256
   */
  static fromPem(pem: string): SigningKey {
    const key = createPrivateKey(pem)
    if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
      throw new TypeError('not a P-256 key')
    return new SigningKey(key)
  }

  /** The signature as JWS wants it: r and s, 64 bytes. */
  sign(input: string): Buffer {
    return rawOfDer(sign('sha256', Buffer.from(input), this.#private), COORDINATE)
  }

  /** With the private part. For the file it is kept in, and nothing else. */
  exportPrivate(): JsonWebKey {
    return this.#private.export({ format: 'jwk' })
  }
}
