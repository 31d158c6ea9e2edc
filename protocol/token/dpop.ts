import { hash } from 'node:crypto'
import { z } from 'zod'
import type { JsonObject } from '../jsonrpc.ts'
import { TYP } from './claims.ts'
import {
  decodePart,
  HEADER_TOKEN_LIMITS,
  readHeader,
  readPart,
  splitCompact,
  TOKEN_DEPTH,
} from './compact.ts'
import { TokenFault } from './faults.ts'
import { numericDate, present, readClaims, visibleName } from './fields.ts'
import { normaliseTarget } from './urls.ts'

/** A public key as proofs carry it, of nothing but what its thumbprint is made of. */
export type PublicJwk =
  | { readonly kty: 'EC'; readonly crv: string; readonly x: string; readonly y: string }
  | { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string }
  | { readonly kty: 'RSA'; readonly n: string; readonly e: string }

/** Claims of a proof (RFC 9449 §4.2). */
export interface ProofClaims {
  readonly jti: string
  readonly htm: string
  readonly htu: string
  readonly iat: number
  readonly ath?: string
  readonly nonce?: string
}

/** The header of a proof, which is the same for all proofs of a key. */
export interface ProofHeader {
  readonly alg: string
  readonly jwk: PublicJwk
  /** Thumbprint of the key. */
  readonly jkt: string
}

/** A proof, read; true once its signature is verified with its own key. */
export interface Proof {
  readonly header: ProofHeader
  /** The header as it came. */
  readonly headerText: string
  readonly claims: ProofClaims
  readonly signingInput: string
  readonly signature: Buffer
}

/** The request a proof must be about. */
export interface ProvedRequest {
  readonly htm: string
  /** By the configured public URL, never by the `Host` header. */
  readonly htu: string
  /** Seconds since 1970. */
  readonly now: number
  /** How far `iat` may be from now, either way, seconds. */
  readonly iatWindow: number
  /** Hash of the access token the proof comes with ({@link accessTokenHash}); absent at a token endpoint. */
  readonly ath?: string
  /** Judges the nonce; absent where none is demanded. */
  readonly nonce?: (nonce: string | undefined) => boolean
}

/** Algorithms of proofs that are taken where nothing else is said. */
export const PROOF_ALGS: readonly string[] = ['ES256', 'EdDSA', 'ES384']

/** How far `iat` may be off with replay memory, and with nonces (SEP-1932), seconds. */
export const IAT_WINDOW = { replay: 300, nonce: 30 } as const

const proofSchema = z
  .object({
    jti: visibleName.max(256),
    htm: z.string().regex(/^[A-Z]{1,16}$/),
    htu: z.string().max(2_048),
    iat: numericDate,
    ath: z.string().optional(),
    nonce: visibleName.optional(),
  })
  .transform(present)

/**
 * The one proof among the lines of the `DPoP` header; undefined when there is none. Node joins equal headers with a comma,
 * which no proof contains.
 *
 * @throws TokenFault `ambiguous`
 */
export function soleProof(lines: readonly string[]): string | undefined {
  const [line] = lines
  if (lines.length > 1 || line?.includes(',') === true) {
    throw new TokenFault('ambiguous', 'more than one DPoP proof')
  }
  return line
}

/** Finds a header by its text, if it was read and found good before. */
export type KnownHeaders = (text: string) => ProofHeader | undefined

/**
 * Reads a proof (RFC 9449 §4.3, checks 2 to 5 and 7).
 *
 * @param known headers that need not be read again; default none
 * @throws TokenFault `proof`; its cause tells what was wrong
 */
export function readProof(raw: string, known: KnownHeaders = unknown): Proof {
  try {
    return read(raw, known)
  } catch (cause) {
    if (cause instanceof TokenFault) {
      throw new TokenFault('proof', `the DPoP proof is refused: ${cause.message}`, { cause })
    }
    throw cause
  }
}

function unknown(): undefined {
  return undefined
}

function read(raw: string, known: KnownHeaders): Proof {
  const { header, payload, signature, signingInput } = splitCompact(raw, HEADER_TOKEN_LIMITS)
  return {
    header: known(header) ?? readProofHeader(header),
    headerText: header,
    claims: readClaims(proofSchema, readPart(payload, TOKEN_DEPTH)),
    signingInput,
    signature: decodePart(signature),
  }
}

