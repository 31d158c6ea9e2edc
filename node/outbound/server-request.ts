import { RPC } from '../../protocol/errors.ts'
import { writeError, writeResult } from '../../protocol/hop-response.ts'
import type { UpstreamMessage } from '../../protocol/upstream-message.ts'

/**
 * The answer to a request of a 2025 server, or undefined when it asks for none. Pings are answered; all else the node has
 * offered no capability for.
 */
export function answerServerRequest({ id, method }: UpstreamMessage): Buffer | undefined {
  if (id === undefined || id === null) return undefined
  if (method === 'ping') return writeResult(id, '{}')
  return writeError(id, {
    code: RPC.methodNotFound,
    message: `this client offers no ${String(method)}`,
  })
}
