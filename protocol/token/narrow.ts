import {
  actDepth,
  disclose,
  isInChain,
  mayActAs,
  prependActor,
  type Disclosure,
  type Party,
} from './act.ts'
import type { AccessClaims, Actor, Confirmation, GrantClaims } from './claims.ts'
import { MAX_NAME, present, qualifiedSubject } from './fields.ts'
import { pairwiseSubject } from './pairwise.ts'
import { refusal } from './refusals.ts'
import { EVERYTHING, intersect, mapScopes, parseScope, type ScopeMapping } from './scopes.ts'

/** What is narrowed: a validated token, or a workload that acts for itself. Times are seconds since 1970. */
export interface Parent {
  readonly issuer: string
  readonly subject: string
  readonly clientId: string
  /** In the names of the endpoint it is for. */
  readonly scopes: readonly string[]
  readonly expiresAt: number
  /** The endpoint it is for; absent for a workload. */
  readonly audience?: string
  readonly sessionExpiry?: number
  readonly act?: Actor
  readonly mayAct?: { readonly iss?: string; readonly sub?: string }
  /** Exchanges it may still go through; absent: as many as are configured here. */
  readonly budget?: number
  readonly txn?: string
  readonly sid?: string
}

/** What a node asks for. */
export interface Ask {
  /** `access`: a token for an endpoint of the own issuer; `grant`: one that another issuer turns into a token. */
  readonly kind: 'access' | 'grant'
  /** The endpoint the token will be for. */
  readonly resource: string
  /** Of the claims asked for: the resource for an access token, the other issuer for a grant. */
  readonly audience: string
  /** In the names of `resource`; absent: all there are. */
  readonly scopes?: readonly string[]
  /** The authenticated node: its organisation's issuer and its client id. */
  readonly actor: Party
  /**
   * What else the actor is called: its client ids at the authorization server whose tokens are narrowed, where that is
   * not the issuer of what is made. Default: nothing.
   */
  readonly aliases?: readonly Party[]
  /** The key or certificate the node has proved. */
  readonly cnf?: Confirmation
}

/** An endpoint this issuer makes tokens or grants for. */
export interface Target {
  readonly resource: string
  /** The issuer pinned for it. */
  readonly issuer: string
  /** The node that may exchange tokens for the endpoint in turn; absent: nobody. */
  readonly owner?: Party
}

/** The policy of one link. */
export interface NarrowRecord {
  /** Own issuer identifier. */
  readonly issuer: string
  readonly targets: readonly Target[]
  readonly scopes: {
    /** Absent: both endpoints give namespaces the same names. */
    readonly map?: ScopeMapping
    /** Absent: no bound besides the map. */
    readonly max?: readonly string[]
  }
  /** Longest life of what is made, seconds. */
  readonly maxTtl: number
  /** Actors at most, the new one included. */
  readonly maxDepth: number
  /** Further exchanges at most, this one included. */
  readonly maxBudget: number
  readonly subject:
    { readonly rule: 'same' } | { readonly rule: 'pairwise'; readonly secret: Uint8Array }
  readonly disclose: Disclosure
}

/** What a new token is stamped with. */
export interface Stamp {
  /** Seconds since 1970. */
  readonly now: number
  readonly jti: string
  /** Names the delegation if it has no name yet. */
  readonly txn: string
}

/**
 * A token as what is narrowed.
 *
 * @param origin `own`: of an issuer that makes such chains itself. `edge`: of an identity provider, where the client may
 *   have had a say in the claims: who acted, budget and `txn` in it count for nothing
 */
export function parentOf(claims: AccessClaims, origin: 'own' | 'edge'): Parent {
  const { iss, sub, clientId, scope, exp, aud, mayAct, sessionExpiry, sid } = claims
  const { act, txn, mesh } = origin === 'own' ? claims : {}
  return {
    issuer: iss,
    subject: sub,
    clientId,
    audience: aud,
    scopes: scope,
    expiresAt: exp,
    ...present({ mayAct, sessionExpiry, sid, act, txn, budget: mesh?.budget }),
  }
}

/**
 * The one law of delegation: what a node may get for a token it was given. Every claim is taken over, narrowed, or made
 * from the record; nothing the node asks for widens it.
 *
 * @throws OAuthFault `invalid_target`, `invalid_scope`, `invalid_request`; its cause is a TokenFault that tells the problem
 */
export function narrow(
  parent: Parent,
  ask: Ask & { readonly kind: 'access' },
  record: NarrowRecord,
  stamp: Stamp,
): AccessClaims
export function narrow(
  parent: Parent,
  ask: Ask & { readonly kind: 'grant' },
  record: NarrowRecord,
  stamp: Stamp,
): GrantClaims
export function narrow(
  parent: Parent,
  ask: Ask,
  record: NarrowRecord,
  stamp: Stamp,
): AccessClaims | GrantClaims {
  checkParent(parent, ask, stamp)
  const target = findTarget(parent, ask, record)
  const scope = grantedScopes(parent, ask, record)
  const act = nextActor(parent, ask, record)
  const budget = nextBudget(parent, record)
  const ceiling = endOf(parent)
  const { cnf, actor } = ask
  const common = {
    iss: record.issuer,
    sub: subjectFor(parent, target, { ask, record }),
    clientId: actor.sub,
    jti: stamp.jti,
    iat: stamp.now,
    exp: Math.min(Math.floor(stamp.now + record.maxTtl), ceiling),
    scope,
    act,
    txn: parent.txn ?? stamp.txn,
    sessionExpiry: ceiling,
    mesh: { v: 1, budget },
    ...present({ cnf, sid: parent.sid }),
  } as const
  return ask.kind === 'grant'
    ? { ...common, aud: target.issuer, resource: target.resource }
    : { ...common, aud: target.resource, mayAct: target.owner ?? {} }
}

