import type { Party } from '../../../protocol/token/act.ts'
import { URN } from '../../../protocol/token/metadata.ts'
import type { Parent } from '../../../protocol/token/narrow.ts'
import { CredentialHolder, revealCredential } from '../credential.ts'
import type { LinkPolicy } from '../link-policy.ts'
import type { Backend, Delegation } from './backend.ts'
import { DelegatedToken, revealToken } from './delegated-token.ts'
import { expectedAccess } from './expectation.ts'
import { localRequest, type GrantPlan, type LocalLink } from './grant-plan.ts'
import { noToken, type GrantSource } from './grant-source.ts'
import { readIssuedToken } from './issued-claims.ts'
import { readForeignToken } from './foreign-token.ts'
import { readAnswer } from './token-answers.ts'
import type { TokenRequests } from './token-requests.ts'

/** Inside the organisation, by the token service of this process: nothing is sent. */
export class LocalBackend implements Backend {
  readonly #link: LocalLink

  constructor(link: LocalLink) {
    this.#link = link
  }

  obtain({ parent, origin }: Delegation): DelegatedToken {
    const { issuer, ask, record } = localRequest(this.#link)
    const wanted = { ...ask, kind: 'access', audience: ask.resource } as const
    const { token, claims } = issuer.issueLocally(parent, wanted, record, origin)
    const { jti, iss, scope: scopes, exp: expiresAt, txn } = claims
    const facts = { scheme: 'DPoP', scopes, expiresAt, jti, issuer: iss } as const
    return new DelegatedToken(token, txn === undefined ? facts : { ...facts, txn })
  }
}

/** What the answer of an issuer is held against. */
export interface LinkRules {
  readonly plan: GrantPlan
  readonly policy: () => LinkPolicy
  /** Whether a token without chain and budget is refused. */
  readonly requireChain: boolean
}

/** Inside the organisation, by its issuer elsewhere (RFC 8693). */
export class ExchangeBackend implements Backend {
  readonly #requests: TokenRequests
  readonly #rules: LinkRules

  constructor(requests: TokenRequests, rules: LinkRules) {
    this.#requests = requests
    this.#rules = rules
  }

  async obtain(delegation: Delegation): Promise<DelegatedToken> {
    const { plan, policy, requireChain } = this.#rules
    const { parent, credential, issuedAt } = delegation
    if (credential === undefined) throw noToken()
    const law = expectedAccess(delegation, plan, policy())
    const { aud: audience, scope: scopes } = law
    const json = await this.#requests.ask([
      ['grant_type', URN.tokenExchange],
      ['subject_token', revealCredential(credential)],
      ['subject_token_type', URN.accessToken],
      ['requested_token_type', URN.accessToken],
      ['resource', audience],
      ['scope', scopes.join(' ')],
    ])
    const ceiling = law.sessionExpiry ?? parent.expiresAt
    const asked = { issuedType: URN.accessToken, tokenType: 'DPoP', scopes, ceiling } as const
    const answered = readAnswer(json, { ...asked, now: plan.clock() })
    const { issuer, clientId } = this.#requests
    // A server that makes no chains may know people of others by names of its own.
    const isKnown = requireChain || parent.issuer === issuer
    const subject = isKnown ? law.sub : undefined
    const named = { issuer, audience, subject, clientId, scopes }
    const expected = { ...named, law, ceiling, issuedAt, requireChain }
    return readIssuedToken(answered, expected)
  }
}

export interface ChainRules extends Omit<LinkRules, 'policy'> {
  /** Scopes a token may have besides those asked for. */
  readonly accept: readonly string[]
}

/** Between organisations: a grant of the own issuer, redeemed at that of the upstream (identity chaining, RFC 7523). */
export class ChainBackend implements Backend {
  readonly #grants: GrantSource
  readonly #requests: TokenRequests
  readonly #rules: ChainRules

  constructor(grants: GrantSource, requests: TokenRequests, rules: ChainRules) {
    this.#grants = grants
    this.#requests = requests
    this.#rules = rules
  }

  async obtain(delegation: Delegation): Promise<DelegatedToken> {
    const { plan, requireChain } = this.#rules
    const { issuer, resource: audience } = plan.target()
    const { token, claims: law } = await this.#grants.grant(delegation)
    const json = await this.#requests.ask([
      ['grant_type', URN.jwtBearer],
      ['assertion', token],
      ['resource', audience],
      ['scope', law.scope.join(' ')],
    ])
    const scopes = [...law.scope, ...this.#rules.accept]
    const ceiling = law.sessionExpiry ?? delegation.parent.expiresAt
    const asked = { issuedType: undefined, tokenType: 'DPoP', scopes, ceiling } as const
    const answered = readAnswer(json, { ...asked, now: plan.clock() })
    const { issuedAt } = delegation
    const expected = { issuer, audience, law, scopes, ceiling, issuedAt, requireChain }
    return readIssuedToken(answered, expected)
  }
}

/**
 * The node itself, whoever calls (RFC 6749 §4.4): for upstreams that know no callers of ours. A foreign server may know
 * nothing of proofs; one that says it does must not answer with a bearer token.
 */
export class ClientCredentialsBackend implements Backend {
  readonly #requests: TokenRequests
  readonly #resource: string
  readonly #scopes: readonly string[]
  readonly #clock: () => number

  constructor(requests: TokenRequests, { resource, scopes, clock }: ClientCredentialsPlan) {
    this.#requests = requests
    this.#resource = resource
    this.#scopes = scopes
    this.#clock = clock
  }

  async obtain(): Promise<DelegatedToken> {
    const json = await this.#requests.ask([
      ['grant_type', 'client_credentials'],
      ['resource', this.#resource],
      ['scope', this.#scopes.join(' ')],
    ])
    return readForeignToken(json, this.#requests, { scopes: this.#scopes, now: this.#clock() })
  }
}

export interface ClientCredentialsPlan {
  readonly resource: string
  readonly scopes: readonly string[]
  readonly clock: () => number
}

/**
 * The node for itself, where the issuer of the organisation is elsewhere: it wants to see a token, and gives the node one
 * for an endpoint of its own first.
 */
export class OwnBackend implements Backend {
  readonly #token: () => DelegatedToken | Promise<DelegatedToken>
  readonly #backend: Backend
  readonly #self: () => Party

  /** @param token of the node itself, for one of its own endpoints */
  constructor(
    token: () => DelegatedToken | Promise<DelegatedToken>,
    backend: Backend,
    self: () => Party,
  ) {
    this.#token = token
    this.#backend = backend
    this.#self = self
  }

  async obtain({ parent }: { readonly parent: Parent }): Promise<DelegatedToken> {
    const token = await this.#token()
    // Its issuer goes by what that token says of its end, and knows of no other.
    const { expiresAt } = token.facts
    const credential = new CredentialHolder(revealToken(token))
    const { iss: issuer, sub: subject } = this.#self()
    const itself = { issuer, subject, clientId: subject, expiresAt }
    return this.#backend.obtain({ parent: { ...parent, ...itself }, credential })
  }
}
