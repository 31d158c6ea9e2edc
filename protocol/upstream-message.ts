import { Fault } from './errors.ts'
import { memberOf, readObject, type Member, type ReadPlan } from './json-bytes.ts'
import { readValue } from './json-value.ts'
import { skipSpace } from './json-check.ts'
import { isObject, type JsonObject, type RpcId } from './jsonrpc.ts'

/** A message from an upstream: it is JSON, its envelope is read, the payload stays text. */
export interface UpstreamMessage {
  readonly raw: Buffer
  readonly members: readonly Member[]
  readonly id: RpcId | null | undefined
  readonly method: string | undefined
}

/** Nesting taken from an upstream, and where what a hop replaces stands. */
const PLAN: ReadPlan = {
  depth: 512,
  into: new Set(['result', 'params', '_meta']),
  openStrings: true,
}

/** The error object of a response. Codes and data pass through hops unchanged. */
export interface RpcError {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

function bad(what: string, cause?: unknown): Fault {
  return new Fault('upstream_protocol', `the upstream sent ${what}`, { cause })
}

function valueOf(raw: Buffer, member: Member | undefined): unknown {
  return member === undefined ? undefined : readValue(raw, member)
}

/**
 * Reads the envelope of one message.
 *
 * @throws Fault `upstream_protocol` when it is no JSON-RPC message
 */
export function readUpstreamMessage(raw: Buffer): UpstreamMessage {
  try {
    const { members: list, end } = readObject(raw, skipSpace(raw, 0), PLAN)
    // In a batch or on a pipe, what stands behind it would reach the caller as a message of somebody else.
    if (skipSpace(raw, end) !== raw.length) throw bad('something behind a message')
    const id = valueOf(raw, memberOf(list, 'id'))
    const method = valueOf(raw, memberOf(list, 'method'))
    if (method !== undefined && typeof method !== 'string') throw bad('a method that is no string')
    if (id !== undefined && id !== null && typeof id !== 'string' && typeof id !== 'number') {
      throw bad('an id that is neither string nor number')
    }
    return { raw: end === raw.length ? raw : raw.subarray(0, end), members: list, id, method }
  } catch (error) {
    throw error instanceof Fault && error.code === 'upstream_protocol'
      ? error
      : bad('something that is no JSON-RPC message', error)
  }
}

/** Whether the message answers a request. */
export function isResponse(message: UpstreamMessage): boolean {
  return message.method === undefined
}

/**
 * The result of a response as a value, for answers the node itself asked for.
 *
 * @throws Fault `upstream_protocol` when there is neither a result object nor an error
 */
export function readResult(message: UpstreamMessage): { result: JsonObject } | { error: RpcError } {
  const error = readError(message)
  if (error !== undefined) return { error }
  const result = parseMember(message, 'result')
  if (!isObject(result)) throw bad('a response without result or error')
  return { result }
}

/** The error of a response, or undefined when it has none. */
export function readError(message: UpstreamMessage): RpcError | undefined {
  const error = parseMember(message, 'error')
  // Some servers say that there is none.
  if (error === undefined || error === null) return undefined
  if (!isObject(error) || typeof error['code'] !== 'number') throw bad('a malformed error object')
  const { code, message: words } = error
  return { ...error, code, message: typeof words === 'string' ? words : '' }
}

/** The params of a notification or request as a value. */
export function readParams(message: UpstreamMessage): JsonObject {
  const params = parseMember(message, 'params')
  return isObject(params) ? params : {}
}

function parseMember(message: UpstreamMessage, key: string): unknown {
  try {
    return valueOf(message.raw, memberOf(message.members, key))
  } catch (error) {
    throw bad(`a "${key}" that is not JSON`, error)
  }
}
