// Attacks 13 to 15, rows 55 and 56: tokens without the proof they need, or with one that is for something else.
import { createHash, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { modern, post, send } from '../fixtures/raw-client.ts'
import { ForgeKey, hmacToken, type Json } from './forge.ts'
import { challengeOf, Stage } from './stage.ts'

let stage: Stage

beforeAll(async () => {
  stage = await Stage.start()
})
beforeEach(() => stage.mark())
afterAll(() => stage.close())

const bad = { error: 'invalid_dpop_proof' }

it('a bound token with a proof is served, and again with another proof', async () => {
  const token = stage.bound()
  stage.expectServed(await stage.proved(token, stage.proof(token)))
  stage.expectServed(await stage.proved(token, stage.proof(token)))
})

describe('attack 13, row 55: a proof for something else', () => {
  it('attack 13, row 55: used before', async () => {
    const token = stage.bound()
    const proof = stage.proof(token)
    stage.expectServed(await stage.proved(token, proof))
    stage.expectRefused(await stage.proved(token, proof), bad)
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, at) => stage.proved(token, at === 0 ? proof : proof)),
    )
    for (const reply of replies) expect(reply.status).toBe(401)
    expect(stage.upstreamTraffic).toEqual([])
  })

  it('attack 13: twenty uses of one proof at once: exactly one counts', async () => {
    const token = stage.bound()
    const proof = stage.proof(token)
    const replies = await Promise.all(Array.from({ length: 20 }, () => stage.proved(token, proof)))
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(stage.upstreamTraffic.filter((body) => body.includes('tools/call'))).toHaveLength(1)
  })

  it.each<[string, (stage: Stage) => Json]>([
    ['another method', () => ({ htm: 'GET' })],
    ['the method in other letters', () => ({ htm: 'post' })],
    ['another endpoint', ({ node }) => ({ htu: node.endpointUrl('sibling') })],
    ['another host', () => ({ htu: 'https://other.example/mcp/main' })],
    ['another scheme', ({ url }) => ({ htu: url.replace('http:', 'https:') })],
    ['a longer path', ({ url }) => ({ htu: `${url}/x` })],
    ['a URL with a query', ({ url }) => ({ htu: `${url}?x=1` })],
    ['another token', () => ({ ath: createHash('sha256').update('x').digest('base64url') })],
    ['no token', () => ({ ath: undefined })],
    ['a time long ago', ({ now }) => ({ iat: now - 400 })],
    ['a time to come', ({ now }) => ({ iat: now + 400 })],
    ['no time', () => ({ iat: undefined })],
    ['no method', () => ({ htm: undefined })],
    ['no URL', () => ({ htu: undefined })],
    ['no id', () => ({ jti: undefined })],
  ])('attack 13, row 55: %s', async (_, differ) => {
    const token = stage.bound()
    stage.expectRefused(await stage.proved(token, stage.proof(token, differ(stage))), bad)
  })

  it('attack 13: a URL that is spelled otherwise is the same', async () => {
    const token = stage.bound()
    const htu = stage.url.replace('http:', 'HTTP:').replace('main', 'm%61in')
    stage.expectServed(await stage.proved(token, stage.proof(token, { htu })))
  })

  it('attack 13: two DPoP headers, or two proofs in one', async () => {
    const token = stage.bound()
    const [one, two] = [stage.proof(token), stage.proof(token)]
    for (const dpop of [[one, two], `${one}, ${two}`, `${one},`]) {
      stage.expectRefused(await stage.proved(token, dpop), bad)
    }
    // Neither was used up.
    stage.expectServed(await stage.proved(token, one))
  })

  it('attack 13: no proof, an empty one, or one that is no JWT', async () => {
    const token = stage.bound()
    for (const dpop of [undefined, '', 'x', 'a.b.c']) {
      stage.expectRefused(await stage.proved(token, dpop), bad)
    }
  })

  it('attack 13: a private or symmetric key, none, or another than that of the signature', async () => {
    const token = stage.bound()
    const { jwk, privateJwk } = stage.key
    const keys = [
      privateJwk,
      { kty: 'oct', k: 'c2VjcmV0' },
      { ...jwk, k: 'x' },
      {},
      undefined,
      [jwk],
      new ForgeKey().jwk,
    ]
    for (const key of keys) {
      stage.expectRefused(await stage.proved(token, stage.proof(token, {}, { jwk: key })), bad)
    }
  })

  it('attack 13: another type or algorithm, HMAC with the public key, or none', async () => {
    const token = stage.bound()
    const headers = [
      { typ: 'JWT' },
      { typ: 'at+jwt' },
      { typ: undefined },
      { alg: 'none' },
      { alg: 'RS256' },
      { crit: ['x'] },
    ]
    for (const header of headers) {
      stage.expectRefused(await stage.proved(token, stage.proof(token, {}, header)), bad)
    }
    const claims = { jti: randomUUID(), htm: 'POST', htu: stage.url, iat: stage.now }
    const header = { alg: 'HS256', typ: 'dpop+jwt', jwk: stage.key.jwk }
    stage.expectRefused(await stage.proved(token, hmacToken(header, claims, stage.key.pem)), bad)
  })
})

