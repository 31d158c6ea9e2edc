import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { LOCAL_CALLER } from '../../../node/core/principal.ts'
import { Sealer } from '../../../node/core/seal.ts'
import type { Continuation, Visible } from '../../../node/core/stages.ts'
import { RequestStates } from '../../../node/hop/request-state.ts'
import { faultOf } from '../../protocol/fault.ts'
import { visible, type CallPlan } from './calls.ts'
import { anyCharacter } from '../../fixtures/any-character.ts'

const states = new RequestStates({
  sealer: new Sealer(randomBytes(32), 'request state'),
  lifetimeMs: 60_000,
  maxBytes: 65_536,
})

afterEach(() => {
  vi.useRealTimers()
})

const continuation = fc.oneof(
  fc.record({
    kind: fc.constant('relay' as const),
    upstream: fc.string({ minLength: 1 }),
    inner: fc.string({ unit: anyCharacter }).map((text) => JSON.stringify(text)),
  }),
  fc.record({
    kind: fc.constant('again' as const),
    upstream: fc.string({ minLength: 1 }),
    rounds: fc.nat(),
  }),
  fc.record({
    kind: fc.constant('parked' as const),
    upstream: fc.string({ minLength: 1 }),
    id: fc.string({ minLength: 1 }),
    round: fc.nat(),
  }),
)

function call(state: unknown, more: CallPlan & { args?: object } = {}): Visible {
  const { args = { a: 1, b: { c: [1, 2] } }, ...plan } = more
  const params = {
    name: 'docs__a',
    arguments: args,
    ...(state !== undefined && { requestState: state }),
  }
  return visible({
    params,
    ...plan,
    caller: { era: '2026', revision: '2026-07-28', ...plan.caller },
  })
}

/** A call whose params are given as text. */
function callOf(params: string): Visible {
  return visible({ text: params, caller: { era: '2026', revision: '2026-07-28' } })
}

/** Params with these arguments, without the last brace, and a state for them. */
function stateOf(args: string): { readonly sealed: string; readonly params: string } {
  const params = `{"name":"docs__a","arguments":${args}`
  return { sealed: states.seal(callOf(`${params}}`), RELAY), params }
}

const RELAY: Continuation = { kind: 'relay', upstream: 'files', inner: '"s"' }

describe('a request state', () => {
  test('row 29: law: what was sealed comes back to the byte', () => {
    fc.assert(
      fc.property(continuation, (one) => {
        expect(states.open(call(states.seal(call(undefined), one)))).toEqual(one)
      }),
    )
  })

  test('row 30: law: with one character changed it is refused', () => {
    fc.assert(
      fc.property(continuation, fc.nat(), (one, at) => {
        const sealed = states.seal(call(undefined), one)
        const place = at % sealed.length
        const other = sealed[place] === 'A' ? 'B' : 'A'
        const forged = `${sealed.slice(0, place)}${other}${sealed.slice(place + 1)}`
        expect(faultOf(() => states.open(call(forged)))?.code).toBe('bad_state')
      }),
    )
  })

  test('row 30: one of another principal, endpoint, tool, method or of other arguments is refused', () => {
    const sealed = states.seal(call(undefined), RELAY)
    const others: CallPlan[] = [
      { principal: { ...LOCAL_CALLER, key: 'somebody else' } },
      { endpoint: 'ops' },
      { params: { name: 'docs__b', arguments: { a: 1, b: { c: [1, 2] } }, requestState: sealed } },
      { method: 'prompts/get' },
      { params: { name: 'docs__a', arguments: { a: 2, b: { c: [1, 2] } }, requestState: sealed } },
      { params: { name: 'docs__a', requestState: sealed } },
    ]
    expect(states.open(call(sealed))).toEqual(RELAY)
    for (const other of others) {
      expect(faultOf(() => states.open(call(sealed, other)))?.code).toBe('bad_state')
    }
  })

  test('arguments in another order are the same arguments', () => {
    const sealed = states.seal(call(undefined), RELAY)
    expect(states.open(call(sealed, { args: { b: { c: [1, 2] }, a: 1 } }))).toEqual(RELAY)
    const reordered = call(sealed, { args: { b: { c: [2, 1] }, a: 1 } })
    expect(faultOf(() => states.open(reordered))?.code).toBe('bad_state')
  })

  test('arguments that only look the same are others', () => {
    const pairs = [
      ['{"n":9007199254740992}', '{"n":9007199254740993}'],
      ['{"to":"bob"}', '{"to":"eve","to":"bob"}'],
      ['{"l":["{",1]}', '{"l":{"1":1}}'],
    ] as const
    for (const [one, other] of pairs) {
      const { sealed, params } = stateOf(one)
      expect(states.open(callOf(`${params},"requestState":"${sealed}"}`))).toEqual(RELAY)
      const forged = callOf(`${stateOf(other).params},"requestState":"${sealed}"}`)
      expect(faultOf(() => states.open(forged))?.code).toBe('bad_state')
    }
  })

  test('row 30: it expires', () => {
    vi.useFakeTimers()
    const sealed = states.seal(call(undefined), RELAY)
    vi.advanceTimersByTime(59_999)
    expect(states.open(call(sealed))).toEqual(RELAY)
    vi.advanceTimersByTime(1)
    expect(faultOf(() => states.open(call(sealed)))?.code).toBe('bad_state')
  })

  test('without one a request goes on from nothing; a 2025 caller cannot have one', () => {
    expect(states.open(call(undefined))).toBeUndefined()
    const old = call('forged', { caller: { era: '2025', revision: '2025-11-25' } })
    expect(states.open(old)).toBeUndefined()
  })

  test('what is no text, or too long, costs nothing', () => {
    expect(faultOf(() => states.open(call(7)))?.code).toBe('invalid_params')
    expect(faultOf(() => states.open(call('A'.repeat(65_537))))?.code).toBe('bad_state')
  })
})
