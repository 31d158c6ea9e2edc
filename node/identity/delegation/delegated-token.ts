import { inspect } from 'node:util'

/** What is known of a token that was made for an upstream. Times are seconds since 1970. */
export interface TokenFacts {
  readonly scheme: 'DPoP' | 'Bearer'
  /** In the names of the upstream. */
  readonly scopes: readonly string[]
  readonly expiresAt: number
  /** As it says of itself; undefined for an opaque one. */
  readonly jti?: string
  readonly issuer?: string
  readonly txn?: string
}

/** Outside of the token, so that nothing that prints it has the bytes. */
const RAW = new WeakMap<DelegatedToken, string>()

/** A token for one upstream. Prints as what it is, without a byte of it. */
export class DelegatedToken {
  readonly facts: TokenFacts

  constructor(raw: string, facts: TokenFacts) {
    this.facts = facts
    RAW.set(this, raw)
  }

  toString(): string {
    return `[token jti=${this.facts.jti ?? 'unknown'}]`
  }

  toJSON(): string {
    return this.toString()
  }
}

// Not a method: isolated declarations cannot name a computed member.
Object.defineProperty(DelegatedToken.prototype, inspect.custom, {
  value(this: DelegatedToken) {
    return this.toString()
  },
})

/** The bytes, for the header of a request to the one audience they are for. */
export function revealToken(token: DelegatedToken): string {
  const raw = RAW.get(token)
  if (raw === undefined) throw new TypeError('not a token')
  return raw
}
