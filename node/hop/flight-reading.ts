import { Fault, untaken, type FaultCode } from '../../protocol/errors.ts'
import type { JsonObject, RpcId } from '../../protocol/jsonrpc.ts'
import { memberOf } from '../../protocol/json-bytes.ts'
import { isSevereEnough } from '../../protocol/log-level.ts'
import { META } from '../../protocol/meta.ts'
import { readParams, type UpstreamMessage } from '../../protocol/upstream-message.ts'
import type { Received } from '../core/stages.ts'

/** A fault of the way to the upstream says that nothing got there; others speak of the request. */
export function ifUnreached(fault: Fault): Fault {
  const { code } = fault
  return code === 'upstream_unavailable' || code === 'upstream_timeout' ? untaken(fault) : fault
}

/** The progress token of a request. */
export function tokenOf({ request }: Received): RpcId | undefined {
  const token = request.meta(META.progressToken)
  return typeof token === 'string' || typeof token === 'number' ? token : undefined
}

/** A 2025 caller that set no level gets what the server sends unasked; one of 2026 that asked for none gets none. */
export function logFor(message: UpstreamMessage, { caller }: Received): Buffer | undefined {
  const { era, logLevel } = caller
  if (era === '2025' && logLevel === undefined) return message.raw
  return isSevereEnough(levelOf(readParams(message)), logLevel) ? message.raw : undefined
}

function levelOf({ level }: JsonObject): unknown {
  return level
}

/** What landing says on purpose; any other fault is of reading what the upstream sent. */
export const PASSED: ReadonlySet<FaultCode> = new Set([
  'upstream_protocol',
  'missing_capability',
  'overloaded',
  'unproved',
])

/** Of a response that no answer can be made of. */
export function malformed(cause: unknown): Fault {
  return new Fault('upstream_protocol', 'the upstream sent a malformed response', { cause })
}

/** Whether a 2025 upstream goes on with the call as a task (MCP 2025-11-25, utilities/tasks). */
export function makesTask({ members: list }: UpstreamMessage): boolean {
  const task = memberOf(memberOf(list, 'result')?.inside ?? [], 'task')
  return task !== undefined
}
