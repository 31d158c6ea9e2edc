import type { OAuthService } from '../core/authentication.ts'
import { readRequestBody } from './body.ts'
import { certificateOf, headerLines } from './credential-facts.ts'
import type { HttpExchange } from './http.ts'

/**
 * Hands a request to the OAuth service of the node and writes its answer. It knows HTTP, and nothing of OAuth. What goes
 * wrong later goes to the `fail` of the exchange.
 *
 * @throws Fault `body_too_large`
 */
export function serveOAuth(
  service: OAuthService,
  path: string,
  exchange: Omit<HttpExchange, 'endpoint'>,
): void {
  readRequestBody(exchange, service.maxBodyBytes, (body) => {
    void answer(service, { path, body }, exchange)
  })
}

async function answer(
  service: OAuthService,
  { path, body }: { readonly path: string; readonly body: Buffer },
  { request, response, headers }: Omit<HttpExchange, 'endpoint'>,
): Promise<void> {
  const {
    status,
    headers: own,
    body: text,
  } = await service.serve({
    method: request.method ?? '',
    path,
    hasQuery: request.url?.includes('?') === true,
    query: queryOf(request.url ?? ''),
    header: (name) => headerLines(request, name),
    body,
    certificate: certificateOf(request),
  })
  const bytes = Buffer.from(text)
  response.writeHead(status, [...own, 'content-length', String(bytes.length), ...headers])
  response.end(request.method === 'HEAD' ? undefined : bytes)
}

function queryOf(url: string): string {
  const start = url.indexOf('?')
  return start === -1 ? '' : url.slice(start + 1)
}
