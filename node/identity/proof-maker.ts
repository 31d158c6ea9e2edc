import { randomUUID } from 'node:crypto'
import { TYP } from '../../protocol/token/claims.ts'
import { accessTokenHash } from '../../protocol/token/dpop.ts'
import type { Clock } from './clock.ts'
import { encode, signCompact } from './jwt.ts'
import type { SigningKey } from './signing-key.ts'

/** The request a proof is for. */
export interface ProofRequest {
  readonly method: string
  /** Absolute; query and fragment are left out of the proof. */
  readonly url: string
  /** The token it goes with; absent at a token endpoint. */
  readonly accessToken?: string
  /** What the server last asked for. */
  readonly nonce?: string
}

/** Makes DPoP proofs (RFC 9449 §4.2) with one key, at once. */
export class ProofMaker {
  /** The thumbprint tokens are bound to. */
  readonly jkt: string
  readonly #key: SigningKey
  readonly #clock: Clock
  readonly #header: string

  constructor(key: SigningKey, clock: Clock) {
    this.#key = key
    this.#clock = clock
    this.jkt = key.kid
    this.#header = encode({ alg: 'ES256', typ: TYP.dpop, jwk: key.jwk })
  }

  /** A proof for one request, once: a retry needs another. */
  proof({ method, url, accessToken, nonce }: ProofRequest): string {
    return signCompact(this.#key, this.#header, {
      jti: randomUUID(),
      htm: method,
      htu: targetOf(url),
      iat: Math.floor(this.#clock()),
      ...(accessToken !== undefined && { ath: accessTokenHash(accessToken) }),
      ...(nonce !== undefined && { nonce }),
    })
  }
}

function targetOf(text: string): string {
  const url = new URL(text)
  return `${url.origin}${url.pathname}`
}
