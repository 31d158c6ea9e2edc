// The token endpoint over HTTP: who may ask, in which form, and what it answers.
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ProofMaker } from '../../../../node/identity/proof-maker.ts'
import { SigningKey } from '../../../../node/identity/signing-key.ts'
import { URN } from '../../../../protocol/token/metadata.ts'
import { Fault } from '../../../../protocol/errors.ts'
import { send } from '../../../fixtures/raw-client.ts'
import {
  accessOf,
  EDGE,
  grantOf,
  KEYS,
  PROVIDER,
  SECRET,
  TokenLab,
  type Form,
} from './token-lab.ts'

let lab: TokenLab

beforeEach(async () => {
  lab = await TokenLab.open()
})
afterEach(() => lab.close())

function nightly(change: Form = {}): Form {
  const form = { grant_type: 'client_credentials', resource: lab.main }
  return { ...lab.as('nightly', KEYS.nightly), ...form, ...change }
}

describe('client credentials', () => {
  it('give a workload a token for its own resource, with what it asks for of its scopes', async () => {
    const reply = await lab.ask(nightly({ scope: 'ns:sales:read ns:billing' }))
    expect(reply.status).toBe(200)
    expect(reply.headers).toMatchObject({
      'cache-control': 'no-store',
      'content-type': 'application/json',
    })
    expect(reply.json).toMatchObject({
      token_type: 'DPoP',
      expires_in: 120,
      scope: 'ns:sales:read',
    })
    expect(reply.json).not.toHaveProperty('refresh_token')
    expect(accessOf(reply.token)).toMatchObject({
      iss: lab.base,
      sub: 'nightly',
      aud: lab.main,
      clientId: 'nightly',
      cnf: { jkt: lab.prover.jkt },
      mayAct: { iss: lab.base, sub: `${lab.base}/oauth/client.json` },
    })
    expect(lab.last).toMatchObject({ kind: 'client_credentials', decision: 'issued' })
  })

  it('may be told by a secret, in the header or in the body', async () => {
    const form = { grant_type: 'client_credentials' }
    const basic = await lab.ask(form, { headers: lab.byAgent, proof: null })
    expect(basic.json).toMatchObject({ token_type: 'Bearer', scope: 'ns:sales:read' })
    const posted = await lab.ask({ ...form, client_id: 'agent', client_secret: SECRET })
    expect(posted.json).toMatchObject({ token_type: 'DPoP', scope: 'ns:sales:read' })
  })

  it('are refused for other resources and scopes, and to who has no access of its own', async () => {
    const target = await lab.ask(nightly({ resource: 'https://gw.c.example/mcp/pub' }))
    expect(target.error).toBe('invalid_target')
    const several = await lab.ask(nightly({ resource: undefined }))
    expect(several.error).toBe('invalid_target')
    const scope = await lab.ask(nightly({ scope: 'ns:billing' }))
    expect(scope.error).toBe('invalid_scope')
    const node = await lab.ask({ ...lab.edge(), grant_type: 'client_credentials' })
    expect(node.error).toBe('unauthorized_client')
    const nobody = await lab.ask({ grant_type: 'client_credentials' })
    expect([nobody.status, nobody.error]).toEqual([401, 'invalid_client'])
    expect(lab.issued).toEqual([])
  })

  it('need a proof where the endpoint takes no token that is not bound', async () => {
    const reply = await lab.ask(nightly({ resource: lab.strict }), { proof: null })
    expect([reply.status, reply.error]).toEqual([400, 'invalid_dpop_proof'])
    expect(await lab.ask(nightly({ resource: lab.strict }))).toMatchObject({ status: 200 })
  })
})

