// What errors say of a call that nothing came of.
import { describe, expect, test } from 'vitest'
import { Fault, RPC, untaken } from '../../../protocol/errors.ts'
import { fateOf, fateOfFault } from '../../../node/hop/fate.ts'

const error = (
  code: number,
  data?: unknown,
): { code: number; message: string; data?: unknown } => ({
  code,
  message: 'no',
  data,
})

describe('fateOf', () => {
  test.each([
    [error(RPC.loop), 'untaken'],
    [error(RPC.hopBudget), 'untaken'],
    [error(RPC.upstreamUnavailable), 'unknown'],
    [error(RPC.upstreamUnavailable, { taken: false }), 'untaken'],
    [error(RPC.upstreamUnavailable, { taken: true }), 'unknown'],
    [error(RPC.upstreamUnavailable, 'taken'), 'unknown'],
    [error(RPC.shuttingDown), 'unknown'],
    [error(RPC.shuttingDown, { taken: false }), 'untaken'],
    [error(RPC.upstreamTimeout, { taken: false }), 'untaken'],
    [error(RPC.upstreamTimeout), undefined],
    [error(RPC.invalidParams, { taken: false }), 'untaken'],
    [error(RPC.invalidParams, { name: 'x' }), undefined],
    [error(-32_000, { taken: false }), undefined],
  ] as const)('reads %o of a node as %s', (one, fate) => {
    expect(fateOf(one, { kind: 'node' })).toBe(fate)
  })

  test.each(['http', 'stdio'] as const)('believes no server (%s)', (kind) => {
    expect(fateOf(error(RPC.upstreamUnavailable, { taken: false }), { kind })).toBeUndefined()
    expect(fateOf(error(RPC.loop), { kind })).toBeUndefined()
  })
})

describe('fateOfFault', () => {
  test('knows what was not sent, what was lost, and what is an answer', () => {
    const unavailable = new Fault('upstream_unavailable', 'gone', { data: { status: 503 } })
    expect(fateOfFault(unavailable)).toBe('unknown')
    expect(fateOfFault(untaken(unavailable))).toBe('untaken')
    expect(untaken(unavailable).data).toEqual({ status: 503, taken: false })
    expect(fateOfFault(untaken(new Fault('upstream_timeout', 'no answer')))).toBe('untaken')
    expect(fateOfFault(new Fault('upstream_timeout', 'too slow'))).toBeUndefined()
    expect(fateOfFault(new Fault('delegation_refused', 'no'))).toBeUndefined()
  })
})
