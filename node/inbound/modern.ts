import type { ClientCapabilities } from '../../protocol/client-capabilities.ts'
import { Fault } from '../../protocol/errors.ts'
import { decodeHeaderValue, HEADER } from '../../protocol/headers.ts'
import { memberOf } from '../../protocol/json-bytes.ts'
import type { RpcRequest } from '../../protocol/jsonrpc.ts'
import { isSeverity, type LogSeverity } from '../../protocol/log-level.ts'
import { META } from '../../protocol/meta.ts'
import { MODERN_REVISION, SERVED_REVISIONS } from '../../protocol/revisions.ts'
import type { Caller } from '../core/stages.ts'
import { CapabilityMemo } from './capability-memo.ts'

/** Reads one header by lower-case name. */
export type HeaderReader = (name: string) => string | undefined

/**
 * Whether a request is of the 2026 era: it says so in `_meta`, or its version header names that revision or a later
 * one. `initialize` without `_meta` opens a session whatever the header says.
 */
export function isModern(
  { method, metaMembers }: Pick<RpcRequest, 'method' | 'metaMembers'>,
  version: string | undefined,
): boolean {
  if (memberOf(metaMembers ?? [], META.protocolVersion) !== undefined) return true
  if (method === 'initialize') return false
  return version !== undefined ? isStateless(version) : method === 'server/discover'
}

/** Revisions are dates, so that a later one is known for stateless though it is not served. */
function isStateless(revision: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(revision) && revision >= MODERN_REVISION
}

/**
 * The caller of a stateless request, from the `_meta` all of them carry (MCP 2026-07-28, basic/index).
 *
 * @throws Fault `missing_meta`, `unsupported_version`, `invalid_params`
 */
export function modernCaller(request: RpcRequest): Caller {
  const version = request.meta(META.protocolVersion)
  if (typeof version !== 'string') throw missing(META.protocolVersion, 'a string')
  if (version !== MODERN_REVISION) {
    throw new Fault('unsupported_version', `MCP revision ${version.slice(0, 40)} is not served`, {
      data: { supported: SERVED_REVISIONS, requested: version },
    })
  }
  const capabilities = capabilitiesOf(request)
  const logLevel = logLevelOf(request)
  return { era: '2026', revision: version, session: undefined, capabilities, logLevel }
}

// A memo of a pure function: whoever shares it sees no difference.
const memo = new CapabilityMemo()

function capabilitiesOf({ raw, metaMembers }: RpcRequest): ClientCapabilities {
  const place = memberOf(metaMembers ?? [], META.clientCapabilities)
  if (place === undefined || raw[place.start] !== 0x7b) {
    throw missing(META.clientCapabilities, 'an object')
  }
  return memo.read(raw, place)
}

/** Who asks for no log messages gets none (MCP 2026-07-28, server/utilities/logging). */
function logLevelOf(request: RpcRequest): LogSeverity | undefined {
  if (memberOf(request.metaMembers ?? [], META.logLevel) === undefined) return undefined
  const level = request.meta(META.logLevel)
  if (isSeverity(level)) return level
  throw new Fault('invalid_params', `params._meta["${META.logLevel}"] must be a log level`)
}

function missing(key: string, what: string): Fault {
  return new Fault('missing_meta', `params._meta["${key}"] is missing; it must be ${what}`, {
    data: { key },
  })
}

/** Requests whose target is mirrored into `Mcp-Name`, and the parameter it is. */
const NAMED: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
}

/** What says again, outside of the body, what stands in it. */
export interface Mirrors {
  readonly version: unknown
  readonly method: string | undefined
  readonly name: string | undefined
}

/**
 * Holds the mirrored headers against the body: whoever routes by headers and whoever reads the body must see the same
 * request (MCP 2026-07-28, streamable-http; SEP-2243).
 *
 * @throws Fault `header_mismatch` naming the header
 */
export function checkHeaders(request: RpcRequest, header: HeaderReader): void {
  const version = header(HEADER.protocolVersion)?.trim()
  const method = header(HEADER.method)?.trim()
  const name = header(HEADER.name)
  const isNamed = Object.hasOwn(NAMED, request.method)
  checkMirrors(request, {
    version,
    method,
    name: isNamed && name !== undefined ? decodeHeaderValue(name) : undefined,
  })
}

/** The same for what is decoded already. @throws Fault `header_mismatch` */
export function checkMirrors(request: RpcRequest, mirrors: Mirrors): void {
  const { method } = request
  expectHeader('MCP-Protocol-Version', mirrors.version, request.meta(META.protocolVersion))
  expectHeader('Mcp-Method', mirrors.method, method)
  const key = Object.hasOwn(NAMED, method) ? NAMED[method] : undefined
  if (key !== undefined) expectHeader('Mcp-Name', mirrors.name, request.param(key))
}

function expectHeader(name: string, value: unknown, body: unknown): void {
  if (value !== undefined && (value === body || body === undefined)) return
  const what = value === undefined ? 'is missing' : 'differs from the body'
  throw new Fault('header_mismatch', `the header ${name} ${what}`, { data: { header: name } })
}
