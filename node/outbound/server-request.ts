import { RPC } from '../../protocol/errors.ts'
import { writeError, writeResult } from '../../protocol/hop-response.ts'
import type { UpstreamMessage } from '../../protocol/upstream-message.ts'
import type { Respond } from './connection.ts'

/** Answers a ping; false for any other request. */
export function answerPing({ id, method }: UpstreamMessage, respond: Respond): boolean {
  if (method !== 'ping') return false
  if (id !== undefined && id !== null) respond(writeResult(id, '{}'))
  return true
}

/** Answers a question of a 2025 server that nobody will be asked, and says why; default: nothing of the kind is offered. */
export function refuseQuestion(
  { id, method }: UpstreamMessage,
  respond: Respond,
  why: string = `this client offers no ${String(method).slice(0, 100)}`,
): void {
  if (id === undefined || id === null) return
  respond(writeError(id, { code: RPC.methodNotFound, message: why }))
}
