import type { JsonObject } from '../../../protocol/jsonrpc.ts'
import { TokenFault } from '../../../protocol/token/faults.ts'
import { readScope } from '../../../protocol/token/fields.ts'
import { isCovered } from '../../../protocol/token/scopes.ts'

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
export const SLACK = 5

/** Life of a token whose server does not say, s. */
const UNSAID = 60

/** The longest token, characters: it goes into a header, and nodes take no more there. */
const MAX_TOKEN = 8_192

/** What a header can hold (RFC 6750 §2.1, token68). */
const TOKEN68 = /^[A-Za-z0-9\-._~+/]+=*$/

/**
 * Reads a token response (RFC 6749 §5.1, RFC 8693 §2.2.1). What was not asked for is refused: a bearer token in place of a
 * bound one, wider scopes or none, a longer life.
 *
 * @throws TokenFault
 */
export function readAnswer(json: JsonObject, expected: Expected): Answered {
  const { access_token: token, token_type: type, issued_token_type: issued } = json
  if (typeof token !== 'string' || token.length > MAX_TOKEN || !TOKEN68.test(token)) {
    throw wrong('claims', 'has no token')
  }
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
  checkWithin(granted, asked)
  return granted
}

/** @throws TokenFault `scope` for more than was asked for, and for none, which some take for all there is */
export function checkWithin(granted: readonly string[], asked: readonly string[]): void {
  if (granted.length === 0) throw wrong('scope', 'has no scope')
  if (!granted.every((one) => asked.includes(one) || isCovered(asked, one))) {
    throw wrong('scope', 'has scopes that were not asked for')
  }
}

function endIn({ expires_in: life }: JsonObject, { ceiling, now }: Expected): number {
  if (life === undefined) return Math.min(now + UNSAID, ceiling)
  if (typeof life !== 'number' || !(life > 0))
    throw wrong('lifetime', 'has a lifetime that is none')
  if (now + life > ceiling + SLACK) throw wrong('lifetime', 'lives longer than it may')
  return Math.min(now + life, ceiling)
}

/** An answer is not what was asked for; words of ours. */
export function wrong(problem: TokenFault['problem'], what: string): TokenFault {
  return new TokenFault(problem, `what the issuer answered ${what}`)
}
