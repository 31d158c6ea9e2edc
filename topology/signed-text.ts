import {
  createPublicKey,
  sign as signBytes,
  verify as verifyBytes,
  type KeyObject,
} from 'node:crypto'
import type { JsonObject } from '../protocol/jsonrpc.ts'
import { decodePart, readPart, splitCompact } from '../protocol/token/compact.ts'
import { jwkThumbprint } from '../protocol/token/dpop.ts'
import { TokenFault } from '../protocol/token/faults.ts'

/** What a node signed. */
export interface Statement {
  readonly claims: Readonly<Record<string, unknown>>
  /** Thumbprint of the key it is signed by (RFC 7638), which is the id of the node. */
  readonly signer: string
}

const MAX_DEPTH = 8

/**
 * Signs statements of one type with a node's key (RFC 8037), as compact JWS. The key travels in the header, so that a
 * statement proves itself; whether the key is one to be believed is another question.
 *
 * @param key Ed25519, private
 * @param typ what kind of statement it is, so that none passes for one of another kind
 */
export function textSigner(key: KeyObject, typ: string): (claims: JsonObject) => string {
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' })
  const jwk = { kty: 'OKP', crv: 'Ed25519', x } as const
  const header = part({ alg: 'EdDSA', typ, kid: jwkThumbprint(jwk), jwk })
  return (claims) => {
    const input = `${header}.${part(claims)}`
    return `${input}.${signBytes(null, Buffer.from(input), key).toString('base64url')}`
  }
}

/** Reads and verifies a statement; undefined when it is none of that type, or not signed by the key in it. @param bytes at most */
export function openStatement(text: string, typ: string, bytes: number): Statement | undefined {
  try {
    const limits = { bytes, depth: MAX_DEPTH }
    const { header, payload, signature, signingInput } = splitCompact(text, limits)
    const x = signerOf(readPart(header, MAX_DEPTH), typ)
    if (x === undefined) return undefined
    const claims = readPart(payload, MAX_DEPTH)
    const jwk = { kty: 'OKP', crv: 'Ed25519', x } as const
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    const good = verifyBytes(null, Buffer.from(signingInput), key, decodePart(signature))
    return good ? { claims, signer: jwkThumbprint(jwk) } : undefined
  } catch (error) {
    // What is no token, and keys that are no points, are no statements either.
    if (error instanceof TokenFault || isCryptoError(error)) return undefined
    throw error
  }
}

/** The public key in a header of the one form there is. */
function signerOf(header: Readonly<Record<string, unknown>>, typ: string): string | undefined {
  const { alg, jwk } = header
  if (alg !== 'EdDSA' || header['typ'] !== typ || typeof jwk !== 'object' || jwk === null)
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
