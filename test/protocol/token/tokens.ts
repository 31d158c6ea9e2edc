// Tokens as attackers and honest parties write them, and what reading them comes to.
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import * as fc from 'fast-check'
import type { JoseHeader } from '../../../protocol/token/compact.ts'
import { OAuthFault, type OAuthError, type TokenProblem } from '../../../protocol/token/faults.ts'
import { problemOf } from '../../../protocol/token/refusals.ts'
import { faultOf } from '../fault.ts'

/** Characters of every kind, halves of some included. */
const character: fc.Arbitrary<string> = fc
  .oneof(
    fc.integer({ min: 0, max: 0xff }),
    fc.integer({ min: 0, max: 0x10ffff }),
    fc.integer({ min: 0xd800, max: 0xdfff }),
  )
  .map((code) => String.fromCodePoint(code))

/** Text of any characters. */
export function anyText(
  size: { minLength?: number; maxLength?: number } = {},
): fc.Arbitrary<string> {
  return fc.string({ unit: character, ...size })
}

/** A part of a token: an object, or text that is no JSON of anybody. */
export type Part = string | Readonly<Record<string, unknown>>

export function encode(part: Part): string {
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')
}

/** A compact JWT with a signature that is none. */
export function compact(header: Part, payload: Part, signature = 'c2ln'): string {
  return `${encode(header)}.${encode(payload)}.${signature}`
}

export const KEYS: { readonly privateKey: KeyObject; readonly publicKey: KeyObject } =
  generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** A compact JWT signed with ES256 by {@link KEYS}. */
export function signed(header: Part, payload: Part): string {
  const input = `${encode(header)}.${encode(payload)}`
  const options = { key: KEYS.privateKey, dsaEncoding: 'ieee-p1363' } as const
  return `${input}.${sign('sha256', Buffer.from(input), options).toString('base64url')}`
}

/** The header of a token of a type, read. */
export function headerOf(typ: string | undefined, alg = 'ES256'): JoseHeader {
  return { alg, typ, kid: undefined, jwk: undefined }
}

/** The problem a call ends with, or undefined when it ends well. */
export function problem(call: () => unknown): TokenProblem | undefined {
  const fault = faultOf(call)
  if (fault === undefined) return undefined
  const found = problemOf(fault)
  if (found === undefined) throw fault
  return found
}

/** The OAuth error a call ends with, or undefined when it ends well. */
export function refused(call: () => unknown): OAuthError | undefined {
  const fault = faultOf(call)
  if (fault === undefined) return undefined
  if (fault instanceof OAuthFault) return fault.error
  throw fault
}

export const NOW = 1_800_000_000
export const A = 'https://a.example'
export const B = 'https://b.example'
export const C = 'https://c.example'

/** The client id of the node of an issuer. */
export function nodeOf(issuer: string): string {
  return `${issuer}/oauth/client.json`
}

/** The endpoint of an issuer. */
export function endpointOf(issuer: string): string {
  return `${issuer}/mcp/main`
}
