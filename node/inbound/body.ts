import type { IncomingMessage, ServerResponse } from 'node:http'
import { Fault } from '../../protocol/errors.ts'

/**
 * Reads a request body of at most `maxBytes`.
 *
 * @throws Fault `body_too_large` before more than that has been read, `cancelled` when the client goes away first
 */
export function readRequestBody(
  { request, response }: { request: IncomingMessage; response: ServerResponse },
  maxBytes: number,
): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0)
  if (declared > maxBytes) return Promise.reject(tooLarge(maxBytes))
  // Only now is it known that the body is wanted.
  if (request.headers.expect !== undefined) response.writeContinue()
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > maxBytes) {
        request.pause()
        reject(tooLarge(maxBytes))
      } else chunks.push(chunk)
    })
    request.on('end', () => {
      const [only] = chunks
      resolve(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks))
    })
    request.on('close', () => {
      if (!request.complete) reject(new Fault('cancelled', 'the client went away'))
    })
  })
}

function tooLarge(maxBytes: number): Fault {
  return new Fault('body_too_large', `the body is larger than ${maxBytes} bytes`)
}
