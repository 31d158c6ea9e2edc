import { FEDERATION, writeTrail, type HopTrail } from './federation.ts'
import { memberOf, type Member, type Span } from './json-bytes.ts'
import { insertMembers, removeMembers, splice, type Edit } from './json-edit.ts'
import type { RpcRequest } from './jsonrpc.ts'
import type { LogSeverity } from './log-level.ts'
import { META, metaForNextHop } from './meta.ts'
import type { Era } from './revisions.ts'

/** What a retry says besides the request it repeats (MCP 2026-07-28, patterns/mrtr). JSON texts; empty: none. */
export interface Retry {
  readonly inputResponses: string
  readonly requestState: string
}

/** Values of the members of a trace (W3C Trace Context, W3C Baggage). */
export interface TraceMembers {
  readonly traceparent: string
  readonly tracestate?: string | undefined
  readonly baggage?: string | undefined
}

/** A node's own place in a trace. */
export interface OwnTrace {
  readonly traceparent: string
  /** It begins here: a `tracestate` of another is not passed on (W3C Trace Context, §3.3). */
  readonly isNew: boolean
}

/** A caller's request as the next hop gets it. */
export interface HopRequest {
  readonly source: RpcRequest
  /** Our id on that link, and our progress token where the caller gave one. */
  readonly id: number
  /** Where the name or URI it is about stands, and what the next hop knows that by. */
  readonly target: Span
  readonly name: string
  readonly trail: HopTrail
  /** The least severe log messages the caller wants. */
  readonly logLevel: LogSeverity | undefined
  /** What the HTTP request says of a trace, used where `_meta` says nothing of one (SEP-414). */
  readonly trace?: TraceMembers | undefined
  /** What this node says of the trace, in place of what the caller does; undefined leaves that as it is. */
  readonly ownTrace?: OwnTrace | undefined
  /** What the origin is to sign with its result, in place of what the caller asks for; undefined leaves that as it is. */
  readonly nonce?: string | undefined
  /** Takes the place of what the caller's request says of a retry; undefined leaves that as it is. */
  readonly retry?: Retry | undefined
  /** Leaves out that a task is asked for, where only the next hop would understand it (MCP 2025-11-25, utilities/tasks). */
  readonly withoutTask?: boolean
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
 * The text of the request for the next hop. Only the id, the target, what a retry says and `_meta` differ from what came
 * in; arguments and unknown members keep their bytes.
 */
export function writeHopRequest(request: HopRequest, link: LinkMeta): Buffer {
  const { source, id, name, target, retry } = request
  const { raw, members, paramMembers } = source
  const edits: Edit[] = []
  const own = memberOf(members, 'id')
  if (own !== undefined) edits.push({ start: own.start, end: own.end, text: String(id) })
  edits.push({ start: target.start, end: target.end, text: JSON.stringify(name) })
  const text = metaForNextHop(raw, metaOf(request), ownMeta(request, link))
  const meta = memberOf(paramMembers, '_meta')
  if (meta !== undefined) edits.push({ start: meta.start, end: meta.end, text })
  const add = meta === undefined ? `"_meta":${text}` : ''
  if (retry !== undefined || request.withoutTask === true) {
    edits.push(...removeMembers(paramMembers, (member) => isReplaced(request, member)))
  }
  const added = retry === undefined ? add : [add, ...retryMembers(retry)].filter(isSome).join(',')
  const params = memberOf(members, 'params')
  if (added !== '' && params !== undefined) edits.push(insertMembers(raw, params.start, added))
  return splice(raw, edits)
}

function isReplaced({ retry, withoutTask }: HopRequest, { key }: Member): boolean {
  if (key === 'task') return withoutTask === true
  return retry !== undefined && (key === 'inputResponses' || key === 'requestState')
}

function retryMembers({ inputResponses, requestState }: Retry): readonly string[] {
  return [
    inputResponses === '' ? '' : `"inputResponses":${inputResponses}`,
    requestState === '' ? '' : `"requestState":${requestState}`,
  ]
}

function isSome(text: string): boolean {
  return text !== ''
}

/** The members of the caller's `_meta` that go on as they are, unless each hop has its own. */
function metaOf({ source, nonce, ownTrace }: HopRequest): readonly Member[] {
  const list = source.metaMembers ?? []
  if (nonce === undefined && ownTrace === undefined) return list
  return list.filter(({ key }) => {
    if (key === META.provenance) return nonce === undefined
    if (key === META.traceparent) return ownTrace === undefined
    return key !== META.tracestate || ownTrace?.isNew !== true
  })
}

function ownMeta(request: HopRequest, link: LinkMeta): string {
  const { source, id, trail, logLevel } = request
  const meta = source.metaMembers ?? []
  let own = `"${FEDERATION}":${writeTrail(trail)}`
  if (link !== '') own = `${link},${own}`
  if (memberOf(meta, META.progressToken) !== undefined) own += `,"progressToken":${id}`
  if (request.nonce !== undefined) own += `,"${META.provenance}":{"nonce":"${request.nonce}"}`
  if (link !== '' && logLevel !== undefined) own += `,"${META.logLevel}":"${logLevel}"`
  return own + traceMeta(request, meta)
}

/** Members that say where the request stands in a trace, each behind a comma. */
function traceMeta({ trace, ownTrace }: HopRequest, meta: readonly Member[]): string {
  const isTold = memberOf(meta, META.traceparent) !== undefined
  const { traceparent, tracestate, baggage } = (isTold ? undefined : trace) ?? {}
  const told = [
    [META.traceparent, ownTrace?.traceparent ?? traceparent],
    [META.tracestate, ownTrace?.isNew === true ? undefined : tracestate],
    [META.baggage, baggage],
  ] as const
  let text = ''
  for (const [key, value] of told) {
    const isThere = key !== META.traceparent && memberOf(meta, key) !== undefined
    if (value !== undefined && !isThere) text += `,"${key}":${JSON.stringify(value)}`
  }
  return text
}
