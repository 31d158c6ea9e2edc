import { isUtf8 } from 'node:buffer'
import { Fault } from './errors.ts'
import { duplicateKey, elements, memberOf, members, skipSpace, type Member } from './json-bytes.ts'

/** An id as JSON-RPC allows it in MCP: a string or an integer, never null (MCP 2026-07-28, basic/index). */
export type RpcId = string | number

/** A JSON object whose members are not known. */
export type JsonObject = Record<string, unknown>

interface Common {
  /** The text of this message alone. */
  readonly raw: Buffer
  readonly members: readonly Member[]
}

/** A request, its params parsed once and its text kept for splicing. */
export interface RpcRequest extends Common {
  readonly kind: 'request'
  readonly id: RpcId
  readonly method: string
  readonly params: JsonObject
  /** Members of `params` by place in `raw`; empty when there are no params. */
  readonly paramMembers: readonly Member[]
}

/** A notification. */
export interface RpcNotification extends Common {
  readonly kind: 'notification'
  readonly method: string
  readonly params: JsonObject
}

/** A response; result and error stay text. */
export interface RpcResponse extends Common {
  readonly kind: 'response'
  readonly id: RpcId | null
}

export type RpcMessage = RpcRequest | RpcNotification | RpcResponse

/** Limits of what a caller may send; both are configuration. */
export interface MessageLimits {
  /** Levels of nesting. */
  readonly jsonDepth: number
  /** Bytes of `params._meta`. */
  readonly metaBytes: number
}

/** Whether a parsed value is a JSON object. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The text of a request body as a value, validated as UTF-8 and JSON. */
function parseText(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw new Fault('parse_error', 'the body is not valid UTF-8')
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    // The engine's message quotes the input, which may hold a secret.
    throw new Fault('parse_error', 'the body is not valid JSON')
  }
}

/** What a body holds: one message, or a batch of them (MCP 2025-03-26 only). */
export type RpcBody =
  | { readonly batch: false; readonly message: RpcMessage }
  | { readonly batch: true; readonly messages: readonly RpcMessage[] }

/**
 * Reads a body from a caller: validated, parsed once, and scanned once for the places of what a hop replaces.
 *
 * @throws Fault `parse_error`, `too_deep`, `duplicate_member` or `invalid_request`
 */
export function readBody(bytes: Buffer, limits: MessageLimits): RpcBody {
  const value = parseText(bytes)
  const start = skipSpace(bytes, 0)
  if (!Array.isArray(value)) return { batch: false, message: readMessage(bytes, value, limits) }
  const messages = elements(bytes, start, limits.jsonDepth).map((span, index) =>
    readMessage(bytes.subarray(span.start, span.end), value[index], limits),
  )
  return { batch: true, messages }
}

function refuseDuplicates(list: readonly Member[], where: string): void {
  const key = duplicateKey(list)?.slice(0, 100)
  if (key === undefined) return
  throw new Fault('duplicate_member', `${where} has the member ${JSON.stringify(key)} twice`, {
    data: { member: key },
  })
}

function invalid(message: string): Fault {
  return new Fault('invalid_request', message)
}

function refusePrototype(list: readonly Member[], where: string): void {
  if (list.some(({ key }) => key === '__proto__')) {
    throw invalid(`${where} has a member called "__proto__"`)
  }
}

/** What a hop replaces stands in these. */
const LOOK_INTO: ReadonlySet<string> = new Set(['params', '_meta'])

function readMessage(raw: Buffer, value: unknown, limits: MessageLimits): RpcMessage {
  if (!isObject(value)) throw invalid('a message must be a JSON object')
  const list = members(raw, skipSpace(raw, 0), limits.jsonDepth, LOOK_INTO)
  refuseDuplicates(list, 'the message')
  refusePrototype(list, 'the message')
  if (value['jsonrpc'] !== '2.0') throw invalid('"jsonrpc" must be "2.0"')
  if (Object.hasOwn(value, 'method')) return readCall(raw, value, { list, limits })
  if (!Object.hasOwn(value, 'result') && !Object.hasOwn(value, 'error')) {
    throw invalid('a message needs "method", "result" or "error"')
  }
  return { kind: 'response', raw, members: list, id: readId(value['id'], true) }
}

function readCall(
  raw: Buffer,
  value: JsonObject,
  { list, limits }: { list: readonly Member[]; limits: MessageLimits },
): RpcRequest | RpcNotification {
  const { method, params = {} } = value
  if (typeof method !== 'string' || method === '') throw invalid('"method" must be a string')
  if (!isObject(params)) throw new Fault('invalid_request', '"params" must be an object')
  const paramMembers = memberOf(list, 'params')?.inside ?? []
  refuseDuplicates(paramMembers, 'params')
  refusePrototype(paramMembers, 'params')
  checkMeta(paramMembers, limits)
  if (!Object.hasOwn(value, 'id')) {
    return { kind: 'notification', raw, members: list, method, params }
  }
  const id = readId(value['id'], false)
  return { kind: 'request', raw, members: list, id: id ?? '', method, params, paramMembers }
}

function checkMeta(paramMembers: readonly Member[], limits: MessageLimits): void {
  const meta = memberOf(paramMembers, '_meta')
  if (meta === undefined) return
  if (meta.end - meta.start > limits.metaBytes) {
    throw invalid(`params._meta is larger than ${limits.metaBytes} bytes`)
  }
  const { inside } = meta
  // What is no object is refused by whoever needs one: only there is the id of the request at hand.
  if (inside === undefined) return
  refuseDuplicates(inside, 'params._meta')
  refusePrototype(inside, 'params._meta')
}

function readId(value: unknown, orNull: boolean): RpcId | null {
  if (typeof value === 'string') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  if (orNull && (value === null || value === undefined)) return null
  throw invalid('"id" must be a string or an integer')
}
