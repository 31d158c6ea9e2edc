// Whatever the service issues obeys the laws of narrowing, measured against what it was given (identity.md, invariants).
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { actDepth, sameChain } from '../../../../protocol/token/act.ts'
import type { AccessClaims, Actor, GrantClaims } from '../../../../protocol/token/claims.ts'
import { URN } from '../../../../protocol/token/metadata.ts'
import { isCovered, mapScopes } from '../../../../protocol/token/scopes.ts'
import {
  accessOf,
  EDGE,
  EDGE_MAIN,
  FAR,
  FAR_PUB,
  grantOf,
  KEYS,
  PEER,
  PEER_CLIENT,
  TokenLab,
} from './token-lab.ts'

let lab: TokenLab

beforeAll(async () => {
  lab = await TokenLab.open({ policy: { requestsPerMinute: 1_000_000 } })
  const transit = lab.trust({ transit: ['*'], exchangesPerMinute: 1_000_000 })
  lab.service.apply(lab.settings({ requestsPerMinute: 1_000_000, trust: [transit] }))
})
afterAll(() => lab.close())

const scope = fc.constantFrom(
  'ns:sales',
  'ns:sales:read',
  'ns:crm',
  'ns:crm:read',
  'tool:sales/list',
  'tool:crm/find',
  'ns:billing',
  '*',
)
const scopes = fc.uniqueArray(scope, { maxLength: 5 })

/** Chains of actors that are not ours. */
const chain = fc
  .array(fc.nat(30), { maxLength: 6 })
  .map((names) =>
    names.reduceRight<Actor | undefined>(
      (act, at) => ({ iss: 'https://o.example', sub: `n${at}`, ...(act && { act }) }),
      undefined,
    ),
  )

const parent = fc.record({
  scopes,
  // An empty parameter is as good as none (RFC 6749 §3.2).
  asked: fc.option(fc.uniqueArray(scope, { minLength: 1, maxLength: 5 }), { nil: undefined }),
  life: fc.integer({ min: 1, max: 400 }),
  session: fc.option(fc.integer({ min: 1, max: 400 }), { nil: undefined }),
  budget: fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined }),
  act: chain,
  txn: fc.option(fc.constant('t-1'), { nil: undefined }),
})

type Case = typeof parent extends fc.Arbitrary<infer T> ? T : never

let serial = 0

function subjectOf(one: Case): AccessClaims {
  serial += 1
  return {
    iss: lab.base,
    sub: 'alice',
    aud: EDGE_MAIN,
    clientId: 'c',
    jti: `in-${serial}`,
    iat: lab.now,
    exp: lab.now + one.life,
    scope: one.scopes,
    mayAct: { iss: lab.base, sub: EDGE },
    ...(one.act && { act: one.act }),
    ...(one.txn !== undefined && { txn: one.txn }),
    ...(one.session !== undefined && { sessionExpiry: lab.now + one.session }),
    ...(one.budget !== undefined && { mesh: { v: 1, budget: one.budget } }),
  }
}

/** Invariants 3 to 12 and 16 of one exchange. */
function checkNarrowed(claims: AccessClaims | GrantClaims, input: AccessClaims, one: Case): void {
  expect(claims.scope.length).toBeGreaterThan(0)
  for (const given of claims.scope) {
    expect(isCovered(input.scope, given)).toBe(true)
    expect(one.asked === undefined || isCovered(one.asked, given)).toBe(true)
    expect(given).not.toBe('*')
  }
  expect(claims.exp).toBeLessThanOrEqual(Math.min(input.exp, input.sessionExpiry ?? Infinity))
  expect(claims.exp).toBeLessThanOrEqual(lab.now + 120)
  expect(claims.exp).toBeGreaterThan(lab.now)
  expect(claims.sessionExpiry).toBeLessThanOrEqual(input.exp)
  expect(claims.iat).toBeGreaterThanOrEqual(input.iat)
  expect(actDepth(claims.act)).toBe(actDepth(input.act) + 1)
  expect(actDepth(claims.act)).toBeLessThanOrEqual(8)
  expect(sameChain(claims.act?.act, input.act)).toBe(true)
  expect(claims.act).toMatchObject({ iss: lab.base, sub: EDGE })
  expect(claims.clientId).toBe(EDGE)
  expect(claims.mesh?.budget).toBe(Math.min(input.mesh?.budget ?? 6, 6) - 1)
  expect(claims.mesh?.budget).toBeGreaterThanOrEqual(0)
  expect(claims.cnf).toEqual({ jkt: lab.prover.jkt })
  expect(one.txn ?? claims.txn).toBe(claims.txn)
}

/** What a refusal may be called here; undefined: it is none. */
const NARROWED_AWAY = [undefined, 'invalid_scope', 'invalid_target']

const RUNS = { numRuns: 60 }

