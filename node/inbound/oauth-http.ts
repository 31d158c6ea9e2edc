import type { IncomingMessage, ServerResponse } from 'node:http'
import type { OAuthService } from '../core/authentication.ts'
import { readRequestBody } from './body.ts'
import { certificateOf, headerLines } from './credential-facts.ts'

/** A request of a path that is the OAuth service's. */
export interface OAuthExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Names and values in turn, for the response. */
  readonly headers: readonly string[]
}

/**
 * Hands a request to the OAuth service of the node and writes its answer. It knows HTTP, and nothing of OAuth.
 *
 * @throws Fault `body_too_large`, `cancelled`
 */
export async function serveOAuth(
  service: OAuthService,
  path: string,
  exchange: OAuthExchange,
): Promise<void> {
  const { request, response, headers } = exchange
  const body = await readRequestBody(exchange, service.maxBodyBytes)
  const answer = await service.serve({
    method: request.method ?? '',
    path,
    hasQuery: request.url?.includes('?') === true,
    header: (name) => headerLines(request, name),
    body,
    certificate: certificateOf(request),
  })
  const text = Buffer.from(answer.body)
  const length = ['content-length', String(text.length)]
  response.writeHead(answer.status, [...answer.headers, ...length, ...headers])
  response.end(request.method === 'HEAD' ? undefined : text)
}
