// What others depend on, as frozen literals: a change here is a change of the wire, and meant to be noticed.
import { describe, expect, it } from 'vitest'
import { refusalStatus, rescue, responseStatus } from '../../node/core/rescue.ts'
import { asFault, Fault, RPC, type FaultCode } from '../../protocol/errors.ts'
import { FEDERATION } from '../../protocol/federation.ts'
import { HEADER } from '../../protocol/headers.ts'
import { META } from '../../protocol/meta.ts'
import { LEGACY_REVISIONS, MODERN_REVISION, SERVED_REVISIONS } from '../../protocol/revisions.ts'

/** JSON-RPC code and HTTP status of every fault. The type makes a new one appear here. */
const FAULTS: Readonly<Record<FaultCode, readonly [rpc: number, http: number]>> = {
  bad_cursor: [-32_602, 200],
  bad_http: [-32_600, 400],
  bad_state: [-32_602, 200],
  batch_refused: [-32_600, 400],
  body_too_large: [-32_600, 413],
  cancelled: [-31_007, 200],
  config_refused: [-32_603, 409],
  consent_required: [-31_012, 200],
  content_type: [-32_600, 415],
  delegation_refused: [-31_012, 200],
  duplicate_member: [-32_600, 400],
  header_mismatch: [-32_020, 400],
  header_too_large: [-32_600, 431],
  hop_budget: [-31_002, 200],
  host_forbidden: [-32_600, 403],
  http_method: [-32_600, 405],
  input_refused: [-31_009, 200],
  insufficient_scope: [-31_011, 403],
  internal: [-32_603, 500],
  invalid_params: [-32_602, 200],
  invalid_request: [-32_600, 400],
  limited: [-31_014, 429],
  loop: [-31_001, 200],
  method_not_found: [-32_601, 404],
  missing_capability: [-32_021, 400],
  missing_meta: [-32_602, 400],
  not_acceptable: [-32_600, 406],
  oauth_refused: [-32_603, 400],
  origin_forbidden: [-32_600, 403],
  overloaded: [-31_006, 503],
  parse_error: [-32_700, 400],
  session_required: [-32_600, 400],
  session_unknown: [-32_600, 404],
  shutting_down: [-31_008, 503],
  too_deep: [-32_600, 400],
  too_slow: [-32_600, 408],
  unauthenticated: [-31_010, 401],
  unknown_endpoint: [-32_600, 404],
  unknown_prompt: [-32_602, 200],
  unknown_resource: [-32_602, 200],
  unknown_task: [-32_602, 200],
  unknown_tool: [-32_602, 200],
  unproved: [-31_013, 200],
  unsupported_version: [-32_022, 400],
  upstream_protocol: [-31_005, 200],
  upstream_timeout: [-31_004, 200],
  upstream_unavailable: [-31_003, 200],
}

describe('faults', () => {
  it.each(Object.entries(FAULTS))('%s is %j', (code, [rpc, http]) => {
    const fault = new Fault(code as FaultCode, 'words', { data: { a: 1 }, cause: new Error('no') })
    expect(rescue(fault)).toEqual({ code: rpc, message: 'words', data: { a: 1 } })
    expect(refusalStatus(fault)).toBe(http)
  })

  it('without data have none on the wire', () => {
    expect(rescue(new Fault('loop', 'x'))).toEqual({ code: -31_001, message: 'x' })
  })

  it('made of anything else say nothing of it', () => {
    for (const thrown of [new Error('secret'), 'secret', null, undefined, { message: 'secret' }]) {
      const wire = rescue(asFault(thrown))
      expect(wire).toEqual({ code: -32_603, message: 'internal error' })
    }
  })

  it('that are our own lie outside what JSON-RPC reserves, and no code stands for two things', () => {
    const codes = Object.values(RPC)
    expect(new Set(codes).size).toBe(codes.length)
    const used = new Set(Object.values(FAULTS).map(([rpc]) => rpc))
    const known = new Set<number>(codes)
    expect([...used].filter((code) => !known.has(code))).toEqual([])
    const standard = [-32_700, -32_600, -32_601, -32_602, -32_603, -32_020, -32_021, -32_022]
    // Of the 2025 era; no fault of the 2026 era may become one of them.
    const old = [-32_002, -32_042]
    for (const code of codes) {
      expect(standard.includes(code) || old.includes(code) || code > -32_000).toBe(true)
    }
    expect(old.filter((code) => used.has(code))).toEqual([])
  })
})

describe('the HTTP status of a response', () => {
  it('is fixed for four codes in the 2026 era, and 200 for all else', () => {
    const fixed: [number, number][] = [
      [-32_601, 404],
      [-32_020, 400],
      [-32_021, 400],
      [-32_022, 400],
    ]
    for (const [code, status] of fixed) expect(responseStatus(code, '2026')).toBe(status)
    for (const code of [-32_602, -32_603, -32_700, -31_003, 1]) {
      expect(responseStatus(code, '2026')).toBe(200)
    }
    expect(responseStatus(undefined, '2026')).toBe(200)
  })

  it('is 200 in a session, whatever the code', () => {
    for (const code of [undefined, -32_601, -32_020, -32_022, -31_003]) {
      expect(responseStatus(code, '2025')).toBe(200)
    }
  })
})

describe('names on the wire', () => {
  it('of headers', () => {
    expect(HEADER).toEqual({
      protocolVersion: 'mcp-protocol-version',
      method: 'mcp-method',
      name: 'mcp-name',
      paramPrefix: 'mcp-param-',
      sessionId: 'mcp-session-id',
      lastEventId: 'last-event-id',
    })
  })

  it('of _meta keys', () => {
    expect(META).toEqual({
      protocolVersion: 'io.modelcontextprotocol/protocolVersion',
      clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
      clientInfo: 'io.modelcontextprotocol/clientInfo',
      logLevel: 'io.modelcontextprotocol/logLevel',
      serverInfo: 'io.modelcontextprotocol/serverInfo',
      subscriptionId: 'io.modelcontextprotocol/subscriptionId',
      progressToken: 'progressToken',
      traceparent: 'traceparent',
      tracestate: 'tracestate',
      baggage: 'baggage',
      federation: 'io.github.banyan-mcp/federation',
      provenance: 'io.github.banyan-mcp/provenance',
      verdict: 'io.github.banyan-mcp/provenance-verdict',
      view: 'io.github.banyan-mcp/view',
    })
    expect(FEDERATION).toBe(META.federation)
  })

  it('of revisions', () => {
    expect(MODERN_REVISION).toBe('2026-07-28')
    expect(LEGACY_REVISIONS).toEqual(['2025-11-25', '2025-06-18', '2025-03-26'])
    expect(SERVED_REVISIONS).toEqual(['2026-07-28', '2025-11-25', '2025-06-18', '2025-03-26'])
  })
})
