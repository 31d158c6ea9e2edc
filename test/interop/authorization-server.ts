// An authorization server nobody here wrote: oidc-provider on loopback, with its own pages for login and consent.
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Provider } from 'oidc-provider'
import { send } from '../fixtures/raw-client.ts'
import { isObject, type JsonObject } from '../fixtures/wire.ts'

/** How the tokens for one resource are made. */
export interface ResourcePlan {
  /** All it may be asked for. */
  readonly scopes: readonly string[]
  /** Default `jwt`. */
  readonly format?: 'jwt' | 'opaque'
  /** `typ` of the JWT. Default `at+jwt`. */
  readonly typ?: string
  /** Default ES256. */
  readonly alg?: 'ES256' | 'RS256' | 'PS256'
  /** s. Default 300. */
  readonly ttl?: number
}

/** What more a token says, by the token. */
export type Extras = WeakMap<object, JsonObject>

export interface ServerPlan {
  /** More clients, in the words of RFC 7591. */
  readonly clients?: readonly JsonObject[]
  /** Whether proofs of token requests must hold a nonce. Default false. */
  readonly nonces?: boolean
  /** Clients may register themselves (RFC 7591), for these scopes. Default: they may not. */
  readonly registration?: readonly string[]
}

/** A client of machines, which may also introspect. */
export const MACHINE = { id: 'machine', secret: 'a-secret-of-the-machine-of-43-characters-in-all' }

export class AuthorizationServer {
  readonly #server: Server
  readonly #key: JsonObject = ownKey()
  readonly #resources = new Map<string, ResourcePlan>()
  readonly provider: Provider
  /** More claims for tokens that grant types of a test make. */
  readonly extras: Extras = new WeakMap()
  /** What went wrong within it. */
  readonly failures: Error[] = []
  readonly issuer: string

  private constructor(server: Server, plan: ServerPlan) {
    this.#server = server
    this.issuer = issuerOf(server)
    this.provider = new Provider(this.issuer, this.#configuration(plan))
    this.provider.on('server_error', (_, error) => this.failures.push(error))
    server.on('request', this.provider.callback())
  }

  /** @param plan or what makes one, when the issuer is known and before anybody is answered */
  static async start(
    plan: ServerPlan | ((issuer: string) => Promise<ServerPlan>) = {},
  ): Promise<AuthorizationServer> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const made = typeof plan === 'function' ? await plan(issuerOf(server)) : plan
    return new AuthorizationServer(server, made)
  }

  /** Makes tokens for a resource from now on; for others there are none. */
  serve(resource: string, plan: ResourcePlan): void {
    this.#resources.set(resource, plan)
  }

  /** What the server knows of a resource; undefined for one it does not know. */
  resource(identifier: string): object | undefined {
    const plan = this.#resources.get(identifier)
    if (plan === undefined) return undefined
    const { scopes, format = 'jwt', alg = 'ES256', ttl = 300 } = plan
    return {
      scope: scopes.join(' '),
      audience: identifier,
      accessTokenTTL: ttl,
      accessTokenFormat: format,
      ...(format === 'jwt' && { jwt: { sign: { alg } } }),
    }
  }

  /** The private key its tokens of ES256 are signed with, as a JWK. */
  get key(): JsonObject {
    return this.#key
  }

  /** A token of the machine for one resource (RFC 6749 §4.4), as the server answers. */
  async token(
    resource: string,
    scope: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<JsonObject & { readonly status: number; readonly nonce: string | undefined }> {
    const form = { grant_type: 'client_credentials', resource, scope }
    const { id, secret } = MACHINE
    const reply = await send(`${this.issuer}/token`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
        ...headers,
      },
      body: new URLSearchParams(form).toString(),
    })
    const body: unknown = JSON.parse(reply.raw)
    const nonce = reply.headers['dpop-nonce']
    return {
      ...(isObject(body) && body),
      status: reply.status,
      nonce: nonce === undefined ? undefined : String(nonce),
    }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #configuration({ clients = [], nonces = false, registration }: ServerPlan): object {
    return {
      jwks: { keys: [this.#key, olderKey()] },
      cookies: { keys: [randomBytes(32).toString('base64url')] },
      clients: [machine(), ...clients],
      scopes: ['openid', 'offline_access', ...(registration ?? [])],
      findAccount: (_: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
      features: {
        clientCredentials: { enabled: true },
        introspection: { enabled: true },
        registration: { enabled: registration !== undefined },
        dPoP: {
          enabled: true,
          ...(nonces && { nonceSecret: randomBytes(32), requireNonce: () => true }),
        },
        resourceIndicators: {
          enabled: true,
          useGrantedResource: () => true,
          getResourceServerInfo: (_: unknown, identifier: string) =>
            this.resource(identifier) ?? refuse(),
        },
      },
      extraTokenClaims: (_: unknown, token: object) => this.extras.get(token),
      formats: {
        customizers: {
          jwt: (_: unknown, token: { readonly aud: string }, made: { header: unknown }) => {
            const typ = this.#resources.get(token.aud)?.typ
            if (typ !== undefined) made.header = { typ }
          },
        },
      },
    }
  }
}

function issuerOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function refuse(): never {
  throw Object.assign(new Error('invalid_target'), { error: 'invalid_target', status: 400 })
}

function machine(): JsonObject {
  return {
    client_id: MACHINE.id,
    client_secret: MACHINE.secret,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  }
}

/** Without `kid`: it will be the thumbprint. */
function ownKey(): JsonObject {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256' }
}

function olderKey(): JsonObject {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig' }
}
