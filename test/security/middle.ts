// The middle organisation of three, when it means no good: a program that holds the real keys of a token issuer and of a
// node, is trusted by both its neighbours, and does with what it is given whatever a test tells it to.
import { createHash, randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { signJwt } from '../../node/identity/jwt.ts'
import { ProofMaker } from '../../node/identity/proof-maker.ts'
import { SigningKey } from '../../node/identity/signing-key.ts'
import { TYP } from '../../protocol/token/claims.ts'
import { clientDocument, URN } from '../../protocol/token/metadata.ts'
import type { Exchange } from '../fixtures/fixture-exchange.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern, send, type Headers, type RawReply } from '../fixtures/raw-client.ts'
import { isObject, type JsonObject } from '../fixtures/wire.ts'
import { json, serve, type LocalServer } from '../node/identity/local-server.ts'

export type Form = Readonly<Record<string, string | undefined>>

/** What a token endpoint answered. */
export interface TokenAnswer {
  readonly status: number
  readonly error: unknown
  readonly body: JsonObject
  /** Undefined when there is none. */
  readonly token: string | undefined
}

/** The next organisation. */
export interface Next {
  readonly issuer: string
  readonly resource: string
}

/** One call of a neighbour, as the middle has it. */
export interface Visit {
  /** The token that was shown: one the middle made itself. */
  readonly token: string
  readonly claims: JsonObject
  /** The grant it was made from, as its issuer signed it. */
  readonly assertion: string
  readonly grant: JsonObject
}

const clock = (): number => Date.now() / 1_000

/** Claims of a JWT, unverified. */
export function claimsOf(token: string): JsonObject {
  const parsed: unknown = JSON.parse(
    Buffer.from(token.split('.')[1] ?? '', 'base64url').toString() || '{}',
  )
  return isObject(parsed) ? parsed : {}
}

export class Middle {
  readonly sts: SigningKey = SigningKey.generate()
  readonly clientKey: SigningKey = SigningKey.generate()
  /** The key its tokens are bound to. */
  readonly prover: ProofMaker = new ProofMaker(SigningKey.generate(), clock)
  /** Its endpoint: an MCP server. */
  readonly endpoint: FixtureServer
  readonly visits: Visit[] = []
  /** What it does with a call of a neighbour. Default: answers by itself. */
  misdeed: ((visit: Visit, exchange: Exchange) => Promise<void> | void) | undefined
  /** What it makes of its answer to a token request. Default: nothing, it is right. */
  answer: (right: JsonObject, claims: JsonObject) => JsonObject = (right) => right
  #service: LocalServer | undefined
  #next: Next | undefined
  /** Grants that were redeemed here, by the `jti` of the token that was made. */
  readonly #grants = new Map<unknown, string>()

  private constructor(endpoint: FixtureServer) {
    this.endpoint = endpoint
    endpoint.on('tools/call', (exchange, proceed) => this.#called(exchange, proceed))
  }

  static async start(): Promise<Middle> {
    const middle = new Middle(await FixtureServer.start())
    middle.#service = await serve((request, response) => middle.#serve(request, response))
    return middle
  }

  get issuer(): string {
    if (this.#service === undefined) throw new Error('not started')
    return this.#service.url
  }

  get resource(): string {
    return this.endpoint.url
  }

  get client(): string {
    return `${this.issuer}/oauth/client.json`
  }

  meet(next: Next): void {
    this.#next = next
  }

  async close(): Promise<void> {
    await this.#service?.close()
    await this.endpoint.close()
  }

  /** The grant an honest node would get for a call that goes on, changed. */
  grantFor({ claims }: Visit, change: JsonObject = {}): string {
    const { issuer, resource } = this.#onward()
    const now = Math.floor(clock())
    const budget = isObject(claims['mesh']) ? Number(claims['mesh']['budget']) - 1 : 0
    const right = {
      iss: this.issuer,
      sub: pairwise(`${String(claims['sub'])} ${issuer}`),
      aud: issuer,
      client_id: this.client,
      resource,
      scope: claims['scope'],
      jti: randomUUID(),
      iat: now,
      exp: now + 60,
      session_expiry: claims['session_expiry'],
      txn: claims['txn'],
      act: { iss: this.issuer, sub: this.client, act: claims['act'] },
      cnf: { jkt: this.prover.jkt },
      mesh: { v: 1, budget },
    }
    return signJwt(this.sts, TYP.grant, { ...right, ...change })
  }

  /** Asks the token endpoint of a neighbour as itself: with its real client key, and a proof. */
  async ask(
    form: Form,
    { at = this.#onward().issuer, prover = this.prover }: { at?: string; prover?: ProofMaker } = {},
  ): Promise<TokenAnswer> {
    const url = `${at}/oauth/token`
    const now = Math.floor(clock())
    const assertion = { iss: this.client, sub: this.client, aud: at, jti: randomUUID(), iat: now }
    const all: Form = {
      client_assertion_type: URN.clientAssertion,
      client_assertion: signJwt(this.clientKey, TYP.clientAssertion, {
        ...assertion,
        exp: now + 60,
      }),
      ...form,
    }
    const fields = Object.entries(all).filter(([, value]) => value !== undefined)
    const reply = await send(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        dpop: prover.proof({ method: 'POST', url }),
      },
      body: new URLSearchParams(fields as [string, string][]).toString(),
    })
    const body: unknown = JSON.parse(reply.raw)
    const answered = isObject(body) ? body : {}
    const { error, access_token: token } = answered
    return {
      status: reply.status,
      error,
      body: answered,
      token: typeof token === 'string' ? token : undefined,
    }
  }

  redeem(assertion: string, form: Form = {}): Promise<TokenAnswer> {
    return this.ask({ grant_type: URN.jwtBearer, assertion, ...form })
  }

  /** A token of the next organisation for one call. @throws Error when it gets none */
  async tokenFor(visit: Visit, change: JsonObject = {}): Promise<string> {
    const { body, token } = await this.redeem(this.grantFor(visit, change))
    if (token === undefined) throw new Error(`no token: ${JSON.stringify(body)}`)
    return token
  }

  /** Headers that show a token to the next organisation, proved with a key. */
  shown(token: string, prover: ProofMaker = this.prover): Headers {
    const { resource: url } = this.#onward()
    const dpop = prover.proof({ method: 'POST', url, accessToken: token })
    return { authorization: `DPoP ${token}`, dpop }
  }

  /** Calls a tool of the next organisation. */
  call(headers: Headers, more: JsonObject = {}, name = 'fx__echo'): Promise<RawReply> {
    const params = { name, arguments: { message: 'on' }, ...more }
    const capabilities = { elicitation: { form: {} } }
    return callModern(this.#onward().resource, 'tools/call', params, { headers, capabilities })
  }

  #onward(): Next {
    if (this.#next === undefined) throw new Error('nobody comes next')
    return this.#next
  }

  async #called(exchange: Exchange, proceed: () => Promise<void>): Promise<void> {
    const token = String(exchange.request.headers['authorization']).replace(/^DPoP /, '')
    const claims = claimsOf(token)
    const assertion = this.#grants.get(claims['jti']) ?? ''
    const visit = { token, claims, assertion, grant: claimsOf(assertion) }
    this.visits.push(visit)
    await this.misdeed?.(visit, exchange)
    if (!exchange.isOver) await proceed()
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { issuer, client } = this
    const documents: Readonly<Record<string, object>> = {
      '/.well-known/oauth-authorization-server': {
        issuer,
        token_endpoint: `${issuer}/oauth/token`,
        jwks_uri: `${issuer}/oauth/jwks`,
        dpop_signing_alg_values_supported: ['ES256'],
      },
      '/oauth/jwks': jwks(this.sts),
      '/oauth/client-jwks': jwks(this.clientKey),
      '/oauth/client.json': clientDocument({
        clientId: client,
        name: 'b',
        jwksUri: `${issuer}/oauth/client-jwks`,
      }),
    }
    const document = documents[request.url ?? '']
    if (document !== undefined) return json(document)(request, response)
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => json(this.#issue(new URLSearchParams(body)))(request, response))
  }

  /** Its own issuer, which believes whatever it is told, and answers as it should. */
  #issue(form: URLSearchParams): JsonObject {
    const assertion = form.get('assertion') ?? ''
    const grant = claimsOf(assertion)
    const now = Math.floor(clock())
    const exp = Math.min(now + 120, Number(grant['session_expiry']))
    const right = {
      iss: this.issuer,
      aud: this.resource,
      sub: `${String(grant['iss'])}|${String(grant['sub'])}`,
      jti: randomUUID(),
      iat: now,
      exp,
      ...pick(grant, ['client_id', 'scope', 'act', 'cnf', 'txn', 'session_expiry', 'mesh']),
    }
    const claims = this.answer(right, grant)
    this.#grants.set(claims['jti'], assertion)
    const { answered = {}, ...signed } = claims
    return {
      access_token: signJwt(this.sts, TYP.accessToken, signed),
      token_type: 'DPoP',
      expires_in: Number(signed['exp']) - now,
      scope: signed['scope'],
      ...(isObject(answered) && answered),
    }
  }
}

function jwks(key: SigningKey): object {
  return { keys: [{ ...key.jwk, kid: key.kid, alg: 'ES256' }] }
}

function pick(from: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, from[name]]))
}

/** An opaque name, as a node would give one. */
export function pairwise(of: string): string {
  return createHash('sha256').update(of).digest('base64url')
}