describe('a token exchange', () => {
  it('gives a node a token for the next hop that names it as actor', async () => {
    const reply = await lab.ask(lab.exchange({ scope: 'ns:sales:read' }))
    expect(reply.json).toMatchObject({
      token_type: 'DPoP',
      issued_token_type: URN.accessToken,
      scope: 'ns:sales:read',
      expires_in: 120,
    })
    expect(accessOf(reply.token)).toMatchObject({
      iss: lab.base,
      sub: 'alice',
      aud: lab.main,
      clientId: EDGE,
      act: { iss: lab.base, sub: EDGE },
      cnf: { jkt: lab.prover.jkt },
      mesh: { v: 1, budget: 4 },
    })
    expect(lab.last).toMatchObject({
      kind: 'token_exchange',
      decision: 'issued',
      client: EDGE,
      audience: lab.main,
      actors: [`${lab.base} ${EDGE}`],
      scopesIn: ['ns:sales'],
      scopesOut: ['ns:sales:read'],
    })
    expect(JSON.stringify(lab.lines)).not.toContain('alice')
  })

  it('gives a grant for an issuer the node may reach, of a subject that issuer cannot link', async () => {
    const far = { audience: 'https://gw.c.example', resource: 'https://gw.c.example/mcp/pub' }
    const reply = await lab.ask(lab.exchange({ ...far, requested_token_type: URN.jwt }))
    expect(reply.json).toMatchObject({
      token_type: 'N_A',
      issued_token_type: URN.jwt,
      expires_in: 60,
    })
    const grant = grantOf(reply.token)
    expect(grant).toMatchObject({
      iss: lab.base,
      aud: 'https://gw.c.example',
      resource: 'https://gw.c.example/mcp/pub',
      clientId: EDGE,
      sessionExpiry: lab.now + 600,
    })
    expect(grant.sub).toMatch(/^[A-Za-z0-9_-]{43}$/)
  })

  it('takes the tokens of an endpoint that has another issuer, and believes nothing of their chains', async () => {
    const people = `${lab.base}/mcp/people`
    const policy = lab.settings().issuer
    const nodes = (policy?.nodes ?? []).map((node) => ({ ...node, spends: [people] })).slice(0, 1)
    lab.service.apply(lab.settings({ nodes }, { base: EDGE.replace('/oauth/client.json', '') }))
    const claims = { iss: 'https://login.acme.example', aud: people, azp: 'browser' }
    const { signJwt } = await import('../../../../node/identity/jwt.ts')
    const token = signJwt(KEYS.provider, 'at+jwt', {
      ...claims,
      sub: 'bob',
      jti: 'j-1',
      iat: lab.now,
      exp: lab.now + 90,
      scope: 'ns:sales',
      txn: 'chosen',
      mesh: { v: 1, budget: 200 },
      act: { iss: lab.base, sub: 'somebody' },
    })
    const first = await lab.ask(lab.exchange({ subject_token: token }))
    const issued = accessOf(first.token)
    expect(issued).toMatchObject({ iss: lab.base, sub: `${PROVIDER}|bob`, exp: lab.now + 90 })
    expect(issued.act).toEqual({ iss: lab.base, sub: EDGE })
    expect(issued.mesh?.budget).toBe(5)
    expect(issued.txn).not.toBe('chosen')
    const second = await lab.ask(lab.exchange({ subject_token: token }))
    expect(accessOf(second.token).txn).toBe(issued.txn)
  })

  it.each([
    ['a subject token of another type', { subject_token_type: URN.jwt }, 'invalid_request'],
    ['no subject token', { subject_token: undefined }, 'invalid_request'],
    ['a type nobody issues', { requested_token_type: URN.idJag }, 'invalid_request'],
    ['two different targets', { audience: 'https://gw.c.example' }, 'invalid_target'],
    ['no target', { resource: undefined }, 'invalid_target'],
    ['scopes the subject has not got', { scope: 'ns:billing' }, 'invalid_scope'],
    ['scopes that are none', { scope: 'a  b' }, 'invalid_scope'],
    ['a subject token that is none', { subject_token: 'opaque' }, 'invalid_request'],
  ])('is refused with %s', async (_, change, error) => {
    const reply = await lab.ask(lab.exchange(change))
    expect([reply.status, reply.error]).toEqual([400, error])
    expect(lab.issued).toEqual([])
    expect(lab.last).toMatchObject({ decision: 'refused' })
  })

  it('is refused without a proof: what a node holds is bound to its key', async () => {
    const reply = await lab.ask(lab.exchange(), { proof: null })
    expect([reply.status, reply.error]).toEqual([400, 'invalid_dpop_proof'])
    expect(lab.issued).toEqual([])
  })

  it('is refused for a token that is over, revoked, or may be spent by nobody', async () => {
    const over = lab.exchange({ subject_token: lab.subject({ ttl: 10 }) })
    const nobodys = lab.exchange({ subject_token: lab.subject({ owner: { iss: 'x', sub: 'y' } }) })
    expect((await lab.ask(nobodys)).error).toBe('invalid_request')
    lab.now += 11
    const late = { ...over, ...lab.edge() }
    expect((await lab.ask(late)).error).toBe('invalid_request')
    expect(lab.issued).toEqual([])
  })
})

