import { isObject, type JsonObject } from '../../../protocol/jsonrpc.ts'
import { OAuthFault, type OAuthError } from '../../../protocol/token/faults.ts'
import type { ServerMetadata } from '../../../protocol/token/metadata-read.ts'
import type { ClientCredentials } from '../../core/config-identity-types.ts'
import { FetchFault } from '../fetch-fault.ts'
import type { GuardedAnswer } from '../guarded-fetch.ts'
import type { ProofMaker } from '../proof-maker.ts'
import type { AuthenticateClient, ClientAuthentication } from '../verifier/client-authentication.ts'
import type { Network } from '../verifier/networks.ts'

/** An authorization server and who the node is there. */
export interface TokenEndpoint {
  /** Issuer identifier, pinned in the configuration. */
  readonly issuer: string
  /** Undefined: from the metadata of the issuer. */
  readonly url: string | undefined
  /** Undefined where what is sent says by itself who sends it. */
  readonly client: () => ClientCredentials | undefined
}

export interface TokenRequestParts {
  readonly network: Network
  readonly authenticateClient: AuthenticateClient
  /** Undefined where tokens are not bound to a key. */
  readonly proofs: ProofMaker | undefined
}

/** What a client may be told by its error alone; whatever else stands there is a failure of the server. */
const ERRORS: ReadonlyMap<unknown, OAuthError> = new Map<string, OAuthError>([
  ['invalid_request', 'invalid_request'],
  ['invalid_client', 'invalid_client'],
  ['invalid_grant', 'invalid_grant'],
  ['unauthorized_client', 'unauthorized_client'],
  ['unsupported_grant_type', 'unsupported_grant_type'],
  ['invalid_scope', 'invalid_scope'],
  ['insufficient_scope', 'invalid_scope'],
  ['invalid_target', 'invalid_target'],
  ['invalid_dpop_proof', 'invalid_dpop_proof'],
  // Some say so by a name of the authorization endpoint (RFC 6749 §4.1.2.1).
  ['access_denied', 'unauthorized_client'],
])

/** What a nonce is made of (RFC 9449 §8.1), and as long as it may be in a proof of ours. */
const NONCE = /^[\x21\x23-\x5b\x5d-\x7e]{1,512}$/

/** Whether a server may have this in our proofs. */
export function isNonce(value: string | undefined): value is string {
  return value !== undefined && NONCE.test(value)
}

const NOBODY: ClientAuthentication = { headers: [], form: [] }

/** Asks one authorization server for tokens (RFC 6749 §4.4, RFC 7523 §2.1, RFC 8693 §2.1, RFC 9449 §5). */
export class TokenRequests {
  readonly #server: TokenEndpoint
  readonly #parts: TokenRequestParts
  /** What the server last wanted proofs to hold (RFC 9449 §8). */
  #nonce: string | undefined

  constructor(server: TokenEndpoint, parts: TokenRequestParts) {
    this.#server = server
    this.#parts = parts
  }

  get issuer(): string {
    return this.#server.issuer
  }

  /** Who the node is there; empty where that is not said. */
  get clientId(): string {
    return this.#server.client()?.id ?? ''
  }

  /** Whether the server says that it binds tokens to keys (RFC 9449 §5.1); false where its metadata is not read. */
  async bindsKeys(): Promise<boolean> {
    if (this.#server.url !== undefined) return false
    return (await this.#metadata()).dpopAlgs.includes('ES256')
  }

  /**
   * The answer to one token request, a JSON object.
   *
   * @throws OAuthFault with the error of the server and none of its words, FetchFault
   */
  async ask(form: readonly [name: string, value: string][]): Promise<JsonObject> {
    const url = this.#server.url ?? (await this.#metadata()).tokenEndpoint
    const before = this.#nonce
    const first = await this.#post(url, form)
    // With the same nonce as before it would come to the same.
    if (first.json?.['error'] !== 'use_dpop_nonce' || this.#nonce === before) {
      return this.#read(first)
    }
    return this.#read(await this.#post(url, form))
  }

  #metadata(): Promise<ServerMetadata> {
    return this.#parts.network.discovery.issuer(this.#server.issuer)
  }

  async #post(url: string, form: readonly [name: string, value: string][]): Promise<GuardedAnswer> {
    const { network, authenticateClient, proofs } = this.#parts
    const { issuer, client } = this.#server
    const who = client()
    const authentication = who === undefined ? NOBODY : authenticateClient(who, issuer)
    const nonce = this.#nonce === undefined ? {} : { nonce: this.#nonce }
    const proof = proofs?.proof({ method: 'POST', url, ...nonce })
    const headers = [...authentication.headers, ...(proof === undefined ? [] : ['dpop', proof])]
    const all = [...form, ...authentication.form]
    const answer = await network.fetch.postForm(url, all, { headers })
    const wanted = answer.header('dpop-nonce')
    if (isNonce(wanted)) this.#nonce = wanted
    return answer
  }

  #read({ status, json }: GuardedAnswer): JsonObject {
    if (status === 200 && isObject(json)) return json
    const error = status < 500 ? ERRORS.get(json?.['error']) : undefined
    // Its description is a stranger's text, and may quote what was sent.
    if (error !== undefined) throw new OAuthFault(error, `the issuer answers ${error}`)
    const { host } = new URL(this.#server.issuer)
    throw new FetchFault('status', host, `the token endpoint answers HTTP ${status}`)
  }
}
