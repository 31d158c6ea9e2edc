import { RPC, type Fault, type FaultCode } from '../../protocol/errors.ts'
import type { RpcError } from '../../protocol/upstream-message.ts'
import type { Era } from '../../protocol/revisions.ts'

interface Rescue {
  /** JSON-RPC code. */
  readonly rpc: number
  /** HTTP status in the 2026 era. */
  readonly http: number
}

/**
 * What each fault becomes on the wire (MCP 2026-07-28, streamable-http; mcp.md §1.4). Faults of an upstream are answers,
 * not transport failures: they go out with 200, because clients that meet a 5xx throw the body away.
 */
const RESCUE: Readonly<Record<FaultCode, Rescue>> = {
  bad_cursor: { rpc: RPC.invalidParams, http: 200 },
  bad_state: { rpc: RPC.invalidParams, http: 200 },
  bad_http: { rpc: RPC.invalidRequest, http: 400 },
  batch_refused: { rpc: RPC.invalidRequest, http: 400 },
  body_too_large: { rpc: RPC.invalidRequest, http: 413 },
  cancelled: { rpc: RPC.cancelled, http: 200 },
  // Of the listener for operators.
  config_refused: { rpc: RPC.internalError, http: 409 },
  consent_required: { rpc: RPC.delegationRefused, http: 200 },
  content_type: { rpc: RPC.invalidRequest, http: 415 },
  delegation_refused: { rpc: RPC.delegationRefused, http: 200 },
  duplicate_member: { rpc: RPC.invalidRequest, http: 400 },
  header_mismatch: { rpc: RPC.headerMismatch, http: 400 },
  header_too_large: { rpc: RPC.invalidRequest, http: 431 },
  hop_budget: { rpc: RPC.hopBudget, http: 200 },
  host_forbidden: { rpc: RPC.invalidRequest, http: 403 },
  http_method: { rpc: RPC.invalidRequest, http: 405 },
  input_refused: { rpc: RPC.inputRefused, http: 200 },
  insufficient_scope: { rpc: RPC.insufficientScope, http: 403 },
  internal: { rpc: RPC.internalError, http: 500 },
  invalid_params: { rpc: RPC.invalidParams, http: 200 },
  invalid_request: { rpc: RPC.invalidRequest, http: 400 },
  // Under the id of a request it is an answer, with 200 (`responseStatus`), as in a stream, a batch and over a pipe: clients,
  // both official SDKs among them, throw the body of a 429 away, and with it which limit it was.
  limited: { rpc: RPC.limited, http: 429 },
  loop: { rpc: RPC.loop, http: 200 },
  method_not_found: { rpc: RPC.methodNotFound, http: 404 },
  missing_capability: { rpc: RPC.missingCapability, http: 400 },
  missing_meta: { rpc: RPC.invalidParams, http: 400 },
  not_acceptable: { rpc: RPC.invalidRequest, http: 406 },
  // Of the token service, which answers by its own table.
  oauth_refused: { rpc: RPC.internalError, http: 400 },
  origin_forbidden: { rpc: RPC.invalidRequest, http: 403 },
  overloaded: { rpc: RPC.overloaded, http: 503 },
  parse_error: { rpc: RPC.parseError, http: 400 },
  session_required: { rpc: RPC.invalidRequest, http: 400 },
  session_unknown: { rpc: RPC.invalidRequest, http: 404 },
  shutting_down: { rpc: RPC.shuttingDown, http: 503 },
  too_deep: { rpc: RPC.invalidRequest, http: 400 },
  too_slow: { rpc: RPC.invalidRequest, http: 408 },
  unauthenticated: { rpc: RPC.unauthenticated, http: 401 },
  unknown_endpoint: { rpc: RPC.invalidRequest, http: 404 },
  unknown_prompt: { rpc: RPC.invalidParams, http: 200 },
  unknown_resource: { rpc: RPC.invalidParams, http: 200 },
  unknown_task: { rpc: RPC.invalidParams, http: 200 },
  unknown_tool: { rpc: RPC.invalidParams, http: 200 },
  unproved: { rpc: RPC.unproved, http: 200 },
  unsupported_version: { rpc: RPC.unsupportedVersion, http: 400 },
  upstream_protocol: { rpc: RPC.upstreamProtocol, http: 200 },
  upstream_timeout: { rpc: RPC.upstreamTimeout, http: 200 },
  upstream_unavailable: { rpc: RPC.upstreamUnavailable, http: 200 },
}

/** Codes that era 2025 has of its own (MCP 2025-11-25, server/resources, error handling; client/elicitation). */
const OLD_CODES: ReadonlyMap<FaultCode, number> = new Map([
  ['unknown_resource', RPC.resourceNotFound],
  // Who speaks 2026 is asked by a result instead.
  ['consent_required', RPC.urlElicitationRequired],
])

/** The JSON-RPC error a fault becomes. `internal` says nothing of its cause. */
export function rescue(fault: Fault, era: Era = '2026'): RpcError {
  const code = (era === '2025' ? OLD_CODES.get(fault.code) : undefined) ?? RESCUE[fault.code].rpc
  return { code, message: fault.message, ...(fault.data && { data: fault.data }) }
}

/** The HTTP status for a fault before any stream is open: a refusal of the request as such. */
export function refusalStatus(fault: Fault): number {
  return RESCUE[fault.code].http
}

/** Codes whose HTTP status the 2026 revision fixes, whoever made the error. */
const FIXED_STATUS: ReadonlyMap<number, number> = new Map([
  [RPC.methodNotFound, 404],
  [RPC.headerMismatch, 400],
  [RPC.missingCapability, 400],
  [RPC.unsupportedVersion, 400],
])

/**
 * The HTTP status of a JSON-RPC response. In a 2025 session an error is an ordinary answer: several clients take a 4xx
 * there for the end of the session.
 */
export function responseStatus(errorCode: number | undefined, era: Era): number {
  if (errorCode === undefined || era === '2025') return 200
  return FIXED_STATUS.get(errorCode) ?? 200
}