describe('a grant of another organisation', () => {
  it('becomes a token of this issuer for the client it names', async () => {
    const reply = await lab.ask(lab.redeem(lab.grant(), { resource: lab.main }))
    expect(reply.json).toMatchObject({
      token_type: 'DPoP',
      expires_in: 90,
      scope: 'ns:sales:read',
    })
    expect(accessOf(reply.token)).toMatchObject({
      iss: lab.base,
      aud: lab.main,
      sub: `https://gw.a.example|${'p'.repeat(43)}`,
      txn: 'txn-of-a',
      mesh: { v: 1, budget: 3 },
    })
    expect(lab.last).toMatchObject({ kind: 'jwt_bearer', decision: 'issued', txn: 'txn-of-a' })
  })

  it('is refused without the key it is bound to, and leaves its one use to the right one', async () => {
    const grant = lab.grant()
    const unproved = await lab.ask(lab.redeem(grant), { proof: null })
    expect([unproved.status, unproved.error]).toEqual([400, 'invalid_grant'])
    const stolen = await lab.ask(lab.redeem(grant), { proof: lab.strangersProver })
    expect(stolen.error).toBe('invalid_grant')
    expect((await lab.ask(lab.redeem(grant))).status).toBe(200)
  })

  it('is counted against the rate of the trust record', async () => {
    lab.service.apply(lab.settings({ trust: [lab.trust({ exchangesPerMinute: 2 })] }))
    const statuses = []
    for (let index = 0; index < 3; index += 1) {
      statuses.push((await lab.ask(lab.redeem(lab.grant()))).status)
    }
    expect(statuses).toEqual([200, 200, 429])
  })
})

describe('an ID-JAG', () => {
  it('becomes a token for the client that presents it with its secret', async () => {
    const form = { grant_type: URN.jwtBearer, assertion: lab.idJag() }
    const reply = await lab.ask(form, { headers: lab.byAgent, proof: null })
    expect(reply.json).toMatchObject({ token_type: 'Bearer', scope: 'ns:sales:read' })
    expect(accessOf(reply.token)).toMatchObject({
      iss: lab.base,
      sub: 'https://idp.example|alice',
      clientId: 'agent',
    })
  })
})

describe('the token of a platform', () => {
  it('stands for a workload without any other authentication, and no longer than it lives', async () => {
    const form = { grant_type: URN.jwtBearer, assertion: lab.platform({ exp: lab.now + 60 }) }
    const reply = await lab.ask(form)
    expect(reply.json).toMatchObject({ scope: 'ns:crm:read', expires_in: 60, token_type: 'DPoP' })
    expect(accessOf(reply.token)).toMatchObject({ sub: 'reader', clientId: 'reader' })
    expect((await lab.ask(form)).status).toBe(200)
  })

  it.each([
    ['another subject', { sub: 'system:serviceaccount:crm:writer' }],
    ['another issuer', { iss: 'https://kube.evil.example' }],
    ['another audience besides', { aud: ['https://x.example', 'https://y.example'] }],
    ['the end behind it', { exp: 1_799_999_000, iat: 1_799_998_000 }],
    ['a life of ten years', { exp: 2_100_000_000 }],
  ])('is refused with %s', async (_, change) => {
    const form = { grant_type: URN.jwtBearer, assertion: lab.platform(change) }
    const reply = await lab.ask(form)
    expect([reply.status, reply.error]).toEqual([400, 'invalid_grant'])
    expect(lab.issued).toEqual([])
  })

  it('is refused to a client that is another one', async () => {
    const form = { ...lab.edge(), grant_type: URN.jwtBearer, assertion: lab.platform() }
    expect((await lab.ask(form)).error).toBe('invalid_grant')
    const named = { client_id: 'nightly', grant_type: URN.jwtBearer, assertion: lab.platform() }
    expect((await lab.ask(named)).error).toBe('invalid_grant')
  })
})

