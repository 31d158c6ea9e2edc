import { URN } from '../../../protocol/token/metadata.ts'
import type { NarrowRecord, Target } from '../../../protocol/token/narrow.ts'
import type { Party } from '../../../protocol/token/act.ts'
import { mapScopes, type ScopeMapping } from '../../../protocol/token/scopes.ts'
import { refusal } from '../../../protocol/token/refusals.ts'
import type { Clock } from '../clock.ts'
import { revealCredential } from '../credential.ts'
import type { LocalIssuer } from '../service/local-issuer.ts'
import type { Delegation } from './backend.ts'
import { checkGrant, readAnswer } from './token-answers.ts'
import type { TokenRequests } from './token-requests.ts'

/** A grant of the own issuer, for the issuer of an upstream. It is a credential. */
export interface Grant {
  readonly token: string
  /** In the names of the upstream. */
  readonly scopes: readonly string[]
  /** No token it becomes may live longer, seconds since 1970. */
  readonly ceiling: number
}

/** What every grant for one upstream has in common. */
export interface GrantPlan {
  /** Asked for each time: who owns an endpoint may change with the configuration. */
  readonly target: () => Target
  readonly map: ScopeMapping
  /** The node: its organisation's issuer and its client id. */
  readonly actor: () => Party
  /** Thumbprint of the key that tokens are bound to. */
  readonly jkt: string
  readonly clock: Clock
}

/** What the configuration says of one link, besides where it leads and what goes over. */
export type LinkPolicy = Omit<NarrowRecord, 'issuer' | 'targets' | 'scopes'>

/** Where grants come from: the token service in this process, or that of the organisation. */
export interface GrantSource {
  grant(delegation: Delegation): Grant | Promise<Grant>
}

/** Made in this process. Nothing is sent. */
export class LocalGrants implements GrantSource {
  readonly #issuer: () => LocalIssuer
  readonly #plan: GrantPlan
  readonly #policy: () => LinkPolicy

  constructor(issuer: () => LocalIssuer, plan: GrantPlan, policy: () => LinkPolicy) {
    this.#issuer = issuer
    this.#plan = plan
    this.#policy = policy
  }

  grant({ parent }: Delegation): Grant {
    const { map, actor, jkt } = this.#plan
    const target = this.#plan.target()
    const issuer = this.#issuer()
    const record = {
      ...this.#policy(),
      issuer: issuer.issuer,
      targets: [target],
      scopes: { map },
    }
    const { resource, issuer: audience } = target
    const ask = { kind: 'grant', resource, audience, actor: actor(), cnf: { jkt } } as const
    const { token, claims } = issuer.issueLocally(parent, ask, record)
    return { token, scopes: claims.scope, ceiling: claims.sessionExpiry ?? parent.expiresAt }
  }
}

/** Asked of the issuer of the organisation (RFC 8693, identity chaining). */
export class RemoteGrants implements GrantSource {
  readonly #requests: TokenRequests
  readonly #plan: GrantPlan

  constructor(requests: TokenRequests, plan: GrantPlan) {
    this.#requests = requests
    this.#plan = plan
  }

  async grant({ parent, credential }: Delegation): Promise<Grant> {
    const { map, actor, jkt, clock } = this.#plan
    const target = this.#plan.target()
    const scopes = crossing(parent.scopes, map)
    const subject = credential === undefined ? undefined : revealCredential(credential)
    if (subject === undefined) throw noToken()
    const json = await this.#requests.ask([
      ['grant_type', URN.tokenExchange],
      ['subject_token', subject],
      ['subject_token_type', URN.accessToken],
      ['requested_token_type', URN.jwt],
      ['audience', target.issuer],
      ['resource', target.resource],
      ['scope', scopes.join(' ')],
    ])
    const ceiling = parent.sessionExpiry ?? parent.expiresAt
    const expected = { issuedType: URN.jwt, tokenType: 'N_A', scopes, ceiling } as const
    const answered = readAnswer(json, { ...expected, now: clock() })
    const { issuer } = this.#requests
    checkGrant(answered.token, {
      issuer,
      audience: target.issuer,
      resource: target.resource,
      jkt,
      actor: actor().sub,
      parent,
    })
    return { token: answered.token, scopes: answered.scopes, ceiling }
  }
}

/** What of the caller's scopes goes over, in the names of the upstream. */
export function crossing(scopes: readonly string[], map: ScopeMapping): readonly string[] {
  const mapped = mapScopes(scopes, map)
  if (mapped.length > 0) return mapped
  throw refusal('invalid_scope', 'scope', 'none of the scopes goes over to this upstream')
}

/** An issuer elsewhere wants to see a token, and takes nobody's word for a caller without. */
export function noToken(): Error {
  return refusal(
    'invalid_request',
    'missing',
    'the caller has no token that the issuer of the organisation could exchange',
  )
}
