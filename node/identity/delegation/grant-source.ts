import type { GrantClaims } from '../../../protocol/token/claims.ts'
import { qualifiedSubject } from '../../../protocol/token/fields.ts'
import { URN } from '../../../protocol/token/metadata.ts'
import { refusal } from '../../../protocol/token/refusals.ts'
import { revealCredential } from '../credential.ts'
import type { LinkPolicy } from '../link-policy.ts'
import { writeTelling, type Telling } from '../telling.ts'
import type { Delegation } from './backend.ts'
import { expectedGrant } from './expectation.ts'
import { localRequest, type GrantPlan, type LocalLink } from './grant-plan.ts'
import { checkGrant } from './issued-claims.ts'
import { readAnswer, wrong } from './token-answers.ts'
import type { TokenRequests } from './token-requests.ts'

/** A grant of the organisation, for the issuer of an upstream. It is a credential: print `claims`, never `token`. */
export interface Grant {
  readonly token: string
  /** No token it becomes may have more scopes, or live longer than the session. */
  readonly claims: GrantClaims
}

/** Where grants come from: the token service in this process, or that of the organisation. */
export interface GrantSource {
  grant(delegation: Delegation): Grant | Promise<Grant>
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

/** By what rules grants are asked for that are made elsewhere. */
export interface GrantRules {
  readonly plan: GrantPlan
  readonly policy: () => LinkPolicy
  /** What whoever makes them is told of the link; undefined where it would not understand. */
  readonly telling: Telling | undefined
}

/** Asked of whoever signs the grants of the organisation (RFC 8693, identity chaining). */
export class RemoteGrants implements GrantSource {
  readonly #requests: TokenRequests
  readonly #rules: GrantRules

  constructor(requests: TokenRequests, rules: GrantRules) {
    this.#requests = requests
    this.#rules = rules
  }

  async grant(delegation: Delegation): Promise<Grant> {
    const { parent, credential, issuedAt } = delegation
    if (credential === undefined) throw noToken()
    const { plan, policy: policyOf, telling } = this.#rules
    const policy = policyOf()
    const law = expectedGrant(delegation, plan, policy)
    const { resource, issuer: audience } = plan.target()
    const json = await this.#requests.ask([
      ['grant_type', URN.tokenExchange],
      ['subject_token', revealCredential(credential)],
      ['subject_token_type', URN.accessToken],
      ['requested_token_type', URN.jwt],
      ['audience', audience],
      ['resource', resource],
      ['scope', law.scope.join(' ')],
      ...(telling === undefined ? [] : writeTelling(telling)),
    ])
    const ceiling = law.sessionExpiry ?? parent.expiresAt
    const { scope: scopes } = law
    const expected = { issuedType: URN.jwt, tokenType: 'N_A', scopes, ceiling } as const
    const { token } = readAnswer(json, { ...expected, now: plan.clock() })
    const { issuer } = this.#requests
    const claims = checkGrant(token, { issuer, audience, resource, law, scopes, ceiling, issuedAt })
    // Also one that was not told the rule of this link: what it does not keep is not sent.
    const names = [parent.subject, qualifiedSubject(parent.issuer, parent.subject)]
    const isNamed = names.includes(claims.sub) && claims.sub !== claims.clientId
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
