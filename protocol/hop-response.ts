import { Fault } from './errors.ts'
import {
  insertMembers,
  memberOf,
  members,
  removeMember,
  splice,
  type Edit,
  type Member,
} from './json-bytes.ts'
import type { RpcId } from './jsonrpc.ts'
import { META, metaSpan } from './meta.ts'
import type { Era } from './revisions.ts'
import { readError, type UpstreamMessage } from './upstream-message.ts'

/** What a response is rewritten for. */
export interface ResponseFrame {
  readonly callerId: RpcId
  readonly callerEra: Era
  /** JSON text of our own serverInfo, stated in every result of the 2026 era. */
  readonly serverInfo: string
}

/** A response for the caller, and the error code in it, if it is one. */
export interface HopResponse {
  readonly text: Buffer
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
  const edits: Edit[] = [idEdit(message, frame.callerId)]
  const result = memberOf(message.members, 'result')
  if (result === undefined) {
    const error = readError(message)
    if (error === undefined) throw protocolFault('a response without result or error')
    return { text: splice(raw, edits), errorCode: error.code }
  }
  if (raw[result.start] !== 0x7b) throw protocolFault('a result that is no object')
  const list = members(raw, result.start)
  refuseUnfinished(raw, list)
  edits.push(...(frame.callerEra === '2026' ? modern : legacy)(raw, result, list, frame.serverInfo))
  return { text: splice(raw, edits), errorCode: undefined }
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

/** `input_required` and extension types need capabilities; this node offers upstreams none it cannot carry. */
function refuseUnfinished(raw: Buffer, list: readonly Member[]): void {
  const type = memberOf(list, 'resultType')
  if (type === undefined) return
  const text = raw.toString('utf8', type.start, type.end)
  if (text !== '"complete"') {
    throw protocolFault(`resultType ${text.slice(0, 40)}, for which no capability was declared`)
  }
}

function modern(raw: Buffer, result: Member, list: readonly Member[], serverInfo: string): Edit[] {
  const edits: Edit[] = []
  const add: string[] = []
  const own = `"${META.serverInfo}":${serverInfo}`
  if (memberOf(list, 'resultType') === undefined) add.push('"resultType":"complete"')
  const meta = metaSpan(raw, list)
  if (meta === undefined) add.push(`"_meta":{${own}}`)
  else edits.push(setServerInfo(raw, meta.start, serverInfo, own))
  if (add.length > 0) edits.push(insertMembers(raw, result.start, add.join(',')))
  return edits
}

function setServerInfo(raw: Buffer, at: number, serverInfo: string, own: string): Edit {
  const found = memberOf(members(raw, at), META.serverInfo)
  return found === undefined
    ? insertMembers(raw, at, own)
    : { start: found.start, end: found.end, text: serverInfo }
}

/** Era 2025 knows structured content as an object only; other values are kept under `result`. */
function legacy(raw: Buffer, _result: Member, list: readonly Member[]): Edit[] {
  const edits: Edit[] = []
  const meta = metaSpan(raw, list)
  if (meta !== undefined) {
    const inside = members(raw, meta.start)
    const index = inside.findIndex(({ key }) => key === META.serverInfo)
    const whole = list.findIndex(({ key }) => key === '_meta')
    if (index !== -1) {
      edits.push(inside.length === 1 ? removeMember(list, whole) : removeMember(inside, index))
    }
  }
  const structured = memberOf(list, 'structuredContent')
  if (structured !== undefined && raw[structured.start] !== 0x7b) {
    const { start, end } = structured
    edits.push({ start, end: start, text: '{"result":' }, { start: end, end, text: '}' })
  }
  return edits
}

/** A progress notification with the caller's token in place of ours. */
export function writeHopProgress(message: UpstreamMessage, token: RpcId): Buffer {
  const params = memberOf(message.members, 'params')
  if (params === undefined) throw protocolFault('progress without params')
  const found = memberOf(members(message.raw, params.start), 'progressToken')
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
