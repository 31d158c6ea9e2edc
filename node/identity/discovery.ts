import type { JsonObject } from '../../protocol/jsonrpc.ts'
import { asFault } from '../../protocol/errors.ts'
import {
  readAuthorizationServer,
  type AuthorizationServer,
} from '../../protocol/token/authorization-server.ts'
import { resourceMetadataUrl, serverMetadataUrls } from '../../protocol/token/metadata.ts'
import {
  readResourceMetadata,
  readServerMetadata,
  type ResourceMetadata,
  type ServerMetadata,
} from '../../protocol/token/metadata-read.ts'
import { readSecureUrl } from '../../protocol/token/urls.ts'
import type { Clock } from './clock.ts'
import { DocumentCache } from './document-cache.ts'
import { FetchFault } from './fetch-fault.ts'
import type { GuardedFetch } from './guarded-fetch.ts'

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

/** Finds the metadata of issuers and resources. Nothing found here widens trust: issuers are named in the configuration. */
export class Discovery {
  readonly #fetch: DiscoveryOptions['fetch']
  readonly #issuers: DocumentCache<ServerMetadata>
  readonly #resources: DocumentCache<ResourceMetadata>
  readonly #servers: DocumentCache<AuthorizationServer>

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
    this.#servers = new DocumentCache(options)
  }

  /**
   * The metadata of an issuer, looked for in the order MCP demands (2026-07-28, authorization server discovery).
   *
   * @param listed URLs on other hosts it may point to
   * @throws FetchFault; `document` when it names another issuer (RFC 8414 §3.3), or points to other hosts
   */
  issuer(issuer: string, listed: readonly string[] = []): Promise<ServerMetadata> {
    const key = [issuer, ...listed].join(' ')
    return this.#issuers.get(key, () => this.#findIssuer(issuer, listed))
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

  /**
   * The metadata of an authorization server where people sign in, looked for in the same order.
   *
   * @param listed URLs on other hosts secrets may be sent to
   * @throws FetchFault; `document` when it names another issuer, points to other hosts, or knows no PKCE
   */
  authorizationServer(
    issuer: string,
    listed: readonly string[] = [],
  ): Promise<AuthorizationServer> {
    return this.#servers.get([issuer, ...listed].join(' '), async () => {
      const json = await this.#first(issuer, serverMetadataUrls(checkedIdentifier(issuer)))
      return reading(issuer, () => readAuthorizationServer(json, issuer, listed))
    })
  }

  /**
   * The metadata of a server as it is now, never from the cache: it has just said that something changed. Where it
   * publishes none for its path but for its root, that is about the root (RFC 9728 §3.3: what a document is about must be
   * what its URL was made from), and the root is the resource.
   *
   * @throws FetchFault as `resource` does
   */
  async resourceNow(resource: string, hint?: string): Promise<ResourceMetadata> {
    const { origin } = new URL(checkedIdentifier(resource))
    const root = resourceMetadataUrl(origin)
    const [first = root, ...others] = resourceUrls(resource, hint)
    const json = await this.#tryOne(first)
    if (json !== undefined && first !== root) {
      return reading(resource, () => readResourceMetadata(json, resource))
    }
    const whole = json ?? (others.includes(root) ? await this.#tryOne(root) : undefined)
    if (whole === undefined) throw noMetadata(resource)
    const about = whole['resource'] === resource ? resource : origin
    return reading(resource, () => readResourceMetadata(whole, about))
  }

  async #findIssuer(issuer: string, listed: readonly string[]): Promise<ServerMetadata> {
    const json = await this.#first(issuer, serverMetadataUrls(checkedIdentifier(issuer)))
    return reading(issuer, () => readServerMetadata(json, issuer, listed))
  }

  async #findResource(resource: string, hint: string | undefined): Promise<ResourceMetadata> {
    const json = await this.#first(resource, resourceUrls(checkedIdentifier(resource), hint))
    return reading(resource, () => readResourceMetadata(json, resource))
  }

  /** The first document there is. That a host cannot be reached, or sends rubbish, ends the search. */
  async #first(of: string, urls: readonly string[]): Promise<JsonObject> {
    for (const url of urls) {
      const json = await this.#tryOne(url)
      if (json !== undefined) return json
    }
    throw noMetadata(of)
  }

  async #tryOne(url: string): Promise<JsonObject | undefined> {
    try {
      return (await this.#fetch.getJson(url)).json
    } catch (error) {
      if (!(error instanceof FetchFault)) throw error
      // It did not say that there is none.
      if (error.retryAfterMs !== undefined) throw error
      // Servers of pages answer unknown paths with a page.
      if (error.problem === 'status' || error.problem === 'content_type') return undefined
      throw error
    }
  }
}

/** Path form, then root (MCP 2026-07-28, protected resource metadata discovery). */
function resourceUrls(resource: string, hint: string | undefined): readonly string[] {
  const { origin } = new URL(resource)
  if (hint === undefined) {
    return [...new Set([resourceMetadataUrl(resource), resourceMetadataUrl(origin)])]
  }
  if (URL.canParse(hint) && new URL(hint).origin === origin) return [hint]
  throw new FetchFault('document', hostOf(resource), 'names metadata on another host')
}

function noMetadata(of: string): FetchFault {
  return new FetchFault('document', hostOf(of), 'publishes no metadata')
}

function checkedIdentifier(identifier: string): string {
  const url = readSecureUrl(identifier)
  if (url !== undefined && url.search === '') return identifier
  throw new FetchFault('url', hostOf(identifier), 'the identifier is no secure URL without query')
}

function hostOf(identifier: string): string {
  return URL.canParse(identifier) ? new URL(identifier).host : 'unknown host'
}

/** Says whose metadata was refused; the words of the refusal are our own. */
function reading<T>(identifier: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw new FetchFault('document', hostOf(identifier), asFault(error).message)
  }
}
