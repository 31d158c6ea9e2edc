import { URN } from '../../../protocol/token/metadata.ts'
import { EVERYTHING } from '../../../protocol/token/scopes.ts'
import type { Parent } from '../../../protocol/token/narrow.ts'
import { CredentialHolder, revealCredential } from '../credential.ts'
import type { LocalIssuer } from '../service/local-issuer.ts'
import type { Backend, Delegation } from './backend.ts'
import { DelegatedToken, revealToken } from './delegated-token.ts'
import {
  crossing,
  noToken,
  type GrantPlan,
  type GrantSource,
  type LinkPolicy,
} from './grant-source.ts'
import { readAnswer, readIssuedToken } from './token-answers.ts'
import type { TokenRequests } from './token-requests.ts'

/** Inside the organisation, by the token service of this process: nothing is sent. */
export class LocalBackend implements Backend {
  readonly #issuer: () => LocalIssuer
  readonly #plan: GrantPlan
  readonly #policy: () => LinkPolicy

  constructor(issuer: () => LocalIssuer, plan: GrantPlan, policy: () => LinkPolicy) {
    this.#issuer = issuer
    this.#plan = plan
    this.#policy = policy
  }

  obtain({ parent }: Delegation): DelegatedToken {
    const { map, actor, jkt } = this.#plan
    const target = this.#plan.target()
    const issuer = this.#issuer()
    const { resource } = target
    const record = { ...this.#policy(), issuer: issuer.issuer, targets: [target], scopes: { map } }
    const ask = {
      kind: 'access',
      resource,
      audience: resource,
      actor: actor(),
      cnf: { jkt },
    } as const
    const { token, claims } = issuer.issueLocally(parent, ask, record)
    const { jti, iss, scope: scopes, exp: expiresAt, txn } = claims
    const facts = { scheme: 'DPoP', scopes, expiresAt, jti, issuer: iss } as const
    return new DelegatedToken(token, txn === undefined ? facts : { ...facts, txn })
  }
}

/** Inside the organisation, by its issuer elsewhere (RFC 8693). */
export class ExchangeBackend implements Backend {
  readonly #requests: TokenRequests
  readonly #plan: GrantPlan
  readonly #requireChain: boolean

  constructor(requests: TokenRequests, plan: GrantPlan, requireChain: boolean) {
    this.#requests = requests
    this.#plan = plan
    this.#requireChain = requireChain
  }

  async obtain({ parent, credential }: Delegation): Promise<DelegatedToken> {
    const { map, actor, jkt, clock } = this.#plan
    const target = this.#plan.target()
    if (credential === undefined) throw noToken()
    const scopes = crossing(parent.scopes, map).filter((scope) => scope !== EVERYTHING)
    const json = await this.#requests.ask([
      ['grant_type', URN.tokenExchange],
      ['subject_token', revealCredential(credential)],
      ['subject_token_type', URN.accessToken],
      ['requested_token_type', URN.accessToken],
      ['resource', target.resource],
      ['scope', scopes.join(' ')],
    ])
    const ceiling = Math.min(parent.expiresAt, parent.sessionExpiry ?? parent.expiresAt)
    const answered = readAnswer(json, {
      issuedType: URN.accessToken,
      tokenType: 'DPoP',
      scopes,
      ceiling,
      now: clock(),
    })
    const { issuer } = this.#requests
    const expected = { issuer, audience: target.resource, jkt, actor: actor().sub, parent }
    return readIssuedToken(answered, { ...expected, requireChain: this.#requireChain }, 'DPoP')
  }
}

/** Between organisations: a grant of the own issuer, redeemed at that of the upstream (identity chaining, RFC 7523). */
export class ChainBackend implements Backend {
  readonly #grants: GrantSource
  readonly #requests: TokenRequests
  readonly #plan: GrantPlan
  readonly #requireChain: boolean

  constructor(
    grants: GrantSource,
    requests: TokenRequests,
    { plan, requireChain }: { readonly plan: GrantPlan; readonly requireChain: boolean },
  ) {
    this.#grants = grants
    this.#requests = requests
    this.#plan = plan
    this.#requireChain = requireChain
  }

  async obtain(delegation: Delegation): Promise<DelegatedToken> {
    const { actor, jkt, clock } = this.#plan
    const target = this.#plan.target()
    const grant = await this.#grants.grant(delegation)
    const json = await this.#requests.ask([
      ['grant_type', URN.jwtBearer],
      ['assertion', grant.token],
      ['resource', target.resource],
      ['scope', grant.scopes.join(' ')],
    ])
    const answered = readAnswer(json, {
      issuedType: undefined,
      tokenType: 'DPoP',
      scopes: grant.scopes,
      ceiling: grant.ceiling,
      now: clock(),
    })
    const expected = {
      issuer: target.issuer,
      audience: target.resource,
      jkt,
      actor: actor().sub,
      parent: delegation.parent,
      requireChain: this.#requireChain,
    }
    return readIssuedToken(answered, expected, 'DPoP')
  }
}

/** The node itself, whoever calls (RFC 6749 §4.4): for upstreams that know no callers of ours. */
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
    const bound = typeof json['token_type'] === 'string' && /^dpop$/i.test(json['token_type'])
    const scheme = bound ? 'DPoP' : 'Bearer'
    const answered = readAnswer(json, {
      issuedType: undefined,
      // A foreign server may know nothing of proofs; what it gives is used as what it is.
      tokenType: scheme,
      scopes: this.#scopes,
      ceiling: Number.MAX_SAFE_INTEGER,
      now: this.#clock(),
    })
    const { token, scopes, expiresAt } = answered
    return new DelegatedToken(token, { scheme, scopes, expiresAt })
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

  /** @param token of the node itself, for one of its own endpoints */
  constructor(token: () => DelegatedToken | Promise<DelegatedToken>, backend: Backend) {
    this.#token = token
    this.#backend = backend
  }

  async obtain({ parent }: { readonly parent: Parent }): Promise<DelegatedToken> {
    const token = await this.#token()
    const expiresAt = Math.min(parent.expiresAt, token.facts.expiresAt)
    const credential = new CredentialHolder(revealToken(token))
    return this.#backend.obtain({ parent: { ...parent, expiresAt }, credential })
  }
}
