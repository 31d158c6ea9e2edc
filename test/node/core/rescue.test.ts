import { describe, expect, test } from 'vitest'
import { refusalStatus, rescue, responseStatus } from '../../../node/core/rescue.ts'
import { asFault, Fault, RPC, type FaultCode } from '../../../protocol/errors.ts'

/** What clients depend on: the JSON-RPC code and the HTTP status of each fault. */
const PINNED: Readonly<Record<FaultCode, readonly [rpc: number, http: number]>> = {
  bad_cursor: [-32602, 200],
  bad_http: [-32600, 400],
  bad_state: [-32602, 200],
  batch_refused: [-32600, 400],
  body_too_large: [-32600, 413],
  cancelled: [-31007, 200],
  config_refused: [-32_603, 409],
  consent_required: [-31_012, 200],
  content_type: [-32600, 415],
  delegation_refused: [-31_012, 200],
  duplicate_member: [-32600, 400],
  header_mismatch: [-32020, 400],
  header_too_large: [-32600, 431],
  hop_budget: [-31002, 200],
  host_forbidden: [-32600, 403],
  http_method: [-32600, 405],
  input_refused: [-31009, 200],
  insufficient_scope: [-31_011, 403],
  internal: [-32603, 500],
  invalid_params: [-32602, 200],
  invalid_request: [-32600, 400],
  limited: [-31_014, 429],
  loop: [-31001, 200],
  method_not_found: [-32601, 404],
  missing_capability: [-32021, 400],
  missing_meta: [-32602, 400],
  not_acceptable: [-32600, 406],
  oauth_refused: [-32_603, 400],
  origin_forbidden: [-32600, 403],
  overloaded: [-31006, 503],
  parse_error: [-32700, 400],
  session_required: [-32600, 400],
  session_unknown: [-32600, 404],
  shutting_down: [-31008, 503],
  too_deep: [-32600, 400],
  too_slow: [-32600, 408],
  unauthenticated: [-31_010, 401],
  unknown_endpoint: [-32600, 404],
  unknown_prompt: [-32602, 200],
  unknown_resource: [-32602, 200],
  unknown_task: [-32602, 200],
  unknown_tool: [-32602, 200],
  unproved: [-31_013, 200],
  unsupported_version: [-32022, 400],
  upstream_protocol: [-31005, 200],
  upstream_timeout: [-31004, 200],
  upstream_unavailable: [-31003, 200],
}
const CODES = Object.keys(PINNED) as FaultCode[]

describe('a fault on the wire', () => {
  test.each(CODES)('%s', (code) => {
    const fault = new Fault(code, 'words')
    expect([rescue(fault).code, refusalStatus(fault)]).toEqual(PINNED[code])
  })

  test('that a limit is used up is an answer where there is a request to answer', () => {
    expect(responseStatus(rescue(new Fault('limited', 'words')).code, '2026')).toBe(200)
  })

  test('of a resource that is not there has its own code in era 2025', () => {
    const fault = new Fault('unknown_resource', 'words')
    expect(rescue(fault, '2025').code).toBe(-32002)
    expect(rescue(fault, '2026').code).toBe(-32602)
    expect(rescue(new Fault('unknown_tool', 'words'), '2025').code).toBe(-32602)
  })

  test('carries its words and facts, and never its cause', () => {
    const data = { name: 'x' }
    const fault = new Fault('unknown_tool', 'unknown tool: x', { data, cause: new Error('secret') })
    expect(rescue(fault)).toEqual({ code: -32602, message: 'unknown tool: x', data })
    expect(rescue(new Fault('loop', 'words'))).toEqual({ code: -31001, message: 'words' })
  })

  test('whatever else was thrown says nothing', () => {
    for (const thrown of [new TypeError('secret'), 'secret', undefined, { code: 'loop' }]) {
      const fault = asFault(thrown)
      expect(fault.cause).toBe(thrown)
      expect(rescue(fault)).toEqual({ code: -32603, message: 'internal error' })
    }
  })

  test('a fault stays the one it is', () => {
    const fault = new Fault('loop', 'words')
    expect(asFault(fault)).toBe(fault)
  })
})

describe('codes', () => {
  const own = Object.values(RPC).filter((code) => code > -32_000)

  test('of our own lie outside what JSON-RPC reserves', () => {
    expect(own.every((code) => code < -32_768 || code > -32_000)).toBe(true)
    expect(own).toHaveLength(14)
  })

  test('are one for each meaning', () => {
    expect(new Set(Object.values(RPC)).size).toBe(Object.values(RPC).length)
  })
})

describe('the status of a JSON-RPC response', () => {
  test.each([
    [undefined, 200],
    [-32601, 404],
    [-32020, 400],
    [-32021, 400],
    [-32022, 400],
    [-32602, 200],
    [-32603, 200],
    [-31003, 200],
    [7, 200],
  ])('error %s is %d in era 2026, and an ordinary answer in 2025', (code, status) => {
    expect(responseStatus(code, '2026')).toBe(status)
    expect(responseStatus(code, '2025')).toBe(200)
  })
})