/** The end of all that descends from a token. */
function endOf({ expiresAt, sessionExpiry = expiresAt }: Parent): number {
  return Math.floor(Math.min(expiresAt, sessionExpiry))
}

function checkParent(parent: Parent, ask: Ask, stamp: Stamp): void {
  if (endOf(parent) <= stamp.now) {
    throw refusal('invalid_request', 'expired', 'the subject token has expired')
  }
  if (!namesOf(ask).some((name) => mayActAs(parent.mayAct, name))) {
    throw refusal('invalid_request', 'client', 'the subject token is not for this actor')
  }
}

/** All names of the node that asks. */
function namesOf({ actor, aliases = [] }: Ask): readonly Party[] {
  return [actor, ...aliases]
}

/** Resource, issuer and kind go together, and none of them is taken from the request. */
function findTarget(parent: Parent, ask: Ask, record: NarrowRecord): Target {
  const target = record.targets.find(({ resource }) => resource === ask.resource)
  if (target === undefined) throw unknownTarget()
  const isOwn = target.issuer === record.issuer
  const audience = ask.kind === 'grant' ? target.issuer : target.resource
  if (isOwn !== (ask.kind === 'access') || ask.audience !== audience) throw unknownTarget()
  if (parent.audience === target.resource) {
    throw refusal('invalid_target', 'cycle', 'the subject token is for this resource already')
  }
  return target
}

function unknownTarget(): Error {
  return refusal('invalid_target', 'resource', 'no such target for this client')
}

/** The scopes in the names of the target: mapped, bounded, asked for. Nothing left is a refusal, never a token. */
function grantedScopes(parent: Parent, ask: Ask, record: NarrowRecord): readonly string[] {
  const { map, max } = record.scopes
  const mapped = map === undefined ? parent.scopes : mapScopes(parent.scopes, map)
  const bounded = max === undefined ? mapped : intersect(mapped, max)
  const asked = intersect(bounded, ask.scopes ?? bounded)
  // Unmapped scopes mean something to this issuer alone unless they are of our grammar; `*` always does.
  const crossing = asked.filter(
    (scope) => scope !== EVERYTHING && (map !== undefined || parseScope(scope) !== undefined),
  )
  if (crossing.length > 0) return crossing
  throw refusal('invalid_scope', 'scope', 'none of the scopes is granted for this target')
}

function nextActor(parent: Parent, ask: Ask, record: NarrowRecord): Actor {
  if (namesOf(ask).some((name) => isInChain(parent.act, name))) {
    throw refusal('invalid_target', 'cycle', 'the node has already acted in this chain')
  }
  if (actDepth(parent.act) >= record.maxDepth) {
    throw refusal('invalid_target', 'depth', 'the chain is as long as it may get')
  }
  return prependActor(disclose(parent.act, record.disclose, record.issuer), ask.actor)
}

function nextBudget(parent: Parent, record: NarrowRecord): number {
  const budget = Math.min(parent.budget ?? record.maxBudget, record.maxBudget) - 1
  if (budget >= 0) return budget
  throw refusal('invalid_target', 'budget', 'no further exchange is allowed')
}

/**
 * A node that acts for itself stays who it is, so that the other side can tell; a person need not be known by name. Who is
 * vouched for by another issuer stands under its name: two of them may have the same name for two people.
 */
function subjectFor(
  parent: Parent,
  target: Target,
  { ask, record }: { readonly ask: Ask; readonly record: NarrowRecord },
): string {
  const { issuer, subject } = parent
  if (isItself(parent, ask)) return ask.actor.sub
  if (record.subject.rule === 'same') {
    return issuer === record.issuer ? subject : foreignSubject(issuer, subject)
  }
  const { secret } = record.subject
  return pairwiseSubject(secret, { iss: issuer, sub: subject, target: target.issuer })
}

/**
 * Whether the node is passed on rather than somebody who calls it. At an authorization server people and clients may be
 * called alike, so there the token must have been issued to the node as well.
 */
function isItself({ issuer, subject, clientId }: Parent, { actor, aliases = [] }: Ask): boolean {
  if (subject === actor.sub && issuer === actor.iss) return true
  return aliases.some(({ iss, sub }) => iss === issuer && sub === subject && sub === clientId)
}

/**
 * A subject of another issuer, under its name.
 *
 * @throws OAuthFault `invalid_request` when that is too long for a claim
 */
function foreignSubject(issuer: string, subject: string): string {
  const qualified = qualifiedSubject(issuer, subject)
  if (qualified.length <= MAX_NAME) return qualified
  throw refusal('invalid_request', 'subject', 'the subject is too long to be passed on')
}
