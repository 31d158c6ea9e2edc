import { resourceMetadataUrl } from '../../../protocol/token/metadata.ts'
import { claimNames, type Classes } from '../../../protocol/policy/classes.ts'
import type { EndpointAuth, IssuerSettings } from '../../core/config-identity-types.ts'
import type { Clock } from '../clock.ts'
import type { KeyFinder } from '../jwt.ts'
import type { AccessRules } from './access-tokens.ts'
import { MAX_ACCESS_LIFETIME } from '../../../protocol/token/access.ts'
import type { AuthenticateClient } from './client-authentication.ts'
import { Introspector } from './introspection.ts'
import type { IssuerKeys, IssuerKeySource } from './issuer-keys.ts'
import type { NetworkOf } from './networks.ts'
import type { ScopeRules } from './principals.ts'

/** What of the configuration says who may call. */
export interface VerifierConfig {
  /** Classes of callers: what is asked of tokens besides. */
  readonly clients: Classes
  readonly issuer?: IssuerSettings
  readonly endpoints: Readonly<Record<string, { readonly auth: 'none' | EndpointAuth }>>
}

/** Limits of what callers may send; names and units as in the configuration (bytes, ms, counts). */
export interface VerifierLimits {
  readonly tokenBytes: number
  readonly actDepth: number
  readonly clockSkew: number
  readonly verifiedTokens: number
  readonly tokenResponseBytes: number
  readonly fetchTimeout: number
}

/** What the policies of all endpoints are made with. */
export interface PolicyParts {
  /** The organisation's issuer; absent where the node knows none. */
  readonly issuer: IssuerSettings | undefined
  readonly clients: Classes
  readonly limits: VerifierLimits
  /** Public URL of the node, without a slash at its end. */
  readonly baseUrl: string
  /** The keys tokens are signed with in this process; absent without a token service here. */
  readonly ownKeys: KeyFinder | undefined
  readonly issuerKeys: IssuerKeys
  readonly network: NetworkOf
  readonly authenticateClient: AuthenticateClient
  readonly clock: Clock
}

/** How callers of one endpoint are told. */
export interface EndpointPolicy {
  readonly resource: string
  readonly resourceMetadata: string
  readonly auth: EndpointAuth
  readonly scopes: ScopeRules
  /** Absent: no tokens are taken, only static keys. */
  readonly access: AccessRules | undefined
  readonly introspector: Introspector | undefined
}

/**
 * The issuer whose tokens an endpoint takes; undefined where nobody vouches for its callers but static keys.
 *
 * @param base public URL of the node
 */
export function issuerOf(
  auth: Pick<EndpointAuth, 'issuer'>,
  own: IssuerSettings | undefined,
  base: string,
): string | undefined {
  if (auth.issuer !== undefined) return auth.issuer
  return own === undefined ? undefined : (own.url ?? base)
}

/** Makes the policy of an endpoint. */
export function endpointPolicy(
  name: string,
  auth: EndpointAuth,
  parts: PolicyParts,
): EndpointPolicy {
  const { baseUrl, issuer: own } = parts
  const resource = `${baseUrl}/mcp/${name}`
  const issuer = issuerOf(auth, own, baseUrl)
  return {
    resource,
    resourceMetadata: resourceMetadataUrl(resource),
    auth,
    scopes: { map: auth.scopeMap, everything: issuer === issuerOf({}, own, baseUrl) },
    access: issuer === undefined ? undefined : accessRules({ issuer, resource, auth }, parts),
    introspector:
      issuer === undefined ? undefined : introspectorOf({ issuer, resource, auth }, parts),
  }
}

/** An endpoint whose issuer is known. */
interface Guarded {
  readonly issuer: string
  readonly resource: string
  readonly auth: EndpointAuth
}

function accessRules({ issuer, resource, auth }: Guarded, parts: PolicyParts): AccessRules {
  const { limits } = parts
  return {
    issuer,
    audience: resource,
    algs: auth.algs,
    otherTypes: auth.types,
    leeway: limits.clockSkew / 1_000,
    maxDepth: limits.actDepth,
    maxBytes: limits.tokenBytes,
    keys: keysOf(issuer, auth, parts),
    wanted: claimNames(parts.clients),
  }
}

/** The keys of the one issuer: of this process where it is the issuer, and never fetched from there. */
function keysOf(issuer: string, auth: EndpointAuth, parts: PolicyParts): KeyFinder {
  const { ownKeys, issuerKeys, issuer: own, baseUrl } = parts
  const isHere = own?.mode === 'embedded' && issuer === issuerOf({}, own, baseUrl)
  return isHere && ownKeys !== undefined ? ownKeys : issuerKeys.of(keySource(issuer, auth, own))
}

/** Where the keys of an issuer are that is not this process. */
function keySource(
  issuer: string,
  auth: Pick<EndpointAuth, 'issuer' | 'jwksUri' | 'algs' | 'egress'>,
  own: IssuerSettings | undefined,
): IssuerKeySource {
  const isOwn = auth.issuer === undefined || auth.issuer === own?.url
  return {
    issuer,
    jwksUri: auth.jwksUri ?? (isOwn ? own?.jwksUri : undefined),
    algs: auth.algs,
    thumbprintKids: isOwn && own?.mode === 'node',
    egress: auth.egress,
  }
}

/** Where the keys of the organisation's authorization server are; undefined where its tokens are made by nodes. */
export function organisationKeys(own: IssuerSettings): IssuerKeySource | undefined {
  const { mode, url } = own
  return mode === 'external' && url !== undefined ? keySource(url, own, own) : undefined
}

/**
 * Where the keys of all issuers are that the endpoints of a configuration name.
 *
 * @param base public URL of the node
 */
export function keySources(
  { endpoints, issuer: own }: VerifierConfig,
  base: string,
): readonly IssuerKeySource[] {
  const organisation = own && organisationKeys(own)
  const named = Object.values(endpoints).flatMap(({ auth }) => {
    const issuer = auth === 'none' ? undefined : issuerOf(auth, own, base)
    return auth === 'none' || issuer === undefined ? [] : [keySource(issuer, auth, own)]
  })
  return organisation === undefined ? named : [...named, organisation]
}

function introspectorOf(
  { issuer, resource, auth }: Guarded,
  { limits, network, authenticateClient, clock, clients }: PolicyParts,
): Introspector | undefined {
  const { introspection, egress } = auth
  if (introspection === undefined) return undefined
  return new Introspector({
    ...introspection,
    issuer,
    audience: resource,
    wanted: claimNames(clients),
    leeway: limits.clockSkew / 1_000,
    maxLifetime: MAX_ACCESS_LIFETIME,
    maxBytes: limits.tokenResponseBytes,
    timeoutMs: limits.fetchTimeout,
    fetch: network(egress).fetch,
    authenticateClient,
    clock,
  })
}
