import { FEDERATION, type FederationSettings } from '../../protocol/federation.ts'
import type { JsonObject, RpcId } from '../../protocol/jsonrpc.ts'
import { META } from '../../protocol/meta.ts'
import { SERVED_REVISIONS, type Era, type LegacyRevision } from '../../protocol/revisions.ts'
import type { EndpointDescription, ListPage } from '../core/stages.ts'

/** What the node says of itself. */
export interface Identity {
  readonly serverInfo: JsonObject
  readonly federation: FederationSettings
}

/** How long what an endpoint says of itself may be kept, milliseconds. It changes only with the configuration. */
const DISCOVER_TTL_MS = 60_000

const TOOLS = { listChanged: true }

function described({ title, instructions }: EndpointDescription, identity: Identity): JsonObject {
  const serverInfo = title === undefined ? identity.serverInfo : { ...identity.serverInfo, title }
  return { serverInfo, ...(instructions !== undefined && { instructions }) }
}

/** The result of `server/discover` (MCP 2026-07-28, server/discover). */
export function discoverResult(endpoint: EndpointDescription, identity: Identity): JsonObject {
  const { serverInfo, ...rest } = described(endpoint, identity)
  return {
    resultType: 'complete',
    supportedVersions: SERVED_REVISIONS,
    capabilities: { tools: TOOLS, extensions: { [FEDERATION]: identity.federation } },
    ...rest,
    ttlMs: DISCOVER_TTL_MS,
    cacheScope: 'public',
    _meta: { [META.serverInfo]: serverInfo },
  }
}

/** The result of `initialize` (MCP 2025-11-25, basic/lifecycle). */
export function initializeResult(
  endpoint: EndpointDescription,
  identity: Identity,
  revision: LegacyRevision,
): JsonObject {
  return {
    protocolVersion: revision,
    // This era has no `extensions`.
    capabilities: { tools: TOOLS, experimental: { [FEDERATION]: identity.federation } },
    ...described(endpoint, identity),
  }
}

/** The response to a list request, its items passed on as they stand in the cache. */
export function listResponse(
  id: RpcId,
  page: ListPage,
  { era, serverInfo }: { era: Era; serverInfo: string },
): readonly Buffer[] {
  const head = Buffer.from(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{`)
  const tail =
    era === '2025'
      ? '}}'
      : `,"resultType":"complete","ttlMs":${page.ttlMs},"cacheScope":"${page.cacheScope}",` +
        `"_meta":{"${META.serverInfo}":${serverInfo}}}}`
  return [head, page.items, Buffer.from(tail)]
}
