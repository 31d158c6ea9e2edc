import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { TLSSocket, type PeerCertificate } from 'node:tls'
import type { CredentialFacts } from '../core/authentication.ts'
import type { HttpExchange } from './http.ts'

/** What of an exchange says who sent it. Nothing is read until it is asked for. */
export function credentialFacts({
  endpoint,
  request,
}: Pick<HttpExchange, 'endpoint' | 'request'>): CredentialFacts {
  return {
    endpoint,
    method: request.method ?? '',
    header: (name) => headerLines(request, name),
    get certificate() {
      return certificateOf(request)
    },
  }
}

const NONE: readonly string[] = []

/**
 * All lines of a header, by lower-case name. Not `request.headers`: where a credential comes twice Node keeps the first
 * or joins them, and what counts must not depend on that.
 */
export function headerLines({ rawHeaders }: IncomingMessage, name: string): readonly string[] {
  let lines: string[] | undefined
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const key = rawHeaders[index]
    if (key?.length !== name.length || key.toLowerCase() !== name) continue
    lines ??= []
    lines.push(rawHeaders[index + 1] ?? '')
  }
  return lines ?? NONE
}

/** SHA-256 of the certificate the client proved to hold (RFC 8705 §3.1), base64url; undefined when it showed none. */
export function certificateOf({ socket }: IncomingMessage): string | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined
  // A connection taken up again without any is `authorized` all the same (TLS 1.3).
  const { raw } = socket.getPeerCertificate() as Partial<PeerCertificate>
  if (raw === undefined) return undefined
  return createHash('sha256').update(raw).digest('base64url')
}
