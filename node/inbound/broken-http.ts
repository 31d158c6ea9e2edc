import { Fault } from '../../protocol/errors.ts'

const BY_CODE: Readonly<Record<string, Fault>> = {
  HPE_HEADER_OVERFLOW: new Fault('header_too_large', 'the headers are too large'),
  HPE_CHUNK_EXTENSIONS_OVERFLOW: new Fault('body_too_large', 'the chunk extensions are too large'),
  ERR_HTTP_REQUEST_TIMEOUT: new Fault('too_slow', 'the request did not arrive in time'),
}

const MALFORMED = new Fault('bad_http', 'this is no HTTP/1.1 request')

/** What is wrong with a request that never became one, by the code of Node's parser. */
export function brokenHttp(code: string | undefined): Fault {
  return (code === undefined ? undefined : BY_CODE[code]) ?? MALFORMED
}

/** A whole response as text, for a connection on which there is no request to respond to; it closes afterwards. */
export function lastResponse(
  status: number,
  reason: string,
  { type, body }: { readonly type: string; readonly body: Buffer },
): string {
  const head = [
    `HTTP/1.1 ${status} ${reason}`,
    `Content-Type: ${type}`,
    `Content-Length: ${body.length}`,
    'Connection: close',
  ]
  return `${head.join('\r\n')}\r\n\r\n${body.toString('utf8')}`
}
