// Attacks 15 to 20, 22 and 41: what a node in the middle of three organisations does to the one behind it. A and C are real
// nodes over real HTTP, and the middle holds real keys both of them trust.
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ProofMaker } from '../../node/identity/proof-maker.ts'
import { SigningKey } from '../../node/identity/signing-key.ts'
import { FEDERATION } from '../../protocol/federation.ts'
import { TYP } from '../../protocol/token/claims.ts'
import { URN } from '../../protocol/token/metadata.ts'
import { signJwt } from '../../node/identity/jwt.ts'
import { callModern, type RawReply } from '../fixtures/raw-client.ts'
import type { JsonObject } from '../fixtures/wire.ts'
import { claimsOf, pairwise, type TokenAnswer } from './middle.ts'
import { challengeOf } from './stage.ts'
import { expectNoOtherLeak, Three } from './three.ts'

let three: Three

beforeAll(async () => {
  three = await Three.start()
})
beforeEach(() => three.begin())
afterEach(expectNoOtherLeak)

afterAll(() => three.close())

const clock = (): number => Date.now() / 1_000

/** How a token request ended: at C by default, where nothing must have arrived. */
function refusal({ status, error }: TokenAnswer): object {
  return { status, error, reason: three.refusedByC, arrived: three.arrived }
}

function refused(status: number, error: string, reason: string): object {
  return { status, error, reason, arrived: 0 }
}

/** How a call ended. */
function outcome(reply: RawReply): object {
  const [, error] = /error="([^"]*)"/.exec(challengeOf(reply)) ?? []
  const { status } = reply
  const audited = three.audited('c')?.split(':')[0]
  return { status, code: reply.error.code, error, audited, arrived: three.arrived }
}

const UNAUTHENTICATED = {
  status: 401,
  code: -31_010,
  error: 'invalid_token',
  audited: 'refused',
  arrived: 0,
}

it('is served when it is honest', async () => {
  const visit = await three.visit()
  const reply = await three.b.call(three.b.shown(await three.b.tokenFor(visit)))
  expect(reply.result['content']).toEqual([{ type: 'text', text: 'on' }])
  expect(three.arrived).toBe(1)
  expect(three.records.c.audit.at(-1)).toMatchObject({
    decision: 'issued',
    out: { scope: ['ns:fx'] },
  })
})

describe('attack 15: a stolen hop token', () => {
  it('attack 15: the token A came with, shown to C', async () => {
    const { token } = await three.visit()
    expect(outcome(await three.b.call(three.b.shown(token)))).toEqual(UNAUTHENTICATED)
    expect(outcome(await three.b.call({ authorization: `Bearer ${token}` }))).toEqual(
      UNAUTHENTICATED,
    )
  })

  it('attack 15: the token of the middle for C, in the hands of another', async () => {
    const token = await three.b.tokenFor(await three.visit())
    const thief = new ProofMaker(SigningKey.generate(), clock)
    expect(outcome(await three.b.call(three.b.shown(token, thief)))).toEqual(UNAUTHENTICATED)
    expect(outcome(await three.b.call({ authorization: `Bearer ${token}` }))).toEqual(
      UNAUTHENTICATED,
    )
  })

  it('attack 15: the grant A redeemed at the middle, redeemed at C, or once more with another key', async () => {
    const visit = await three.visit()
    const { assertion } = visit
    expect(refusal(await three.b.redeem(assertion))).toEqual(
      refused(400, 'invalid_grant', 'issuer'),
    )
    const own = three.b.grantFor(visit)
    const prover = new ProofMaker(SigningKey.generate(), clock)
    const form = { grant_type: URN.jwtBearer, assertion: own }
    expect(refusal(await three.b.ask(form, { prover }))).toEqual(
      refused(400, 'invalid_grant', 'binding'),
    )
  })
})

describe('attack 16: a client that says who acted', () => {
  const said = {
    act: { iss: 'https://evil.example', sub: 'https://evil.example/oauth/client.json' },
    mesh: { v: 1, budget: 99 },
    txn: 'chosen-by-the-client',
    session_expiry: 9_999_999_999,
  }

  it('attack 16: in its token counts for nothing at the edge', async () => {
    const reply = await three.callAs(said)
    expect(reply.status).toBe(200)
    const { vouched: grant } = three
    const node = { iss: three.a.url, sub: `${three.a.url}/oauth/client.json` }
    expect(grant['act']).toEqual(node)
    expect((grant['mesh'] as { budget: number }).budget).toBeLessThan(8)
    expect(grant['txn']).not.toBe(said.txn)
    expect(JSON.stringify(three.records.a.audit)).not.toContain('evil')
    expect(three.records.a.audit.at(-1)).toMatchObject({ kind: 'obtained', decision: 'issued' })
  })

  it('attack 16: in _meta neither, and no more hops than are configured', async () => {
    const federation = { budget: 200, path: [] }
    await three.callAs({}, { meta: { ...said, [FEDERATION]: federation } })
    const { vouched: grant } = three
    expect((grant['mesh'] as { budget: number }).budget).toBeLessThan(8)
    expect(JSON.stringify(grant)).not.toContain('evil')
  })
})

