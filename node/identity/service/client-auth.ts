import {
  checkAssertionClaims,
  checkAssertionHeader,
  readAssertionClaims,
} from '../../../protocol/token/assertion.ts'
import { FORM_TOKEN_LIMITS, readCompact } from '../../../protocol/token/compact.ts'
import { OAuthFault, TokenFault } from '../../../protocol/token/faults.ts'
import type { FormParameters } from '../../../protocol/token/form.ts'
import { URN } from '../../../protocol/token/metadata.ts'
import { refusal } from '../../../protocol/token/refusals.ts'
import { verifyWith } from '../jwt.ts'
import type { SecretChecker } from './client-secret.ts'
import { oauthFault } from './rescue.ts'
import type { Client, Roster } from './roster.ts'
import type { IssuerPolicy, ServiceParts } from './settings.ts'

export interface ClientAuthParts {
  readonly roster: Roster
  readonly policy: Pick<IssuerPolicy, 'identifier' | 'algs' | 'leeway'>
  readonly replay: ServiceParts['replay']
  readonly secrets: Pick<SecretChecker, 'isRight'>
  readonly clock: ServiceParts['clock']
}

/** Where a request says who sends it. */
export interface ClientCredentialFacts {
  /** All lines of the `Authorization` header. */
  readonly authorization: readonly string[]
  readonly form: FormParameters
}

interface SecretCredentials {
  readonly id: string
  /** What the secret may be, by how its sender reads the RFC; one where there is no doubt. */
  readonly secrets: readonly string[]
}

/**
 * The client of a request (RFC 6749 §2.3, RFC 7523 §2.2); undefined when it does not say which one it is.
 *
 * @throws OAuthFault `invalid_client`, which says nothing of what is known here; `invalid_request` for two ways at once;
 *   `temporarily_unavailable`
 */
export async function authenticateClient(
  facts: ClientCredentialFacts,
  parts: ClientAuthParts,
): Promise<Client | undefined> {
  const { form } = facts
  const basic = readBasic(facts.authorization)
  const posted = readPosted(form)
  const assertion = readAssertion(form)
  if ([basic, posted, assertion].filter((one) => one !== undefined).length > 1) {
    throw new OAuthFault('invalid_request', 'a client says in one way who it is')
  }
  const secret = basic ?? posted
  if (secret === undefined && assertion === undefined) return undefined
  try {
    const client =
      secret === undefined
        ? await byAssertion(assertion ?? '', parts)
        : await bySecret(secret, parts)
    if ((form.get('client_id') ?? client.id) !== client.id) throw unknown('client')
    return client
  } catch (error) {
    // Whether there is such a client is nobody's business who is none.
    if (error instanceof TokenFault) throw unknown(error.problem)
    throw oauthFault(error)
  }
}

function unknown(problem: TokenFault['problem']): OAuthFault {
  return refusal('invalid_client', problem, 'the client is not authenticated')
}

const BASIC = /^Basic +([A-Za-z0-9+/]+={0,2})$/i

function readBasic(lines: readonly string[]): SecretCredentials | undefined {
  const [line] = lines
  if (line === undefined) return undefined
  if (lines.length > 1) throw new OAuthFault('invalid_request', 'two Authorization headers')
  const [, encoded] = BASIC.exec(line) ?? []
  if (encoded === undefined) throw unknown('client')
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  const [id, raw] = [decodeForm(text.slice(0, Math.max(0, colon))), text.slice(colon + 1)]
  if (colon < 1 || id === undefined) throw unknown('client')
  const secret = decodeForm(raw)
  return { id, secrets: secret === undefined || secret === raw ? [raw] : [secret, raw] }
}

/** Name and secret are encoded as in a form (RFC 6749 §2.3.1), which the SDK of MCP, for one, leaves out. */
function decodeForm(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}

function readPosted(form: FormParameters): SecretCredentials | undefined {
  const [id, secret] = [form.get('client_id'), form.get('client_secret')]
  if (secret === undefined) return undefined
  if (id === undefined) throw unknown('client')
  return { id, secrets: [secret] }
}

function readAssertion(form: FormParameters): string | undefined {
  const [type, assertion] = [form.get('client_assertion_type'), form.get('client_assertion')]
  if ((type === undefined) !== (assertion === undefined)) {
    throw new OAuthFault('invalid_request', 'client_assertion and its type go together')
  }
  if (type !== undefined && type !== URN.clientAssertion) throw unknown('typ')
  return assertion
}

async function bySecret(
  { id, secrets }: SecretCredentials,
  { roster, secrets: checker }: ClientAuthParts,
): Promise<Client> {
  const client = roster.clients.get(id)
  const hash = client?.secretHash
  if (client === undefined || hash === undefined) throw unknown('client')
  for (const secret of secrets) if (await checker.isRight(id, secret, hash)) return client
  throw unknown('client')
}

/** Grammar, then who, what for, signature, times, and last that it is new: what is refused leaves no trace. */
async function byAssertion(raw: string, parts: ClientAuthParts): Promise<Client> {
  const { roster, policy, replay, clock } = parts
  const token = readCompact(raw, FORM_TOKEN_LIMITS)
  // An array, even of one, is another reader's to understand (rfc7523bis).
  if (typeof token.payload['aud'] !== 'string') {
    throw new TokenFault('audience', 'the audience is no string')
  }
  const claims = readAssertionClaims(token.payload)
  const client = roster.clients.get(claims.iss)
  if (client?.keys === undefined) throw new TokenFault('client', 'there is no such client')
  const { identifier: audience, algs, leeway } = policy
  const expected = { clientId: client.id, audience, algs, now: clock(), leeway }
  checkAssertionHeader(token.header, claims, expected)
  await verifyWith(client.keys, token)
  checkAssertionClaims(claims, expected)
  await replay.remember(`client ${client.id}`, claims.jti, claims.exp + leeway + 1)
  return client
}
