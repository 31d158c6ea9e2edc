import { describe, expect, test } from 'vitest'
import { RPC } from '../../protocol/errors.ts'
import { readProbe, type ProbeAnswer } from '../../protocol/probe.ts'

const result = { supportedVersions: ['2026-07-28'], capabilities: { tools: {} } }

function refused(code: number, data?: unknown): ProbeAnswer['answer'] {
  return { error: { code, message: 'refused', ...(data === undefined ? {} : { data }) } }
}

/** Statuses of an HTTP answer, and none for stdio. */
const ORDINARY = [undefined, 200, 400, 404, 405]

describe('the era in an answer to server/discover', () => {
  test.each(ORDINARY)('is 2026 when the revision is served (status %s)', (status) => {
    expect(readProbe({ status, answer: { result } })).toEqual({ era: '2026', discovered: result })
  })

  test('is 2026 for a server of both eras', () => {
    const both = { ...result, supportedVersions: ['2025-11-25', '2026-07-28'] }
    expect(readProbe({ status: 200, answer: { result: both } }).era).toBe('2026')
  })

  test('is none when only later revisions are served, and says which', () => {
    const later = { ...result, supportedVersions: ['2027-01-01', '2027-06-01'] }
    expect(readProbe({ status: 200, answer: { result: later } })).toEqual({
      era: undefined,
      reason: 'it serves 2027-01-01, 2027-06-01 only',
    })
  })

  test('is none when what is served is said in anything but short text', () => {
    const supportedVersions = [{ toString: 1, valueOf: 1 }, [['x']], 'y'.repeat(1_000)]
    const verdict = readProbe({ status: 200, answer: { result: { supportedVersions } } })
    expect(verdict).toEqual({ era: undefined, reason: `it serves ${'y'.repeat(40)} only` })
    const supported = supportedVersions
    expect(readProbe({ status: 400, answer: refused(-32_022, { supported }) })).toEqual({
      era: undefined,
      reason: `it refuses the probe: JSON-RPC error -32022; it serves ${'y'.repeat(40)}`,
    })
  })

  test.each([undefined, 'no list', {}, null])(
    'is 2025 for a result of another kind: %j',
    (versions) => {
      const other = { ...result, supportedVersions: versions }
      expect(readProbe({ status: 200, answer: { result: other } })).toEqual({ era: '2025' })
    },
  )
})

describe('mcp.md row 6: a 2026 error never leads to initialize', () => {
  test.each(
    [-32_020, -32_021, -32_022].flatMap((code) =>
      [...ORDINARY, 403, 500].map((status) => ({ code, status })),
    ),
  )('$code with status $status', ({ code, status }) => {
    const verdict = readProbe({ status, answer: refused(code) })
    expect(verdict).toEqual({
      era: undefined,
      reason: `it refuses the probe: JSON-RPC error ${code}`,
    })
  })

  test('the versions it offers instead are told', () => {
    const answer = refused(-32_022, { supported: ['2027-01-01'] })
    expect(readProbe({ status: 400, answer })).toEqual({
      era: undefined,
      reason: 'it refuses the probe: JSON-RPC error -32022; it serves 2027-01-01',
    })
  })
})

describe('mcp.md row 6: what leads to initialize', () => {
  test.each([400, 404, 405, 406, 415, 200, 202, 302])('status %s without JSON-RPC', (status) => {
    expect(readProbe({ status, answer: undefined })).toEqual({ era: '2025' })
  })

  test.each(
    [-32_601, -32_600, -32_602, -32_603, -32_000, -32_001, -32_700, 0, 42].flatMap((code) =>
      ORDINARY.map((status) => ({ code, status })),
    ),
  )('error $code with status $status', ({ code, status }) => {
    expect(readProbe({ status, answer: refused(code) })).toEqual({ era: '2025' })
  })

  test('silence on stdio', () => {
    expect(readProbe({ status: undefined, answer: undefined })).toEqual({ era: '2025' })
  })
})

describe('what says nothing of the era', () => {
  test.each([401, 403])('%s: credentials come first', (status) => {
    expect(readProbe({ status, answer: undefined })).toEqual({
      era: undefined,
      reason: `it refuses our credentials (HTTP ${status})`,
    })
  })

  test.each([RPC.limited, RPC.overloaded, RPC.shuttingDown])(
    'error %s of a node that is busy, or has had enough: it may be well later',
    (code) => {
      for (const status of [200, 429, 503]) {
        const reason = `it refuses the probe: JSON-RPC error ${code}`
        expect(readProbe({ status, answer: refused(code) })).toEqual({ era: undefined, reason })
      }
    },
  )

  test.each([408, 429, 500, 502, 503, 504])('%s: it may be well later', (status) => {
    expect(readProbe({ status, answer: undefined })).toEqual({
      era: undefined,
      reason: `it answers HTTP ${status}`,
    })
  })
})
