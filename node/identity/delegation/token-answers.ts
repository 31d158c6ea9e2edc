import type { JsonObject } from '../../../protocol/jsonrpc.ts'
import { readAccessClaims } from '../../../protocol/token/access.ts'
import { actDepth, actorsOf } from '../../../protocol/token/act.ts'
import type { AccessClaims, GrantClaims } from '../../../protocol/token/claims.ts'
import { readCompact } from '../../../protocol/token/compact.ts'
import { TokenFault } from '../../../protocol/token/faults.ts'
import { present, readScope } from '../../../protocol/token/fields.ts'
import { readGrantClaims } from '../../../protocol/token/grant.ts'
import type { Parent } from '../../../protocol/token/narrow.ts'
import { covers } from '../../../protocol/token/scopes.ts'
import { DelegatedToken } from './delegated-token.ts'

/** What was asked for, to hold the answer against. Times are seconds since 1970. */
export interface Expected {
  /** RFC 8693 §2.2.1; undefined where the answer need not say. */
  readonly issuedType: string | undefined
  /** `N_A` for what is no access token. */
  readonly tokenType: 'DPoP' | 'Bearer' | 'N_A'
  readonly scopes: readonly string[]
  /** Nothing may live longer. */
  readonly ceiling: number
  readonly now: number
}

/** What an authorization server answered, checked as far as that goes without reading the token. */
export interface Answered {
  readonly token: string
  readonly scopes: readonly string[]
  readonly expiresAt: number
}

/** How much longer than asked for a token may live, s: clocks and roundings. */
const SLACK = 5

/** Life of a token whose server does not say, s. */
const UNSAID = 60

/**
 * Reads a token response (RFC 6749 §5.1, RFC 8693 §2.2.1). What was not asked for is refused: a bearer token in place of a
 * bound one, wider scopes, a longer life.
 *
 * @throws TokenFault
 */
export function readAnswer(json: JsonObject, expected: Expected): Answered {
  const { access_token: token, token_type: type, issued_token_type: issued } = json
  if (typeof token !== 'string' || token === '') throw wrong('claims', 'has no token')
  if (typeof type !== 'string' || type.toLowerCase() !== expected.tokenType.toLowerCase()) {
    throw wrong('binding', `is not of token type ${expected.tokenType}`)
  }
  if (expected.issuedType !== undefined && issued !== expected.issuedType) {
    throw wrong('typ', 'is of another type than was asked for')
  }
  return { token, scopes: scopesIn(json, expected.scopes), expiresAt: endIn(json, expected) }
}

function scopesIn({ scope }: JsonObject, asked: readonly string[]): readonly string[] {
  // Left out, it is what was asked for (RFC 6749 §5.1).
  if (scope === undefined) return asked
  const granted = typeof scope === 'string' ? readScope(scope) : undefined
  if (granted === undefined) throw wrong('scope', 'has scopes that are none')
  if (!granted.every((one) => asked.some((wide) => wide === one || covers(wide, one)))) {
    throw wrong('scope', 'has scopes that were not asked for')
  }
  return granted
}

function endIn({ expires_in: life }: JsonObject, { ceiling, now }: Expected): number {
  if (life === undefined) return Math.min(now + UNSAID, ceiling)
  if (typeof life !== 'number' || !(life > 0))
    throw wrong('lifetime', 'has a lifetime that is none')
  if (now + life > ceiling + SLACK) throw wrong('lifetime', 'lives longer than it may')
  return Math.min(now + life, ceiling)
}

/** What a token of a Banyan issuer must say of itself. */
export interface ExpectedClaims {
  readonly issuer: string
  readonly audience: string
  /** Thumbprint of the key it is bound to. */
  readonly jkt: string | undefined
  /** The node, which must be the outermost actor. */
  readonly actor: string
  readonly parent: Parent
  /** Whether the chain of actors and the budget must be there. */
  readonly requireChain: boolean
}

/**
 * Holds a token that its audience will read against what was asked for. Its signature is its audience's to check: here it
 * comes straight from the pinned issuer.
 *
 * @throws TokenFault
 */
export function readIssuedToken(
  answered: Answered,
  expected: ExpectedClaims,
  scheme: 'DPoP' | 'Bearer',
): DelegatedToken {
  const claims = claimsOf(answered.token)
  const facts = { scheme, scopes: answered.scopes, expiresAt: answered.expiresAt }
  if (claims === undefined) {
    // An opaque token shows no chain.
    if (expected.requireChain) throw wrong('claims', 'cannot be read, so its chain is not known')
    return new DelegatedToken(answered.token, facts)
  }
  checkClaims(claims, expected)
  const { jti, iss: issuer, txn, exp } = claims
  const expiresAt = Math.min(answered.expiresAt, exp)
  return new DelegatedToken(answered.token, {
    ...facts,
    expiresAt,
    ...present({ jti, issuer, txn }),
  })
}

function claimsOf(token: string): AccessClaims | undefined {
  try {
    return readAccessClaims(readCompact(token).payload)
  } catch {
    return undefined
  }
}

function checkClaims(claims: AccessClaims, expected: ExpectedClaims): void {
  if (claims.iss !== expected.issuer) throw wrong('issuer', 'is of another issuer')
  if (claims.aud !== expected.audience) throw wrong('audience', 'is for another audience')
  if (expected.jkt !== undefined && claims.cnf?.jkt !== expected.jkt) {
    throw wrong('binding', 'is bound to another key')
  }
  checkChain(claims, expected)
}

/** The chain grows by this node, and the budget shrinks. */
function checkChain(
  { act, mesh }: Pick<AccessClaims | GrantClaims, 'act' | 'mesh'>,
  { actor, parent, requireChain }: Pick<ExpectedClaims, 'actor' | 'parent' | 'requireChain'>,
): void {
  if (act === undefined || mesh === undefined) {
    if (requireChain) throw wrong('depth', 'does not say who acted, and how far it may go')
    return
  }
  const [outermost] = actorsOf(act)
  const isOurs = outermost !== undefined && 'sub' in outermost && outermost.sub === actor
  if (!isOurs || actDepth(act) !== actDepth(parent.act) + 1) {
    throw wrong('depth', 'tells another chain of actors')
  }
  if (parent.budget !== undefined && mesh.budget >= parent.budget) {
    throw wrong('budget', 'may go further than what it was made from')
  }
}

/**
 * Holds a grant of the own issuer against what was asked for before it leaves.
 *
 * @throws TokenFault
 */
export function checkGrant(
  token: string,
  expected: Omit<ExpectedClaims, 'requireChain'> & { readonly resource: string },
): void {
  const claims = readGrantClaims(readCompact(token).payload)
  if (claims.iss !== expected.issuer) throw wrong('issuer', 'is of another issuer')
  if (claims.aud !== expected.audience) throw wrong('audience', 'is for another issuer')
  if (claims.resource !== expected.resource) throw wrong('resource', 'is for another resource')
  if (claims.cnf?.jkt !== expected.jkt) throw wrong('binding', 'is bound to another key')
  checkChain(claims, { ...expected, requireChain: true })
}

function wrong(problem: TokenFault['problem'], what: string): TokenFault {
  return new TokenFault(problem, `what the issuer answered ${what}`)
}
