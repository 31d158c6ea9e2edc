// What oidc-provider lacks of identity chaining, added to it as its documentation shows: token exchange (RFC 8693) and
// assertions as grants (RFC 7523). It knows scopes, audiences and keys, and nothing of chains unless it is told to write them.
import { createHash, randomUUID } from 'node:crypto'
import {
  calculateJwkThumbprint,
  createRemoteJWKSet,
  importJWK,
  jwtVerify,
  SignJWT,
  type JWTPayload,
} from 'jose'
import { errors, type GrantContext, type TokenMaker } from 'oidc-provider'
import { validateDpop } from 'oidc-provider/lib/helpers/grants.js'
import type { JsonObject } from '../fixtures/wire.ts'
import type { AuthorizationServer } from './authorization-server.ts'

const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
export { TOKEN_EXCHANGE }
const JWT_TYPE = 'urn:ietf:params:oauth:token-type:jwt'
const ACCESS_TYPE = 'urn:ietf:params:oauth:token-type:access_token'

export interface ChainingPlan {
  /** Issuers whose grants are taken, and where their keys are. */
  readonly trusts: Readonly<Record<string, string>>
  /** What each client may exchange tokens of: its endpoints. */
  readonly spends: Readonly<Record<string, readonly string[]>>
  /** Whether tokens say who acted, how often they may be exchanged, and to which delegation they belong. Default: no. */
  readonly chains?: boolean
  /** Whether tokens are exchanged, also for grants. Default: yes. */
  readonly exchanges?: boolean
}

/** What is known of a request before anything is made of it. */
interface Asked {
  readonly client: string
  readonly jkt: string
  readonly resource: string
  readonly scopes: readonly string[]
}

/** Adds the grant types. */
export function addChaining(server: AuthorizationServer, plan: ChainingPlan): void {
  const { provider } = server
  const grants = new Chaining(server, plan)
  const common = ['resource', 'scope', 'audience']
  provider.registerGrantType(JWT_BEARER, (context) => grants.redeem(context), [
    ...common,
    'assertion',
  ])
  if (plan.exchanges === false) return
  provider.registerGrantType(TOKEN_EXCHANGE, (context) => grants.exchange(context), [
    ...common,
    'subject_token',
    'subject_token_type',
    'requested_token_type',
  ])
}

class Chaining {
  readonly #server: AuthorizationServer
  readonly #plan: ChainingPlan

  constructor(server: AuthorizationServer, plan: ChainingPlan) {
    this.#server = server
    this.#plan = plan
  }

  async redeem(context: GrantContext): Promise<void> {
    const asked = await this.#asked(context)
    const grant = await this.#grant(context.oidc.params['assertion'] ?? '')
    const confirmation = grant['cnf'] as { readonly jkt?: string } | undefined
    if (grant['client_id'] !== asked.client || confirmation?.jkt !== asked.jkt) {
      throw new errors.InvalidGrant('the grant is for another')
    }
    const { act, txn, mesh } = grant
    const chain = { act, txn, mesh, may_act: this.#owner(asked.resource) }
    await this.#issue(context, asked, { grant, chain })
  }

  async exchange(context: GrantContext): Promise<void> {
    const { params } = context.oidc
    const asked = await this.#asked(context)
    const subject = await this.#subject(params['subject_token'] ?? '', asked.client)
    if (params['requested_token_type'] === JWT_TYPE) {
      context.body = {
        access_token: await this.#mint(asked, subject, params['audience'] ?? ''),
        issued_token_type: JWT_TYPE,
        token_type: 'N_A',
        expires_in: 60,
      }
      return
    }
    await this.#issue(context, asked, { grant: subject, chain: this.#next(asked, subject) })
    Object.assign(context.body as object, { issued_token_type: ACCESS_TYPE })
  }

  async #asked(context: GrantContext): Promise<Asked> {
    const { params, client } = context.oidc
    const proof = await validateDpop(this.#server.provider, context)
    if (proof === undefined) throw new errors.InvalidRequest('there is no proof')
    const scopes = (params['scope'] ?? '').split(' ')
    return {
      client: client.clientId,
      jkt: proof.thumbprint,
      resource: params['resource'] ?? '',
      scopes,
    }
  }

  /** A grant of another organisation, for this server alone. */
  async #grant(assertion: string): Promise<JWTPayload> {
    const [, claims = ''] = assertion.split('.')
    const { iss = '' } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as JWTPayload
    const jwksUri = this.#plan.trusts[iss]
    if (jwksUri === undefined) throw new errors.InvalidGrant('the issuer is not trusted')
    const verified = await jwtVerify(assertion, createRemoteJWKSet(new URL(jwksUri)), {
      issuer: iss,
      audience: this.#server.issuer,
      typ: 'mcp-mesh-grant+jwt',
      algorithms: ['ES256'],
    })
    return verified.payload
  }

