import type { JsonObject } from '../../protocol/jsonrpc.ts'
import type { Clock } from './clock.ts'
import { DocumentCache } from './document-cache.ts'
import { FetchFault } from './fetch-fault.ts'
import type { GuardedFetch } from './guarded-fetch.ts'

/** Members of the metadata that are URLs to be used. */
export type EndpointName =
  'token_endpoint' | 'jwks_uri' | 'introspection_endpoint' | 'revocation_endpoint'

/** What is used of an authorization server's metadata (RFC 8414 §2, OpenID Connect Discovery §3). */
export interface IssuerMetadata {
  /** The very string the metadata was asked for with. */
  readonly issuer: string
  /** The URL of an endpoint. @throws FetchFault `document` when it names none, or one on another host */
  readonly endpoint: (name: EndpointName) => string
  /** Empty: it does not say. */
  readonly grantTypes: readonly string[]
  /** Empty: it takes no proofs, or does not say. */
  readonly dpopAlgorithms: readonly string[]
}

/** What is used of a resource's metadata (RFC 9728 §2). */
export interface ResourceMetadata {
  /** The very string the metadata was asked for with. */
  readonly resource: string
  /** At least one. */
  readonly authorizationServers: readonly string[]
  /** Where its own keys are. @throws FetchFault `document` when it names none, or one on another host */
  readonly jwksUri: () => string
  readonly scopes: readonly string[]
  readonly dpopRequired: boolean
}

export interface DiscoveryOptions {
  readonly fetch: Pick<GuardedFetch, 'getJson'>
  readonly clock: Clock
}

/** How long a document counts, s: long enough to save the request, short enough to follow a move. */
const KEEP_SECONDS = 600
/** How long a failure counts, s. */
const FAIL_SECONDS = 30
/** Documents of each kind. */
const CAPACITY = 256

const OAUTH = '/.well-known/oauth-authorization-server'
const OPENID = '/.well-known/openid-configuration'
const RESOURCE = '/.well-known/oauth-protected-resource'

/** Finds the metadata of issuers and resources. Nothing found here widens trust: issuers are named in the configuration. */
export class Discovery {
  readonly #fetch: DiscoveryOptions['fetch']
  readonly #issuers: DocumentCache<IssuerMetadata>
  readonly #resources: DocumentCache<ResourceMetadata>

  constructor({ fetch, clock }: DiscoveryOptions) {
    this.#fetch = fetch
    const options = {
      clock,
      capacity: CAPACITY,
      keepSeconds: KEEP_SECONDS,
      failSeconds: FAIL_SECONDS,
    }
    this.#issuers = new DocumentCache(options)
    this.#resources = new DocumentCache(options)
  }

  /**
   * The metadata of an issuer, looked for in the order MCP demands (2026-07-28, authorization server discovery).
   *
   * @throws FetchFault; `document` when it names another issuer (RFC 8414 §3.3)
   */
  issuer(issuer: string): Promise<IssuerMetadata> {
    return this.#issuers.get(issuer, () => this.#findIssuer(issuer))
  }

  /**
   * The metadata of a resource.
   *
   * @param hint where its challenge said it is (RFC 9728 §5.1); on the host of the resource only
   * @throws FetchFault; `document` when it is about another resource (RFC 9728 §3.3): a path in common is not enough
   */
  resource(resource: string, hint?: string): Promise<ResourceMetadata> {
    return this.#resources.get(`${resource} ${hint ?? ''}`, () =>
      this.#findResource(resource, hint),
    )
  }

  async #findIssuer(issuer: string): Promise<IssuerMetadata> {
    const json = await this.#first(issuer, issuerUrls(issuer))
    return readIssuer(issuer, json)
  }

  async #findResource(resource: string, hint: string | undefined): Promise<ResourceMetadata> {
    const urls = resourceUrls(resource, hint)
    return readResource(resource, await this.#first(resource, urls))
  }

  /** The first document there is. That a host cannot be reached, or sends rubbish, ends the search. */
  async #first(of: string, urls: readonly string[]): Promise<JsonObject> {
    for (const url of urls) {
      const json = await this.#tryOne(url)
      if (json !== undefined) return json
    }
    throw new FetchFault('document', hostOf(of), 'publishes no metadata')
  }

  async #tryOne(url: string): Promise<JsonObject | undefined> {
    try {
      return (await this.#fetch.getJson(url)).json
    } catch (error) {
      if (!(error instanceof FetchFault)) throw error
      // Servers of pages answer unknown paths with a page.
      if (error.problem === 'status' || error.problem === 'content_type') return undefined
      throw error
    }
  }
}

function issuerUrls(issuer: string): string[] {
  const { origin, path } = located(issuer)
  const inserted = [`${origin}${OAUTH}${path}`, `${origin}${OPENID}${path}`]
  return path === '' ? inserted : [...inserted, `${origin}${path}${OPENID}`]
}

function resourceUrls(resource: string, hint: string | undefined): string[] {
  const { origin, path } = located(resource)
  if (hint !== undefined) {
    if (URL.canParse(hint) && new URL(hint).origin === origin) return [hint]
    throw new FetchFault('document', hostOf(resource), 'names metadata on another host')
  }
  const inserted = `${origin}${RESOURCE}${path}`
  return path === '' ? [inserted] : [inserted, `${origin}${RESOURCE}`]
}

/** The path has no slash at its end, and is empty for the root. */
function located(identifier: string): { readonly origin: string; readonly path: string } {
  const url = URL.canParse(identifier) ? new URL(identifier) : undefined
  if (url === undefined || url.search !== '' || url.hash !== '' || identifier.includes('#')) {
    throw new FetchFault('url', hostOf(identifier), 'the identifier is no URL without query')
  }
  return { origin: url.origin, path: url.pathname.replace(/\/+$/, '') }
}

function hostOf(identifier: string): string {
  return URL.canParse(identifier) ? new URL(identifier).host : 'unknown host'
}

function readIssuer(issuer: string, json: JsonObject): IssuerMetadata {
  if (json['issuer'] !== issuer) {
    throw new FetchFault('document', hostOf(issuer), 'publishes metadata of another issuer')
  }
  return {
    issuer,
    endpoint: (name) => sameHost(issuer, name, json[name]),
    grantTypes: texts(json['grant_types_supported']),
    dpopAlgorithms: texts(json['dpop_signing_alg_values_supported']),
  }
}

function readResource(resource: string, json: JsonObject): ResourceMetadata {
  if (json['resource'] !== resource) {
    throw new FetchFault('document', hostOf(resource), 'publishes metadata of another resource')
  }
  const authorizationServers = texts(json['authorization_servers'])
  if (authorizationServers.length === 0) {
    throw new FetchFault('document', hostOf(resource), 'names no authorization server')
  }
  return {
    resource,
    authorizationServers,
    jwksUri: () => sameHost(resource, 'jwks_uri', json['jwks_uri']),
    scopes: texts(json['scopes_supported']),
    dpopRequired: json['dpop_bound_access_tokens_required'] === true,
  }
}

/** Keys and tokens on other hosts must be written in the configuration: metadata alone cannot send anybody there. */
function sameHost(identifier: string, member: string, value: unknown): string {
  const host = hostOf(identifier)
  if (value === undefined) throw new FetchFault('document', host, `names no ${member}`)
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined
  if (url?.origin === new URL(identifier).origin) return url.href
  throw new FetchFault('document', host, `names a ${member} on another host`)
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}
