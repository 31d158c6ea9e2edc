// Attacks 12, 21, 28, 39 and 43: what is asked of the token service of a whole node, and by whom.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readAccessClaims } from '../../protocol/token/access.ts'
import { readCompact } from '../../protocol/token/compact.ts'
import { URN } from '../../protocol/token/metadata.ts'
import { send } from '../fixtures/raw-client.ts'
import type { JsonObject } from '../fixtures/wire.ts'
import { CLIENTS, EDGE_MAIN, Issuing, PEER, type Form, type Who } from './issuing.ts'

let issuing: Issuing

beforeAll(async () => {
  issuing = await Issuing.start()
})
beforeEach(() => issuing.begin())
afterAll(() => issuing.close())

function refused(status: number, error: string): object {
  return { status, error, audited: true, issued: 0, arrived: [] }
}

it('gives everybody what is theirs', async () => {
  const byGrant = await issuing.redeem('peer', issuing.grant())
  const byIdJag = await issuing.redeem('app', issuing.idJag())
  const byExchange = await issuing.exchange('edge')
  for (const { token } of [byGrant, byIdJag, byExchange]) {
    expect((await issuing.call(token)).status).toBe(200)
  }
  expect(issuing.fixture.calls()).toHaveLength(3)
})

describe('attack 12: a grant that is redeemed again', () => {
  it.each<[string, Who, () => string]>([
    ['a grant', 'peer', () => issuing.grant()],
    ['an ID-JAG', 'app', () => issuing.idJag()],
  ])('attack 12: %s, fifty times at once', async (_, who, make) => {
    const assertion = make()
    const replies = await Promise.all(
      Array.from({ length: 50 }, () => issuing.redeem(who, assertion)),
    )
    const [won, lost] = [
      replies.filter(({ status }) => status === 200),
      replies.filter(({ status, error }) => status === 400 && error === 'invalid_grant'),
    ]
    expect([won.length, lost.length]).toEqual([1, 49])
    const { audit } = issuing.records
    expect(audit.filter(({ decision }) => decision === 'issued')).toHaveLength(1)
    expect(audit.filter(({ reason }) => reason === 'replayed')).toHaveLength(49)
    issuing.records.clear()
    expect(issuing.refusal(await issuing.redeem(who, assertion))).toEqual(
      refused(400, 'invalid_grant'),
    )
  })
})

describe('attack 21: an ID-JAG for somebody else', () => {
  it.each<[string, JsonObject]>([
    ['a resource of another', { resource: EDGE_MAIN }],
    ['no resource', { resource: undefined }],
    ['a client that is another', { client_id: CLIENTS.peer }],
    ['an audience that is another', { aud: PEER }],
    ['an issuer that may give none', { iss: PEER }],
  ])('attack 21: %s', async (_, change) => {
    const reply = await issuing.redeem('app', issuing.idJag(change))
    expect(issuing.refusal(reply)).toEqual(refused(400, 'invalid_grant'))
  })

  it('attack 21: two audiences, of which this is one', async () => {
    const assertion = issuing.idJag({ aud: [issuing.node.url, PEER] })
    expect(issuing.refusal(await issuing.redeem('app', assertion))).toEqual(
      refused(400, 'invalid_grant'),
    )
  })

  it('attack 21: brought by another client', async () => {
    expect(issuing.refusal(await issuing.redeem('peer', issuing.idJag()))).toEqual(
      refused(400, 'invalid_grant'),
    )
  })

  it('attack 21: for another resource than is asked for', async () => {
    const reply = await issuing.redeem('app', issuing.idJag(), { resource: EDGE_MAIN })
    expect(issuing.refusal(reply)).toEqual(refused(400, 'invalid_target'))
  })
})

describe('row 54: enterprise-managed authorization', () => {
  it('row 54: an ID-JAG counts once, for its pair of audience and resource, and for what both sides allow', async () => {
    const wide = issuing.idJag({ scope: 'fx.use fx.admin openid' })
    const { status, token } = await issuing.redeem('app', wide)
    expect(status).toBe(200)
    expect(readAccessClaims(readCompact(token).payload)).toMatchObject({
      aud: issuing.url,
      scope: ['ns:fx'],
    })
    issuing.begin()
    expect(issuing.refusal(await issuing.redeem('app', wide))).toEqual(
      refused(400, 'invalid_grant'),
    )
    issuing.begin()
    const elsewhere = await issuing.redeem('app', issuing.idJag({ resource: EDGE_MAIN }))
    expect(issuing.refusal(elsewhere)).toEqual(refused(400, 'invalid_grant'))
    issuing.begin()
    const nothing = await issuing.redeem('app', issuing.idJag({ scope: 'fx.admin' }))
    expect(issuing.refusal(nothing)).toEqual(refused(400, 'invalid_scope'))
  })

  it('row 54: an ID token is nothing to exchange here', async () => {
    const subject = { subject_token: issuing.idJag(), subject_token_type: URN.idToken }
    issuing.begin()
    expect(issuing.refusal(await issuing.exchange('edge', subject))).toEqual(
      refused(400, 'invalid_request'),
    )
  })
})

