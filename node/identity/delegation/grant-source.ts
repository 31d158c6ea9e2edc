import { URN } from '../../../protocol/token/metadata.ts'
import type { Ask, NarrowRecord, Target } from '../../../protocol/token/narrow.ts'
import type { Party } from '../../../protocol/token/act.ts'
import type { GrantClaims } from '../../../protocol/token/claims.ts'
import type { ScopeMapping } from '../../../protocol/token/scopes.ts'
import { refusal } from '../../../protocol/token/refusals.ts'
import type { Clock } from '../clock.ts'
import { revealCredential } from '../credential.ts'
import type { LocalIssuer } from '../service/local-issuer.ts'
import type { Delegation } from './backend.ts'
import { expectedGrant } from './expectation.ts'
import { checkGrant } from './issued-claims.ts'
import { readAnswer, wrong } from './token-answers.ts'
import type { TokenRequests } from './token-requests.ts'

/** A grant of the organisation, for the issuer of an upstream. It is a credential: print `claims`, never `token`. */
export interface Grant {
  readonly token: string
  /** No token it becomes may have more scopes, or live longer than the session. */
  readonly claims: GrantClaims
}

/** What every grant for one upstream has in common. */
export interface GrantPlan {
  /** Asked for each time: who owns an endpoint may change with the configuration. */
  readonly target: () => Target
  readonly map: ScopeMapping
  /** The node: its organisation's issuer and its client id. */
  readonly actor: () => Party
  /** What else it is called, where grants and tokens of the organisation are of two issuers. Default: nothing. */
  readonly aliases?: () => readonly Party[]
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

/** A link whose tokens and grants are made in this process. */
export interface LocalLink {
  readonly issuer: () => LocalIssuer
  readonly plan: GrantPlan
  readonly policy: () => LinkPolicy
}

/** What a link asks of the issuer in this process, but for the kind, and by which policy. */
export function localRequest({ issuer: issuerOf, plan, policy }: LocalLink): {
  readonly issuer: LocalIssuer
  readonly target: Target
  readonly ask: Omit<Ask, 'kind' | 'audience'>
  readonly record: NarrowRecord
} {
  const { map, jkt } = plan
  const [issuer, target] = [issuerOf(), plan.target()]
  return {
    issuer,
    target,
    ask: { resource: target.resource, ...partiesOf(plan), cnf: { jkt } },
    record: { ...policy(), issuer: issuer.issuer, targets: [target], scopes: { map } },
  }
}

/** Who asks, by all names. */
export function partiesOf({ actor, aliases }: GrantPlan): Pick<Ask, 'actor' | 'aliases'> {
  return aliases === undefined ? { actor: actor() } : { actor: actor(), aliases: aliases() }
}

/** Made in this process. Nothing is sent. */
export class LocalGrants implements GrantSource {
  readonly #link: LocalLink

  constructor(link: LocalLink) {
    this.#link = link
  }

  grant({ parent, origin }: Delegation): Grant {
    const { issuer, target, ask, record } = localRequest(this.#link)
    const wanted = { ...ask, kind: 'grant', audience: target.issuer } as const
    return issuer.issueLocally(parent, wanted, record, origin)
  }
}

/** Asked of whoever signs the grants of the organisation (RFC 8693, identity chaining). */
export class RemoteGrants implements GrantSource {
  readonly #requests: TokenRequests
  readonly #plan: GrantPlan
  readonly #policy: () => LinkPolicy

  constructor(requests: TokenRequests, plan: GrantPlan, policy: () => LinkPolicy) {
    this.#requests = requests
    this.#plan = plan
    this.#policy = policy
  }

  async grant(delegation: Delegation): Promise<Grant> {
    const { parent, credential, issuedAt } = delegation
    if (credential === undefined) throw noToken()
    const policy = this.#policy()
    const law = expectedGrant(delegation, this.#plan, policy)
    const { resource, issuer: audience } = this.#plan.target()
    const json = await this.#requests.ask([
      ['grant_type', URN.tokenExchange],
      ['subject_token', revealCredential(credential)],
      ['subject_token_type', URN.accessToken],
      ['requested_token_type', URN.jwt],
      ['audience', audience],
      ['resource', resource],
      ['scope', law.scope.join(' ')],
    ])
    const ceiling = law.sessionExpiry ?? parent.expiresAt
    const { scope: scopes } = law
    const expected = { issuedType: URN.jwt, tokenType: 'N_A', scopes, ceiling } as const
    const { token } = readAnswer(json, { ...expected, now: this.#plan.clock() })
    const { issuer } = this.#requests
    const claims = checkGrant(token, { issuer, audience, resource, law, scopes, ceiling, issuedAt })
    // The issuer was not told the rule of this link; what it does not keep is not sent.
    const isNamed = claims.sub === parent.subject && claims.sub !== claims.clientId
    if (policy.subject.rule === 'pairwise' && isNamed) throw wrong('subject', 'names the caller')
    return { token, claims }
  }
}

/** An issuer elsewhere wants to see a token, and takes nobody's word for a caller without. */
export function noToken(): Error {
  return refusal(
    'invalid_request',
    'missing',
    'the caller has no token that the issuer of the organisation could exchange',
  )
}
