/** What is common to the ways a question of an upstream reaches the caller of one call. */

import type { ClientCapabilities } from '../../protocol/client-capabilities.ts'
import { Fault, RPC } from '../../protocol/errors.ts'
import { writeError } from '../../protocol/hop-response.ts'
import { missingFor, objectText, type InputRequest } from '../../protocol/input-required.ts'
import { memberOf } from '../../protocol/json-bytes.ts'
import type { RpcId } from '../../protocol/jsonrpc.ts'
import type { UpstreamMessage } from '../../protocol/upstream-message.ts'
import type { CallerAnswer } from '../core/stages.ts'

/** A question of an upstream of era 2025, which waits for a response under its own id. */
export interface UpstreamQuestion extends Omit<InputRequest, 'key'> {
  readonly id: RpcId
}

/** Reads a request of an upstream; undefined when it has no id to answer under. */
export function readQuestion({
  raw,
  members,
  id,
  method,
}: UpstreamMessage): UpstreamQuestion | undefined {
  if (id === undefined || id === null || method === undefined) return undefined
  return { id, method, params: objectText(raw, memberOf(members, 'params')) }
}

/** The response to a question the caller cannot be asked: to the upstream it is a client without that capability. */
export function refusal({ id, method }: UpstreamQuestion): Buffer {
  const message = `this client offers no ${method.slice(0, 100)}`
  return writeError(id, { code: RPC.methodNotFound, message })
}

/** The response to a question nobody can answer any more. */
export function withdrawal({ id }: UpstreamQuestion, message: string): Buffer {
  return writeError(id, { code: RPC.internalError, message })
}

/** The response to a question, with what the caller answered. */
export function writeAnswer(id: RpcId, answer: CallerAnswer): Buffer {
  const [key, text] = 'result' in answer ? ['result', answer.result] : ['error', answer.error]
  const head = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"${key}":`
  return Buffer.concat([Buffer.from(head), text, Buffer.from('}')])
}

/**
 * Holds what a 2026 upstream asks against what the caller declared.
 *
 * @throws Fault `upstream_protocol`: the upstream was told what it can ask
 */
export function refuseUndeclared(
  requests: readonly InputRequest[],
  capabilities: ClientCapabilities,
): void {
  const bad = requests.find((request) => missingFor(capabilities, request) !== undefined)
  if (bad === undefined) return
  const text = `the upstream asks for ${bad.method.slice(0, 100)}, for which no capability was declared`
  throw new Fault('upstream_protocol', text)
}
