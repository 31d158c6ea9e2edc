import { hash, type KeyObject, sign as signBytes, verify as verifyBytes } from 'node:crypto'
import { createPublicKey } from 'node:crypto'
import { decodePart, readPart, splitCompact } from '../protocol/token/compact.ts'
import { jwkThumbprint } from '../protocol/token/dpop.ts'
import { TokenFault } from '../protocol/token/faults.ts'
import { MAX_RECORD_CHARS, readRecord, recordClaims, type NodeRecord } from './record.ts'

/** A record and the text it is proved by, which is what is stored and passed on. */
export interface SignedRecord {
  readonly record: NodeRecord
  /** Compact JWS (RFC 7515), EdDSA. */
  readonly text: string
  /** SHA-256 of the text, base64url: two records of one version are the same exactly if these are. */
  readonly digest: string
}

/** Makes records of one node. */
export type SealRecord = (record: NodeRecord) => SignedRecord
/** Reads a record and verifies it; undefined when it is none, or not signed by the key that its id is the thumbprint of. */
export type OpenRecord = (text: string) => SignedRecord | undefined

export const RECORD_TYP = 'banyan-rec+jwt'

const LIMITS = { bytes: MAX_RECORD_CHARS, depth: 8 } as const

/** The digest records are told apart by. */
export function recordDigest(text: string): string {
  return hash('sha256', text, 'base64url')
}

/**
 * Signs records with a node's key (RFC 8037). The key travels in the header, so that a record proves itself; whether the
 * key is a member's is another question.
 *
 * @param key Ed25519, private; the id of its records must be its thumbprint (RFC 7638)
 */
export function recordSealer(key: KeyObject): SealRecord {
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' })
  const jwk = { kty: 'OKP', crv: 'Ed25519', x } as const
  const header = part({ alg: 'EdDSA', typ: RECORD_TYP, kid: jwkThumbprint(jwk), jwk })
  return (record) => {
    const input = `${header}.${part(recordClaims(record))}`
    const text = `${input}.${signBytes(null, Buffer.from(input), key).toString('base64url')}`
    return { record, text, digest: recordDigest(text) }
  }
}

/** {@link OpenRecord} for records of real keys. */
export function openRecord(text: string): SignedRecord | undefined {
  try {
    const { header, payload, signature, signingInput } = splitCompact(text, LIMITS)
    const x = signerOf(readPart(header, LIMITS.depth))
    const record = readRecord(readPart(payload, LIMITS.depth))
    if (x === undefined || record === undefined) return undefined
    const jwk = { kty: 'OKP', crv: 'Ed25519', x } as const
    if (jwkThumbprint(jwk) !== record.id) return undefined
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    const good = verifyBytes(null, Buffer.from(signingInput), key, decodePart(signature))
    return good ? { record, text, digest: recordDigest(text) } : undefined
  } catch (error) {
    // What is no token, and keys that are no points, are no records either.
    if (error instanceof TokenFault || isCryptoError(error)) return undefined
    throw error
  }
}

/** The public key in a header of the one form there is. */
function signerOf(header: Readonly<Record<string, unknown>>): string | undefined {
  const { alg, typ, jwk } = header
  if (alg !== 'EdDSA' || typ !== RECORD_TYP || typeof jwk !== 'object' || jwk === null)
    return undefined
  const { kty, crv, x } = jwk as Record<string, unknown>
  return kty === 'OKP' && crv === 'Ed25519' && typeof x === 'string' ? x : undefined
}

function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function isCryptoError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_')
}
