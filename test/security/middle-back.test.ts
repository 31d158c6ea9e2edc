// Attacks 31, 32 and 44, rows 51 and 52: what a node in the middle of three organisations does to the one before it, by what
// its issuer and its endpoint answer.
import { createServer, type Server } from 'node:http'
import * as fc from 'fast-check'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isCovered, mapScopes } from '../../protocol/token/scopes.ts'
import type { RawReply } from '../fixtures/raw-client.ts'
import type { JsonObject } from '../fixtures/wire.ts'
import { claimsOf } from './middle.ts'
import { challengeOf } from './stage.ts'
import { expectNoOtherLeak, Three } from './three.ts'

/** What a caller and C see of whatever the middle does wrong with a call. */
const DENIED = {
  status: 200,
  code: -31_012,
  lured: 0,
  arrived: 0,
  audited: 'refused: delegation_refused',
}

let three: Three
/** Somebody the middle would have A send things to. */
let attacker: Server
let elsewhere: string
let lured = 0

beforeAll(async () => {
  three = await Three.start()
  attacker = createServer((_, response) => {
    lured += 1
    response.end('{}')
  })
  attacker.listen(0, '127.0.0.1')
  await once(attacker, 'listening')
  elsewhere = `http://127.0.0.1:${(attacker.address() as AddressInfo).port}`
})
beforeEach(() => {
  three.begin()
  lured = 0
})
afterEach(expectNoOtherLeak)

afterAll(async () => {
  attacker.close()
  await three.close()
})

function outcome(reply: RawReply): object {
  const { status } = reply
  const audited = three.audited('a')
  return { status, code: reply.error.code, lured, arrived: three.arrived, audited }
}

/** Somebody A has no token for yet. */
let people = 0
function somebody(more: JsonObject = {}): Promise<RawReply> {
  people += 1
  return three.callAs({ sub: `person-${people}`, ...more })
}

describe('attack 31: credentials go nowhere but to whom they are for', () => {
  const smuggled = {
    cookie: 'session=canary-cookie',
    dpop: 'canary-proof',
    'proxy-authorization': 'Basic canary-proxy',
    'x-api-key': 'canary-key',
    'txn-token': 'canary-txn',
  }

  it('attack 31: nothing a caller sends as a credential reaches the middle', async () => {
    const before = three.b.endpoint.requests.length
    const reply = await three.call('alice', smuggled)
    expect(reply.status).toBe(200)
    const seen = three.b.endpoint.requests.slice(before)
    expect(seen.length).toBeGreaterThan(0)
    for (const { headers, body } of seen) {
      expect(JSON.stringify([headers, body])).not.toContain('canary')
      expect(headers.authorization ?? 'DPoP ').toMatch(/^DPoP /)
      expect(headers.cookie).toBeUndefined()
    }
    expect(three.records.a.text).not.toContain('canary')
  })

  it.each([301, 302, 303, 307, 308])('attack 31: nor does a redirect, %i', async (status) => {
    three.b.misdeed = (_, exchange) => exchange.empty(status, { location: `${elsewhere}/mcp` })
    const reply = await three.call('alice')
    expect(outcome(reply)).toEqual({
      status: 200,
      code: -31_003,
      lured: 0,
      arrived: 0,
      audited: 'failed: upstream_unavailable',
    })
    expect(reply.raw).not.toContain(elsewhere)
  })
})

const EVIL = '\u001b[31mEVIL\n<script>'

describe('attack 32, row 52: what the middle says of authorization', () => {
  it.each([401, 403])(
    'attack 10, attack 32, row 52: with %i and a challenge of its own, which leads to an attacker',
    async (status) => {
      three.b.misdeed = (_, exchange) =>
        exchange.raw(JSON.stringify({ error: 'invalid_token', error_description: EVIL }), {
          status,
          headers: {
            'www-authenticate': `Bearer error="insufficient_scope", scope="evil:all", resource_metadata="${elsewhere}/prm", error_description="EVIL"`,
            location: elsewhere,
          },
        })
      const reply = await somebody()
      expect(outcome(reply)).toEqual(DENIED)
      expect(challengeOf(reply)).toBe('')
      expect(JSON.stringify([reply.raw, reply.headers])).not.toMatch(/evil|script/i)
      expect(reply.raw).not.toContain(elsewhere)
      expect(three.records.a.text).not.toMatch(/evil|script/i)
    },
  )

  it('row 52: a scope the caller could get here is asked for here, in the words of this node', async () => {
    three.b.misdeed = (_, exchange) =>
      exchange.empty(403, {
        'www-authenticate': `DPoP error="insufficient_scope", scope="ns:fx", resource_metadata="${elsewhere}/prm"`,
      })
    // It holds less than the middle asks for, and enough to see the tool.
    const reply = await somebody({ scope: 'tool:b/echo' })
    expect(outcome(reply)).toEqual({
      status: 403,
      code: -31_011,
      lured: 0,
      arrived: 0,
      audited: 'refused: insufficient_scope',
    })
    const challenge = challengeOf(reply)
    expect(challenge).toContain('error="insufficient_scope"')
    expect(challenge).toContain('scope="ns:b"')
    const metadata = `${three.a.url}/.well-known/oauth-protected-resource/mcp/people`
    expect(challenge).toContain(`resource_metadata="${metadata}"`)
    expect(challenge).not.toContain(elsewhere)
  })

  it('row 52: a caller is never sent to log in because the middle takes no token', async () => {
    let asked = 0
    three.b.misdeed = (_, exchange) => {
      asked += 1
      exchange.empty(401, { 'www-authenticate': 'DPoP error="invalid_token"' })
    }
    const reply = await somebody()
    expect(outcome(reply)).toEqual(DENIED)
    // One more token, one more try, and no third.
    expect(asked).toBe(2)
  })
})