describe('what a node gets for a token', { timeout: 60_000 }, () => {
  it('is for the endpoint it asked about, and no more than what it gave', async () => {
    let issued = 0
    await fc.assert(
      fc.asyncProperty(parent, async (one) => {
        const input = subjectOf(one)
        const reply = await lab.ask(
          lab.exchange({
            subject_token: lab.local.sign(input).token,
            ...(one.asked && { scope: one.asked.join(' ') }),
          }),
        )
        expect('access_token' in reply.json).toBe(reply.status === 200)
        expect(NARROWED_AWAY).toContain(reply.error)
        if (reply.status !== 200) return
        issued += 1
        const claims = accessOf(reply.token)
        expect([claims.iss, claims.aud, claims.sub]).toEqual([lab.base, lab.main, 'alice'])
        expect(reply.json['scope']).toBe(claims.scope.join(' '))
        expect(reply.json['expires_in']).toBe(claims.exp - lab.now)
        checkNarrowed(claims, input, one)
      }),
      RUNS,
    )
    expect(issued).toBeGreaterThan(5)
  })

  it('or a grant for another issuer, whose subject cannot be linked', async () => {
    let issued = 0
    await fc.assert(
      fc.asyncProperty(parent, async (one) => {
        const input = subjectOf(one)
        const reply = await lab.ask(
          lab.exchange({
            subject_token: lab.local.sign(input).token,
            requested_token_type: URN.jwt,
            audience: FAR,
            resource: FAR_PUB,
            ...(one.asked && { scope: one.asked.join(' ') }),
          }),
        )
        if (reply.status !== 200) return
        issued += 1
        const claims = grantOf(reply.token)
        expect([claims.iss, claims.aud, claims.resource]).toEqual([lab.base, FAR, FAR_PUB])
        expect(claims.sub).toMatch(/^[A-Za-z0-9_-]{43}$/)
        expect(claims.exp).toBeLessThanOrEqual(lab.now + 60)
        checkNarrowed(claims, input, one)
      }),
      RUNS,
    )
    expect(issued).toBeGreaterThan(5)
  })

  it('in two steps is no more than in one', async () => {
    await fc.assert(
      fc.asyncProperty(parent, async (one) => {
        const input = subjectOf({ ...one, act: undefined })
        const ask = async (asked: readonly string[]): Promise<readonly string[]> => {
          const subject = lab.local.sign({ ...input, scope: asked }).token
          const reply = await lab.ask(lab.exchange({ subject_token: subject }))
          return reply.status === 200 ? accessOf(reply.token).scope : []
        }
        const first = await ask(one.scopes)
        const second = first.length === 0 ? [] : await ask(first)
        for (const given of second) expect(isCovered(one.scopes, given)).toBe(true)
      }),
      { numRuns: 20 },
    )
  })
})

describe('what a peer gets for a grant', { timeout: 60_000 }, () => {
  it('is for the endpoint of the grant, and no more than the grant and the trust record give', async () => {
    let issued = 0
    const { trust } = lab.settings().issuer ?? {}
    const record = trust?.[0]
    await fc.assert(
      fc.asyncProperty(parent, async (one) => {
        const { act: older, session, budget } = one
        const act = { iss: PEER, sub: PEER_CLIENT, ...(older && { act: older }) }
        const grant = lab.grant({
          scope: one.scopes.join(' '),
          act,
          txn: one.txn,
          session_expiry: session === undefined ? undefined : lab.now + session,
          mesh: budget === undefined ? undefined : { v: 1, budget },
        })
        const form = one.asked === undefined ? {} : { scope: one.asked.join(' ') }
        const reply = await lab.ask(lab.redeem(grant, form))
        expect('access_token' in reply.json).toBe(reply.status === 200)
        expect(NARROWED_AWAY).toContain(reply.error)
        if (reply.status !== 200) return
        issued += 1
        const claims = accessOf(reply.token)
        expect([claims.iss, claims.aud]).toEqual([lab.base, lab.main])
        expect(claims.scope.length).toBeGreaterThan(0)
        const map = record?.scopes.map ?? {}
        const mapped = mapScopes(one.scopes, map)
        // Asked for in the names of either side.
        const asked = one.asked && [...one.asked, ...mapScopes(one.asked, map)]
        for (const given of claims.scope) {
          expect(isCovered(mapped, given)).toBe(true)
          expect(isCovered(record?.scopes.max ?? [], given)).toBe(true)
          expect(asked === undefined || isCovered(asked, given)).toBe(true)
        }
        expect(claims.exp).toBeLessThanOrEqual(lab.now + Math.min(90, session ?? 90))
        expect(sameChain(claims.act, act)).toBe(true)
        expect(actDepth(claims.act)).toBeLessThanOrEqual(3)
        expect(claims.clientId).toBe(PEER_CLIENT)
        expect(claims.mesh?.budget).toBe(Math.min(budget ?? 6, 6))
        expect(claims.cnf).toEqual({ jkt: lab.prover.jkt })
        expect(one.txn ?? claims.txn).toBe(claims.txn)
      }),
      RUNS,
    )
    expect(issued).toBeGreaterThan(5)
  })

  it('once, under any interleaving (invariant 23)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(3), { minLength: 2, maxLength: 12 }), async (order) => {
        const grants = [0, 1, 2, 3].map(() => lab.grant())
        const replies = await Promise.all(
          order.map((at) =>
            lab.ask(lab.redeem(grants[at] ?? '')).then(({ status }) => ({ at, status })),
          ),
        )
        for (const at of new Set(order)) {
          const won = replies.filter((reply) => reply.at === at && reply.status === 200)
          expect(won).toHaveLength(1)
        }
      }),
      { numRuns: 15 },
    )
  })
})

describe('a key of one issuer (invariant 27)', () => {
  it('never vouches for another', async () => {
    const holders = ['peer', 'idp', 'kube', 'provider', 'edge', 'stranger'] as const
    for (const holder of holders) {
      const reply = await lab.ask(lab.redeem(lab.grant({}, KEYS[holder])))
      expect(reply.status).toBe(holder === 'peer' ? 200 : 400)
    }
  })
})
