import type { JsonObject } from '../jsonrpc.ts'
import { present } from './fields.ts'
import { insertWellKnown } from './urls.ts'

/** Names of grants, token types and profiles in OAuth registries. */
export const URN = {
  tokenExchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
  jwtBearer: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
  clientAssertion: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  accessToken: 'urn:ietf:params:oauth:token-type:access_token',
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
  idToken: 'urn:ietf:params:oauth:token-type:id_token',
  idJag: 'urn:ietf:params:oauth:token-type:id-jag',
  idJagProfile: 'urn:ietf:params:oauth:grant-profile:id-jag',
} as const

/** What an endpoint says of itself (RFC 9728 §2). */
export interface ResourceFacts {
  readonly resource: string
  readonly issuer: string
  readonly scopes: readonly string[]
  readonly dpopRequired: boolean
  readonly dpopAlgs: readonly string[]
  readonly name?: string
  /** Where the keys of signed results are. */
  readonly jwksUri?: string
}

/** What the token service says of itself (RFC 8414 §2). */
export interface ServerFacts {
  readonly issuer: string
  /** URL the paths of the service are below, without a slash at its end. */
  readonly base: string
  readonly scopes: readonly string[]
  /** Of client assertions. */
  readonly algs: readonly string[]
  readonly dpopAlgs: readonly string[]
  /** Whether third-party assertions (ID-JAG) are taken. */
  readonly idJag: boolean
  /** Whether grants for other issuers are all it makes. */
  readonly grantsOnly: boolean
}

/** What the node says of itself as a client (CIMD, draft-ietf-oauth-client-id-metadata-document §4). */
export interface ClientFacts {
  /** URL of the document. */
  readonly clientId: string
  readonly name: string
  readonly jwksUri: string
  readonly scopes?: readonly string[]
  /** Where browsers come back to after a sign-in; absent where nobody signs in through this client. */
  readonly redirectUri?: string
}

/** Where the metadata of a resource is (RFC 9728 §3.1). */
export function resourceMetadataUrl(resource: string): string {
  return insertWellKnown(resource, 'oauth-protected-resource')
}

/** Where the metadata of an issuer may be, in the order MCP has clients ask (RFC 8414 §3.1, OpenID Connect Discovery §4). */
export function serverMetadataUrls(issuer: string): readonly string[] {
  const appended = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  return [
    ...new Set([
      insertWellKnown(issuer, 'oauth-authorization-server'),
      insertWellKnown(issuer, 'openid-configuration'),
      appended,
    ]),
  ]
}

/** The metadata document of an endpoint. */
export function resourceMetadata(facts: ResourceFacts): JsonObject {
  return {
    resource: facts.resource,
    authorization_servers: [facts.issuer],
    scopes_supported: [...facts.scopes],
    bearer_methods_supported: ['header'],
    dpop_signing_alg_values_supported: [...facts.dpopAlgs],
    dpop_bound_access_tokens_required: facts.dpopRequired,
    ...present({ resource_name: facts.name, jwks_uri: facts.jwksUri }),
  }
}

/** The metadata document of the token service. It names no issuer that is trusted: that would show who works with whom. */
export function serverMetadata(facts: ServerFacts): JsonObject {
  const { base, algs, grantsOnly } = facts
  const methods = ['private_key_jwt', 'client_secret_basic', 'client_secret_post']
  const authentication = { methods: [...methods], algs: [...algs] }
  return {
    issuer: facts.issuer,
    token_endpoint: `${base}/oauth/token`,
    jwks_uri: `${base}/oauth/jwks`,
    revocation_endpoint: `${base}/oauth/revoke`,
    mesh_revocations_endpoint: `${base}/oauth/revocations`,
    scopes_supported: [...facts.scopes],
    // Required by RFC 8414; there is no authorization endpoint.
    response_types_supported: [],
    grant_types_supported: grantsOnly
      ? [URN.tokenExchange]
      : [URN.tokenExchange, URN.jwtBearer, 'client_credentials'],
    token_endpoint_auth_methods_supported: authentication.methods,
    token_endpoint_auth_signing_alg_values_supported: authentication.algs,
    revocation_endpoint_auth_methods_supported: authentication.methods,
    revocation_endpoint_auth_signing_alg_values_supported: authentication.algs,
    dpop_signing_alg_values_supported: [...facts.dpopAlgs],
    identity_chaining_requested_token_types_supported: [URN.jwt],
    ...(grantsOnly ? {} : introspectionOf(base, authentication)),
    ...(facts.idJag ? { authorization_grant_profiles_supported: [URN.idJagProfile] } : {}),
  }
}

interface Authentication {
  readonly methods: readonly string[]
  readonly algs: readonly string[]
}

function introspectionOf(base: string, { methods, algs }: Authentication): JsonObject {
  return {
    introspection_endpoint: `${base}/oauth/introspect`,
    introspection_endpoint_auth_methods_supported: [...methods],
    introspection_endpoint_auth_signing_alg_values_supported: [...algs],
  }
}

/** The metadata document of the node as a client; it has no secret. */
export function clientDocument(facts: ClientFacts): JsonObject {
  const { redirectUri } = facts
  const signIn = redirectUri === undefined ? [] : ['authorization_code', 'refresh_token']
  return {
    client_id: facts.clientId,
    client_name: facts.name,
    jwks_uri: facts.jwksUri,
    redirect_uris: redirectUri === undefined ? [] : [redirectUri],
    grant_types: [URN.tokenExchange, URN.jwtBearer, 'client_credentials', ...signIn],
    response_types: redirectUri === undefined ? [] : ['code'],
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    dpop_bound_access_tokens: true,
    ...present({ scope: facts.scopes?.join(' ') }),
  }
}