describe('attack 44: the issuer of the middle answers with more than it was asked for', () => {
  type Answer = (right: JsonObject, grant: JsonObject) => JsonObject

  it.each<[string, string, Answer]>([
    ['wider scopes', 'scope', (right) => ({ ...right, scope: 'ns:fx ns:secret' })],
    [
      'wider scopes in the token alone',
      'scope',
      (right) => ({ ...right, scope: '*', answered: { scope: 'ns:fx' } }),
    ],
    ['no scope', 'scope', (right) => ({ ...right, scope: '', answered: { scope: '' } })],
    ['a longer life', 'lifetime', (right) => ({ ...right, exp: Number(right['exp']) + 86_400 })],
    [
      'a longer life in the token alone',
      'lifetime',
      (right) => ({ ...right, exp: Number(right['exp']) + 86_400, answered: { expires_in: 60 } }),
    ],
    ['more audiences', 'audience', (right) => ({ ...right, aud: [right['aud'], elsewhere] })],
    ['another audience', 'audience', (right) => ({ ...right, aud: elsewhere })],
    ['another issuer', 'issuer', (right) => ({ ...right, iss: elsewhere })],
    ['another key', 'binding', (right) => ({ ...right, cnf: { jkt: 'x'.repeat(43) } })],
    ['no key', 'binding', (right) => ({ ...right, cnf: undefined })],
    [
      'a bearer token',
      'binding',
      (right) => ({ ...right, cnf: undefined, answered: { token_type: 'Bearer' } }),
    ],
    ['a larger budget', 'budget', (right) => ({ ...right, mesh: { v: 1, budget: 99 } })],
    ['another chain', 'depth', (right) => ({ ...right, act: { iss: elsewhere, sub: 'x' } })],
    ['no chain', 'depth', (right) => ({ ...right, act: undefined })],
    ['another client', 'client', (right) => ({ ...right, client_id: 'x' })],
    ['another name for it', 'claims', (right) => ({ ...right, txn: 'another' })],
  ])('attack 44: %s', async (_, reason, answer) => {
    three.b.answer = answer
    const reply = await somebody()
    expect(outcome(reply)).toEqual(DENIED)
    expect(three.b.visits).toHaveLength(0)
    expect(three.records.a.audit.at(-1)).toMatchObject({
      kind: 'obtained',
      decision: 'refused',
      reason,
    })
    expect(three.records.a.text).toContain('no token for an upstream')
  })
})

function scopesOf({ scope }: JsonObject): readonly string[] {
  return typeof scope === 'string' ? scope.split(' ') : []
}

describe('row 51: the token upstream', () => {
  it('row 51: is for the upstream alone, and has no more scopes than the caller and the link grant', async () => {
    for (const [scope, expected] of [
      ['ns:b', 'ns:fx'],
      ['ns:b ns:other *', 'ns:fx'],
      ['tool:b/echo', 'tool:fx/echo'],
    ] as const) {
      await somebody({ scope })
      const { claims } = three.b.visits.at(-1) ?? { claims: {} }
      expect(claims).toMatchObject({ aud: three.b.resource, scope: expected })
    }
  })

  it('row 51: at every hop, whatever the caller holds', async () => {
    const held = fc.subarray(
      ['ns:b', 'ns:b:read', 'tool:b/echo', 'tool:b/other', 'ns:fx', 'ns:secret', 'openid', '*'],
      { minLength: 1 },
    )
    await fc.assert(
      fc.asyncProperty(held, async (scopes) => {
        three.begin()
        await somebody({ scope: scopes.join(' ') })
        const [visit] = three.b.visits
        const atB = visit === undefined ? [] : scopesOf(visit.claims)
        const token = visit === undefined ? undefined : await three.b.tokenFor(visit)
        const atC = token === undefined ? [] : scopesOf(claimsOf(token))
        const image = mapScopes(scopes, { 'ns:b': ['ns:fx'] })
        expect(atB.every((one) => isCovered(image, one))).toBe(true)
        expect(atC.every((one) => isCovered(atB, one) && isCovered(['ns:fx'], one))).toBe(true)
        // Who may not call the tool here gets no token for there. It reads only, and of an identity provider "*" is no
        // scope of this node.
        const enough = ['ns:b', 'ns:b:read', 'tool:b/echo']
        expect(visit !== undefined).toBe(scopes.some((one) => enough.includes(one)))
      }),
      { numRuns: 25 },
    )
  })
})
