import { createPublicKey, type KeyObject, sign } from 'node:crypto'
import { isNodeId, type NodeId } from '../../protocol/federation.ts'
import { isObject } from '../../protocol/jsonrpc.ts'
import { readCompact } from '../../protocol/token/compact.ts'
import { TokenFault } from '../../protocol/token/faults.ts'
import type { SignatureAlgorithm } from '../core/config-identity-types.ts'
import { rawOfDer } from './ecdsa.ts'
import { algorithmOf, encode } from './jwt.ts'
import { thumbprint } from './thumbprint.ts'
import { importPublicJwk, verifySignature, type VerifyKey } from './verify-key.ts'

/** The type of a membership token: nothing else is one, and it is nothing else. */
export const MEMBERSHIP_TYP = 'banyan-member+jwt'

/** What a membership token says: the node whose key this is belongs to the organisation until then. */
export interface Membership {
  readonly organisation: string
  readonly node: NodeId
  /** The name it goes by; undefined: any. */
  readonly name: string | undefined
  /** Seconds since 1970. */
  readonly expiresAt: number
}

/** Why a text proves no membership. */
export type MembershipProblem =
  'unreadable' | 'type' | 'signature' | 'claims' | 'organisation' | 'node' | 'name' | 'expired'

/** What a token is held against: what a node says of itself, and when. */
export interface Claimed {
  readonly organisation: string
  readonly id: NodeId
  readonly name?: string | undefined
  /** Seconds since 1970. */
  readonly now: number
}

const ALGORITHMS: readonly SignatureAlgorithm[] = ['EdDSA', 'ES256']
const LIMITS = { bytes: 8_192, depth: 4 } as const
/** Clocks of members may be apart by so much, seconds. */
const LEEWAY = 300

/** The keys that sign membership tokens. @throws TypeError saying what is wrong with one, without quoting it */
export function membershipKeys(
  jwks: readonly Readonly<Record<string, unknown>>[],
): readonly VerifyKey[] {
  return jwks.map((jwk) => importPublicJwk(jwk, ALGORITHMS))
}

/**
 * Signs that a node is a member (RFC 7519; the key is bound as in RFC 7800 §3.1, RFC 9449 §6.1).
 *
 * @param key Ed25519 or P-256, private
 * @param now seconds since 1970
 */
export function signMembership(key: KeyObject, of: Membership, now: number): string {
  const jwk = createPublicKey(key).export({ format: 'jwk' })
  const isEdwards = jwk.crv === 'Ed25519'
  if (!isEdwards && jwk.crv !== 'P-256') throw new TypeError('neither an Ed25519 nor a P-256 key')
  const alg = isEdwards ? 'EdDSA' : 'ES256'
  const header = encode({ alg, typ: MEMBERSHIP_TYP, kid: thumbprint(jwk) })
  const claims = {
    org: of.organisation,
    cnf: { jkt: of.node },
    iat: now,
    exp: of.expiresAt,
    ...(of.name !== undefined && { name: of.name }),
  }
  const input = `${header}.${encode(claims)}`
  const made = sign(isEdwards ? null : 'sha256', Buffer.from(input), key)
  const signature = isEdwards ? made : rawOfDer(made, P256_BYTES)
  return `${input}.${signature.toString('base64url')}`
}

const P256_BYTES = 32

/** What a token says, unverified; undefined when it is none. */
export function readMembership(token: string): Membership | undefined {
  try {
    return claimsOf(readCompact(token, LIMITS).payload)
  } catch (error) {
    if (error instanceof TokenFault) return undefined
    throw error
  }
}

/** What is wrong with a token as the proof of what a node says of itself; undefined when nothing is. */
export function membershipProblem(
  token: string,
  keys: readonly VerifyKey[],
  claimed: Claimed,
): MembershipProblem | undefined {
  let parts
  try {
    parts = readCompact(token, LIMITS)
    if (parts.header.typ !== MEMBERSHIP_TYP) return 'type'
    const { alg } = parts.header
    const { signingInput, signature } = parts
    const known = algorithmOf(alg)
    // All of them are the organisation's: whichever fits will do.
    const good = keys.some((key) => verifySignature(key, known, signingInput, signature))
    if (!good) return 'signature'
  } catch (error) {
    if (error instanceof TokenFault) return 'unreadable'
    throw error
  }
  const membership = claimsOf(parts.payload)
  return membership === undefined ? 'claims' : disagreement(membership, claimed)
}

function disagreement(
  { organisation, node, name, expiresAt }: Membership,
  claimed: Claimed,
): MembershipProblem | undefined {
  if (organisation !== claimed.organisation) return 'organisation'
  if (node !== claimed.id) return 'node'
  if (name !== undefined && name !== claimed.name) return 'name'
  return expiresAt + LEEWAY < claimed.now ? 'expired' : undefined
}

function claimsOf({
  org,
  cnf,
  exp,
  name,
}: Readonly<Record<string, unknown>>): Membership | undefined {
  const node = isObject(cnf) ? cnf['jkt'] : undefined
  if (typeof org !== 'string' || !isNodeId(node)) return undefined
  if (typeof exp !== 'number' || !Number.isFinite(exp)) return undefined
  if (name !== undefined && typeof name !== 'string') return undefined
  return { organisation: org, node, name, expiresAt: exp }
}
