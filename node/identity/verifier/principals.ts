import { createHash } from 'node:crypto'
import type { AccessClaims } from '../../../protocol/token/claims.ts'
import { EVERYTHING, normalise, parseScope } from '../../../protocol/token/scopes.ts'
import type { StaticKey } from '../../core/config-identity-types.ts'
import type { Credential, Principal } from '../../core/principal.ts'

/** How the scopes of tokens are taken over at one endpoint. */
export interface ScopeRules {
  /** Scopes of the issuer in the names of the endpoint. */
  readonly map: Readonly<Record<string, readonly string[]>>
  /** Whether `*` means anything unless it is in the map: only the organisation's issuer knows what all is here. */
  readonly everything: boolean
}

/**
 * What tells callers apart: SHA-256 over issuer, subject and client, base64url. Each is preceded by its length, so that no
 * two callers are written alike.
 */
export function principalKey(issuer: string, subject: string, clientId: string): string {
  const hash = createHash('sha256')
  for (const part of [issuer, subject, clientId]) {
    hash.update(`${Buffer.byteLength(part)} `).update(part)
  }
  return hash.digest('base64url')
}

/** Scopes of a token in the names of the endpoint, normalised; what nobody here knows is dropped. */
export function grantedScopes(
  granted: readonly string[],
  { map, everything }: ScopeRules,
): readonly string[] {
  const taken = granted.flatMap((scope) => {
    if (Object.hasOwn(map, scope)) return map[scope] ?? []
    if (scope === EVERYTHING) return everything ? [scope] : []
    return parseScope(scope) === undefined ? [] : [scope]
  })
  return normalise(taken)
}

/** The principal of a verified token. */
export function tokenPrincipal(
  claims: AccessClaims,
  rules: ScopeRules,
  credential: Credential,
): Principal {
  const { iss, sub, clientId, exp, sessionExpiry = Infinity } = claims
  return {
    issuer: iss,
    subject: sub,
    clientId,
    key: principalKey(iss, sub, clientId),
    scopes: grantedScopes(claims.scope, rules),
    claims,
    credential,
    expiresAt: Math.min(exp, sessionExpiry) * 1_000,
  }
}

/** What the holder of a static key is called where it is passed on, and in the audit. */
export function keySubject(name: string): string {
  return `key:${name}`
}

/**
 * The principal of a static key: vouched for by nobody, so that no token can name it, and another at each endpoint. It has
 * no credential, because there is nothing anybody would exchange.
 *
 * @param resource identifier of the endpoint
 */
export function keyPrincipal(key: StaticKey, resource: string): Principal {
  return {
    issuer: '',
    subject: key.name,
    clientId: resource,
    key: principalKey('', key.name, resource),
    scopes: normalise(key.scopes),
    claims: undefined,
    credential: undefined,
    expiresAt: key.notAfter ?? Infinity,
  }
}
