// Attack 38 on a whole node: more revocations than it can remember.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { callModern } from '../fixtures/raw-client.ts'
import { json, serve, type LocalServer } from '../node/identity/local-server.ts'
import { ForgeKey } from './forge.ts'
import { Issuing } from './issuing.ts'
import { challengeOf } from './stage.ts'

const CAPACITY = 1_000
const LOGIN = 'https://login.example'
const key = new ForgeKey()
let keys: LocalServer
let issuing: Issuing

beforeAll(async () => {
  keys = await serve(json({ keys: [key.published('k')] }))
  const people = { issuer: LOGIN, jwksUri: `${keys.url}/jwks`, egress: { allowPrivate: true } }
  issuing = await Issuing.start({
    limits: { revocations: CAPACITY, tokenRequestsPerMinute: 1_000_000 },
    endpoints: {
      main: { namespaces: ['*'], auth: {} },
      people: { namespaces: ['*'], auth: people },
    },
  })
})
beforeEach(() => issuing.begin())
afterAll(async () => {
  await issuing.close()
  await keys.close()
})

function byForeignToken(): ReturnType<typeof callModern> {
  const url = issuing.node.endpointUrl('people')
  const now = Math.floor(Date.now() / 1_000)
  const claims = { iss: LOGIN, aud: url, sub: 'ada', client_id: 'app', jti: 'one', scope: 'ns:fx' }
  const token = key.access({ ...claims, iat: now, exp: now + 60 }, { kid: 'k' })
  const params = { name: 'fx__echo', arguments: { message: 'hi' } }
  return callModern(url, 'tools/call', params, { headers: { authorization: `Bearer ${token}` } })
}

describe('attack 38: a flood of revocations', () => {
  it('attack 38: of strangers changes nothing', async () => {
    const { token } = await issuing.redeem('peer', issuing.grant())
    for (const who of ['peer', 'app', 'stranger'] as const) {
      const { status } = await issuing.ask(issuing.as(who, { sid: 'any' }), '/oauth/revoke')
      expect([400, 401]).toContain(status)
    }
    expect((await issuing.call(token)).status).toBe(200)
  })

  it('attack 38: of one issuer closes that issuer, and no other', async () => {
    const { token } = await issuing.redeem('peer', issuing.grant())
    for (let at = 0; at <= CAPACITY; at += 50) {
      const flood = Array.from({ length: 50 }, (_, one) =>
        issuing.ask(issuing.as('edge', { sid: `session-${at + one}` }), '/oauth/revoke'),
      )
      for (const { status } of await Promise.all(flood)) expect([200, 503]).toContain(status)
    }
    issuing.begin()
    const refused = await issuing.call(token)
    expect([refused.status, refused.error.code]).toEqual([401, -31_010])
    expect(challengeOf(refused)).toContain('error="invalid_token"')
    expect(issuing.arrived).toEqual([])
    expect((await byForeignToken()).status).toBe(200)
  })
})
