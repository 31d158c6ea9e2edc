import { Fault } from '../../protocol/errors.ts'
import { FEDERATION, type FederationSettings } from '../../protocol/federation.ts'
import { writeResult } from '../../protocol/hop-response.ts'
import type { JsonObject, RpcId } from '../../protocol/jsonrpc.ts'
import { META } from '../../protocol/meta.ts'
import {
  hasCoreTasks,
  SERVED_REVISIONS,
  type Era,
  type LegacyRevision,
} from '../../protocol/revisions.ts'
import type { EndpointDescription, ListPage, Received } from '../core/stages.ts'

/** What the node says of itself. */
export interface Identity {
  readonly serverInfo: JsonObject
  readonly federation: FederationSettings
}

/** How long what an endpoint says of itself may be kept, milliseconds. It changes only with the configuration. */
const DISCOVER_TTL_MS = 60_000

/** Declared always: what an upstream that is not there now will bring cannot be known, and clients ask only once. */
const CAPABILITIES = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { listChanged: true, subscribe: true },
  completions: {},
  logging: {},
}

/** The extension for tasks. A session of era 2025 has tasks of its own, and must not be offered both. */
export const TASKS = 'io.modelcontextprotocol/tasks'

/** What a caller gets that asks for tasks of the extension without declaring it (SEP-2663). */
export function tasksMissing(): Fault {
  return new Fault('missing_capability', `the client does not declare ${TASKS}`, {
    data: { requiredCapabilities: { extensions: { [TASKS]: {} } } },
  })
}

export const SKILLS = 'io.modelcontextprotocol/skills'

/** Sends the result of a request, given as JSON text. */
export function complete({ request, reply, scope }: Received, result: string): void {
  scope.finish()
  reply.finish([writeResult(request.id, result)])
}

/** What is published of an endpoint holds for who asks it, too (SEP-2127, consistency with runtime behavior). */
function described(
  { title, instructions, card }: EndpointDescription,
  identity: Identity,
): JsonObject {
  const serverInfo = {
    ...identity.serverInfo,
    ...(title !== undefined && { title }),
    ...card,
  }
  return { serverInfo, ...(instructions !== undefined && { instructions }) }
}

/** The result of `server/discover` (MCP 2026-07-28, server/discover). */
export function discoverResult(endpoint: EndpointDescription, identity: Identity): JsonObject {
  const { serverInfo, ...rest } = described(endpoint, identity)
  return {
    resultType: 'complete',
    supportedVersions: SERVED_REVISIONS,
    capabilities: {
      ...CAPABILITIES,
      extensions: { ...endpoint.extensions, [FEDERATION]: federationOf(endpoint, identity) },
    },
    ...rest,
    ttlMs: DISCOVER_TTL_MS,
    cacheScope: endpoint.isPublic ? 'public' : 'private',
    _meta: { [META.serverInfo]: serverInfo },
  }
}

/** The result of `initialize` (MCP 2025-11-25, basic/lifecycle). */
export function initializeResult(
  endpoint: EndpointDescription,
  identity: Identity,
  revision: LegacyRevision,
): JsonObject {
  const { tasks } = endpoint
  const { [TASKS]: _, ...extensions } = endpoint.extensions
  return {
    protocolVersion: revision,
    capabilities: {
      ...CAPABILITIES,
      ...(tasks !== undefined && hasCoreTasks(revision) && { tasks }),
      // No revision of this era knows `extensions`; hosts of MCP Apps look for them here all the same.
      ...(Object.keys(extensions).length > 0 && { extensions }),
      experimental: { [FEDERATION]: federationOf(endpoint, identity) },
    },
    ...described(endpoint, identity),
  }
}

function federationOf(
  { names }: EndpointDescription,
  { federation }: Identity,
): FederationSettings {
  return { ...federation, uris: names === 'plain' ? 'plain' : 'exposed' }
}

/** The response to a list request, its items passed on as they stand in the cache. */
export function listResponse(
  id: RpcId,
  page: ListPage,
  { era, serverInfo }: { era: Era; serverInfo: string },
): readonly Buffer[] {
  const head = Buffer.from(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{`)
  const view = page.view === undefined ? '' : `"${META.view}":${JSON.stringify(page.view)}`
  const tail =
    era === '2025'
      ? `${view === '' ? '' : `,"_meta":{${view}}`}}}`
      : `,"resultType":"complete","ttlMs":${page.ttlMs},"cacheScope":"${page.cacheScope}",` +
        `"_meta":{"${META.serverInfo}":${serverInfo}${view === '' ? '' : `,${view}`}}}}`
  return [head, page.items, Buffer.from(tail)]
}
