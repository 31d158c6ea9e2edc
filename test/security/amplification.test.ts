// Attacks 23, 33 and 35: what calls of many or of one make a node ask for, and for whom it keeps what it got.
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { RawReply } from '../fixtures/raw-client.ts'
import type { JsonObject } from '../fixtures/wire.ts'
import { challengeOf } from './stage.ts'
import { expectNoOtherLeak, Three } from './three.ts'

let three: Three

beforeAll(async () => {
  three = await Three.start()
})
beforeEach(() => three.begin())
afterEach(expectNoOtherLeak)

afterAll(() => three.close())

/** Ids of the tokens the middle was shown, in turn. */
function shown(): readonly unknown[] {
  return three.b.visits.map(({ claims }) => claims['jti'])
}

/** One token of somebody, whatever they call. */
function person(more: JsonObject = {}): () => Promise<RawReply> {
  // Told once: a second later it would be another token.
  const iat = Math.floor(Date.now() / 1_000)
  const claims = { sub: randomUUID(), jti: randomUUID(), iat, exp: iat + 300, ...more }
  return () => three.callAs(claims)
}

describe('attack 23: one call that becomes many exchanges', () => {
  it('attack 23: fifty calls at once of one caller are one exchange', async () => {
    const call = person()
    const replies = await Promise.all(Array.from({ length: 50 }, () => call()))
    expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200))
    expect(new Set(shown()).size).toBe(1)
    const obtained = three.records.a.audit.filter(({ kind }) => kind === 'obtained')
    expect(obtained).toHaveLength(1)
    // One call there for one call here.
    expect(three.b.visits).toHaveLength(50)
  })

  it('attack 23: who asks the token service too often is told to come later, and nothing arrives', async () => {
    const visit = await three.visit()
    await three.distrust({ rate: { exchangesPerMin: 3 } })
    three.begin()
    const answers = []
    for (let at = 0; at < 6; at += 1) answers.push(await three.b.redeem(three.b.grantFor(visit)))
    const late = answers.filter(({ status }) => status === 429)
    expect(late.length).toBeGreaterThanOrEqual(3)
    expect(late.every(({ error }) => error === 'temporarily_unavailable')).toBe(true)
    expect(three.records.c.audit.at(-1)).toMatchObject({ decision: 'refused' })
    expect(three.arrived).toBe(0)
    await three.distrust({})
  })

  it('attack 23: a budget below nothing is no budget', async () => {
    const visit = await three.visit()
    const mesh = { v: 1, budget: -1 }
    const { status, error } = await three.b.redeem(three.b.grantFor(visit, { mesh }))
    expect([status, error, three.arrived]).toEqual([400, 'invalid_grant', 0])
  })
})

describe('attack 33: a step-up that never ends', () => {
  it('attack 33: each call is refused once, and a scope that is held is not asked for again', async () => {
    let asked = 0
    three.b.misdeed = (_, exchange) => {
      asked += 1
      const scope = ['ns:fx', `ns:fx tool:fx/more-${asked}`][asked % 2] ?? ''
      exchange.empty(403, {
        'www-authenticate': `DPoP error="insufficient_scope", scope="${scope}"`,
      })
    }
    const narrow = await person({ scope: 'tool:b/echo' })()
    expect([narrow.status, narrow.error.code]).toEqual([403, -31_011])
    expect(challengeOf(narrow)).toContain('scope="ns:b"')
    expect(asked).toBe(1)
    const call = person({ scope: 'ns:b' })
    for (let at = 2; at < 7; at += 1) {
      const wide = await call()
      expect([wide.status, wide.error.code, challengeOf(wide)]).toEqual([200, -31_012, ''])
      expect(asked).toBe(at)
    }
    expect(three.arrived).toBe(0)
  })
})

describe('attack 35: one cached token for two callers', () => {
  it('attack 35: one person with two clients, and two people of one client', async () => {
    const [sub, other] = [randomUUID(), randomUUID()]
    const jti = randomUUID()
    const callers = [
      { sub, client_id: 'one', jti },
      { sub, client_id: 'two', jti },
      { sub: other, client_id: 'one', jti },
      { sub, client_id: 'one', jti: randomUUID() },
      { sub, client_id: 'one', jti, scope: 'tool:b/echo' },
    ]
    for (const caller of callers) expect((await three.callAs(caller)).status).toBe(200)
    expect(new Set(shown()).size).toBe(callers.length)
    const [first, second, third] = three.b.visits.map(({ claims }) => claims['sub'])
    expect(second).toBe(first)
    expect(third).not.toBe(first)
  })

  it('attack 35: one id of two issuers', async () => {
    const same = { sub: 'alice', jti: randomUUID(), client_id: 'alice' }
    expect((await three.callAs(same)).status).toBe(200)
    expect((await three.call('alice')).status).toBe(200)
    const [people, main] = three.b.visits
    expect(main?.claims['jti']).not.toBe(people?.claims['jti'])
    expect(main?.claims['sub']).not.toBe(people?.claims['sub'])
  })

  it('attack 35: what was got by another policy is not used again, even when both were asked for at once', async () => {
    const call = person()
    expect((await call()).status).toBe(200)
    const [racing, reloaded] = [call(), three.reload()]
    await Promise.all([racing, reloaded])
    expect((await call()).status).toBe(200)
    const ids = shown()
    expect(ids.at(-1)).not.toBe(ids[0])
  })
})
