import type { ClientCapabilities } from './client-capabilities.ts'
import { Fault } from './errors.ts'
import { duplicateKey, memberOf, members, type Member } from './json-bytes.ts'
import { readValue } from './json-value.ts'
import type { Span } from './json-bytes.ts'
import { isObject, type JsonObject } from './jsonrpc.ts'
import type { UpstreamMessage } from './upstream-message.ts'

/** One thing a server wants to know before it goes on. */
export interface InputRequest {
  /** Under which the answer is given. */
  readonly key: string
  readonly method: string
  /** JSON text; undefined where there are none. */
  readonly params: Buffer | undefined
}

/** A result of type `input_required` (MCP 2026-07-28, patterns/mrtr). */
export interface InputRequired {
  readonly requests: readonly InputRequest[]
  /** Where `requestState` stands; undefined when there is none. */
  readonly state: Span | undefined
}

/** The `resultType` of a response; undefined for an error, and for a result that has none, which is complete. */
export function resultTypeOf({ raw, members: list }: UpstreamMessage): string | undefined {
  const type = memberOf(memberOf(list, 'result')?.inside ?? [], 'resultType')
  if (type === undefined) return undefined
  const value = readValue(raw, type)
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/**
 * Reads what an `input_required` result asks for.
 *
 * @throws Fault `upstream_protocol` when it asks for nothing, or not in a way that could be answered
 */
export function readInputRequired({ raw, members: list }: UpstreamMessage): InputRequired {
  const inside = memberOf(list, 'result')?.inside ?? []
  const wanted = memberOf(inside, 'inputRequests')
  const state = memberOf(inside, 'requestState')
  if (state !== undefined && raw[state.start] !== 0x22) throw bad('a requestState that is no text')
  const requests = wanted === undefined ? [] : readAll(raw, wanted)
  if (requests.length === 0 && state === undefined)
    throw bad('input_required that asks for nothing')
  return { requests, state }
}

/**
 * What a task waits for, from the members of what `tasks/get` and `notifications/tasks` say of it (SEP-2663).
 *
 * @throws Fault `upstream_protocol` when it asks in a way that could not be answered
 */
export function readTaskQuestions(raw: Buffer, list: readonly Member[]): readonly InputRequest[] {
  const wanted = memberOf(list, 'inputRequests')
  return wanted === undefined ? [] : readAll(raw, wanted)
}

function readAll(raw: Buffer, place: Span): readonly InputRequest[] {
  return objectAt(raw, place).map((one) => read(raw, one))
}

function bad(what: string): Fault {
  return new Fault('upstream_protocol', `the upstream sent ${what}`)
}

/** The members of an object, each key once: two readers must not see two different questions. */
function objectAt(raw: Buffer, place: Span): readonly Member[] {
  if (raw[place.start] !== 0x7b) throw bad('inputRequests that are no objects')
  const list = members(raw, place.start)
  if (duplicateKey(list) !== undefined) throw bad('an input request with a member twice')
  return list
}

function read(raw: Buffer, place: Member): InputRequest {
  const list = objectAt(raw, place)
  const named = memberOf(list, 'method')
  const method = named === undefined ? undefined : readValue(raw, named)
  if (typeof method !== 'string') throw bad('an input request without a method')
  return { key: place.key, method, params: objectText(raw, memberOf(list, 'params')) }
}

/** The text of params; nothing but an object can be any. */
export function objectText(raw: Buffer, place: Span | undefined): Buffer | undefined {
  if (place === undefined || raw[place.start] !== 0x7b) return undefined
  return raw.subarray(place.start, place.end)
}

/**
 * The client capability a question needs, shaped like `ClientCapabilities`; undefined when the caller declared it. A
 * method that is no question of MCP can never be declared.
 */
export function missingFor(
  capabilities: ClientCapabilities,
  { method, params }: Pick<InputRequest, 'method' | 'params'>,
): JsonObject | undefined {
  const value = readParams(params)
  switch (method) {
    case 'elicitation/create': {
      const mode = value['mode'] === 'url' ? 'url' : 'form'
      return capabilities.elicitation[mode] ? undefined : { elicitation: { [mode]: {} } }
    }
    case 'sampling/createMessage':
      if (!capabilities.sampling) return { sampling: {} }
      return value['tools'] === undefined || capabilities.samplingTools
        ? undefined
        : { sampling: { tools: {} } }
    case 'roots/list':
      return capabilities.roots ? undefined : { roots: {} }
    default:
      return { [method]: {} }
  }
}

function readParams(params: Buffer | undefined): JsonObject {
  if (params === undefined) return {}
  try {
    const value: unknown = readValue(params, { start: 0, end: params.length })
    return isObject(value) ? value : {}
  } catch (cause) {
    throw new Fault('upstream_protocol', 'the upstream sent params that are not JSON', { cause })
  }
}
