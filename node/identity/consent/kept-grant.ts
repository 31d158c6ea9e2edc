import { inspect } from 'node:util'
import { isObject, type JsonObject } from '../../../protocol/jsonrpc.ts'
import { readScope } from '../../../protocol/token/fields.ts'
import { DelegatedToken } from '../delegation/delegated-token.ts'
import { readAnswer, wrong } from '../delegation/token-answers.ts'
import { SigningKey } from '../signing-key.ts'

/** What a user granted at an upstream, as far as it may be shown. Times are seconds since 1970. */
export interface GrantFacts {
  /** The authorization server, exactly as it named itself. */
  readonly issuer: string
  /** What the token is for, as the upstream names itself. */
  readonly resource: string
  /** Who this node is at the server. */
  readonly clientId: string
  readonly scheme: 'Bearer' | 'DPoP'
  /** What was asked for, together with what the server says it gave. */
  readonly scopes: readonly string[]
  readonly expiresAt: number
}

interface Secrets {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  readonly key: SigningKey | undefined
}

/** Outside of the grant, so that nothing that prints it has the bytes. */
const SECRETS = new WeakMap<KeptGrant, Secrets>()

/** One user's tokens at one upstream. Prints without a byte of them. */
export class KeptGrant {
  readonly facts: GrantFacts

  constructor(facts: GrantFacts, secrets: Secrets) {
    this.facts = facts
    SECRETS.set(this, secrets)
  }

  /** What {@link write} wrote; undefined for anything else. */
  static read(json: JsonObject): KeptGrant | undefined {
    const { facts, accessToken, refreshToken, key } = json
    // Nobody but this node can have written it: it came out of a seal.
    if (!isObject(facts) || typeof accessToken !== 'string') return undefined
    return new KeptGrant(facts as unknown as GrantFacts, {
      accessToken,
      refreshToken: typeof refreshToken === 'string' ? refreshToken : undefined,
      key: isObject(key) ? SigningKey.fromJwk(key) : undefined,
    })
  }

  /** With all its secrets: to be sealed, and for nothing else. */
  write(): JsonObject {
    const { accessToken, refreshToken, key } = secretsOf(this)
    return {
      facts: this.facts,
      accessToken,
      ...(refreshToken !== undefined && { refreshToken }),
      ...(key !== undefined && { key: { ...key.exportPrivate() } }),
    }
  }

  /** The access token, for the header of a request to the one resource it is for. */
  get token(): DelegatedToken {
    const { scheme, scopes, expiresAt } = this.facts
    return new DelegatedToken(secretsOf(this).accessToken, { scheme, scopes, expiresAt })
  }

  /** What proofs are made with; undefined for a bearer token. */
  get key(): SigningKey | undefined {
    return secretsOf(this).key
  }

  get renewable(): boolean {
    return secretsOf(this).refreshToken !== undefined
  }

  toString(): string {
    return '[grant]'
  }

  toJSON(): string {
    return this.toString()
  }
}

Object.defineProperty(KeptGrant.prototype, inspect.custom, { value: () => '[grant]' })

function secretsOf(grant: KeptGrant): Secrets {
  const secrets = SECRETS.get(grant)
  if (secrets === undefined) throw new TypeError('not a grant')
  return secrets
}

/** The refresh token, for the token endpoint of its issuer alone. */
export function revealRefreshToken(grant: KeptGrant): string | undefined {
  return secretsOf(grant).refreshToken
}

/** How long a token is kept whose server does not say when it ends, s: until the upstream refuses it. */
const UNSAID = 10 * 365 * 86_400

/** What an answer of a token endpoint is read against. */
export interface AskedGrant extends Pick<
  GrantFacts,
  'issuer' | 'resource' | 'clientId' | 'scopes'
> {
  /** Binds the token (RFC 9449 §5); undefined where the server knows nothing of it. */
  readonly key: SigningKey | undefined
  /** What it renews, whose refresh token stays when the server sends none (RFC 6749 §6). */
  readonly renews?: KeptGrant
  readonly now: number
}

/**
 * Reads the answer to a code or a refresh token (RFC 6749 §5.1). A server that binds tokens must bind this one. What it
 * granted beyond what was asked for is the user's affair, who was asked by the server itself.
 *
 * @throws TokenFault
 */
export function readGrant(json: JsonObject, asked: AskedGrant): KeptGrant {
  const { issuer, resource, clientId, key, renews, now } = asked
  const scheme = key === undefined ? 'Bearer' : 'DPoP'
  const { scope, expires_in: life = UNSAID, refresh_token: next, ...rest } = json
  const { token, expiresAt } = readAnswer(
    { ...rest, expires_in: life },
    {
      issuedType: undefined,
      tokenType: scheme,
      scopes: [],
      ceiling: Number.MAX_SAFE_INTEGER,
      now,
    },
  )
  const granted =
    typeof scope === 'string' ? readScope(scope) : scope === undefined ? [] : undefined
  if (granted === undefined) throw wrong('scope', 'has scopes that are none')
  const before = renews === undefined ? undefined : revealRefreshToken(renews)
  const refreshToken = typeof next === 'string' && next !== '' ? next : before
  const scopes = [...new Set([...asked.scopes, ...granted])]
  const facts = { issuer, resource, clientId, scheme, scopes, expiresAt } as const
  return new KeptGrant(facts, { accessToken: token, refreshToken, key })
}
