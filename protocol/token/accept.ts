import { actDepth, actorsOf, hasCycle, isInChain, type Party } from './act.ts'
import type { AccessClaims, Actor, Confirmation, GrantClaims } from './claims.ts'
import { MAX_NAME, present, qualifiedSubject } from './fields.ts'
import type { GrantProfile } from './grant.ts'
import type { Stamp } from './narrow.ts'
import { refusal } from './refusals.ts'
import { EVERYTHING, intersect, mapScopes, type ScopeMapping } from './scopes.ts'

/** What another issuer may make this one issue. Times are seconds. */
export interface GrantTrust {
  /** Exact. */
  readonly issuer: string
  /** Client ids its grants may name. */
  readonly clients: readonly string[]
  readonly profiles: readonly GrantProfile[]
  /** What tokens must be bound to. */
  readonly cnf: 'dpop' | 'none'
  readonly resources: readonly string[]
  readonly subjects: {
    /** `pairwise`: opaque, checked against `pattern`; `mapped`: only those in `map`; `public`: as they come. */
    readonly mode: 'pairwise' | 'mapped' | 'public'
    /** Of {@link subjectPattern}. */
    readonly pattern: RegExp
    readonly map: Readonly<Record<string, string>>
    /** Whether grants whose subject is the calling node itself are taken. */
    readonly anonymous: boolean
  }
  /** Issuers whose subjects it may relay; `*` for any, and for those whose names it does not disclose. */
  readonly transit: readonly string[]
  readonly scopes: {
    /** Its scopes to ours. */
    readonly map: ScopeMapping
    readonly max: readonly string[]
  }
  readonly maxDepth: number
  readonly maxBudget: number
  readonly maxTtl: number
  /** Seconds since 1970; absent: no end. */
  readonly notAfter?: number
}

/** The token request a grant came with, as far as it has been verified. */
export interface Redemption {
  readonly profile: GrantProfile
  /** Own issuer identifier. */
  readonly issuer: string
  /** The authenticated client. */
  readonly clientId: string
  /** The `resource` parameter. */
  readonly resource?: string
  /** The `scope` parameter, in the names of the resource or in those of the grant. */
  readonly scopes?: readonly string[]
  /** The key or certificate the client has proved. */
  readonly cnf?: Confirmation
  /** The node the resource belongs to, which may exchange the token in turn. */
  readonly owner?: Party
}

/** Stands in `transit` for every issuer. */
export const ANY_ISSUER = '*'

