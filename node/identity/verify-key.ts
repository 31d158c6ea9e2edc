import { constants, createPublicKey, verify, type JsonWebKey, type KeyObject } from 'node:crypto'
import type { SignatureAlgorithm } from '../core/config-identity-types.ts'
import { derOfRaw } from './ecdsa.ts'
import { thumbprint } from './thumbprint.ts'

/** A public key, and what it may check. */
export interface VerifyKey {
  /** As its owner names it. */
  readonly kid: string | undefined
  /** RFC 7638. */
  readonly thumbprint: string
  /** Of the algorithms that are allowed, those it fits. */
  readonly algs: readonly SignatureAlgorithm[]
  readonly key: KeyObject
}

/** Parts of a JWK that only its owner may have (RFC 7518 §6), or that make it symmetric. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const

const MAX_KID = 256
/** Bits of an RSA modulus: below is weak (RFC 7518 §3.3), above costs too much. */
const RSA_BITS = { min: 2_048, max: 8_192 }
/** Larger exponents make checking as dear as signing. */
const MAX_RSA_EXPONENT = 2n ** 32n

interface Scheme {
  readonly kty: 'EC' | 'OKP' | 'RSA'
  readonly crv?: string
  readonly hash: string | null
  /** Bytes of a signature; as many as the modulus has, for RSA. */
  readonly bytes?: number
}

/** What an algorithm needs of a key (RFC 7518 §3.1, RFC 8037 §3.1). */
const SCHEMES: Readonly<Record<SignatureAlgorithm, Scheme>> = {
  ES256: { kty: 'EC', crv: 'P-256', hash: 'sha256', bytes: 64 },
  ES384: { kty: 'EC', crv: 'P-384', hash: 'sha384', bytes: 96 },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', hash: null, bytes: 64 },
  PS256: { kty: 'RSA', hash: 'sha256' },
  RS256: { kty: 'RSA', hash: 'sha256' },
}

/**
 * Takes a public JWK (RFC 7517 §4) in for `algs`. Members that name other places or keys (`jku`, `x5u`, `x5c`) mean
 * nothing.
 *
 * @throws TypeError saying what is wrong with it, without quoting it: private, symmetric, for another use, weak,
 *   spelled in another way than RFC 7518 says, or of no use to the algorithms
 */
export function importPublicJwk(
  jwk: Readonly<Record<string, unknown>>,
  algs: readonly SignatureAlgorithm[],
): VerifyKey {
  for (const member of PRIVATE_MEMBERS) {
    if (jwk[member] !== undefined) throw new TypeError('it has a private part')
  }
  const { kid, use, key_ops: operations, alg } = jwk
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KID)) {
    throw new TypeError(`its kid is not a text of at most ${MAX_KID} characters`)
  }
  if (use !== undefined && use !== 'sig') throw new TypeError('it is not for signatures')
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    throw new TypeError('it is not for checking signatures')
  }
  const fitting = algs.filter((one) => fits(jwk, one) && (alg === undefined || alg === one))
  const [first] = fitting
  if (first === undefined) throw new TypeError('no algorithm that is allowed fits it')
  return { kid, algs: fitting, ...importKey(jwk, SCHEMES[first]) }
}

/**
 * Whether `signature` is that of `input` under `key` with `alg`. Synchronous, because `node:crypto` is quicker on this
 * thread than a job for another thread is made; false also when the key does not fit.
 */
export function verifySignature(
  key: VerifyKey,
  alg: SignatureAlgorithm,
  input: string,
  signature: Uint8Array,
): boolean {
  if (!key.algs.includes(alg)) return false
  const { hash, bytes } = SCHEMES[alg]
  if (bytes !== undefined && signature.length !== bytes) return false
  const data = Buffer.from(input)
  if (alg === 'PS256') return verify(hash, data, { key: key.key, ...PSS }, signature)
  const isEcdsa = alg === 'ES256' || alg === 'ES384'
  return verify(
    hash,
    data,
    key.key,
    isEcdsa ? derOfRaw(signature, signature.length / 2) : signature,
  )
}

/** RFC 7518 §3.5: the salt is as long as the hash. */
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }

function fits(jwk: Readonly<Record<string, unknown>>, alg: SignatureAlgorithm): boolean {
  const { kty, crv } = SCHEMES[alg]
  return jwk['kty'] === kty && jwk['crv'] === crv
}

function importKey(
  jwk: Readonly<Record<string, unknown>>,
  scheme: Scheme,
): Pick<VerifyKey, 'key' | 'thumbprint'> {
  const members = scheme.kty === 'RSA' ? ['n', 'e'] : ['crv', 'x', 'y']
  const bare: JsonWebKey = { kty: scheme.kty }
  for (const name of members) if (typeof jwk[name] === 'string') bare[name] = jwk[name]
  const key = publicKeyOf(bare)
  const print = thumbprint(key.export({ format: 'jwk' }))
  // One key has one spelling, or it would have several thumbprints.
  if (thumbprint(bare) !== print) throw new TypeError('it is not spelled as RFC 7518 says')
  if (scheme.kty === 'RSA') checkRsa(key)
  return { key, thumbprint: print }
}

function publicKeyOf(jwk: JsonWebKey): KeyObject {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    // What OpenSSL says may quote the key.
    throw new TypeError('it is no key')
  }
}

function checkRsa(key: KeyObject): void {
  const { modulusLength: bits = 0, publicExponent: exponent = 0n } = key.asymmetricKeyDetails ?? {}
  if (bits < RSA_BITS.min || bits > RSA_BITS.max) {
    throw new TypeError(`its modulus does not have ${RSA_BITS.min} to ${RSA_BITS.max} bits`)
  }
  if (exponent < 3n || exponent > MAX_RSA_EXPONENT || exponent % 2n === 0n) {
    throw new TypeError('its exponent is not a usual one')
  }
}
