import { isUtf8 } from 'node:buffer'
import { Fault, RPC } from './errors.ts'
import { resultTypeOf } from './input-required.ts'
import { duplicateKey, memberOf, members, type Member } from './json-bytes.ts'
import { insertMembers, pieces, removeMembers, splice, type Edit } from './json-edit.ts'
import type { RpcId } from './jsonrpc.ts'
import { META } from './meta.ts'
import { changeMeta, type MetaChanges } from './meta-edit.ts'
import type { Era } from './revisions.ts'
import { readError, type UpstreamMessage } from './upstream-message.ts'

/** What a response is rewritten for. */
export interface ResponseFrame {
  readonly callerId: RpcId
  readonly callerEra: Era
  /** JSON text of our own serverInfo, stated in every result of the 2026 era. */
  readonly serverInfo: string
  /** The `resultType` the caller can go on from besides `complete`. */
  readonly unfinished?: 'input_required' | 'task' | undefined
  /** Whether the result says how long it may be kept (MCP 2026-07-28, utilities/caching). */
  readonly cacheable?: boolean
  /** What else `_meta` of a result has, or has no more. */
  readonly meta?: MetaChanges
  /** Further edits of a result: URIs, ids and states that differ on the two sides of a hop. */
  readonly edits?: readonly Edit[]
}

/** A response for the caller, and the error code in it, if it is one. */
export interface HopResponse {
  /** In parts, to be sent one after the other. */
  readonly text: readonly Buffer[]
  readonly errorCode: number | undefined
}

/**
 * An upstream's response as the caller gets it. The caller's id, `resultType` and `serverInfo` are put in place; all
 * else keeps its bytes, errors with their code and data included.
 *
 * @throws Fault `upstream_protocol` when the result is of a type the caller has no way to go on from
 */
export function writeHopResponse(message: UpstreamMessage, frame: ResponseFrame): HopResponse {
  const { raw } = message
  if (!isUtf8(raw)) throw protocolFault('text that is not UTF-8')
  const edits: Edit[] = [idEdit(message, frame.callerId)]
  const result = memberOf(message.members, 'result')
  if (result === undefined) {
    const error = readError(message)
    if (error === undefined) throw protocolFault('a response without result or error')
    if (frame.edits !== undefined) edits.push(...frame.edits)
    const { code } = error
    if (frame.callerEra === '2025' || code !== RPC.resourceNotFound) {
      return { text: pieces(raw, edits), errorCode: code }
    }
    edits.push(codeEdit(message, RPC.invalidParams))
    return { text: pieces(raw, edits), errorCode: RPC.invalidParams }
  }
  // Two readers must not see two answers.
  if (duplicateKey(message.members) !== undefined) throw protocolFault('a member twice')
  if (readError(message) !== undefined) throw protocolFault('a result and an error in one')
  const list = result.inside
  if (list === undefined) throw protocolFault('a result that is no object')
  refuseUnfinished(message, frame.unfinished)
  edits.push(
    ...(frame.callerEra === '2026' ? modern(raw, result, frame) : legacy(raw, result, frame)),
  )
  if (frame.edits !== undefined) edits.push(...frame.edits)
  return { text: pieces(raw, edits), errorCode: undefined }
}

/** The code of 2025 for a resource that is not there must not be used in 2026 (MCP 2026-07-28, changelog). */
function codeEdit({ raw, members: list }: UpstreamMessage, code: number): Edit {
  const error = memberOf(list, 'error')
  const found = error === undefined ? undefined : memberOf(members(raw, error.start), 'code')
  if (found === undefined) throw protocolFault('an error without a code')
  return { start: found.start, end: found.end, text: String(code) }
}

function protocolFault(what: string): Fault {
  return new Fault('upstream_protocol', `the upstream sent ${what}`)
}

function idEdit({ raw, members: list }: UpstreamMessage, callerId: RpcId): Edit {
  const id = memberOf(list, 'id')
  const text = JSON.stringify(callerId)
  return id === undefined
    ? insertMembers(raw, raw.indexOf(0x7b), `"id":${text}`)
    : { start: id.start, end: id.end, text }
}

