// The invariants of delegation (identity.md §5), by whatever way a token is got. Numbers are those of the list.
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Authorization } from '../../node/core/delegation.ts'
import { Fault } from '../../protocol/errors.ts'
import { actDepth, chainOf, sameChain } from '../../protocol/token/act.ts'
import type { AccessClaims } from '../../protocol/token/claims.ts'
import { isCovered, mapScopes } from '../../protocol/token/scopes.ts'
import { accessOf } from '../node/identity/service/token-lab.ts'
import type { Bench, Caller, Way } from './delegators.ts'

const BUDGET = { budget: 6 }

/** Actors of other nodes, outermost first. */
const older = (count: number): AccessClaims['act'] =>
  chainOf(
    Array.from({ length: count }, (_, at) => ({
      iss: `https://n${at}.example`,
      sub: `https://n${at}.example/oauth/client.json`,
    })),
  )

/** Runs the contract over one way to tokens. */
export function delegatorContract({ name, asks, make }: Way): void {
  describe(`a caller passed on ${name}`, () => {
    let bench: Bench

    beforeEach(async () => {
      bench = await make()
    })
    afterEach(() => bench.close())

    async function linesOf(caller: Caller): Promise<readonly string[]> {
      const authorization: Authorization = await bench.delegator.delegate(caller.principal, BUDGET)
      return authorization.lines('POST')
    }

    async function tokenOf(caller: Caller): Promise<AccessClaims> {
      const [header, value = ''] = await linesOf(caller)
      expect(header).toBe('authorization')
      expect(value).toMatch(/^DPoP /)
      return accessOf(value.slice('DPoP '.length))
    }

    async function refusalOf(caller: Caller, budget = 6): Promise<Fault> {
      try {
        await bench.delegator.delegate(caller.principal, { budget })
      } catch (error) {
        if (error instanceof Fault) return error
        throw error
      }
      throw new Error('was not refused')
    }

    test('invariants 1, 2, 4 to 12 and 25: what goes out is what came in, narrowed', async () => {
      const callers = fc.record({
        depth: fc.integer({ min: 0, max: 3 }),
        budget: fc.integer({ min: 1, max: 9 }),
        life: fc.integer({ min: 30, max: 900 }),
        session: fc.option(fc.integer({ min: 20, max: 900 }), { nil: undefined }),
        scope: fc.constantFrom(
          ['ns:sales', 'ns:crm:read'],
          ['ns:crm:read'],
          ['ns:crm', 'ns:docs'],
          ['ns:crm:read', 'ns:hidden'],
        ),
      })
      await fc.assert(
        fc.asyncProperty(callers, async ({ depth, budget, life, session, scope }) => {
          const exp = bench.now() + life
          const act = older(depth)
          const caller = bench.caller({
            exp,
            scope,
            mesh: { v: 1, budget },
            ...(act !== undefined && { act }),
            ...(session !== undefined && { sessionExpiry: bench.now() + session }),
          })
          const token = await tokenOf(caller)
          const { claims: parent } = caller.principal
          expect(token).toMatchObject({
            aud: bench.resource,
            iss: bench.issuer,
            clientId: bench.node,
            txn: 'txn-of-the-caller',
            cnf: { jkt: bench.jkt },
          })
          const image = mapScopes(scope, bench.map)
          expect(token.scope.length).toBeGreaterThan(0)
          expect(token.scope.every((one) => isCovered(image, one))).toBe(true)
          const end = Math.min(exp, parent?.sessionExpiry ?? exp)
          expect(token.exp).toBeLessThanOrEqual(end)
          expect(token.exp).toBeLessThanOrEqual(bench.now() + 120)
          expect(token.iat).toBeGreaterThanOrEqual((parent?.iat ?? 0) - 5)
          expect(actDepth(token.act)).toBe(depth + 1)
          expect(token.act).toMatchObject({ sub: bench.node })
          expect(sameChain(token.act?.act, act)).toBe(true)
          expect(token.mesh?.budget).toBe(Math.min(budget, 6) - 1)
          expect(token.sub === 'alice').toBe(!bench.pairwise)
        }),
        { numRuns: 25 },
      )
    })

    test('invariant 14: no byte of the credential leaves but to the own issuer', async () => {
      const caller = bench.caller()
      const sent = [...bench.foreign, ...bench.logged]
      const lines = await linesOf(caller)
      const signature = caller.raw.split('.')[2] ?? ''
      const all = [
        ...sent,
        ...bench.foreign,
        ...bench.logged,
        ...lines,
        JSON.stringify(bench.audit),
      ]
      expect(all.join('\n')).not.toContain(signature)
    })

    test('invariant 16: who holds nothing that goes over gets no token, and nothing is sent', async () => {
      const fault = await refusalOf(bench.caller({ scope: ['ns:elsewhere'] }))
      expect(fault.code).toBe('delegation_refused')
      expect(bench.posted).toEqual([])
    })

    test('invariant 11, attack 22: a chain that is too long, or comes back, ends here unsent', async () => {
      const long = older(8)
      expect(await refusalOf(bench.caller(long && { act: long }))).toMatchObject({
        code: 'hop_budget',
      })
      const { iss } = bench.caller().principal.claims ?? { iss: '' }
      const act = { iss, sub: bench.node }
      expect(await refusalOf(bench.caller({ act }))).toMatchObject({ code: 'loop' })
      expect(await refusalOf(bench.caller({ mesh: { v: 1, budget: 0 } }))).toMatchObject({
        code: 'hop_budget',
      })
      expect(await refusalOf(bench.caller(), 0)).toMatchObject({ code: 'hop_budget' })
      expect(bench.posted).toEqual([])
    })

    test('invariants 20 and 21, attack 35: one caller shares its token with itself alone', async () => {
      const caller = bench.caller()
      const first = await tokenOf(caller)
      const sent = bench.posted.length
      expect((await tokenOf(caller)).jti).toBe(first.jti)
      expect(bench.posted).toHaveLength(sent)
      const others = [
        bench.caller({ sub: 'bob' }),
        bench.caller({ clientId: 'another-client' }),
        bench.caller({ scope: ['ns:crm:read'] }),
        bench.caller(),
      ]
      const ids = [first.jti]
      for (const other of others) ids.push((await tokenOf(other)).jti)
      expect(new Set(ids).size).toBe(ids.length)
    })

    test('attack 23: any number who ask at once cause one exchange', async () => {
      const alone = bench.caller()
      await tokenOf(alone)
      const each = bench.posted.length
      const caller = bench.caller()
      const ids = await Promise.all(Array.from({ length: 20 }, () => tokenOf(caller)))
      expect(new Set(ids.map(({ jti }) => jti)).size).toBe(1)
      expect(bench.posted).toHaveLength(2 * each)
    })

    test('attack 23: close to the end of the caller no call causes another exchange', async () => {
      const caller = bench.caller({ exp: bench.now() + 60 })
      await tokenOf(caller)
      const sent = bench.posted.length
      bench.advance(40)
      for (let call = 0; call < 5; call += 1) await tokenOf(caller)
      expect(bench.posted).toHaveLength(sent)
    })

    test.each(['jti', 'sid', 'txn'] as const)(
      'invariant 22: after a revocation by %s nobody uses a descendant, whoever holds one',
      async (by) => {
        const caller = bench.caller({ sid: 'session-1' })
        const held = await bench.delegator.delegate(caller.principal, BUDGET)
        await held.lines('POST')
        const sent = bench.posted.length
        const { iss = '', [by]: id = '' } = caller.principal.claims ?? {}
        bench.revocations.revoke({ issuer: iss, by, id, until: bench.now() + 600 })
        await expect(async () => held.lines('POST')).rejects.toMatchObject({
          code: 'delegation_refused',
        })
        expect(await refusalOf(caller)).toMatchObject({ code: 'delegation_refused' })
        expect(bench.posted).toHaveLength(sent)
      },
    )

    test('another policy: the token is got anew, also by who holds one', async () => {
      const caller = bench.caller()
      const held = await bench.delegator.delegate(caller.principal, BUDGET)
      const [, before] = await held.lines('POST')
      bench.delegators.clear()
      const [, after] = await held.lines('POST')
      expect(after).not.toBe(before)
    })

    test('a token the upstream does not take is got anew, and the second is the last for a while', async () => {
      const held = await bench.delegator.delegate(bench.caller().principal, BUDGET)
      const [, first] = await held.lines('POST')
      expect(held.refused({ status: 401 })).toBe(true)
      const [, second] = await held.lines('POST')
      expect(second).not.toBe(first)
      expect(held.refused({ status: 401 })).toBe(false)
      await expect(async () => held.lines('POST')).rejects.toMatchObject({
        code: 'delegation_refused',
      })
      bench.advance(10)
      const [, third] = await held.lines('POST')
      expect(third).not.toBe(second)
    })

    test('a warm token is shown at once, with a proof of its own each time', async () => {
      const { principal } = bench.caller()
      await (await bench.delegator.delegate(principal, BUDGET)).lines('POST')
      const warm = bench.delegator.delegate(principal, BUDGET)
      expect(warm).not.toBeInstanceOf(Promise)
      const authorization = await warm
      const proofs = [authorization.lines('POST'), authorization.lines('POST')].map((lines) => {
        expect(lines).not.toBeInstanceOf(Promise)
        return (lines as readonly string[])[3]
      })
      expect(proofs[0]).not.toBe(proofs[1])
    })
  })

  // Whoever issues its own tokens decides by its configuration alone whom it knows.
  if (!asks) return
  describe(`an upstream nobody knows, ${name}`, () => {
    test('invariant 15: gets no token', async () => {
      const bench = await make({ resource: 'https://unknown.example/mcp/main' })
      const asked = async (): Promise<unknown> =>
        bench.delegator.delegate(bench.caller().principal, BUDGET)
      await expect(asked()).rejects.toMatchObject({ code: 'delegation_refused' })
      await bench.close()
    })
  })
}
