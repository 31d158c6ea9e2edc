import { z } from 'zod'
import { Fault } from '../errors.ts'
import { OAuthFault } from './faults.ts'
import { present } from './fields.ts'
import { isScopeToken } from './scopes.ts'
import { readSecureUrl } from './urls.ts'

/** What is used of the metadata of a resource (RFC 9728 §2). */
export interface ResourceMetadata {
  readonly resource: string
  /** At least one (MCP 2026-07-28, basic/authorization). */
  readonly issuers: readonly string[]
  readonly scopes: readonly string[]
  readonly dpopRequired: boolean
  readonly jwksUri?: string
}

/** What is used of the metadata of an issuer (RFC 8414 §2). */
export interface ServerMetadata {
  readonly issuer: string
  readonly tokenEndpoint: string
  readonly jwksUri?: string
  readonly introspectionEndpoint?: string
  readonly revocationEndpoint?: string
  /** Where nodes of its organisation are told what was revoked; a member of our own. */
  readonly revocationsEndpoint?: string
  readonly grantTypes: readonly string[]
  readonly authMethods: readonly string[]
  readonly dpopAlgs: readonly string[]
  readonly profiles: readonly string[]
}

/** What is used of the metadata document of a client. */
export interface ClientMetadata {
  readonly clientId: string
  readonly jwksUri?: string
  /** Keys in place of `jwksUri`. */
  readonly keys?: readonly Readonly<Record<string, unknown>>[]
  readonly name?: string
}

/** Elements of a list at most. */
const MAX_ELEMENTS = 256

const url = z.string().refine((text) => readSecureUrl(text) !== undefined)
const names = z.array(z.string().max(512)).max(MAX_ELEMENTS).default([])

const resourceSchema = z.object({
  resource: url,
  authorization_servers: z.array(url).min(1).max(16),
  scopes_supported: names,
  dpop_bound_access_tokens_required: z.boolean().default(false),
  jwks_uri: url.optional(),
})

/** RFC 8414 §2: what holds where the list of grants is left out. */
const DEFAULT_GRANTS = ['authorization_code', 'implicit']

const serverSchema = z.object({
  issuer: url,
  token_endpoint: url,
  jwks_uri: url.optional(),
  introspection_endpoint: url.optional(),
  revocation_endpoint: url.optional(),
  mesh_revocations_endpoint: url.optional(),
  grant_types_supported: z.array(z.string()).max(MAX_ELEMENTS).default(DEFAULT_GRANTS),
  token_endpoint_auth_methods_supported: z
    .array(z.string())
    .max(MAX_ELEMENTS)
    .default(['client_secret_basic']),
  dpop_signing_alg_values_supported: names,
  authorization_grant_profiles_supported: names,
})

/** Methods that need a secret both sides know, which a public document cannot be about. */
const clientSchema = z.object({
  client_id: url,
  client_name: z.string().max(256).optional(),
  token_endpoint_auth_method: z.literal('private_key_jwt'),
  jwks_uri: url.optional(),
  jwks: z.object({ keys: z.array(z.record(z.string(), z.unknown())).min(1).max(16) }).optional(),
  client_secret: z.undefined().optional(),
})

/**
 * Reads the metadata of a resource. Its `resource` must be exactly the one that was asked about (RFC 9728 §3.3): by a
 * prefix, the endpoints of one host would share tokens.
 *
 * @throws Fault `upstream_protocol`
 */
export function readResourceMetadata(document: unknown, resource: string): ResourceMetadata {
  const found = resourceSchema.safeParse(document)
  if (!found.success) throw foreign('the metadata of the resource is malformed')
  if (found.data.resource !== resource) throw foreign('the metadata is of another resource')
  return {
    resource,
    issuers: found.data.authorization_servers,
    scopes: found.data.scopes_supported.filter(isScopeToken),
    dpopRequired: found.data.dpop_bound_access_tokens_required,
    ...present({ jwksUri: found.data.jwks_uri }),
  }
}

/**
 * Reads the metadata of an issuer. Its `issuer` must be exactly the pinned one (RFC 8414 §3.3), and what it points to must
 * be of the same origin.
 *
 * @param listed URLs elsewhere the configuration allows
 * @throws Fault `upstream_protocol`
 */
export function readServerMetadata(
  document: unknown,
  issuer: string,
  listed: readonly string[] = [],
): ServerMetadata {
  const found = serverSchema.safeParse(document)
  if (!found.success) throw foreign('the metadata of the issuer is malformed')
  const { data } = found
  if (data.issuer !== issuer) throw foreign('the metadata is of another issuer')
  const endpoints = {
    jwksUri: data.jwks_uri,
    introspectionEndpoint: data.introspection_endpoint,
    revocationEndpoint: data.revocation_endpoint,
    revocationsEndpoint: data.mesh_revocations_endpoint,
  }
  const home = new URL(issuer).origin
  for (const endpoint of [data.token_endpoint, ...Object.values(endpoints)]) {
    if (endpoint === undefined || listed.includes(endpoint)) continue
    if (new URL(endpoint).origin !== home) throw foreign('the issuer points to another host')
  }
  return {
    issuer,
    tokenEndpoint: data.token_endpoint,
    grantTypes: data.grant_types_supported,
    authMethods: data.token_endpoint_auth_methods_supported,
    dpopAlgs: data.dpop_signing_alg_values_supported,
    profiles: data.authorization_grant_profiles_supported,
    ...present(endpoints),
  }
}

/**
 * Whether text is the URL of a client metadata document (draft-ietf-oauth-client-id-metadata-document §3): secure, with a
 * path, and without fragment, user, and dot segments.
 */
export function isClientDocumentUrl(text: string): boolean {
  const found = readSecureUrl(text)
  // What the parser tidied up (dot segments, case, default port) was not written as it is compared.
  return found !== undefined && found.pathname !== '/' && found.search === '' && found.href === text
}

/**
 * Reads the metadata document of a client, which must be about the URL it was fetched from, and authenticate with a key.
 *
 * @throws OAuthFault `invalid_client`
 */
export function readClientDocument(document: unknown, clientId: string): ClientMetadata {
  const found = clientSchema.safeParse(document)
  if (!found.success) throw badClient('the client metadata document is malformed')
  const { client_id: id, jwks_uri: jwksUri, jwks, client_name: name } = found.data
  if (id !== clientId || !isClientDocumentUrl(id)) {
    throw badClient('the client metadata document is of another client')
  }
  if ((jwksUri === undefined) === (jwks === undefined)) {
    throw badClient('the client metadata document needs either jwks_uri or jwks')
  }
  if (jwksUri !== undefined && new URL(jwksUri).origin !== new URL(id).origin) {
    throw badClient('the keys of the client are on another host')
  }
  return { clientId, ...present({ jwksUri, keys: jwks?.keys, name }) }
}

function foreign(message: string): Fault {
  return new Fault('upstream_protocol', message)
}

function badClient(message: string): OAuthFault {
  return new OAuthFault('invalid_client', message)
}
