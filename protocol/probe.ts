import { RPC } from './errors.ts'
import { isObject, type JsonObject } from './jsonrpc.ts'
import { MODERN_REVISION } from './revisions.ts'
import type { RpcError } from './upstream-message.ts'

/** What came back for `server/discover`, whatever the transport. */
export interface ProbeAnswer {
  /** HTTP status; undefined over stdio. */
  readonly status: number | undefined
  readonly answer: { readonly result: JsonObject } | { readonly error: RpcError } | undefined
}

/** What it means. */
export type Verdict =
  | { readonly era: '2026'; readonly discovered: JsonObject }
  | { readonly era: '2025' }
  | { readonly era: undefined; readonly reason: string }

/** Codes only the 2026 revision defines: whoever sends one speaks it, and `initialize` would be wrong. */
const MODERN_CODES: ReadonlySet<number> = new Set([
  RPC.headerMismatch,
  RPC.missingCapability,
  RPC.unsupportedVersion,
])

/** Codes by which a node refuses what it may take another time. */
const BUSY_CODES: ReadonlySet<number> = new Set([RPC.limited, RPC.overloaded, RPC.shuttingDown])

/**
 * The era of an upstream from its answer to `server/discover` (MCP 2026-07-28, basic/versioning). A 2026 error never
 * leads to `initialize`; refusals that say nothing of MCP, and any other JSON-RPC error, do; a server that is down or
 * wants credentials says nothing of its era.
 */
export function readProbe({ status, answer }: ProbeAnswer): Verdict {
  if (answer !== undefined && 'result' in answer) return readDiscovered(answer.result)
  if (answer !== undefined && MODERN_CODES.has(answer.error.code)) {
    return { era: undefined, reason: `it refuses the probe: ${modernRefusal(answer.error)}` }
  }
  // A node that is busy, or has had enough of us, has said nothing of its era.
  if (answer !== undefined && BUSY_CODES.has(answer.error.code)) {
    return { era: undefined, reason: `it refuses the probe: ${modernRefusal(answer.error)}` }
  }
  // An old server may put its refusal of an unknown method under any status, 500 included.
  if (answer !== undefined && status !== 401 && status !== 403) return { era: '2025' }
  if (status === 401 || status === 403) {
    return { era: undefined, reason: `it refuses our credentials (HTTP ${status})` }
  }
  if (status !== undefined && (status === 408 || status === 429 || status >= 500)) {
    return { era: undefined, reason: `it answers HTTP ${status}` }
  }
  return { era: '2025' }
}

function readDiscovered(result: JsonObject): Verdict {
  const versions = result['supportedVersions']
  if (!Array.isArray(versions)) return { era: '2025' }
  if (versions.includes(MODERN_REVISION)) return { era: '2026', discovered: result }
  return { era: undefined, reason: `it serves ${listed(versions)} only` }
}

function modernRefusal({ code, data }: RpcError): string {
  const supported = isObject(data) ? data['supported'] : undefined
  const versions = Array.isArray(supported) ? `; it serves ${listed(supported)}` : ''
  return `JSON-RPC error ${code}${versions}`
}

/** The revisions a server names, as words for the operator. It chose what stands there: any value, of any length. */
function listed(versions: readonly unknown[]): string {
  const texts = versions.filter((version) => typeof version === 'string').slice(0, 8)
  return texts.map((text) => text.slice(0, 40)).join(', ')
}
