import { Fault } from '../../../protocol/errors.ts'
import { isObject, type JsonObject } from '../../../protocol/jsonrpc.ts'
import type { AuthorizationServer } from '../../../protocol/token/authorization-server.ts'
import { readSecureUrl } from '../../../protocol/token/urls.ts'
import type { ClientAuthMethod, ClientCredentials } from '../../core/config-identity-types.ts'
import { Secret } from '../../core/secret.ts'
import { FetchFault } from '../fetch-fault.ts'
import type { GuardedFetch } from '../guarded-fetch.ts'
import { SingleFlight } from '../single-flight.ts'
import type { SealedStore } from './sealed-store.ts'

export interface ServerClientOptions {
  /** Registered by hand; undefined: the node finds its own way. */
  readonly configured: ClientCredentials | undefined
  /** URL of the client metadata document of the node. */
  readonly document: string
  /** Where browsers are sent back to. */
  readonly redirectUri: string
  /** For people, on the pages of the server. */
  readonly name: string
  readonly fetch: Pick<GuardedFetch, 'postJson'>
  readonly store: SealedStore
}

/** Methods the node registers itself with, the best first; where servers name none it is a public client with PKCE. */
const METHODS: readonly ClientAuthMethod[] = ['client_secret_basic', 'client_secret_post', 'none']

/** What a foreign server may make of an id or secret, characters. */
const MAX_CREDENTIAL = 2_048

/**
 * Who the node is at an authorization server, in the order of MCP (2026-07-28, basic/authorization, client registration):
 * registered by hand, by its metadata document, or registered by itself. What one server gave is never shown to another:
 * registrations are kept by issuer.
 */
export class ServerClient {
  readonly #options: ServerClientOptions
  readonly #flights = new SingleFlight<string, ClientCredentials>()

  constructor(options: ServerClientOptions) {
    this.#options = options
  }

  /** @throws Fault `upstream_protocol`, FetchFault, when there is no way; StateError */
  of(server: AuthorizationServer): Promise<ClientCredentials> {
    const { configured, document } = this.#options
    if (configured !== undefined) return Promise.resolve(suited(configured, server))
    if (server.takesDocuments && isPublic(document) && server.authMethods.includes(OWN_METHOD)) {
      return Promise.resolve({ id: document, method: OWN_METHOD })
    }
    return this.#flights.run(server.issuer, () => this.#registered(server))
  }

  async #registered(server: AuthorizationServer): Promise<ClientCredentials> {
    const { redirectUri, store } = this.#options
    const name = ['client', server.issuer, redirectUri] as const
    const kept = readClient(await store.get(name), METHODS)
    if (kept !== undefined) return kept
    const { registrationEndpoint: url } = server
    if (url === undefined) {
      const text = 'knows no way for this node to become its client; register it by hand'
      throw new FetchFault('document', new URL(server.issuer).host, text)
    }
    const answer = await this.#register(url, methodFor(server))
    await store.set(name, answer)
    const client = readClient(answer, METHODS)
    if (client === undefined) throw refused('malformed')
    return client
  }

  async #register(url: string, method: ClientAuthMethod): Promise<JsonObject> {
    const { fetch, name, redirectUri } = this.#options
    const { status, json } = await fetch.postJson(url, {
      client_name: name,
      redirect_uris: [redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: method,
      // OpenID Connect Registration §2: loopback redirects are those of native applications (SEP-837).
      application_type: redirectUri.startsWith('https:') ? 'web' : 'native',
    })
    if (status !== 201 && status !== 200) throw refused(`HTTP ${status}`)
    const { client_id: id, client_secret: secret } = json ?? {}
    // The method that counts is the one the server settled on, and where it does not say so the one that was asked for.
    const settled = json?.['token_endpoint_auth_method'] ?? method
    const found = { client_id: id, client_secret: secret, token_endpoint_auth_method: settled }
    const answer = JSON.parse(JSON.stringify(found)) as JsonObject
    if (readClient(answer, METHODS) === undefined) throw refused('no client')
    return answer
  }
}

/** How the node signs by itself, as its document says. */
const OWN_METHOD: ClientAuthMethod = 'private_key_jwt'

/** Servers fetch the document: over the network, or not at all. */
function isPublic(document: string): boolean {
  return readSecureUrl(document)?.protocol === 'https:'
}

/** A secret is shown in the way the server takes it, where the configuration does not say how. */
function suited(
  client: ClientCredentials,
  { authMethods }: AuthorizationServer,
): ClientCredentials {
  if (client.method !== undefined || client.secret === undefined) return client
  const takes = (method: ClientAuthMethod): boolean => authMethods.includes(method)
  const post = !takes('client_secret_basic') && takes('client_secret_post')
  return post ? { ...client, method: 'client_secret_post' } : client
}

function methodFor({ authMethods }: AuthorizationServer): ClientAuthMethod {
  return METHODS.find((method) => authMethods.includes(method)) ?? 'none'
}

/** A client as the server registered it (RFC 7591 §3.2.1); undefined for one this node cannot be. */
function readClient(
  json: JsonObject | undefined,
  methods: readonly ClientAuthMethod[],
): ClientCredentials | undefined {
  if (!isObject(json)) return undefined
  const { client_id: id, client_secret: secret, token_endpoint_auth_method: settled } = json
  const method = methods.find((one) => one === settled)
  if (!isCredential(id) || method === undefined) return undefined
  if (method === 'none') return { id, method }
  return isCredential(secret) ? { id, secret: new Secret(secret), method } : undefined
}

function isCredential(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_CREDENTIAL && /^[\x20-\x7e]+$/.test(value)
}

function refused(what: string): Fault {
  const text = `the authorization server does not register this node (${what})`
  return new Fault('upstream_protocol', text)
}
