/** JSON-RPC 2.0 and MCP error codes as they stand on the wire (MCP 2026-07-28, schema.ts; JSON-RPC 2.0 §5.1). */
export const RPC = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  headerMismatch: -32020,
  missingCapability: -32021,
  unsupportedVersion: -32022,
  // Of 2025 alone; 2026 says the first with -32602, the second with a result.
  resourceNotFound: -32002,
  urlElicitationRequired: -32042,
  // Our own lie outside -32768..-32000, which JSON-RPC reserves.
  loop: -31001,
  hopBudget: -31002,
  upstreamUnavailable: -31003,
  upstreamTimeout: -31004,
  upstreamProtocol: -31005,
  overloaded: -31006,
  cancelled: -31007,
  shuttingDown: -31008,
  inputRefused: -31009,
  unauthenticated: -31010,
  insufficientScope: -31011,
  delegationRefused: -31012,
  unproved: -31013,
  limited: -31014,
} as const

/** Why something could not be done. Closed: `rescue` gives each its JSON-RPC code and HTTP status. */
export type FaultCode =
  | 'bad_cursor'
  | 'bad_http'
  | 'bad_state'
  | 'batch_refused'
  | 'body_too_large'
  | 'cancelled'
  | 'config_refused'
  | 'consent_required'
  | 'content_type'
  | 'delegation_refused'
  | 'duplicate_member'
  | 'header_mismatch'
  | 'header_too_large'
  | 'hop_budget'
  | 'host_forbidden'
  | 'http_method'
  | 'input_refused'
  | 'insufficient_scope'
  | 'internal'
  | 'invalid_params'
  | 'invalid_request'
  | 'limited'
  | 'loop'
  | 'method_not_found'
  | 'missing_capability'
  | 'missing_meta'
  | 'not_acceptable'
  | 'oauth_refused'
  | 'origin_forbidden'
  | 'overloaded'
  | 'parse_error'
  | 'session_required'
  | 'session_unknown'
  | 'shutting_down'
  | 'too_deep'
  | 'too_slow'
  | 'unauthenticated'
  | 'unknown_endpoint'
  | 'unknown_prompt'
  | 'unknown_resource'
  | 'unknown_task'
  | 'unknown_tool'
  | 'unproved'
  | 'unsupported_version'
  | 'upstream_protocol'
  | 'upstream_timeout'
  | 'upstream_unavailable'

/** What a fault is made with besides its code and its words. */
export interface FaultOptions {
  readonly data?: Readonly<Record<string, unknown>> | undefined
  readonly cause?: unknown
  readonly limit?: string | undefined
}

/**
 * The one base of every error Banyan throws on purpose: what happened (`code`), words for a person (`message`), and
 * facts for a machine (`data`, which may reach the caller and must hold nothing secret).
 */
export class Fault extends Error {
  override readonly name: string = 'Fault'
  readonly code: FaultCode
  readonly data: Readonly<Record<string, unknown>> | undefined
  /** Name of the limit that was hit, for metrics; undefined where none was, or where the code says which. */
  readonly limit: string | undefined

  constructor(code: FaultCode, message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.data = options.data
    this.limit = options.limit
  }
}

/** Turns whatever was thrown into a Fault; what is not one already is `internal`, its words kept for the log only. */
export function asFault(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown
  return new Fault('internal', 'internal error', { cause: thrown })
}

/** Member of an error's data that says whether some server has got the request: `false` where none has. */
const TAKEN = 'taken'

/** The same fault, and that no server has got the request, so that it may be sent again. */
export function untaken(fault: Fault): Fault {
  const data = { ...fault.data, [TAKEN]: false }
  return new Fault(fault.code, fault.message, { data, cause: fault.cause, limit: fault.limit })
}

/** Whether the data of an error says that no server has got the request. */
export function wasRefusedUntaken(data: unknown): boolean {
  return typeof data === 'object' && data !== null && TAKEN in data && data[TAKEN] === false
}
