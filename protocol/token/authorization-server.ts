import { z } from 'zod'
import { Fault } from '../errors.ts'
import { present } from './fields.ts'
import { isScopeToken } from './scopes.ts'
import { readSecureUrl } from './urls.ts'

/** What is used of an authorization server where people sign in (RFC 8414 §2). */
export interface AuthorizationServer {
  readonly issuer: string
  readonly authorizationEndpoint: string
  readonly tokenEndpoint: string
  /** Where clients register themselves (RFC 7591). */
  readonly registrationEndpoint?: string
  /** How clients authenticate at the token endpoint. */
  readonly authMethods: readonly string[]
  readonly scopes: readonly string[]
  readonly dpopAlgs: readonly string[]
  /** Whether it names itself in its redirects (RFC 9207 §3). */
  readonly namesItself: boolean
  /** Whether a client may be the URL of its metadata document (draft-ietf-oauth-client-id-metadata-document §5). */
  readonly takesDocuments: boolean
}

/** Elements of a list at most. */
const MAX_ELEMENTS = 1_024

const url = z.string().refine((text) => readSecureUrl(text) !== undefined)
const names = z.array(z.string().max(512)).max(MAX_ELEMENTS)

const schema = z.object({
  issuer: url,
  authorization_endpoint: url,
  token_endpoint: url,
  registration_endpoint: url.optional(),
  token_endpoint_auth_methods_supported: names.default(['client_secret_basic']),
  scopes_supported: names.default([]),
  dpop_signing_alg_values_supported: names.default([]),
  code_challenge_methods_supported: names.default([]),
  authorization_response_iss_parameter_supported: z.boolean().default(false),
  client_id_metadata_document_supported: z.boolean().default(false),
})

/**
 * Reads the metadata of an authorization server where people sign in. Its `issuer` must be exactly the one that was asked
 * about (RFC 8414 §3.3); what secrets are sent to must be of its origin; and it must know PKCE with S256, or there would
 * be nothing that ties a code to this node (MCP 2026-07-28, basic/authorization, authorization code protection).
 *
 * @param listed URLs elsewhere the configuration allows
 * @throws Fault `upstream_protocol`
 */
export function readAuthorizationServer(
  document: unknown,
  issuer: string,
  listed: readonly string[],
): AuthorizationServer {
  const found = schema.safeParse(document)
  if (!found.success) throw refused('is malformed, or says not where people sign in')
  const { data } = found
  if (data.issuer !== issuer) throw refused('is of another issuer')
  const home = new URL(issuer).origin
  for (const endpoint of [data.token_endpoint, data.registration_endpoint]) {
    if (endpoint === undefined || listed.includes(endpoint)) continue
    if (new URL(endpoint).origin !== home) throw refused('points to another host')
  }
  if (!data.code_challenge_methods_supported.includes('S256')) throw refused('says nothing of PKCE')
  return {
    issuer,
    authorizationEndpoint: data.authorization_endpoint,
    tokenEndpoint: data.token_endpoint,
    authMethods: data.token_endpoint_auth_methods_supported,
    scopes: data.scopes_supported.filter(isScopeToken),
    dpopAlgs: data.dpop_signing_alg_values_supported,
    namesItself: data.authorization_response_iss_parameter_supported,
    takesDocuments: data.client_id_metadata_document_supported,
    ...present({ registrationEndpoint: data.registration_endpoint }),
  }
}

function refused(what: string): Fault {
  return new Fault('upstream_protocol', `the metadata of the authorization server ${what}`)
}