describe('attack 17: the middle drops or rewrites who acted before', () => {
  it('attack 17: dropped, it is accepted, no more than hearsay is lost, and the budget still binds', async () => {
    const visit = await three.visit()
    const act = { iss: three.b.issuer, sub: three.b.client }
    const token = await three.b.tokenFor(visit, { act })
    expect(claimsOf(token)['act']).toEqual(act)
    const { budget: told } = claimsOf(three.b.grantFor(visit))['mesh'] as { budget: number }
    const { budget } = claimsOf(token)['mesh'] as { budget: number }
    expect(budget).toBeLessThanOrEqual(told)
    const reply = await three.b.call(three.b.shown(token))
    expect([reply.status, three.arrived]).toEqual([200, 1])
    expect(three.records.c.audit.at(-1)?.actors).toEqual([`${act.iss} ${act.sub}`])
  })

  it.each<[string, (three: Three) => JsonObject]>([
    ['another organisation', () => ({ iss: 'https://d.example', sub: 'https://d.example/n' })],
    ['nobody in particular', () => ({ hid: pairwise('somebody') })],
    ['C itself', ({ c }) => ({ iss: c.url, sub: `${c.url}/oauth/client.json` })],
  ])('attack 17: rewritten to %s it is refused', async (_, rewritten) => {
    const visit = await three.visit()
    const act = { iss: three.b.issuer, sub: three.b.client, act: rewritten(three) }
    expect(refusal(await three.b.redeem(three.b.grantFor(visit, { act })))).toEqual(
      refused(400, 'invalid_grant', 'transit'),
    )
  })
})

describe('attack 18: the middle raises what it was given', () => {
  it('attack 18: scope, budget and life are cut down to what C believes of it', async () => {
    const visit = await three.visit()
    const now = Math.floor(clock())
    const raised = {
      scope: 'ns:fx ns:all ns:secret',
      mesh: { v: 1, budget: 200 },
      session_expiry: now + 1_000_000,
    }
    const claims = claimsOf(await three.b.tokenFor(visit, raised))
    expect(claims['scope']).toBe('ns:fx')
    expect((claims['mesh'] as { budget: number }).budget).toBeLessThanOrEqual(8)
    expect(Number(claims['exp'])).toBeLessThanOrEqual(now + 62)
    expect(three.records.c.audit.at(-1)).toMatchObject({
      decision: 'issued',
      out: { scope: ['ns:fx'] },
    })
    const token = await three.b.tokenFor(visit, raised)
    const reply = await three.b.call(three.b.shown(token), {}, 'secret__echo')
    expect(reply.status).not.toBe(200)
    expect(three.arrived).toBe(0)
  })

  it('attack 18: nothing but what it may not have is no token', async () => {
    const grant = three.b.grantFor(await three.visit(), { scope: 'ns:secret' })
    expect(refusal(await three.b.redeem(grant))).toEqual(refused(400, 'invalid_scope', 'scope'))
    const far = three.b.grantFor(await three.visit(), { exp: Math.floor(clock()) + 3_600 })
    expect(refusal(await three.b.redeem(far))).toEqual(refused(400, 'invalid_grant', 'lifetime'))
  })
})

describe('attack 19: the middle speaks for people of others', () => {
  it.each<[string, (three: Three) => string]>([
    ['by name', () => 'alice@a.example'],
    ['as A would', ({ a }) => `${a.url}|${pairwise('alice')}`],
    ['as itself', ({ b }) => b.client],
  ])('attack 19: %s', async (_, sub) => {
    const grant = three.b.grantFor(await three.visit(), { sub: sub(three) })
    expect(refusal(await three.b.redeem(grant))).toEqual(refused(400, 'invalid_grant', 'subject'))
  })

  it('attack 19: where it may not relay for A', async () => {
    await three.distrust({ transit: [] })
    const grant = three.b.grantFor(await three.visit())
    expect(refusal(await three.b.redeem(grant))).toEqual(refused(400, 'invalid_grant', 'transit'))
    await three.distrust({})
  })

  it('attack 19: in the name of the issuer of A', async () => {
    const grant = three.b.grantFor(await three.visit(), { iss: three.a.url })
    expect(refusal(await three.b.redeem(grant))).toEqual(refused(400, 'invalid_grant', 'issuer'))
  })
})

