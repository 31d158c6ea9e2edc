import { FEDERATION } from '../../protocol/federation.ts'
import type { JsonObject } from '../../protocol/jsonrpc.ts'
import type { Era } from '../../protocol/revisions.ts'
import type { Self } from './connection.ts'

/**
 * The capabilities this node offers an upstream: the federation extension alone. Sampling, elicitation and roots belong
 * to the caller at the far end and are offered only where they can be carried to it.
 */
export function selfCapabilities(self: Self, era: Era): JsonObject {
  if (self.federation === undefined) return {}
  // 2025-11-25 has no `extensions`; `experimental` is where a client may say more.
  const holder = era === '2026' ? 'extensions' : 'experimental'
  return { [holder]: { [FEDERATION]: self.federation } }
}