describe('attack 14: a bound token as Bearer, an unbound one as DPoP', () => {
  it('attack 14: with and without a proof beside it', async () => {
    const token = stage.bound()
    stage.expectRefused(await stage.bearer(token))
    const headers = { authorization: `Bearer ${token}`, dpop: stage.proof(token) }
    stage.expectRefused(await stage.call(headers))
  })

  it('attack 14: after it was verified as it should be', async () => {
    const token = stage.bound()
    stage.expectServed(await stage.proved(token, stage.proof(token)))
    stage.expectRefused(await stage.bearer(token))
  })

  it('attack 14: a token that is bound to nobody does not become bound by a proof', async () => {
    const token = stage.token()
    stage.expectRefused(await stage.proved(token, stage.proof(token)))
  })

  it('attack 14: a token bound in a way this node does not know is not taken for one that is not bound', async () => {
    for (const cnf of [
      {},
      { kid: 'x' },
      { jwk: stage.key.jwk },
      { jku: 'https://x.example' },
      null,
      'x',
      { jkt: 7 },
    ]) {
      stage.expectRefused(await stage.bearer(stage.token({ cnf })))
    }
  })
})

describe('attack 15: a stolen token', () => {
  it('attack 15: with a proof by the key of the thief', async () => {
    const token = stage.bound()
    const thief = new ForgeKey()
    const claims = {
      htu: stage.url,
      iat: stage.now,
      ath: createHash('sha256').update(token).digest('base64url'),
    }
    stage.expectServed(await stage.proved(token, stage.proof(token)))
    stage.expectRefused(await stage.proved(token, thief.proof(claims)))
    // With the key of the owner named, and the signature of the thief.
    stage.expectRefused(await stage.proved(token, thief.proof(claims, { jwk: stage.key.jwk })), bad)
  })
})

describe('where tokens must be bound', () => {
  let strict: Stage

  beforeAll(async () => {
    strict = await Stage.start({ auth: { dpopNonces: 'required' } })
  })
  beforeEach(() => strict.mark())
  afterAll(() => strict.close())

  it('attack 14: an unbound token is refused, and only DPoP asked for', async () => {
    const reply = await strict.bearer(strict.token())
    strict.expectRefused(reply)
    expect(challengeOf(reply)).toMatch(/^DPoP /)
    expect(challengeOf(reply)).not.toContain('Bearer')
  })

  it('attack 13: a nonce that is missing, made up, or of another node', async () => {
    const token = strict.bound()
    const nonces = [undefined, 'made-up', 'A'.repeat(80)]
    for (const nonce of nonces) {
      const reply = await strict.proved(token, strict.proof(token, { nonce }))
      strict.expectRefused(reply, { error: 'use_dpop_nonce' })
      expect(reply.headers['dpop-nonce']).toMatch(/^[A-Za-z0-9_-]+$/)
    }
  })

  it('attack 13: with the nonce it is served, and with an old one asked for another', async () => {
    const token = strict.bound()
    const refused = await strict.proved(token, strict.proof(token))
    const nonce = String(refused.headers['dpop-nonce'])
    const served = await strict.proved(token, strict.proof(token, { nonce }))
    expect(served.status).toBe(200)
    strict.mark()
    strict.pass(400)
    const later = strict.bound()
    strict.expectRefused(await strict.proved(later, strict.proof(later, { nonce })), {
      error: 'use_dpop_nonce',
    })
  })
})

async function open(token: string): Promise<string> {
  const message = {
    jsonrpc: '2.0',
    id: 1,
    method: 'initialize',
    params: {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'a', version: '1' },
    },
  }
  const reply = await post(stage.url, message, { authorization: `Bearer ${token}` })
  expect(reply.status).toBe(200)
  return String(reply.headers['mcp-session-id'])
}

function call(session: string, token: string): ReturnType<typeof post> {
  return post(
    stage.url,
    {
      jsonrpc: '2.0',
      id: 2,
      method: 'tools/call',
      params: { name: 'fx__echo', arguments: { text: 'x' } },
    },
    {
      authorization: `Bearer ${token}`,
      'mcp-session-id': session,
      'mcp-protocol-version': '2025-11-25',
    },
  )
}

describe('row 56: a session of somebody else', () => {
  it('row 56: another subject, client or issuer is refused; another token of the same caller is not', async () => {
    const session = await open(stage.token())
    for (const differ of [{ sub: 'eve' }, { client_id: 'https://other.example/app.json' }]) {
      const reply = await call(session, stage.token(differ))
      expect(reply.status).toBe(404)
      expect(stage.upstreamTraffic).toEqual([])
    }
    stage.expectServed(await call(session, stage.token()))
  })

  it('row 56: without a token, or with an expired one, a session is nobody', async () => {
    const session = await open(stage.token())
    const headers = { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' }
    const { message } = modern('tools/list')
    stage.expectRefused(await post(stage.url, message, headers), { error: undefined })
    stage.expectRefused(await send(stage.url, { method: 'DELETE', headers }), { error: undefined })
    const old = await call(session, stage.token({ iat: stage.now - 300, exp: stage.now - 100 }))
    stage.expectRefused(old)
    stage.expectServed(await call(session, stage.token()))
  })
})
