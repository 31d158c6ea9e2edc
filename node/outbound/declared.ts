/** What an upstream declares it does besides answering (MCP 2026-07-28 and 2025-11-25, ServerCapabilities). */

import { LIST_KINDS, type ListKind } from '../../protocol/capability.ts'
import { isObject } from '../../protocol/jsonrpc.ts'
import type { ServerFacts } from './connection.ts'

/** Whether it says when that list changes. */
export function reportsChanges({ capabilities }: ServerFacts, of: ListKind): boolean {
  const declared = capabilities[of]
  return isObject(declared) && declared['listChanged'] === true
}

/** The lists it says changes of. */
export function reportedKinds(server: ServerFacts): readonly ListKind[] {
  return LIST_KINDS.filter((of) => reportsChanges(server, of))
}

/** Whether it takes subscriptions to resources. */
export function takesSubscriptions({ capabilities }: ServerFacts): boolean {
  const declared = capabilities['resources']
  return isObject(declared) && declared['subscribe'] === true
}

/** Whether it sends log messages. */
export function sendsLogs({ capabilities }: ServerFacts): boolean {
  return isObject(capabilities['logging'])
}
