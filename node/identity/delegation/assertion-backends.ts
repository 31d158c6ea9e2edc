import { open } from 'node:fs/promises'
import { TokenFault } from '../../../protocol/token/faults.ts'
import { FORM_TOKEN_LIMITS, readCompact } from '../../../protocol/token/compact.ts'
import { TYP } from '../../../protocol/token/claims.ts'
import { URN } from '../../../protocol/token/metadata.ts'
import type { Backend } from './backend.ts'
import type { ClientCredentialsPlan } from './backends.ts'
import type { DelegatedToken } from './delegated-token.ts'
import { readForeignToken } from './foreign-token.ts'
import { readAnswer, wrong } from './token-answers.ts'
import type { TokenRequests } from './token-requests.ts'

/**
 * The node itself, by a token of the platform it runs on (RFC 7523 §2.1, workload identity federation): one request with
 * the token as it is now, and no other way when that is refused.
 */
export class WorkloadBackend implements Backend {
  readonly #requests: TokenRequests
  readonly #plan: ClientCredentialsPlan & { readonly file: string }

  constructor(requests: TokenRequests, plan: ClientCredentialsPlan & { readonly file: string }) {
    this.#requests = requests
    this.#plan = plan
  }

  async obtain(): Promise<DelegatedToken> {
    return redeem(await readTokenFile(this.#plan.file), this.#requests, this.#plan)
  }
}

/** What the enterprise way needs besides. */
export interface EnterprisePlan extends ClientCredentialsPlan {
  /** File of the ID token that was issued to the node. */
  readonly idToken: string
}

/**
 * The node itself, by a grant its identity provider makes for the server of the upstream (ID-JAG; MCP enterprise-managed
 * authorization). What is exchanged is an ID token of the node's own: those of callers name other clients, and are not.
 */
export class EnterpriseBackend implements Backend {
  readonly #provider: TokenRequests
  readonly #requests: TokenRequests
  readonly #plan: EnterprisePlan

  constructor(provider: TokenRequests, requests: TokenRequests, plan: EnterprisePlan) {
    this.#provider = provider
    this.#requests = requests
    this.#plan = plan
  }

  async obtain(): Promise<DelegatedToken> {
    return redeem(await this.#grant(), this.#requests, this.#plan)
  }

  async #grant(): Promise<string> {
    const { idToken, resource, scopes, clock } = this.#plan
    const json = await this.#provider.ask([
      ['grant_type', URN.tokenExchange],
      ['subject_token', await readTokenFile(idToken)],
      ['subject_token_type', URN.idToken],
      ['requested_token_type', URN.idJag],
      ['audience', this.#requests.issuer],
      ['resource', resource],
      ['scope', scopes.join(' ')],
    ])
    const { token } = readAnswer(json, {
      issuedType: URN.idJag,
      tokenType: 'N_A',
      scopes,
      ceiling: Number.MAX_SAFE_INTEGER,
      now: clock(),
    })
    this.#check(token)
    return token
  }

  /** It goes to one server, for one resource, in this node's name: another is somebody else's, and stays here. */
  #check(token: string): void {
    const { header, payload } = readCompact(token, FORM_TOKEN_LIMITS)
    if (header.typ !== TYP.idJag) throw wrong('typ', 'is no grant for another server')
    const { aud, client_id: client, resource } = payload
    const audience = Array.isArray(aud) && aud.length === 1 ? (aud[0] as unknown) : aud
    if (audience !== this.#requests.issuer) throw wrong('audience', 'is for another server')
    if (client !== this.#requests.clientId) throw wrong('client', 'is for another client')
    if (resource !== undefined && resource !== this.#plan.resource) {
      throw wrong('resource', 'is for another resource')
    }
  }
}

/** The token an assertion is worth at the server of the upstream (RFC 7523 §2.1). */
async function redeem(
  assertion: string,
  requests: TokenRequests,
  { resource, scopes, clock }: ClientCredentialsPlan,
): Promise<DelegatedToken> {
  const json = await requests.ask([
    ['grant_type', URN.jwtBearer],
    ['assertion', assertion],
    ['resource', resource],
    ['scope', scopes.join(' ')],
  ])
  return readForeignToken(json, requests, { scopes, now: clock() })
}

/** Longest token in a file, bytes. */
const MAX_FILE = 65_536

/** @throws TokenFault that names the file and nothing in it */
async function readTokenFile(file: string): Promise<string> {
  try {
    const handle = await open(file, 'r')
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_FILE + 1))
      const text = buffer.toString('latin1', 0, bytesRead).trim()
      if (bytesRead > MAX_FILE || text === '') throw new Error('no token')
      return text
    } finally {
      await handle.close()
    }
  } catch {
    throw new TokenFault('claims', `there is no token in ${file}`)
  }
}