describe('attack 20: a chain that never happened', () => {
  it('attack 20: the subject of one call and the actor of another', async () => {
    const [alice, bob] = [await three.visit('alice'), await three.visit('bob')]
    const form = {
      grant_type: URN.tokenExchange,
      subject_token: await three.b.tokenFor(alice),
      subject_token_type: URN.accessToken,
      actor_token: await three.b.tokenFor(bob),
      actor_token_type: URN.accessToken,
      resource: three.c.endpointUrl('main'),
    }
    const asked = await three.b.ask(form)
    // Refused for who asks, before it is looked at what is asked.
    expect(refusal(asked)).toEqual(refused(400, 'unauthorized_client', 'client'))
    expect(asked.token).toBeUndefined()
  })

  it('attack 20: beside a grant an actor token is not even a parameter', async () => {
    const [alice, bob] = [await three.visit('alice'), await three.visit('bob')]
    const grant = three.b.grantFor(alice)
    const answer = await three.b.redeem(grant, {
      actor_token: bob.token,
      actor_token_type: URN.accessToken,
    })
    const claims = claimsOf(answer.token ?? '')
    expect([answer.status, claims['act']]).toEqual([200, claimsOf(grant)['act']])
    expect(three.arrived).toBe(0)
  })

  it('attack 20: the actor is A, and the client the middle', async () => {
    const act = { iss: three.a.url, sub: `${three.a.url}/oauth/client.json` }
    for (const change of [{ act }, { act, client_id: act.sub }]) {
      const grant = three.b.grantFor(await three.visit(), change)
      expect(refusal(await three.b.redeem(grant))).toEqual(refused(400, 'invalid_grant', 'client'))
    }
  })

  it('attack 20: the token of A for the middle, exchanged where it does not belong', async () => {
    const { token } = await three.visit()
    const form = {
      grant_type: URN.tokenExchange,
      subject_token: token,
      subject_token_type: URN.accessToken,
    }
    for (const at of [three.c.url, three.a.url]) {
      const { status, error } = await three.b.ask({ ...form, resource: `${at}/mcp/main` }, { at })
      expect([status, error]).toEqual([400, 'unauthorized_client'])
    }
    expect(three.arrived).toBe(0)
  })
})

/** A grant of the middle for A, which trusts it too. */
function grantForA(change: JsonObject): string {
  const now = Math.floor(clock())
  return signJwt(three.b.sts, TYP.grant, {
    iss: three.b.issuer,
    sub: pairwise('alice'),
    aud: three.a.url,
    client_id: three.b.client,
    resource: three.a.endpointUrl('partners'),
    scope: 'ns:b',
    jti: randomUUID(),
    iat: now,
    exp: now + 60,
    act: { iss: three.b.issuer, sub: three.b.client },
    cnf: { jkt: three.b.prover.jkt },
    mesh: { v: 1, budget: 200 },
    ...change,
  })
}

describe('attack 22: the middle sends calls back', () => {
  it('attack 22: with who acted, A stops at itself', async () => {
    const visit = await three.visit()
    const before = three.b.visits.length
    const assertion = grantForA({ act: claimsOf(three.b.grantFor(visit))['act'] })
    const form = { grant_type: URN.jwtBearer, assertion }
    const { status, error } = await three.b.ask(form, { at: three.a.url })
    expect([status, error]).toEqual([400, 'invalid_grant'])
    expect(three.records.a.audit.at(-1)).toMatchObject({ decision: 'refused', reason: 'transit' })
    expect(three.b.visits).toHaveLength(before)
  })

  it('attack 22: without, one call there is one call here, and where it has been is known from the call itself', async () => {
    const form = { grant_type: URN.jwtBearer, assertion: grantForA({}) }
    const { token = '' } = await three.b.ask(form, { at: three.a.url })
    const url = three.a.endpointUrl('partners')
    const back = (path: readonly string[]): Promise<RawReply> => {
      const dpop = three.b.prover.proof({ method: 'POST', url, accessToken: token })
      const headers = { authorization: `DPoP ${token}`, dpop }
      const params = { name: 'b__echo', arguments: { message: 'again' } }
      const meta = { [FEDERATION]: { budget: 8, path } }
      return callModern(url, 'tools/call', params, { headers, meta })
    }
    const looped = await back([three.a.id, 'somebody'])
    expect([looped.status, looped.error.code]).toEqual([200, -31_001])
    expect(three.b.visits).toHaveLength(0)
    expect((await back([])).status).toBe(200)
    expect(three.b.visits).toHaveLength(1)
  })
})

describe('attack 41: the state of one caller, sent by another through the same middle', () => {
  it('attack 41: is refused, and still good for whom it was given to', async () => {
    const [alice, bob] = [await three.visit('alice'), await three.visit('bob')]
    const [hers, his] = [await three.b.tokenFor(alice), await three.b.tokenFor(bob)]
    const ask = (token: string, more: JsonObject = {}): Promise<RawReply> =>
      three.b.call(three.b.shown(token), more, 'fx__ask_stateful')
    const { requestState, inputRequests } = (await ask(hers)).result
    expect(inputRequests).toHaveProperty('form')
    const inputResponses = { form: { action: 'accept', content: { a: 'b' } } }
    const before = three.arrived
    const stolen = await ask(his, { requestState, inputResponses })
    expect([stolen.status, stolen.error.code, three.arrived]).toEqual([200, -32_602, before])
    expect(three.audited('c')).toBe('refused: bad_state')
    const own = await ask(hers, { requestState, inputResponses })
    expect(own.result['content']).toBeDefined()
    expect(three.arrived).toBe(before + 1)
  })
})
