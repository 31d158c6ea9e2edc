import { createHash } from 'node:crypto'
import { Fault } from '../../../protocol/errors.ts'
import { chainDigest } from '../../../protocol/token/act.ts'
import { parentOf, type Parent } from '../../../protocol/token/narrow.ts'
import {
  isCovered,
  isScopeToken,
  mapScopes,
  normalise,
  type ScopeMapping,
} from '../../../protocol/token/scopes.ts'
import type { Authorization, DelegationFacts, Delegator } from '../../core/delegation.ts'
import type { Logger } from '../../core/logger.ts'
import { LOCAL_CALLER, type Principal } from '../../core/principal.ts'
import type { Clock } from '../clock.ts'
import { Lru } from '../lru.ts'
import type { ProofMaker } from '../proof-maker.ts'
import type { RevocableClaims, Revocation } from '../service/revocations.ts'
import type { Backend, Delegation } from './backend.ts'
import type { DelegatedToken } from './delegated-token.ts'
import { DelegationEntry } from './delegation-entry.ts'
import { delegationFault } from './delegation-faults.ts'
import { TokenAuthorization } from './token-authorization.ts'
import { keySubject } from '../verifier/principals.ts'

/** What tells one upstream who calls. */
export interface UpstreamDelegatorOptions {
  readonly label: string
  /** Where its tokens are shown: what proofs are for. */
  readonly url: string
  readonly backend: Backend
  /** For the node itself, where an issuer wants to see a token; undefined: `backend`. */
  readonly ownBackend?: Backend
  /** The caller's scopes to those of the upstream; undefined where the node goes in its own name. */
  readonly map: ScopeMapping | undefined
  /** Scopes a caller must have where the node goes in its own name. */
  readonly requires: readonly string[]
  /** The node as what is narrowed, when it acts for itself. */
  readonly self: () => Parent
  /** Identifier of the organisation's issuer: its tokens tell chains that count. */
  readonly ownIssuer: () => string
  /** Identifier of who signs what goes to this upstream: vouches for callers without a token, and names delegations. */
  readonly signer: () => string
  readonly proofs: ProofMaker
  /** Whether a token counts no more although it has not ended; asked each time one is used. */
  readonly isRevoked: (claims: RevocableClaims) => boolean
  /** Callers whose tokens are kept. */
  readonly capacity: number
  readonly clock: Clock
  readonly log: Logger
}

/** How long this node vouches at a time for a caller without a token, whose key may have no end, s. */
const VOUCHED_SECONDS = 600

/** Where what was made from a token is found again when it is revoked. */
interface Kept {
  readonly entry: DelegationEntry
  readonly from: RevocableClaims | undefined
}

/**
 * Passes callers on to one upstream, each with a token of its own that is bound to the key of this node. A caller that
 * nobody vouches for goes as the node itself, because that is all this node knows.
 */
export class UpstreamDelegator implements Delegator {
  readonly own: Authorization
  readonly perCaller: boolean
  readonly #options: UpstreamDelegatorOptions
  readonly #entries: Lru<string, Kept>
  readonly #own: DelegationEntry
  /** Keys that were made already: a principal stays the same object for as long as its token is known. */
  #keys = new WeakMap<Principal, Keyed>()
  /** What the upstream last wanted proofs to hold (RFC 9449 §9). */
  #nonce: string | undefined

  constructor(options: UpstreamDelegatorOptions) {
    this.#options = options
    this.perCaller = options.map !== undefined
    this.#entries = new Lru(options.capacity)
    const { ownBackend = options.backend, clock, self } = options
    const obtain = (): DelegatedToken | Promise<DelegatedToken> =>
      ownBackend.obtain({ parent: self(), credential: undefined })
    this.#own = new DelegationEntry({ clock, obtain })
    this.own = this.#authorization(this.#own)
  }

  delegate(
    principal: Principal,
    { budget }: DelegationFacts,
  ): Authorization | Promise<Authorization> {
    const { requires, map } = this.#options
    if (principal.key === LOCAL_CALLER.key) return this.#whenReady(this.own)
    const { scopes = [] } = principal
    const missing = requires.filter((scope) => !isCovered(scopes, scope))
    if (missing.length > 0) {
      const text = 'the token does not allow what this upstream is used for'
      throw new Fault('insufficient_scope', text, { data: { scopes: missing } })
    }
    // In its own name the node has one token, whoever calls.
    if (map === undefined) return this.#whenReady(this.own)
    return this.#whenReady(this.#authorization(this.#entry(principal, budget)))
  }

  denied(principal: Principal, scopes: readonly string[]): Fault {
    const local = this.#inverse(scopes).filter((one) => !isCovered(principal.scopes ?? [], one))
    if (local.length > 0) {
      const text = `the token does not allow what upstream "${this.#options.label}" asks for`
      return new Fault('insufficient_scope', text, { data: { scopes: local } })
    }
    const { txn } = principal.claims ?? {}
    const data = txn === undefined ? {} : { data: { txn } }
    return new Fault('delegation_refused', `upstream "${this.#options.label}" denied it`, data)
  }

