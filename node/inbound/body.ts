import { Buffer } from 'node:buffer'
import { Fault } from '../../protocol/errors.ts'
import type { HttpExchange } from './http.ts'

/**
 * Reads a request body of at most `maxBytes` and hands it over. What goes wrong later, in `take` as well, goes to the
 * `fail` of the exchange: `body_too_large` before more than that has been read, `cancelled` when the client goes away.
 *
 * @throws Fault `body_too_large` when the client says so itself
 */
export function readRequestBody(
  { request, response, fail }: Pick<HttpExchange, 'request' | 'response' | 'fail'>,
  maxBytes: number,
  take: (body: Buffer) => void,
): void {
  const { headers } = request
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes)
  // Only now is it known that the body is wanted.
  if (headers.expect !== undefined) response.writeContinue()
  const chunks: Buffer[] = []
  let room = maxBytes
  let over = false
  const refuse = (error: unknown): void => {
    if (over) return
    over = true
    fail(error)
  }
  request.on('data', (chunk: Buffer) => {
    room -= chunk.length
    if (room >= 0) chunks.push(chunk)
    else {
      request.pause()
      refuse(tooLarge(maxBytes))
    }
  })
  request.on('end', () => {
    over = true
    try {
      take(joined(chunks))
    } catch (error) {
      fail(error)
    }
  })
  request.on('close', () => {
    if (!over) refuse(new Fault('cancelled', 'the client went away'))
  })
}

function joined(chunks: readonly Buffer[]): Buffer {
  const [only] = chunks
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)
}

function tooLarge(maxBytes: number): Fault {
  return new Fault('body_too_large', `the body is larger than ${maxBytes} bytes`)
}
