import { isUtf8 } from 'node:buffer'
import { Fault } from './errors.ts'
import { duplicateKey, elements, memberOf, readObject, type Member } from './json-bytes.ts'
import { readValue } from './json-value.ts'
import { checkValue, skipSpace } from './json-check.ts'

/** An id as JSON-RPC allows it in MCP: a string or an integer, never null (MCP 2026-07-28, basic/index). */
export type RpcId = string | number

/** A JSON object whose members are not known. */
export type JsonObject = Record<string, unknown>

interface Common {
  /** The text of this message alone. */
  readonly raw: Buffer
  readonly members: readonly Member[]
}

/** What a caller asks or says: its text is kept for splicing, and values are made of what somebody reads. */
interface Call extends Common {
  readonly method: string
  /** Members of `params` by place in `raw`; empty when there are no params. */
  readonly paramMembers: readonly Member[]
  /** Members of `params._meta` by place in `raw`; empty when there is none, undefined when it is no object. */
  readonly metaMembers: readonly Member[] | undefined
  /** One of the params as a value; undefined when there is none. */
  param(key: string): unknown
  /** One member of `params._meta` as a value; undefined when there is none. */
  meta(key: string): unknown
}

/** A request. */
export interface RpcRequest extends Call {
  readonly kind: 'request'
  readonly id: RpcId
  /** What is known of it before it is read; undefined for one that was read. */
  readonly envelope?: RequestEnvelope | undefined
}

/**
 * What another node says in front of a request, so that its text need not be read to be passed on. Whoever asks for a
 * member all the same has the text read, and held against this: then whatever is asked throws `header_mismatch` when they
 * do not agree, and what else is wrong with the text. A request that has one says nothing of a retry.
 */
export interface RequestEnvelope {
  /** The name or URI it is about. */
  readonly name: string
  /** Whether there is a progress token. */
  readonly progress: boolean
  /** The text as it came, one part behind the other. */
  readonly parts: readonly Buffer[]
  /** Reads the text. @throws Fault as `readBody`, and `header_mismatch` */
  check(): void
}

/** A notification. */
export interface RpcNotification extends Call {
  readonly kind: 'notification'
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

function notJson(): Fault {
  // Without the words of an engine: those quote the input, which may hold a secret.
  return new Fault('parse_error', 'the body is not valid JSON')
}

/** What a body holds: one message, or a batch of them (MCP 2025-03-26 only). */
export type RpcBody =
  | { readonly batch: false; readonly message: RpcMessage }
  | { readonly batch: true; readonly messages: readonly RpcMessage[] }

/**
 * Reads a body from a caller: validated, and scanned once for the places of what a hop replaces.
 *
 * @throws Fault `parse_error`, `too_deep`, `duplicate_member` or `invalid_request`
 */
export function readBody(bytes: Buffer, limits: MessageLimits): RpcBody {
  if (!isUtf8(bytes)) throw new Fault('parse_error', 'the body is not valid UTF-8')
  const start = skipSpace(bytes, 0)
  if (bytes[start] === 0x5b) return { batch: true, messages: readBatch(bytes, start, limits) }
  if (bytes[start] === 0x7b) return { batch: false, message: readMessage(bytes, start, limits) }
  checkToEnd(bytes, checkValue(bytes, start, limits.jsonDepth))
  throw invalid('a message must be a JSON object')
}

function checkToEnd(bytes: Buffer, end: number): void {
  if (skipSpace(bytes, end) !== bytes.length) throw notJson()
}

function readBatch(bytes: Buffer, at: number, limits: MessageLimits): readonly RpcMessage[] {
  checkToEnd(bytes, checkValue(bytes, at, limits.jsonDepth))
  // The list is one of the levels.
  const inner = { ...limits, jsonDepth: limits.jsonDepth - 1 }
  return elements(bytes, at, limits.jsonDepth).map(({ start, end }) => {
    if (bytes[start] !== 0x7b) throw invalid('a message must be a JSON object')
    return readMessage(bytes.subarray(start, end), 0, inner)
  })
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

function readMessage(raw: Buffer, at: number, limits: MessageLimits): RpcMessage {
  const { members: list, end } = readObject(raw, at, { depth: limits.jsonDepth, into: LOOK_INTO })
  checkToEnd(raw, end)
  refuseDuplicates(list, 'the message')
  refusePrototype(list, 'the message')
  if (valueOf(raw, list, 'jsonrpc') !== '2.0') throw invalid('"jsonrpc" must be "2.0"')
  if (memberOf(list, 'method') !== undefined) return readCall(raw, list, limits)
  if (memberOf(list, 'result') === undefined && memberOf(list, 'error') === undefined) {
    throw invalid('a message needs "method", "result" or "error"')
  }
  return { kind: 'response', raw, members: list, id: readId(valueOf(raw, list, 'id'), true) }
}

/** The value of a member; undefined when there is none. */
function valueOf(raw: Buffer, list: readonly Member[], key: string): unknown {
  const found = memberOf(list, key)
  return found === undefined ? undefined : readValue(raw, found)
}

function readCall(
  raw: Buffer,
  list: readonly Member[],
  limits: MessageLimits,
): RpcRequest | RpcNotification {
  const method = valueOf(raw, list, 'method')
  if (typeof method !== 'string' || method === '') throw invalid('"method" must be a string')
  const params = memberOf(list, 'params')
  const paramMembers = params === undefined ? [] : params.inside
  if (paramMembers === undefined) throw invalid('"params" must be an object')
  refuseDuplicates(paramMembers, 'params')
  refusePrototype(paramMembers, 'params')
  checkMeta(paramMembers, limits)
  const call = { raw, members: list, method, paramMembers }
  if (memberOf(list, 'id') === undefined) return new ParsedNotification(call)
  return new ParsedRequest(call, readId(valueOf(raw, list, 'id'), false) ?? '')
}

type Scanned = Pick<Call, 'raw' | 'members' | 'method' | 'paramMembers'>

class ParsedCall implements Call {
  readonly raw: Buffer
  readonly members: readonly Member[]
  readonly method: string
  readonly paramMembers: readonly Member[]
  readonly metaMembers: readonly Member[] | undefined

  constructor({ raw, members, method, paramMembers }: Scanned) {
    this.raw = raw
    this.members = members
    this.method = method
    this.paramMembers = paramMembers
    const meta = memberOf(paramMembers, '_meta')
    this.metaMembers = meta === undefined ? NONE : meta.inside
  }

  param(key: string): unknown {
    return valueOf(this.raw, this.paramMembers, key)
  }

  meta(key: string): unknown {
    return valueOf(this.raw, this.metaMembers ?? NONE, key)
  }
}

const NONE: readonly Member[] = []

class ParsedNotification extends ParsedCall implements RpcNotification {
  readonly kind = 'notification'
}

class ParsedRequest extends ParsedCall implements RpcRequest {
  readonly kind = 'request'
  readonly id: RpcId

  constructor(scanned: Scanned, id: RpcId) {
    super(scanned)
    this.id = id
  }
}

function checkMeta(paramMembers: readonly Member[], limits: MessageLimits): void {
  const meta = memberOf(paramMembers, '_meta')
  if (meta === undefined) return
  if (meta.end - meta.start > limits.metaBytes) {
    const text = `params._meta is larger than ${limits.metaBytes} bytes`
    throw new Fault('invalid_request', text, { limit: 'metaBytes' })
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