/** A subject pattern, matched against the whole subject whatever its anchors. */
export function subjectPattern(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`, 'u')
}

/**
 * The access token another organisation's grant is worth here. The grant has been read, and its header, signature and
 * dates checked; whether it was redeemed before is for the caller to remember.
 *
 * @throws OAuthFault `invalid_grant`, `invalid_scope`, `invalid_target`; its cause is a TokenFault that tells the problem
 */
export function acceptGrant(
  grant: GrantClaims,
  trust: GrantTrust,
  request: Redemption,
  stamp: Stamp,
): AccessClaims {
  checkParties(grant, trust, request)
  checkResource(grant, trust, request)
  const cnf = boundTo(grant, trust, request)
  const sub = localSubject(grant, trust)
  // Whoever is not trusted to relay chains has no say in them.
  const isChained = request.profile === 'mesh'
  const act = isChained ? checkChain(grant, trust, request) : undefined
  const budget = Math.min(
    (isChained ? grant.mesh?.budget : undefined) ?? trust.maxBudget,
    trust.maxBudget,
  )
  return {
    iss: request.issuer,
    sub,
    aud: grant.resource,
    clientId: grant.clientId,
    jti: stamp.jti,
    iat: stamp.now,
    exp: expiry(grant, trust, request, stamp),
    scope: acceptedScopes(grant, trust, request),
    mayAct: request.owner ?? {},
    txn: (isChained ? grant.txn : undefined) ?? stamp.txn,
    mesh: { v: 1, budget },
    ...present({ act, cnf, sessionExpiry: grant.sessionExpiry, sid: grant.sid }),
  }
}

function checkParties(grant: GrantClaims, trust: GrantTrust, request: Redemption): void {
  if (grant.iss !== trust.issuer || grant.aud !== request.issuer) {
    throw refusal('invalid_grant', 'issuer', 'the grant is not between these issuers')
  }
  if (!trust.profiles.includes(request.profile)) {
    throw refusal('invalid_grant', 'typ', 'grants of this kind are not taken from this issuer')
  }
  if (grant.clientId !== request.clientId || !trust.clients.includes(grant.clientId)) {
    throw refusal('invalid_grant', 'client', 'the grant is not for this client')
  }
}

function checkResource(grant: GrantClaims, trust: GrantTrust, { resource }: Redemption): void {
  if (!trust.resources.includes(grant.resource)) {
    throw refusal('invalid_grant', 'resource', 'the grant is for another resource')
  }
  if (resource !== undefined && resource !== grant.resource) {
    throw refusal(
      'invalid_target',
      'resource',
      'the grant is for another resource than is asked for',
    )
  }
}

function isBound(cnf: Confirmation | undefined): boolean {
  return cnf?.jkt !== undefined || cnf?.['x5t#S256'] !== undefined
}

/** What the token is bound to: what the grant is, or else what the client has proved. */
function boundTo(
  { cnf: granted }: GrantClaims,
  trust: GrantTrust,
  { cnf: proved, profile }: Redemption,
): Confirmation | undefined {
  const demanded = granted ?? {}
  const isProved =
    (demanded.jkt === undefined || demanded.jkt === proved?.jkt) &&
    (demanded['x5t#S256'] === undefined || demanded['x5t#S256'] === proved?.['x5t#S256'])
  if (!isProved) throw refusal('invalid_grant', 'binding', 'the key of the grant is not proved')
  // Third parties bind nothing; the client does, by proving a key.
  const bound = isBound(granted) ? granted : profile === 'id-jag' ? proved : undefined
  if (trust.cnf === 'dpop' && !isBound(bound)) {
    throw refusal('invalid_grant', 'binding', 'the grant is not bound to a key')
  }
  return bound ?? (isBound(proved) ? proved : undefined)
}

/** The subject under the name of who vouches for it, so that two issuers never speak of the same one. */
function localSubject(grant: GrantClaims, trust: GrantTrust): string {
  const local = subjectByRule(grant, trust)
  if (local !== undefined && local.length <= MAX_NAME) return local
  throw refusal('invalid_grant', 'subject', 'the subject is not one this issuer may name')
}

function subjectByRule({ iss, sub, clientId }: GrantClaims, trust: GrantTrust): string | undefined {
  const { mode, pattern, map, anonymous } = trust.subjects
  const qualified = qualifiedSubject(iss, sub)
  if (sub === clientId) return anonymous ? qualified : undefined
  if (mode === 'mapped') return Object.hasOwn(map, sub) ? map[sub] : undefined
  return mode === 'public' || pattern.test(sub) ? qualified : undefined
}

function checkChain(grant: GrantClaims, trust: GrantTrust, { owner }: Redemption): Actor {
  const { act } = grant
  const [current, ...older] = actorsOf(act)
  const isClient =
    current !== undefined &&
    'iss' in current &&
    current.iss === grant.iss &&
    current.sub === grant.clientId
  if (act === undefined || !isClient) {
    throw refusal('invalid_grant', 'client', 'the client is not who acts')
  }
  const allowed = new Set([grant.iss, ...trust.transit])
  const isRelayed = older.some((entry) => !('iss' in entry) || !allowed.has(entry.iss))
  if (isRelayed && !allowed.has(ANY_ISSUER)) {
    throw refusal('invalid_grant', 'transit', 'this issuer may not relay for others')
  }
  if (actDepth(act) > trust.maxDepth) {
    throw refusal('invalid_target', 'depth', 'the chain is longer than is allowed')
  }
  if (hasCycle(act) || (owner !== undefined && isInChain(act, owner))) {
    throw refusal('invalid_target', 'cycle', 'the chain goes round in a circle')
  }
  return act
}

function acceptedScopes(
  grant: GrantClaims,
  { scopes }: GrantTrust,
  request: Redemption,
): readonly string[] {
  const bounded = intersect(mapScopes(grant.scope, scopes.map), scopes.max)
  const { scopes: asked } = request
  // A client that knows only its own issuer's names asks in those. Either way it gets no more than the grant is worth.
  const wanted = asked === undefined ? bounded : [...asked, ...mapScopes(asked, scopes.map)]
  const accepted = intersect(bounded, wanted)
  const crossing = accepted.filter((scope) => scope !== EVERYTHING)
  if (crossing.length > 0) return crossing
  throw refusal('invalid_scope', 'scope', 'none of the scopes is granted for this resource')
}

/** A chain ends with the session it began in; a grant of our own that names no session ends with itself. */
function expiry(grant: GrantClaims, trust: GrantTrust, request: Redemption, stamp: Stamp): number {
  const session =
    grant.sessionExpiry ?? (request.profile === 'mesh' ? grant.exp : Number.POSITIVE_INFINITY)
  const end = Math.min(session, trust.notAfter ?? Number.POSITIVE_INFINITY)
  if (Math.floor(end) <= stamp.now)
    throw refusal('invalid_grant', 'expired', 'the session or the trust has ended')
  return Math.floor(Math.min(stamp.now + trust.maxTtl, end))
}