  /** Forgets what descends from a token that is revoked. */
  revoked({ issuer, by, id }: Revocation): void {
    this.#entries.deleteWhere(({ entry, from }) => {
      const isOf = from?.iss === issuer && from[by] === id
      if (isOf) entry.forget()
      return isOf
    })
  }

  /** Forgets everything: another policy holds. */
  clear(): void {
    this.#own.forget()
    this.#keys = new WeakMap()
    this.#entries.deleteWhere(({ entry }) => {
      entry.forget()
      return true
    })
  }

  #entry(principal: Principal, budget: number): DelegationEntry {
    const key = this.#keyOf(principal, budget)
    const known = this.#entries.get(key)
    if (known !== undefined) return known.entry
    const { backend, clock } = this.#options
    const { claims } = principal
    const entry = new DelegationEntry({
      clock,
      obtain: () => backend.obtain(this.#delegation(principal, budget)),
      // Nobody's word for a key lasts: it is given anew with each token.
      ceiling: claims === undefined ? Infinity : principal.expiresAt / 1_000,
      isRevoked: (token) => this.#isRevoked(token, claims),
    })
    this.#entries.set(key, { entry, from: claims })
    return entry
  }

  #keyOf(principal: Principal, budget: number): string {
    const known = this.#keys.get(principal)
    if (known?.budget === budget) return known.key
    const key = keyOf(principal, this.#parentOf(principal, budget))
    this.#keys.set(principal, { budget, key })
    return key
  }

  #delegation(principal: Principal, budget: number): Delegation {
    const { credential, claims } = principal
    const parent = this.#parentOf(principal, budget)
    if (claims === undefined) return { parent, credential }
    const { iss, jti, iat: issuedAt } = claims
    const isOwn = iss === this.#options.ownIssuer()
    const tokenBudget = isOwn ? claims.mesh?.budget : undefined
    return { parent, credential, origin: { iss, jti }, tokenBudget, issuedAt }
  }

  /** A token also ends with the delegation it belongs to, which whoever signed it has named. */
  #isRevoked(token: DelegatedToken | undefined, from: RevocableClaims | undefined): boolean {
    const { isRevoked, signer } = this.#options
    if (token === undefined) return from !== undefined && isRevoked(from)
    const { jti = '', txn } = token.facts
    return isRevoked({ iss: signer(), jti, ...(txn !== undefined && { txn }) })
  }

  #parentOf(principal: Principal, budget: number): Parent {
    const { claims, scopes = [], subject, clientId } = principal
    const { clock, ownIssuer, signer } = this.#options
    if (claims === undefined) {
      const issuer = signer()
      const expiresAt = Math.min(principal.expiresAt / 1_000, clock() + VOUCHED_SECONDS)
      return { issuer, subject: keySubject(subject), clientId, scopes, expiresAt, budget }
    }
    const parent = parentOf(claims, claims.iss === ownIssuer() ? 'own' : 'edge')
    return { ...parent, scopes, budget: Math.min(parent.budget ?? budget, budget) }
  }

  #authorization(entry: DelegationEntry): TokenAuthorization {
    const { url, proofs } = this.#options
    return new TokenAuthorization(entry, {
      url,
      proofs,
      nonce: () => this.#nonce,
      learn: (nonce) => {
        this.#nonce = nonce
      },
      failed: (error) => this.#failed(error),
    })
  }

  /** Fails now rather than when the request is about to go out: the caller waits for its token here. */
  #whenReady(authorization: Authorization): Authorization | Promise<Authorization> {
    const ready = (authorization as TokenAuthorization).ready()
    return ready === undefined ? authorization : ready.then(() => authorization)
  }

  #failed(error: unknown): Fault {
    const fault = delegationFault(error)
    const { label, log } = this.#options
    const { cause } = fault
    const why = cause instanceof Error ? cause.message : fault.message
    log.warn({ upstream: label, code: fault.code, why }, 'no token for an upstream')
    return fault
  }

  /** Scopes of this node that become those of the upstream, no wider than is wanted. */
  #inverse(scopes: readonly string[]): readonly string[] {
    const map = Object.entries(this.#options.map ?? {})
    const found = scopes.filter(isScopeToken).flatMap((wanted) =>
      map.flatMap(([local, theirs]) =>
        theirs.flatMap((one) => {
          if (!isCovered([one], wanted)) return []
          const narrowed = mapScopes([wanted], { [one]: [local] })
          return narrowed.length === 0 ? [local] : narrowed
        }),
      ),
    )
    return normalise(found)
  }
}

/** The key that was made for a principal, with the budget of the call. */
interface Keyed {
  readonly budget: number
  readonly key: string
}

/** Everything a token is made from; two callers never have it in common, nor one caller before and after a change. */
function keyOf(
  { key, claims, scopes = [], expiresAt }: Principal,
  { budget, act, sessionExpiry }: Parent,
): string {
  const parts = [
    key,
    claims?.iss,
    claims?.aud,
    claims?.jti,
    expiresAt,
    scopes.join(' '),
    budget,
    chainDigest(act),
    sessionExpiry,
  ]
  const hash = createHash('sha256')
  for (const part of parts) {
    const text = String(part ?? '')
    hash.update(`${Buffer.byteLength(text)} `).update(text)
  }
  return hash.digest('base64url')
}