describe('a client', () => {
  it.each([
    ['unknown', () => lab.as('https://x.example/c.json', KEYS.stranger)],
    ['with a key of somebody else', () => lab.as('nightly', KEYS.stranger)],
    ['with an assertion that is over', () => lab.as('nightly', KEYS.nightly, { exp: lab.now - 6 })],
    ['with one that lives too long', () => lab.as('nightly', KEYS.nightly, { exp: lab.now + 301 })],
    ['with one about another', () => lab.as('nightly', KEYS.nightly, { sub: 'agent' })],
    ['with two names', () => ({ ...lab.as('nightly', KEYS.nightly), client_id: 'agent' })],
    ['with a wrong secret', () => ({ client_id: 'agent', client_secret: 'guess' })],
    ['with a secret where it has a key', () => ({ client_id: 'nightly', client_secret: SECRET })],
  ])('%s is told no more than that it is not authenticated', async (_, credentials) => {
    const reply = await lab.ask({ ...credentials(), grant_type: 'client_credentials' })
    expect(reply.status).toBe(401)
    expect(reply.json).toEqual({
      error: 'invalid_client',
      error_description: 'the client is not authenticated',
    })
    expect(lab.issued).toEqual([])
  })

  it('uses an assertion once', async () => {
    const form = nightly()
    expect((await lab.ask(form)).status).toBe(200)
    expect((await lab.ask(form)).error).toBe('invalid_client')
    expect(lab.last?.reason).toBe('replayed')
  })

  it('that says in two ways who it is, is refused', async () => {
    const reply = await lab.ask(nightly(), { headers: lab.byAgent })
    expect([reply.status, reply.error]).toEqual([400, 'invalid_request'])
  })

  it('that tried the header is told so in a header', async () => {
    const wrong = `Basic ${Buffer.from('agent:guess').toString('base64')}`
    const form = { grant_type: 'client_credentials' }
    const reply = await lab.ask(form, { headers: { authorization: wrong } })
    expect(reply.status).toBe(401)
    expect(reply.headers['www-authenticate']).toBe(`Basic realm="${lab.base}"`)
  })

  it('guesses at a secret a few times a minute; who knows it is not kept out', async () => {
    const form = { grant_type: 'client_credentials' }
    expect((await lab.ask(form, { headers: lab.byAgent })).status).toBe(200)
    const guesses = await Promise.all(
      Array.from({ length: 30 }, (_, at) =>
        lab.ask({ ...form, client_id: 'agent', client_secret: `guess ${at}` }),
      ),
    )
    expect(guesses.filter(({ status }) => status === 429)).toHaveLength(11)
    expect((await lab.ask(form, { headers: lab.byAgent })).status).toBe(200)
  })

  it('may ask so often a minute, failures included', async () => {
    lab.service.apply(lab.settings({ requestsPerMinute: 3 }))
    const statuses = []
    for (let index = 0; index < 4; index += 1) {
      statuses.push((await lab.ask(nightly({ scope: 'ns:none' }))).status)
    }
    expect(statuses).toEqual([400, 400, 400, 429])
    const limited = await lab.ask(nightly())
    expect(limited.error).toBe('temporarily_unavailable')
    expect(limited.headers['retry-after']).toBe('20')
    lab.now += 21
    expect((await lab.ask(nightly())).status).toBe(200)
  })
})

describe('proofs at the token endpoint', () => {
  it('count once, and for this URL only', async () => {
    const url = `${lab.base}/oauth/token`
    const dpop = lab.prover.proof({ method: 'POST', url })
    const once = { proof: null, headers: { dpop } }
    expect((await lab.ask(nightly(), once)).status).toBe(200)
    expect((await lab.ask(nightly(), once)).error).toBe('invalid_dpop_proof')
    const other = lab.prover.proof({ method: 'POST', url: `${lab.base}/oauth/revoke` })
    const elsewhere = await lab.ask(nightly(), { proof: null, headers: { dpop: other } })
    expect([elsewhere.status, elsewhere.error]).toEqual([400, 'invalid_dpop_proof'])
  })

  it('hold a nonce where that is asked for', async () => {
    const strict = await TokenLab.open({ policy: { dpopNonces: 'required' } })
    const url = `${strict.base}/oauth/token`
    const ask = (): Form => ({
      ...strict.as('nightly', KEYS.nightly),
      grant_type: 'client_credentials',
      resource: strict.main,
    })
    const refused = await strict.ask(ask())
    expect([refused.status, refused.error]).toEqual([400, 'use_dpop_nonce'])
    const nonce = String(refused.headers['dpop-nonce'])
    const maker = new ProofMaker(SigningKey.generate(), strict.clock)
    const dpop = maker.proof({ method: 'POST', url, nonce })
    const given = await strict.ask(ask(), { proof: null, headers: { dpop } })
    expect(given.status).toBe(200)
    // Each token brings the nonce of the next request along.
    strict.now += 100
    const later = maker.proof({ method: 'POST', url, nonce: String(given.headers['dpop-nonce']) })
    const next = await strict.ask(ask(), { proof: null, headers: { dpop: later } })
    expect(next.status).toBe(200)
    expect(next.headers['dpop-nonce']).not.toBe(given.headers['dpop-nonce'])
    await strict.close()
  })
})

const FULL = {
  remember(): void {
    throw new Fault('overloaded', 'secret words of ours')
  },
  close: () => undefined,
}

