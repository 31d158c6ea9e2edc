import type { Member } from './json-bytes.ts'

/** Keys of `_meta` that MCP 2026-07-28 reserves (basic/index), and our own. */
export const META = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  logLevel: 'io.modelcontextprotocol/logLevel',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
  progressToken: 'progressToken',
  traceparent: 'traceparent',
  tracestate: 'tracestate',
  baggage: 'baggage',
  federation: 'io.github.banyan-mcp/federation',
  /**
   * Between nodes. In results of list requests: `{ digest, unchanged? }`, what the node calls this very list. In list
   * requests: the digest of the list the asker has.
   */
  view: 'io.github.banyan-mcp/view',
  /** In results and tools: what their origin signed, a JWS. In requests: `{ nonce }`, to be signed with the result. */
  provenance: 'io.github.banyan-mcp/provenance',
  /** What the node that answers made of it; nobody else's word on that counts. */
  verdict: 'io.github.banyan-mcp/provenance-verdict',
} as const

/**
 * Request keys that say something about one hop only. They are never passed on: the node states its own to the next
 * hop. Everything else in `_meta` belongs to the two ends and survives.
 */
const PER_HOP: ReadonlySet<string> = new Set([
  META.protocolVersion, // of that link, which may speak another revision
  META.clientCapabilities, // what this node can carry, never more than the caller has
  META.clientInfo, // the client of the next hop is this node
  META.logLevel, // asked for again where the link's era has it
  META.progressToken, // unique among the requests of one sender only
  META.federation, // budget and path change at each hop
  META.view, // is about the list of that hop
])

/**
 * `_meta` for the next hop: the caller's own keys in their own bytes, then `own` (members without braces).
 *
 * @param meta the members of the caller's `_meta`; empty when there is none
 */
export function metaForNextHop(bytes: Buffer, meta: readonly Member[], own: string): string {
  let text = ''
  for (const { key, keyStart, end } of meta) {
    if (!PER_HOP.has(key)) text += `${bytes.toString('utf8', keyStart, end)},`
  }
  // `own` is never empty: each request says how far it may still go.
  return `{${text}${own}}`
}
