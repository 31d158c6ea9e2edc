import type { JsonObject } from '../../../protocol/jsonrpc.ts'
import { DelegatedToken } from './delegated-token.ts'
import { readAnswer } from './token-answers.ts'
import type { TokenRequests } from './token-requests.ts'

/**
 * The token a foreign server gives the node itself. Such a server may know nothing of proofs; one that says it does must
 * not answer with a bearer token.
 *
 * @throws TokenFault, FetchFault
 */
export async function readForeignToken(
  json: JsonObject,
  requests: Pick<TokenRequests, 'bindsKeys'>,
  { scopes: asked, now }: { readonly scopes: readonly string[]; readonly now: number },
): Promise<DelegatedToken> {
  const mustBind = isBound(json) || (await requests.bindsKeys())
  const scheme = mustBind ? 'DPoP' : 'Bearer'
  const { token, scopes, expiresAt } = readAnswer(json, {
    issuedType: undefined,
    tokenType: scheme,
    scopes: asked,
    ceiling: Number.MAX_SAFE_INTEGER,
    now,
  })
  return new DelegatedToken(token, { scheme, scopes, expiresAt })
}

function isBound({ token_type: type }: JsonObject): boolean {
  return typeof type === 'string' && type.toLowerCase() === 'dpop'
}
