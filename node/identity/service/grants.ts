import type { AccessClaims, Confirmation, GrantClaims } from '../../../protocol/token/claims.ts'
import { OAuthFault } from '../../../protocol/token/faults.ts'
import { readScope } from '../../../protocol/token/fields.ts'
import type { FormParameters } from '../../../protocol/token/form.ts'
import { refusal } from '../../../protocol/token/refusals.ts'
import type { ExchangeKind } from '../../core/audit.ts'
import type { IssuedToken, LocalIssuer } from './local-issuer.ts'
import type { Rates } from './rates.ts'
import type { Client, Roster } from './roster.ts'
import type { IssuerPolicy, ServedEndpoint, ServiceParts } from './settings.ts'
import type { Trail } from './trail.ts'

/** What every grant decides with. */
export interface GrantContext {
  readonly policy: IssuerPolicy
  readonly roster: Roster
  readonly endpoints: readonly ServedEndpoint[]
  readonly issuer: LocalIssuer
  readonly rates: Rates
  readonly parts: ServiceParts
}

/** A token request, as far as it is the same for all grants. */
export interface GrantRequest {
  /** Undefined when it did not say who it is. */
  readonly client: Client | undefined
  readonly form: FormParameters
  /** The key or certificate it has proved. */
  readonly cnf: Confirmation | undefined
  readonly trail: Trail
}

/** What a grant comes to. */
export interface GrantOutcome {
  readonly issued: IssuedToken<AccessClaims> | IssuedToken<GrantClaims>
  /** `issued_token_type` (RFC 8693 §2.2.1); token exchange only. */
  readonly issuedType?: string
  /** Absent: by what it is bound to. `N_A` where it is no access token. */
  readonly tokenType?: 'N_A'
}

/** One `grant_type`. */
export interface GrantHandler {
  readonly kind: ExchangeKind
  readonly handle: (request: GrantRequest, context: GrantContext) => Promise<GrantOutcome>
}

/** The `scope` parameter; undefined when there is none. @throws OAuthFault `invalid_scope` */
export function requestedScopes(form: FormParameters): readonly string[] | undefined {
  const text = form.get('scope')
  if (text === undefined) return undefined
  const scopes = readScope(text)
  if (scopes !== undefined) return scopes
  throw refusal('invalid_scope', 'scope', 'the scope parameter is malformed')
}

/** A parameter that must be there. @throws OAuthFault `invalid_request` */
export function required(form: FormParameters, name: string): string {
  const value = form.get(name)
  if (value !== undefined) return value
  throw new OAuthFault('invalid_request', `the parameter ${name} is missing`)
}

/** @throws OAuthFault `invalid_client` */
export function authenticated(client: Client | undefined): Client {
  if (client !== undefined) return client
  throw refusal('invalid_client', 'missing', 'this needs an authenticated client')
}

/**
 * Refuses a token nobody could use, because the endpoint takes none that is not bound.
 *
 * @throws OAuthFault `invalid_dpop_proof`
 */
export function checkBound(
  resource: string,
  cnf: Confirmation | undefined,
  { endpoints }: GrantContext,
): void {
  const endpoint = endpoints.find((one) => one.resource === resource)
  if (endpoint?.dpopRequired === true && cnf === undefined) throw missingProof()
}

export function missingProof(): OAuthFault {
  return refusal('invalid_dpop_proof', 'missing', 'this needs a DPoP proof')
}
