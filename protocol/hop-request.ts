import { FEDERATION, writeTrail, type HopTrail } from './federation.ts'
import { memberOf } from './json-bytes.ts'
import { insertMembers, splice, type Edit } from './json-edit.ts'
import type { RpcRequest } from './jsonrpc.ts'
import { META, metaForNextHop } from './meta.ts'
import type { Era } from './revisions.ts'

/** A caller's request as the next hop gets it. */
export interface HopRequest {
  readonly source: RpcRequest
  /** Our id on that link, and our progress token where the caller gave one. */
  readonly id: number
  /** The name the next hop knows the tool by. */
  readonly name: string
  readonly trail: HopTrail
  /** `traceparent` of the HTTP request, used where `_meta` has none (SEP-414). */
  readonly traceparent?: string | undefined
}

/** Members of `_meta` that are the same for all requests of a link: revision, capabilities, our own name. */
export type LinkMeta = string

/** The link's constant part of `_meta`; empty in the 2025 era, whose sessions state all this once. */
export function linkMeta(
  era: Era,
  clientInfo: object,
  capabilities: object,
  revision: string,
): LinkMeta {
  if (era === '2025') return ''
  const pairs: readonly (readonly [string, unknown])[] = [
    [META.protocolVersion, revision],
    [META.clientCapabilities, capabilities],
    [META.clientInfo, clientInfo],
  ]
  return pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')
}

/**
 * The text of the request for the next hop. Only the id, the name and `_meta` differ from what came in; arguments and
 * unknown members keep their bytes.
 */
export function writeHopRequest(request: HopRequest, link: LinkMeta): Buffer {
  const { source, id, name } = request
  const { raw, members, paramMembers } = source
  const meta = source.metaMembers ?? []
  const edits: Edit[] = []
  const replace = (list: typeof members, key: string, text: string): boolean => {
    const found = memberOf(list, key)
    if (found !== undefined) edits.push({ start: found.start, end: found.end, text })
    return found !== undefined
  }
  replace(members, 'id', String(id))
  replace(paramMembers, 'name', JSON.stringify(name))
  const text = metaForNextHop(raw, meta, ownMeta(request, link))
  if (!replace(paramMembers, '_meta', text)) {
    const params = memberOf(members, 'params')
    if (params !== undefined) edits.push(insertMembers(raw, params.start, `"_meta":${text}`))
  }
  return splice(raw, edits)
}

function ownMeta(request: HopRequest, link: LinkMeta): string {
  const { source, id, trail, traceparent } = request
  const meta = source.metaMembers ?? []
  let own = `"${FEDERATION}":${writeTrail(trail)}`
  if (link !== '') own = `${link},${own}`
  if (memberOf(meta, META.progressToken) !== undefined) own += `,"progressToken":${id}`
  const level = memberOf(meta, META.logLevel)
  if (link !== '' && level !== undefined) {
    own += `,"${META.logLevel}":${source.raw.toString('utf8', level.start, level.end)}`
  }
  if (traceparent !== undefined && memberOf(meta, META.traceparent) === undefined) {
    own += `,"traceparent":${JSON.stringify(traceparent)}`
  }
  return own
}