/** The body of a request that would be answered. */
function right(): string {
  const form = { grant_type: URN.jwtBearer, assertion: issuing.grant() }
  return new URLSearchParams(issuing.as('peer', form) as Record<string, string>).toString()
}

describe('attack 28: another form than a form', () => {
  it.each<[string, (body: string) => string]>([
    ['a parameter twice', (body) => `${body}&scope=ns:fx&scope=ns:fx`],
    ['the assertion twice', (body) => `${body}&assertion=x`],
    ['a parameter twice, spelt otherwise', (body) => `${body}&scope=a&%73cope=b`],
    ['the type of the grant twice', (body) => `${body}&grant_type=client_credentials`],
  ])('attack 28: %s', async (_, spoil) => {
    expect(issuing.refusal(await issuing.post(spoil(right())))).toEqual(
      refused(400, 'invalid_request'),
    )
  })

  it('attack 28: as JSON, as text, as nothing', async () => {
    const asJson = JSON.stringify(Object.fromEntries(new URLSearchParams(right())))
    for (const [type, body] of [
      ['application/json', asJson],
      ['text/plain', right()],
      ['multipart/form-data; boundary=x', right()],
      [undefined, right()],
    ] as const) {
      issuing.begin()
      const reply = await issuing.post(body, { 'content-type': type })
      expect(issuing.refusal(reply)).toEqual(refused(400, 'invalid_request'))
    }
  })

  it('attack 28: in the query, whole or in part', async () => {
    const body = right()
    for (const [sent, query] of [
      ['', `?${body}`],
      [body, '?scope=ns:fx'],
    ] as const) {
      issuing.begin()
      const { status, error } = await issuing.post(sent, {}, { query })
      expect([status, error, issuing.arrived]).toEqual([400, 'invalid_request', []])
    }
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
      const reply = await send(`${issuing.node.url}/oauth/token?${right()}`, { method })
      expect([reply.status, reply.raw.includes('access_token')]).toEqual([405, false])
    }
  })
})

describe('attack 39: a client assertion for somebody else', () => {
  it.each<[string, () => JsonObject]>([
    ['another server', () => ({ aud: 'https://as.other.example' })],
    ['the token endpoint of another', () => ({ aud: 'https://as.other.example/oauth/token' })],
    ['the token endpoint of this one', () => ({ aud: `${issuing.node.url}/oauth/token` })],
    ['this one and another', () => ({ aud: [issuing.node.url, 'https://as.other.example'] })],
    ['this one with a slash', () => ({ aud: `${issuing.node.url}/` })],
    ['nobody', () => ({ aud: undefined })],
    ['this one, about another', () => ({ sub: CLIENTS.edge })],
    ['this one, by another', () => ({ iss: CLIENTS.edge })],
    ['this one, by a stranger', () => ({ iss: CLIENTS.stranger, sub: CLIENTS.stranger })],
  ])('attack 39: for %s', async (_, change) => {
    const form = { grant_type: URN.jwtBearer, assertion: issuing.grant() }
    const reply = await issuing.ask(issuing.as('peer', form, change()))
    expect(issuing.refusal(reply)).toEqual(refused(401, 'invalid_client'))
  })

  it('attack 39: used before', async () => {
    const once = issuing.as('peer', { grant_type: URN.jwtBearer })
    expect((await issuing.ask({ ...once, assertion: issuing.grant() })).status).toBe(200)
    issuing.begin()
    expect(issuing.refusal(await issuing.ask({ ...once, assertion: issuing.grant() }))).toEqual(
      refused(401, 'invalid_client'),
    )
  })
})

describe('attack 43: a token exchange by whoever, for wherever', () => {
  it.each<[Who, number, string]>([
    ['peer', 400, 'unauthorized_client'],
    ['app', 400, 'unauthorized_client'],
    ['stranger', 401, 'invalid_client'],
  ])('attack 43: by %s', async (who, status, error) => {
    expect(issuing.refusal(await issuing.exchange(who))).toEqual(refused(status, error))
  })

  it('attack 43: by nobody', async () => {
    const nobody = { client_assertion: undefined, client_assertion_type: undefined }
    for (const form of [nobody, { ...nobody, client_id: CLIENTS.edge }]) {
      const reply = await issuing.exchange('edge', form)
      expect(issuing.refusal(reply)).toEqual(refused(401, 'invalid_client'))
    }
  })

  it.each<[string, Form]>([
    ['another endpoint', { resource: 'https://other.acme.example/mcp/main' }],
    ['its own endpoint', { resource: EDGE_MAIN }],
    ['nothing', { resource: undefined }],
    ['another organisation', { audience: PEER, requested_token_type: URN.jwt }],
    ['two places at once', { audience: PEER }],
  ])('attack 43: for %s', async (_, form) => {
    expect(issuing.refusal(await issuing.exchange('edge', form))).toEqual(
      refused(400, 'invalid_target'),
    )
  })
})
