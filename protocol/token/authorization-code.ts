import { createHash } from 'node:crypto'
import { readForm } from './form.ts'

/** A request for a code (RFC 6749 §4.1.1, RFC 7636 §4.3, RFC 8707 §2). */
export interface CodeRequest {
  /** URL of the authorization endpoint; its own query stays. */
  readonly endpoint: string
  readonly clientId: string
  readonly redirectUri: string
  readonly state: string
  /** Secret of this request; only its digest is sent. */
  readonly verifier: string
  readonly resource: string
  /** None asks for what the server gives by itself. */
  readonly scopes: readonly string[]
  /** Thumbprint of the key the token is to be bound to (RFC 9449 §10). */
  readonly jkt?: string
}

/** Sends a browser to sign in. */
export function codeRequestUrl(request: CodeRequest): string {
  const { endpoint, clientId, redirectUri, state, verifier, resource, scopes, jkt } = request
  const url = new URL(endpoint)
  const parameters: readonly (readonly [string, string | undefined])[] = [
    ['response_type', 'code'],
    ['client_id', clientId],
    ['redirect_uri', redirectUri],
    ['state', state],
    ['code_challenge', codeChallenge(verifier)],
    ['code_challenge_method', 'S256'],
    ['resource', resource],
    ['scope', scopes.length === 0 ? undefined : scopes.join(' ')],
    // OpenID Connect Core §11: offline access is granted only where the user is asked.
    ['prompt', scopes.includes(OFFLINE_ACCESS) ? 'consent' : undefined],
    ['dpop_jkt', jkt],
  ]
  for (const [name, value] of parameters) if (value !== undefined) url.searchParams.set(name, value)
  return url.href
}

/** The scope that asks for a refresh token (OpenID Connect Core §11). */
export const OFFLINE_ACCESS = 'offline_access'

/** RFC 7636 §4.2, S256. */
export function codeChallenge(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url')
}

/**
 * Scopes to ask for: those the configuration names, else those of the challenge, else those of the resource's metadata
 * (MCP 2026-07-28, basic/authorization, scope selection), always together with those that were there before, so that a
 * step up never loses any; and what brings a refresh token, if the server knows it (SEP-2207).
 */
export function scopesToAsk(known: {
  readonly configured: readonly string[] | undefined
  readonly challenged: readonly string[]
  readonly resource: readonly string[]
  readonly before: readonly string[]
  readonly server: readonly string[]
}): readonly string[] {
  const { configured, challenged, resource, before, server } = known
  const wanted = [configured ?? [], challenged].some(({ length }) => length > 0)
    ? [...(configured ?? []), ...challenged]
    : resource
  const all = [...new Set([...before, ...wanted])]
  const offline = server.includes(OFFLINE_ACCESS) && !all.includes(OFFLINE_ACCESS)
  return offline ? [...all, OFFLINE_ACCESS] : all
}

/** What an authorization server sends a browser back with; all of it is from the browser. */
export interface CodeAnswer {
  readonly state: string
  /** RFC 9207. */
  readonly issuer?: string
  /** Absent where it was refused. */
  readonly code?: string
  readonly denied: boolean
}

/** Longest query of a redirect, characters. */
const MAX_QUERY = 8_192

/**
 * Reads the query of a redirect (RFC 6749 §4.1.2); undefined when it has no `state`, says something twice, or is too long.
 * The words of an error are a stranger's, and are not read.
 */
export function readCodeAnswer(query: string): CodeAnswer | undefined {
  if (query.length > MAX_QUERY) return undefined
  try {
    const form = readForm(Buffer.from(query, 'latin1'))
    const [state, code, issuer] = ['state', 'code', 'iss'].map((name) => form.get(name))
    if (state === undefined) return undefined
    const found = { state, denied: form.get('error') === 'access_denied' }
    return {
      ...found,
      ...(issuer !== undefined && { issuer }),
      ...(code !== undefined && !form.has('error') && { code }),
    }
  } catch {
    return undefined
  }
}

/**
 * Whether an answer is from the server that was asked (RFC 9207 §2.4): compared character by character, also where the
 * server does not say that it names itself; and where it says so, it must.
 */
export function isFromServer(
  { issuer }: Pick<CodeAnswer, 'issuer'>,
  server: { readonly issuer: string; readonly namesItself: boolean },
): boolean {
  return issuer === undefined ? !server.namesItself : issuer === server.issuer
}
