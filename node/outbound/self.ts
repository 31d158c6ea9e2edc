import { TASKS_EXTENSION } from '../../protocol/client-capabilities.ts'
import { FEDERATION } from '../../protocol/federation.ts'
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts'
import type { Era } from '../../protocol/revisions.ts'
import type { Self } from './connection.ts'

/**
 * The capabilities stated to an upstream: what is offered in a caller's place (as in `ClientCapabilities`), and the
 * federation extension. Sampling, elicitation and roots are never the node's own. An upstream of era 2025 has tasks of
 * its own, and none of the extension.
 */
export function selfCapabilities(self: Self, era: Era, offered: string): JsonObject {
  const all = JSON.parse(`{${offered}}`) as JsonObject
  const capabilities = era === '2025' ? withoutTasks(all) : all
  if (self.federation === undefined) return capabilities
  // 2025-11-25 has no `extensions`; `experimental` is where a client may say more.
  const holder = era === '2026' ? 'extensions' : 'experimental'
  const others = isObject(capabilities[holder]) ? capabilities[holder] : {}
  return { ...capabilities, [holder]: { ...others, [FEDERATION]: self.federation } }
}

function withoutTasks(capabilities: JsonObject): JsonObject {
  const { extensions, ...rest } = capabilities
  if (!isObject(extensions)) return capabilities
  const { [TASKS_EXTENSION]: _, ...others } = extensions
  return Object.keys(others).length === 0 ? rest : { ...rest, extensions: others }
}
