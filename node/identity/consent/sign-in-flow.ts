import { randomBytes } from 'node:crypto'
import {
  codeRequestUrl,
  isFromServer,
  scopesToAsk,
  type CodeAnswer,
} from '../../../protocol/token/authorization-code.ts'
import type { AuthorizationServer } from '../../../protocol/token/authorization-server.ts'
import { OAuthFault, TokenFault } from '../../../protocol/token/faults.ts'
import type { ClientCredentials, ConsentAuth } from '../../core/config-identity-types.ts'
import type { Clock } from '../clock.ts'
import { TokenRequests } from '../delegation/token-requests.ts'
import { FetchFault } from '../fetch-fault.ts'
import { ProofMaker } from '../proof-maker.ts'
import { SigningKey } from '../signing-key.ts'
import type { AuthenticateClient } from '../verifier/client-authentication.ts'
import type { Network } from '../verifier/networks.ts'
import { readGrant, revealRefreshToken, type KeptGrant } from './kept-grant.ts'
import type { ServerClient } from './server-client.ts'

export interface SignInFlowOptions {
  /** URL of the upstream, as it is configured. */
  readonly url: string
  readonly auth: ConsentAuth
  readonly network: Network
  readonly client: () => ServerClient
  readonly redirectUri: () => string
  readonly authenticateClient: AuthenticateClient
  readonly clock: Clock
}

/** What a sign-in is about. */
export interface SignInWish {
  /** Scopes the upstream asked for when it refused. */
  readonly challenged: readonly string[]
  /** Scopes that were granted before: none is to be lost. */
  readonly before: readonly string[]
  /** Where its challenge said its metadata is. */
  readonly hint: string | undefined
}

/** Where a user will sign in, and for what. */
export interface SignInPlan {
  readonly server: AuthorizationServer
  readonly resource: string
  readonly scopes: readonly string[]
}

/** A browser is on its way. */
export interface SignInStarted {
  /** What the server sends it back with: known to that browser, the server and this node. */
  readonly state: string
  /** Where it goes. */
  readonly location: string
  /** Redeems what it comes back with. */
  readonly redeem: (answer: CodeAnswer) => Promise<KeptGrant>
}

/**
 * The authorization code flow with PKCE at the authorization server of one upstream (RFC 6749 §4.1, RFC 7636, RFC 8707,
 * RFC 9207, RFC 9449), found by the metadata of the upstream (RFC 9728) and of the server (RFC 8414), through the guarded
 * network alone. Nothing is sent to a server before a user has agreed.
 */
export class SignInFlow {
  readonly #options: SignInFlowOptions

  constructor(options: SignInFlowOptions) {
    this.#options = options
  }

  /**
   * Finds out where the user signs in. The upstream is asked anew each time: it may have moved to another server.
   *
   * @throws FetchFault; `document` where what is published does not fit together
   */
  async plan({ challenged, before, hint }: SignInWish): Promise<SignInPlan> {
    const { url, auth, network } = this.#options
    const { issuers, resource, scopes } = await network.discovery.resourceNow(url, hint)
    const issuer = auth.issuer ?? issuers[0] ?? ''
    if (!issuers.includes(issuer)) {
      const text = 'does not name the authorization server that is configured for it'
      throw new FetchFault('document', new URL(url).host, text)
    }
    const server = await this.#server(issuer)
    const known = { configured: auth.scopes, challenged, before, resource: scopes }
    return { server, resource, scopes: scopesToAsk({ ...known, server: server.scopes }) }
  }

  /** The user has agreed. @throws Fault, when the node is no client there */
  async start(plan: SignInPlan): Promise<SignInStarted> {
    const { server, resource, scopes } = plan
    const redirectUri = this.#options.redirectUri()
    const client = await this.#options.client().of(server)
    const key = server.dpopAlgs.includes('ES256') ? SigningKey.generate() : undefined
    const [state, verifier] = [secret(), secret()]
    const location = codeRequestUrl({
      endpoint: server.authorizationEndpoint,
      clientId: client.id,
      redirectUri,
      state,
      verifier,
      resource,
      scopes,
      ...(key !== undefined && { jkt: key.kid }),
    })
    const redeem = async (answer: CodeAnswer): Promise<KeptGrant> => {
      const code = codeIn(answer, server)
      const json = await this.#requests(server, client, key).ask([
        ['grant_type', 'authorization_code'],
        ['code', code],
        ['redirect_uri', redirectUri],
        ['code_verifier', verifier],
        ['resource', resource],
      ])
      const now = this.#options.clock()
      const who = { issuer: server.issuer, resource, clientId: client.id, scopes }
      return readGrant(json, { ...who, key, now })
    }
    return { state, location, redeem }
  }

  /**
   * Redeems a refresh token, at the server that gave it and nowhere else (RFC 6749 §6).
   *
   * @throws OAuthFault when it is refused, FetchFault, TokenFault
   */
  async renew(grant: KeptGrant): Promise<KeptGrant> {
    const { issuer, resource, clientId, scopes } = grant.facts
    const server = await this.#server(issuer)
    const client = await this.#options.client().of(server)
    // What was granted to another client is not this one's to renew.
    if (client.id !== clientId) throw new OAuthFault('invalid_grant', 'the client is another now')
    const { key } = grant
    const json = await this.#requests(server, client, key).ask([
      ['grant_type', 'refresh_token'],
      ['refresh_token', revealRefreshToken(grant) ?? ''],
      ['resource', resource],
    ])
    const who = { issuer, resource, clientId, scopes }
    return readGrant(json, { ...who, key, renews: grant, now: this.#options.clock() })
  }

  #server(issuer: string): Promise<AuthorizationServer> {
    const { auth, network } = this.#options
    const listed = auth.tokenEndpoint === undefined ? [] : [auth.tokenEndpoint]
    return network.discovery.authorizationServer(issuer, listed)
  }

  #requests(
    { issuer, tokenEndpoint: url }: AuthorizationServer,
    client: ClientCredentials,
    key: SigningKey | undefined,
  ): TokenRequests {
    const { network, authenticateClient, clock } = this.#options
    const proofs = key === undefined ? undefined : new ProofMaker(key, clock)
    const parts = { network, authenticateClient, proofs }
    return new TokenRequests({ issuer, url, client: () => client }, parts)
  }
}

/** @throws TokenFault when the answer is not from the server that was asked, or has no code */
function codeIn(answer: CodeAnswer, server: AuthorizationServer): string {
  // Before anything else in it counts: another server may have sent it (mix-up, RFC 9207 §2.4).
  if (!isFromServer(answer, server)) {
    throw new TokenFault('issuer', 'the answer is not from the server that was asked')
  }
  if (answer.denied) throw new TokenFault('missing', 'the sign-in was refused')
  if (answer.code === undefined) throw new TokenFault('missing', 'the answer has no code')
  return answer.code
}

/** 256 bits, 43 characters (RFC 7636 §4.1). */
function secret(): string {
  return randomBytes(32).toString('base64url')
}
