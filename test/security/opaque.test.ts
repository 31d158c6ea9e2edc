// Tokens only their issuer can read (RFC 7662), and static keys.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { hashStaticKey } from '../../node/identity/static-keys.ts'
import { json, serve, type LocalServer } from '../node/identity/local-server.ts'
import type { Json } from './forge.ts'
import { Stage } from './stage.ts'

let issuer: LocalServer
let stage: Stage
let answer: unknown
let status = 200
const asked: { readonly form: URLSearchParams; readonly authorization: string }[] = []

const STATIC = 'k'.repeat(43)
const OVER = 'o'.repeat(43)

beforeAll(async () => {
  issuer = await serve((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      const { authorization = '' } = request.headers
      asked.push({ form: new URLSearchParams(body), authorization })
      if (status === 200) json(answer)(request, response)
      else response.writeHead(status).end()
    })
  })
  const introspection = { url: `${issuer.url}/introspect`, client: { id: 'no:de', secret: 's p' } }
  const keys = [
    { name: 'ci', hash: hashStaticKey(STATIC), scopes: ['ns:fx'] },
    { name: 'over', hash: hashStaticKey(OVER), scopes: ['ns:fx'], notAfter: '2020-01-01' },
  ]
  stage = await Stage.start({ auth: { issuer: issuer.url, introspection, keys, dpop: 'accepted' } })
})
beforeEach(() => {
  stage.mark()
  asked.length = 0
  status = 200
  answer = active()
})
afterAll(async () => {
  await stage.close()
  await issuer.close()
})

function active(differ: Json = {}): Json {
  const { aud, sub, client_id, scope, exp } = stage.claims() as Record<string, unknown>
  return { active: true, aud, sub, client_id, scope, exp, ...differ }
}

describe('an opaque token', () => {
  it('is asked about once, with the credentials of the node, however often it is used', async () => {
    const replies = await Promise.all(Array.from({ length: 5 }, () => stage.bearer('opaque-1')))
    for (const reply of replies) expect(reply.status).toBe(200)
    stage.expectServed(await stage.bearer('opaque-1'))
    expect(asked).toHaveLength(1)
    expect(Object.fromEntries(asked[0]?.form ?? [])).toEqual({
      token: 'opaque-1',
      token_type_hint: 'access_token',
    })
    expect(Buffer.from(asked[0]?.authorization.slice(6) ?? '', 'base64').toString()).toBe(
      'no%3Ade:s+p',
    )
    stage.pass(31)
    answer = { active: false }
    stage.mark()
    stage.expectRefused(await stage.bearer('opaque-1'))
  })

  it('that is not active is not asked about again for a while', async () => {
    answer = { active: false }
    for (let at = 0; at < 5; at += 1) stage.expectRefused(await stage.bearer('opaque-2'))
    expect(asked).toHaveLength(1)
    stage.pass(6)
    stage.expectRefused(await stage.bearer('opaque-2'))
    expect(asked).toHaveLength(2)
  })

  it('without a resource owner is about its client', async () => {
    answer = active({ sub: undefined })
    stage.expectServed(await stage.bearer('opaque-of-a-machine'))
    answer = active({ sub: undefined, client_id: undefined })
    stage.expectRefused(await stage.bearer('opaque-of-nobody'))
  })

  it.each<[string, Json]>([
    ['for another audience', { aud: 'https://other.example/mcp/main' }],
    ['for no audience', { aud: undefined }],
    ['for several', { aud: ['https://other.example', 'x'] }],
    ['of another issuer', { iss: 'https://other.example' }],
    ['that is over', { exp: 1 }],
    ['without an end', { exp: undefined }],
    ['that is active in other words', { active: 'true' }],
    ['bound to a key', { cnf: { jkt: 'A'.repeat(43) } }],
  ])('attack 8: %s is refused', async (name, differ) => {
    answer = active(differ)
    stage.expectRefused(await stage.bearer(`opaque-${name.replaceAll(' ', '-')}`))
  })

  it('when the issuer does not answer is no fault of its caller', async () => {
    for (const code of [500, 401, 302]) {
      status = code
      const reply = await stage.bearer(`opaque-${code}`)
      stage.expectRefused(reply, { status: 503, code: -31_006, error: null })
    }
  })

  it('attack 4: a flood of invented tokens is more than the issuer is asked about', async () => {
    answer = { active: false }
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, at) => stage.bearer(`invented-${at}`)),
    )
    for (const reply of replies) expect([401, 503]).toContain(reply.status)
    expect(stage.upstreamTraffic).toEqual([])
  })

  it('attack 1: what looks like a signed token is not asked about', async () => {
    stage.expectRefused(await stage.bearer('aaaa.bbbb.cccc'))
    stage.expectRefused(await stage.bearer(stage.token()))
    expect(asked).toHaveLength(0)
  })
})

describe('a static key', () => {
  it('is served while it lasts, and nobody is asked', async () => {
    stage.expectServed(await stage.bearer(STATIC))
    expect(asked).toHaveLength(0)
  })

  it('that is over, wrong by a letter, or sent as DPoP is none', async () => {
    answer = { active: false }
    stage.expectRefused(await stage.bearer(OVER))
    stage.expectRefused(await stage.bearer(STATIC.replace('k', 'K')))
    stage.expectRefused(await stage.call({ authorization: `DPoP ${STATIC}` }))
  })

  it('is none at another endpoint', async () => {
    const url = stage.node.endpointUrl('sibling')
    const reply = await stage.bearer(STATIC, { url })
    expect(reply.status).toBe(401)
    expect(stage.upstreamTraffic).toEqual([])
  })
})