/** `input_required` and extension types need capabilities; the caller may have declared none. */
function refuseUnfinished(message: UpstreamMessage, allowed: string | undefined): void {
  const type = resultTypeOf(message)
  if (type === undefined || type === 'complete' || type === allowed) return
  throw protocolFault(`resultType ${type.slice(0, 40)}, for which no capability was declared`)
}

function modern(raw: Buffer, result: Member, frame: ResponseFrame): Edit[] {
  const { serverInfo, cacheable } = frame
  const list = result.inside ?? []
  const edits: Edit[] = []
  const add: string[] = []
  if (memberOf(list, 'resultType') === undefined) add.push('"resultType":"complete"')
  if (cacheable === true) {
    if (memberOf(list, 'ttlMs') === undefined) add.push('"ttlMs":0')
    if (memberOf(list, 'cacheScope') === undefined) add.push('"cacheScope":"private"')
  }
  const meta = memberOf(list, '_meta')
  if (frame.meta !== undefined) {
    const own = [[META.serverInfo, serverInfo], ...frame.meta] as const
    const { edits: changes, member } = changeMeta(raw, meta, own)
    if (member !== undefined) add.push(member)
    edits.push(...changes)
  } else if (meta === undefined) add.push(`"_meta":{"${META.serverInfo}":${serverInfo}}`)
  else edits.push(setServerInfo(raw, meta, serverInfo))
  if (add.length > 0) edits.push(insertMembers(raw, result.start, add.join(',')))
  return edits
}

function setServerInfo(raw: Buffer, { start, end, inside }: Member, serverInfo: string): Edit {
  const own = `"${META.serverInfo}":${serverInfo}`
  // Some servers write `null` for what they leave out.
  if (inside === undefined) return { start, end, text: `{${own}}` }
  const found = memberOf(inside, META.serverInfo)
  return found === undefined
    ? insertMembers(raw, start, own)
    : { start: found.start, end: found.end, text: serverInfo }
}

function isServerInfo({ key }: Member): boolean {
  return key === META.serverInfo
}

/** Era 2025 knows structured content as an object only; other values are kept under `result`. */
function legacy(raw: Buffer, result: Member, frame: ResponseFrame): Edit[] {
  const list = result.inside ?? []
  const edits = legacyMeta(raw, result, frame)
  const structured = memberOf(list, 'structuredContent')
  if (structured !== undefined && raw[structured.start] !== 0x7b) {
    const { start, end } = structured
    edits.push({ start, end: start, text: '{"result":' }, { start: end, end, text: '}' })
  }
  return edits
}

function legacyMeta(raw: Buffer, result: Member, { meta: own }: ResponseFrame): Edit[] {
  const list = result.inside ?? []
  const meta = memberOf(list, '_meta')
  const inside = meta?.inside ?? []
  if (own?.some(([, text]) => text !== undefined) === true) {
    const { edits, member } = changeMeta(raw, meta, [...own, [META.serverInfo, undefined]])
    return member === undefined ? [...edits] : [insertMembers(raw, result.start, member)]
  }
  const gone = new Set(own?.map(([key]) => key))
  const isGone = (member: Member): boolean => isServerInfo(member) || gone.has(member.key)
  return inside.length > 0 && inside.every(isGone)
    ? removeMembers(list, ({ key }) => key === '_meta')
    : removeMembers(inside, isGone)
}

/** A progress notification with the caller's token in place of ours. */
export function writeHopProgress(message: UpstreamMessage, token: RpcId): Buffer {
  const params = memberOf(message.members, 'params')?.inside ?? []
  const found = memberOf(params, 'progressToken')
  if (found === undefined) throw protocolFault('progress without a token')
  return splice(message.raw, [{ start: found.start, end: found.end, text: JSON.stringify(token) }])
}

/** A response the node makes itself; `result` is JSON text. */
export function writeResult(id: RpcId, result: string): Buffer {
  return Buffer.from(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${result}}`)
}

/** An error response; an id of null is for a request that could not be read (JSON-RPC 2.0 §5). */
export function writeError(id: RpcId | null, error: object): Buffer {
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, error }))
}

/** A notification the node makes itself. */
export function writeNotification(method: string, params?: object): Buffer {
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', method, ...(params && { params }) }))
}
