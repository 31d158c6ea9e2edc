import { readAccessClaims } from '../../../protocol/token/access.ts'
import { sameChain, tellsNoMore } from '../../../protocol/token/act.ts'
import { TYP, type AccessClaims, type GrantClaims } from '../../../protocol/token/claims.ts'
import { readCompact } from '../../../protocol/token/compact.ts'
import { TokenFault } from '../../../protocol/token/faults.ts'
import { present } from '../../../protocol/token/fields.ts'
import { readGrantClaims } from '../../../protocol/token/grant.ts'
import { MAX_LEEWAY } from '../../../protocol/token/times.ts'
import { DelegatedToken } from './delegated-token.ts'
import { checkWithin, SLACK, wrong, type Answered } from './token-answers.ts'

/** What a token must say of itself. Times are seconds since 1970. */
export interface ExpectedClaims {
  readonly issuer: string
  readonly audience: string
  /** Undefined: the issuer chooses it. */
  readonly subject?: string | undefined
  /** Who the node is there; undefined: as the law says. */
  readonly clientId?: string | undefined
  /** What the law makes of the parent: actors, budget, key. Its `txn` is empty where there was none yet. */
  readonly law: AccessClaims | GrantClaims
  /** The scopes it may have. */
  readonly scopes: readonly string[]
  /** Nothing may live longer. */
  readonly ceiling: number
  /** When what it was made from was issued. */
  readonly issuedAt?: number | undefined
  /** Whether the chain of actors and the budget must be there. */
  readonly requireChain: boolean
  /** Whether it may tell less of older actors than the law. Default: no. */
  readonly mayHide?: boolean
}

/** A JWT in compact form, or what is meant to be one. */
const JWT = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+){2}$/

const OUR_TYPES: ReadonlySet<string> = new Set(Object.values(TYP))

/**
 * Holds a token that its audience will read against what was asked for. Its signature is its audience's to check: here it
 * comes straight from the pinned issuer.
 *
 * @throws TokenFault
 */
export function readIssuedToken(answered: Answered, expected: ExpectedClaims): DelegatedToken {
  const { token, scopes, expiresAt } = answered
  const facts = { scheme: 'DPoP', scopes, expiresAt } as const
  if (!JWT.test(token)) {
    // An opaque token shows no chain.
    if (expected.requireChain) throw wrong('claims', 'cannot be read, so its chain is not known')
    return new DelegatedToken(token, facts)
  }
  const claims = readToken(token, expected.requireChain)
  checkClaims(claims, expected)
  const { jti, iss: issuer, txn, exp } = claims
  return new DelegatedToken(token, {
    ...facts,
    expiresAt: Math.min(expiresAt, exp),
    ...present({ jti, issuer, txn }),
  })
}

function readToken(token: string, requireChain: boolean): AccessClaims {
  return reading(() => {
    const { header, payload } = readCompact(token)
    const { typ = '' } = header
    // Foreign servers have types of their own; one of ours that is for something else is never a token.
    const isOther = typ !== TYP.accessToken
    if (isOther && (requireChain || OUR_TYPES.has(typ))) throw wrong('typ', 'is no access token')
    return readAccessClaims(payload)
  })
}

/**
 * Holds a grant of the own issuer against what was asked for before it leaves.
 *
 * @throws TokenFault
 */
export function checkGrant(
  token: string,
  expected: Omit<ExpectedClaims, 'requireChain' | 'mayHide'> & { readonly resource: string },
): GrantClaims {
  const claims = reading(() => {
    const { header, payload } = readCompact(token)
    if (header.typ !== TYP.grant) throw wrong('typ', 'is no grant')
    return readGrantClaims(payload)
  })
  if (claims.resource !== expected.resource) throw wrong('resource', 'is for another resource')
  // Who makes it may have a stricter rule for that issuer than this link.
  checkClaims(claims, { ...expected, requireChain: true, mayHide: true })
  return claims
}

function checkClaims(claims: AccessClaims | GrantClaims, expected: ExpectedClaims): void {
  const { law, subject, ceiling, issuedAt = 0 } = expected
  if (claims.iss !== expected.issuer) throw wrong('issuer', 'is of another issuer')
  if (claims.aud !== expected.audience) throw wrong('audience', 'is for another audience')
  if (subject !== undefined && claims.sub !== subject) throw wrong('subject', 'is about another')
  const { clientId = law.clientId } = expected
  if (claims.clientId !== clientId) throw wrong('client', 'is for another client')
  if (claims.cnf?.jkt !== law.cnf?.jkt) throw wrong('binding', 'is bound to another key')
  if (Math.max(claims.exp, claims.sessionExpiry ?? 0) > ceiling + SLACK) {
    throw wrong('lifetime', 'lives longer than it may')
  }
  if (claims.iat < issuedAt - MAX_LEEWAY) throw wrong('claims', 'is older than its parent')
  // A server that makes no chains may also keep scopes elsewhere than in the token.
  if (expected.requireChain || claims.scope.length > 0) checkWithin(claims.scope, expected.scopes)
  checkChain(claims, expected)
}

/** The chain grows by this node and nobody else, the budget shrinks, and the delegation keeps its name. */
function checkChain(
  { act, mesh, txn }: AccessClaims | GrantClaims,
  { law, requireChain, mayHide = false }: ExpectedClaims,
): void {
  if (act === undefined || mesh === undefined || txn === undefined) {
    if (requireChain) throw wrong('depth', 'does not say who acted, and how far it may go')
    return
  }
  const isRight = mayHide ? tellsNoMore(act, law.act) : sameChain(act, law.act)
  if (!isRight) throw wrong('depth', 'tells another chain of actors')
  if (mesh.budget > (law.mesh?.budget ?? 0)) {
    throw wrong('budget', 'may go further than what it was made from')
  }
  if (law.txn !== '' && txn !== law.txn) throw wrong('claims', 'has another name')
}

/** What cannot be read is not what was asked for, whatever else it may be. */
function reading<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof TokenFault)) throw cause
    throw new TokenFault(cause.problem, `what the issuer answered is refused: ${cause.message}`, {
      cause,
    })
  }
}
