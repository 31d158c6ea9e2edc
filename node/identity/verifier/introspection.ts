import type { JsonObject } from '../../../protocol/jsonrpc.ts'
import { readAccessClaims } from '../../../protocol/token/access.ts'
import type { AccessClaims } from '../../../protocol/token/claims.ts'
import { TokenFault } from '../../../protocol/token/faults.ts'
import { checkTimes } from '../../../protocol/token/times.ts'
import type { ClientCredentials } from '../../core/config-identity-types.ts'
import type { Clock } from '../clock.ts'
import type { GuardedFetch } from '../guarded-fetch.ts'
import { Lru } from '../lru.ts'
import { SingleFlight } from '../single-flight.ts'
import type { AuthenticateClient } from './client-authentication.ts'
import { unverifiable } from './unverifiable.ts'

/** How long an answer counts, s: a revoked token is used no longer than this. */
export const INTROSPECTION_SECONDS = 30

/** How long a token that is none is not asked about again, s. */
const REFUSED_SECONDS = 5
/** Tokens that are none which are remembered: free to invent, so the oldest go. */
const REFUSED = 10_000
/** Questions under way at a time: each costs the issuer a request, and tokens to ask about are free to invent. */
const UNDER_WAY = 32

export interface IntrospectorOptions {
  readonly url: string
  readonly client: ClientCredentials
  readonly issuer: string
  /** Resource identifier of the endpoint. */
  readonly audience: string
  /** s */
  readonly leeway: number
  readonly maxLifetime: number
  /** Limits of the request. */
  readonly maxBytes: number
  readonly timeoutMs: number
  readonly fetch: Pick<GuardedFetch, 'postForm'>
  readonly authenticateClient: AuthenticateClient
  readonly clock: Clock
  /** Members that are kept besides those of AccessClaims. */
  readonly wanted: ReadonlySet<string>
}

/** Asks the issuer about opaque tokens (RFC 7662), once at a time for each. */
export class Introspector {
  readonly #options: IntrospectorOptions
  readonly #flights = new SingleFlight<string, AccessClaims>()
  /** Until when, by hash. */
  readonly #refused = new Lru<string, number>(REFUSED)

  constructor(options: IntrospectorOptions) {
    this.#options = options
  }

  /**
   * The claims of a token. What the issuer does not say is filled in: itself as `iss`, now as `iat`, the hash as `jti`, and
   * the client as `sub`, since a token without a resource owner is about its client (RFC 9068 §2.2).
   *
   * @param hash of the token
   * @throws TokenFault for a token that is none, or none for this endpoint; Fault `overloaded` when the issuer does not
   *   answer, or too many tokens are being asked about
   */
  async claims(raw: string, hash: string): Promise<AccessClaims> {
    const { clock } = this.#options
    if ((this.#refused.get(hash) ?? 0) > clock()) throw inactive()
    if (this.#flights.size >= UNDER_WAY) throw unverifiable()
    try {
      return await this.#flights.run(hash, () => this.#ask(raw, hash))
    } catch (error) {
      if (error instanceof TokenFault) this.#refused.set(hash, clock() + REFUSED_SECONDS)
      throw error
    }
  }

  async #ask(raw: string, hash: string): Promise<AccessClaims> {
    const answer = await this.#post(raw)
    if (answer['active'] !== true) throw inactive()
    const { issuer, audience, clock, leeway, maxLifetime } = this.#options
    const now = clock()
    const { client_id: sub } = answer
    const iat = Math.floor(now)
    const payload = { iss: issuer, sub, iat, jti: hash, ...answer }
    const claims = readAccessClaims(payload, this.#options.wanted)
    if (claims.iss !== issuer) throw new TokenFault('issuer', 'the token is of another issuer')
    if (claims.aud !== audience) {
      throw new TokenFault('audience', 'the token is for another resource')
    }
    checkTimes(claims, { now, leeway, maxLifetime })
    return claims
  }

  async #post(raw: string): Promise<JsonObject> {
    const { url, client, issuer, fetch, authenticateClient, maxBytes, timeoutMs } = this.#options
    const { headers, form } = authenticateClient(client, issuer)
    const question: [string, string][] = [
      ['token', raw],
      ['token_type_hint', 'access_token'],
      ...form,
    ]
    const answer = await fetch
      .postForm(url, question, { headers, maxBytes, timeoutMs })
      .catch((cause: unknown) => {
        throw unverifiable(cause)
      })
    // Also a refusal of this node as a client: nothing the caller could do about.
    if (answer.status !== 200 || answer.json === undefined) throw unverifiable()
    return answer.json
  }
}

/** One word for all that the issuer does not know, has ended, or does not tell this node of. */
function inactive(): TokenFault {
  return new TokenFault('revoked', 'the access token is not active')
}