function readProofHeader(text: string): ProofHeader {
  const { typ, alg, jwk } = readHeader(readPart(text, TOKEN_DEPTH))
  if (typ !== TYP.dpop || jwk === undefined) throw new TokenFault('typ', 'it is none')
  if (!PROOF_ALGS.includes(alg)) {
    throw new TokenFault('algorithm', 'its algorithm is not allowed')
  }
  const key = readPublicJwk(jwk, alg)
  return { alg, jwk: key, jkt: jwkThumbprint(key) }
}

/** Members only private or symmetric keys have (RFC 7518 §6). */
const SECRET_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const

const BASE64URL = /^[A-Za-z0-9_-]+$/

/** Bytes a member stands for, canonical base64url; -1 when it does not. */
function byteLength(value: unknown): number {
  if (typeof value !== 'string' || !BASE64URL.test(value)) return -1
  const bytes = Buffer.from(value, 'base64url')
  return bytes.toString('base64url') === value ? bytes.length : -1
}

/** Curves of the algorithms, with the bytes of a coordinate. */
const CURVES: Readonly<Record<string, { readonly crv: string; readonly size: number }>> = {
  ES256: { crv: 'P-256', size: 32 },
  ES384: { crv: 'P-384', size: 48 },
  ES512: { crv: 'P-521', size: 66 },
}

/** Bytes of an RSA modulus: 2048 to 4096 bits. */
const RSA_BYTES = { min: 256, max: 512 } as const

/**
 * Reads a public key for an algorithm.
 *
 * @throws TokenFault `header` for a private, symmetric, malformed or mismatching key
 */
export function readPublicJwk(jwk: JsonObject, alg: string): PublicJwk {
  const isSecret = SECRET_MEMBERS.some((member) => member in jwk)
  const key = isSecret ? undefined : publicParts(jwk, alg)
  if (key === undefined) throw new TokenFault('header', 'its key is no public key of its algorithm')
  return key
}

function publicParts({ kty, crv, x, y, n, e }: JsonObject, alg: string): PublicJwk | undefined {
  if (alg === 'EdDSA' || alg === 'Ed25519') {
    const sound = kty === 'OKP' && crv === 'Ed25519' && byteLength(x) === 32
    return sound ? { kty, crv, x: String(x) } : undefined
  }
  const curve = Object.hasOwn(CURVES, alg) ? CURVES[alg] : undefined
  if (curve !== undefined) {
    const sound = byteLength(x) === curve.size && byteLength(y) === curve.size
    const isOfCurve = kty === 'EC' && crv === curve.crv
    return sound && isOfCurve ? { kty, crv: curve.crv, x: String(x), y: String(y) } : undefined
  }
  const bits = byteLength(n)
  const sound = bits >= RSA_BYTES.min && bits <= RSA_BYTES.max && byteLength(e) >= 1
  return kty === 'RSA' && sound ? { kty, n: String(n), e: String(e) } : undefined
}

/** What a thumbprint is made of, in its order (RFC 7638 §3.2, RFC 8037 §2). */
const THUMBPRINT_MEMBERS = {
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
}

/** Thumbprint of a public key, SHA-256, base64url (RFC 7638 §3). Other members make no difference. */
export function jwkThumbprint(jwk: PublicJwk): string {
  const text = JSON.stringify(jwk, THUMBPRINT_MEMBERS[jwk.kty])
  return hash('sha256', text, 'base64url')
}

/** `ath` of an access token: SHA-256 of its characters, base64url (RFC 9449 §4.2). */
export function accessTokenHash(raw: string): string {
  return hash('sha256', raw, 'base64url')
}

/**
 * Checks what a proof is about, its signature verified (RFC 9449 §4.3, checks 8 to 12). That its key is the one of the
 * token, and its `jti` new, is for the caller to check after this.
 *
 * @throws TokenFault `proof`, `nonce`
 */
export function checkProofClaims(claims: ProofClaims, request: ProvedRequest): void {
  if (claims.htm !== request.htm) throw refused('is for another method')
  if (!isSameTarget(claims.htu, request.htu)) throw refused('is for another URL')
  if (request.nonce !== undefined && !request.nonce(claims.nonce)) {
    throw new TokenFault('nonce', 'the DPoP proof has not got the nonce it needs')
  }
  if (Math.abs(request.now - claims.iat) > request.iatWindow) throw refused('is of another time')
  if (request.ath !== undefined && claims.ath !== request.ath) throw refused('is for another token')
}

function isSameTarget(claimed: string, target: string): boolean {
  if (claimed === target) return true
  const normal = normaliseTarget(claimed)
  return normal !== undefined && normal === normaliseTarget(target)
}

function refused(why: string): TokenFault {
  return new TokenFault('proof', `the DPoP proof ${why}`)
}