describe('what is not the fault of the client', () => {
  it('is told as something that passes', async () => {
    const full = await TokenLab.open({ parts: { replay: FULL } })
    const form = { ...full.as('nightly', KEYS.nightly), grant_type: 'client_credentials' }
    const reply = await full.ask(form)
    expect([reply.status, reply.error]).toEqual([503, 'temporarily_unavailable'])
    expect(reply.raw).not.toContain('secret words')
    await full.close()
  })

  it('is told without a word of it', async () => {
    const broken = await TokenLab.open({
      parts: {
        replay: {
          remember: () => Promise.reject(new Error('secret words')),
          close: () => undefined,
        },
      },
    })
    const form = { ...broken.as('nightly', KEYS.nightly), grant_type: 'client_credentials' }
    const reply = await broken.ask(form)
    expect([reply.status, reply.error]).toEqual([500, 'server_error'])
    expect(reply.raw).not.toContain('secret words')
    await broken.close()
  })
})

describe('the documents', () => {
  it('say what the service is and where', async () => {
    const found = await send(`${lab.base}/.well-known/oauth-authorization-server`)
    expect(found.status).toBe(200)
    expect(JSON.parse(found.raw)).toMatchObject({
      issuer: lab.base,
      token_endpoint: `${lab.base}/oauth/token`,
      jwks_uri: `${lab.base}/oauth/jwks`,
      authorization_grant_profiles_supported: [URN.idJagProfile],
      scopes_supported: ['ns:crm', 'ns:sales'],
    })
    expect(found.raw).not.toContain('gw.a.example')
  })

  it('stand where a path of the issuer is inserted', async () => {
    const settings = lab.settings({ identifier: `${lab.base}/acme` })
    lab.service.apply(settings)
    const found = await send(`${lab.base}/.well-known/oauth-authorization-server/acme`)
    expect(JSON.parse(found.raw)).toMatchObject({ issuer: `${lab.base}/acme` })
  })

  it('say who an endpoint sends its callers to', async () => {
    const found = await send(`${lab.base}/.well-known/oauth-protected-resource/mcp/strict`)
    expect(JSON.parse(found.raw)).toEqual({
      resource: lab.strict,
      authorization_servers: [lab.base],
      scopes_supported: ['ns:sales', 'ns:crm'],
      bearer_methods_supported: ['header'],
      dpop_signing_alg_values_supported: ['ES256', 'EdDSA', 'ES384'],
      dpop_bound_access_tokens_required: true,
    })
    const none = await send(`${lab.base}/.well-known/oauth-protected-resource/mcp/none`)
    expect(none.status).toBe(404)
  })

  it('hold the keys of each purpose apart', async () => {
    const [sts, client] = await Promise.all([
      send(`${lab.base}/oauth/jwks`),
      send(`${lab.base}/oauth/client-jwks`),
    ])
    expect(sts.raw).toBe(lab.parts?.keys.ring('sts').jwks())
    expect(client.raw).toBe(lab.parts?.keys.ring('client').jwks())
    expect(sts.raw).not.toBe(client.raw)
    expect(sts.raw + client.raw).not.toContain('"d"')
    const document = await send(`${lab.base}/oauth/client.json`)
    expect(JSON.parse(document.raw)).toMatchObject({
      client_id: `${lab.base}/oauth/client.json`,
      jwks_uri: `${lab.base}/oauth/client-jwks`,
      token_endpoint_auth_method: 'private_key_jwt',
    })
  })

  it('are read with GET and HEAD, and by pages that ask first', async () => {
    const url = `${lab.base}/oauth/jwks`
    expect((await send(url, { method: 'HEAD' })).status).toBe(200)
    const posted = await send(url, { method: 'POST', body: 'x=1' })
    expect([posted.status, posted.headers.allow]).toEqual([405, 'GET, HEAD'])
    const headers = { origin: lab.base, 'access-control-request-method': 'GET' }
    const preflight = await send(url, { method: 'OPTIONS', headers })
    expect(preflight.status).toBe(204)
    expect(preflight.headers['access-control-allow-origin']).toBe(lab.base)
  })

  it('are all there is where the issuer is elsewhere', async () => {
    const { issuer: _, ...settings } = lab.settings()
    lab.service.apply(settings)
    expect(lab.service.local).toBeUndefined()
    expect((await send(`${lab.base}/oauth/client.json`)).status).toBe(200)
    for (const path of ['/oauth/token', '/oauth/jwks', '/.well-known/oauth-authorization-server']) {
      expect((await send(`${lab.base}${path}`, { method: 'POST' })).status).toBe(404)
    }
  })
})