  /** A token of this server, for an endpoint of the client that brings it. */
  async #subject(token: string, client: string): Promise<JWTPayload> {
    const { issuer } = this.#server
    const audience = [...(this.#plan.spends[client] ?? [])]
    const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`))
    const options = { issuer, audience, typ: 'at+jwt', algorithms: ['ES256'] }
    return (await jwtVerify(token, keys, options)).payload
  }

  /** An access token, as the server makes them. */
  async #issue(
    context: GrantContext,
    { jkt, resource, scopes }: Asked,
    { grant, chain }: { readonly grant: JWTPayload; readonly chain: JsonObject },
  ): Promise<void> {
    const { provider, extras } = this.#server
    const info = this.#server.resource(resource)
    if (info === undefined) throw new errors.InvalidTarget()
    const ends = Number(grant['session_expiry'] ?? grant.exp)
    const made: TokenMaker = new provider.AccessToken({
      accountId: grant.sub,
      client: context.oidc.client,
      gty: 'jwt_bearer',
      expiresIn: Math.min(120, ends - Math.floor(Date.now() / 1_000)),
    })
    made.resourceServer = new provider.ResourceServer(resource, info)
    made.scope = scopes.join(' ')
    made.setThumbprint('jkt', jkt)
    if (this.#plan.chains === true) extras.set(made, chain)
    context.body = {
      access_token: await made.save(),
      token_type: made.tokenType,
      expires_in: made.expiration,
      scope: made.scope,
    }
  }

  /** Who may exchange a token for a resource in turn; nobody is an empty object. */
  #owner(resource: string): JsonObject {
    const { spends } = this.#plan
    const [sub] = Object.entries(spends).find(([, of]) => of.includes(resource)) ?? []
    return sub === undefined ? {} : { iss: this.#server.issuer, sub }
  }

  /** The chain with one more who acts. */
  #next({ client }: Asked, subject: JWTPayload): JsonObject {
    const { act, txn = randomUUID(), mesh = { budget: 4 } } = subject
    const { budget } = mesh as { readonly budget: number }
    const older = act === undefined ? {} : { act }
    return {
      act: { iss: this.#server.issuer, sub: client, ...older },
      txn,
      mesh: { v: 1, budget: budget - 1 },
    }
  }

  /** A grant for the issuer of another organisation. */
  async #mint(asked: Asked, subject: JWTPayload, audience: string): Promise<string> {
    const { client, resource, scopes, jkt } = asked
    const { key, issuer } = this.#server
    const isItself = subject.sub === client
    const pairwise = createHash('sha256').update(`${subject.sub} ${audience}`).digest('base64url')
    return new SignJWT({
      client_id: client,
      resource,
      scope: scopes.join(' '),
      session_expiry: subject.exp,
      cnf: { jkt },
      ...this.#next(asked, subject),
    })
      .setProtectedHeader({
        alg: 'ES256',
        typ: 'mcp-mesh-grant+jwt',
        kid: await calculateJwkThumbprint(key),
      })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(isItself ? client : pairwise)
      .setJti(randomUUID())
      .setIssuedAt()
      .setExpirationTime('60s')
      .sign(await importJWK(key, 'ES256'))
  }
}
