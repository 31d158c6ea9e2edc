import { isObject, type JsonObject } from '../jsonrpc.ts'
import { TYP } from './claims.ts'
import { TokenFault } from './faults.ts'
import { asTokenFault } from './refusals.ts'
import { readStrictJson } from './strict-json.ts'

/** Bounds of a token before anything of it is believed. */
export interface TokenLimits {
  /** Characters, which are bytes: the grammar is ASCII. */
  readonly bytes: number
  /** Levels of nesting of header and claims. */
  readonly depth: number
}

/** Levels of JSON in a token: the claims, eight actors, and room for what others nest. */
export const TOKEN_DEPTH = 20

/** For tokens and proofs in headers: half of what Node allows all headers together. */
export const HEADER_TOKEN_LIMITS: TokenLimits = { bytes: 8_192, depth: TOKEN_DEPTH }

/** For grants and client assertions in the body of a token request. */
export const FORM_TOKEN_LIMITS: TokenLimits = { bytes: 65_536, depth: TOKEN_DEPTH }

/** What is used of a JOSE header (RFC 7515 §4.1). */
export interface JoseHeader {
  /** Asymmetric, by construction. */
  readonly alg: string
  /** Lower case, without the `application/` that may be left out (RFC 7515 §4.1.9). */
  readonly typ: string | undefined
  readonly kid: string | undefined
  /** DPoP proofs only, and there always. */
  readonly jwk: JsonObject | undefined
}

/** A JWT in compact form, taken apart. Nothing in it is true until its signature is verified. */
export interface UnverifiedToken {
  readonly header: JoseHeader
  readonly payload: JsonObject
  /** What the signature is over (RFC 7515 §5.1), ASCII. */
  readonly signingInput: string
  readonly signature: Buffer
}

/** Exactly three parts and nothing around them; jose would take a line end behind the last. */
const GRAMMAR = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){2}$/

/** The parts of a compact JWT as they came. */
export interface CompactParts {
  readonly header: string
  readonly payload: string
  readonly signature: string
  /** {@link UnverifiedToken.signingInput} */
  readonly signingInput: string
}

/** @throws TokenFault `too_large`, `malformed` */
export function splitCompact(raw: string, { bytes }: TokenLimits): CompactParts {
  if (raw.length > bytes) throw new TokenFault('too_large', 'the token is too long')
  if (!GRAMMAR.test(raw)) throw new TokenFault('malformed', 'the token is not a compact JWT')
  const [header = '', payload = '', signature = ''] = raw.split('.')
  const signingInput = raw.slice(0, header.length + 1 + payload.length)
  return { header, payload, signature, signingInput }
}

/**
 * Takes a compact JWT apart, so strictly that it has one spelling and one meaning.
 *
 * @throws TokenFault `too_large`, `malformed`, `depth`, `header`, `algorithm`
 */
export function readCompact(
  raw: string,
  limits: TokenLimits = HEADER_TOKEN_LIMITS,
): UnverifiedToken {
  const { header, payload, signature, signingInput } = splitCompact(raw, limits)
  return {
    header: readHeader(readPart(header, limits.depth)),
    payload: readPart(payload, limits.depth),
    signingInput,
    signature: decodePart(signature),
  }
}

/** Bytes of base64url that is written the one right way: unused bits of the last character are zero (RFC 4648 §3.5). */
export function decodePart(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.toString('base64url') !== text) {
    throw new TokenFault('malformed', 'a part of the token is not canonical base64url')
  }
  return bytes
}

/** @throws TokenFault `malformed`, `depth` */
export function readPart(text: string, depth: number): JsonObject {
  const bytes = decodePart(text)
  const value = strictJson(bytes, depth)
  if (!isObject(value)) throw new TokenFault('malformed', 'a part of the token is no JSON object')
  return value
}

function strictJson(bytes: Buffer, depth: number): unknown {
  try {
    return readStrictJson(bytes, depth)
  } catch (error) {
    throw asTokenFault(error)
  }
}

/** Keys a token brings along or points to, and members that change what is signed: none of them is ever wanted. */
const REFUSED = ['jku', 'x5u', 'x5c', 'crit', 'b64', 'zip'] as const

/** Signatures with a public key (RFC 7518 §3.1, 8037, 9864). Neither `none` nor HMAC is among them. */
const ASYMMETRIC = /^(?:(?:RS|PS)(?:256|384|512)|ES(?:256|384|512)|EdDSA|Ed25519)$/

/** The longest key id, characters; ours are thumbprints of 43. */
const MAX_KID = 256

/** @throws TokenFault `header`, `algorithm` */
export function readHeader(header: JsonObject): JoseHeader {
  for (const member of REFUSED) {
    if (member in header) throw new TokenFault('header', `the header member "${member}" is refused`)
  }
  const alg = header['alg']
  if (typeof alg !== 'string' || !ASYMMETRIC.test(alg)) {
    throw new TokenFault('algorithm', 'the token is not signed with a private key')
  }
  const typ = readTyp(header['typ'])
  return { alg, typ, kid: readKid(header['kid']), jwk: readJwk(header, typ) }
}

function readTyp(value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string') throw new TokenFault('header', 'typ is no string')
  return value.toLowerCase().replace(/^application\//, '')
}

function readKid(value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && value.length > 0 && value.length <= MAX_KID) return value
  throw new TokenFault('header', 'kid is no short string')
}

/** A key in the header is what a proof is about (RFC 9449 §4.2), and an attack everywhere else. */
function readJwk(header: JsonObject, typ: string | undefined): JsonObject | undefined {
  const jwk = header['jwk']
  if (typ === TYP.dpop) {
    if (isObject(jwk)) return jwk
    throw new TokenFault('header', 'the proof names no key')
  }
  if (jwk !== undefined) throw new TokenFault('header', 'the header member "jwk" is refused')
  return undefined
}
