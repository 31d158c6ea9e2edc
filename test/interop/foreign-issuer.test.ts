// Tokens of an authorization server nobody here wrote, at the edge of a node.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern, type Headers, type RawReply } from '../fixtures/raw-client.ts'
import { Mesh } from '../mesh/mesh.ts'
import { accessTokenHash, ForgeKey, type Json } from '../security/forge.ts'
import { AuthorizationServer, MACHINE, type ResourcePlan } from './authorization-server.ts'

const mesh = new Mesh()
let server: AuthorizationServer
let fixture: FixtureServer
let node: RunningNode
let mark = 0

const SCOPES = ['ns:fx', 'read:things']

/** Endpoints, and how the server makes tokens for them. */
const ENDPOINTS: Readonly<Record<string, ResourcePlan & { readonly auth: Json }>> = {
  plain: { scopes: SCOPES, auth: {} },
  rsa: { scopes: SCOPES, alg: 'RS256', auth: { algs: ['RS256'] } },
  old: { scopes: SCOPES, typ: 'JWT', auth: { types: ['JWT'] } },
  older: { scopes: SCOPES, typ: 'JWT', auth: {} },
  opaque: { scopes: SCOPES, format: 'opaque', auth: {} },
  bound: { scopes: SCOPES, auth: { dpop: 'required' } },
  mapped: { scopes: SCOPES, auth: { scopeMap: { 'read:things': ['tool:fx/echo'] } } },
}

beforeAll(async () => {
  fixture = await FixtureServer.start()
  server = await AuthorizationServer.start()
  const introspection = {
    url: `${server.issuer}/token/introspection`,
    client: { id: MACHINE.id, secret: MACHINE.secret },
  }
  node = await mesh.startConfig({
    node: { name: 'edge', organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
    endpoints: Object.fromEntries(
      Object.entries(ENDPOINTS).map(([name, { auth, format }]) => [
        name,
        {
          namespaces: ['*'],
          auth: { issuer: server.issuer, ...auth, ...(format === 'opaque' && { introspection }) },
        },
      ]),
    ),
  })
  await node.ready()
  for (const [name, plan] of Object.entries(ENDPOINTS)) server.serve(node.endpointUrl(name), plan)
})
beforeEach(() => {
  mark = fixture.requests.length
})
afterAll(async () => {
  await mesh.close()
  await server.close()
  await fixture.close()
})

async function tokenFor(name: string, scope = 'ns:fx', headers: Json = {}): Promise<string> {
  const answer = await server.token(
    node.endpointUrl(name),
    scope,
    headers as Record<string, string>,
  )
  expect([answer.status, server.failures]).toEqual([200, []])
  return String(answer['access_token'])
}

function call(name: string, headers: Headers): Promise<RawReply> {
  const params = { name: 'fx__echo', arguments: { message: 'hi' } }
  return callModern(node.endpointUrl(name), 'tools/call', params, { headers })
}

const bearer = async (name: string, token: string): Promise<RawReply> =>
  call(name, { authorization: `Bearer ${token}` })

function expectServed(reply: RawReply): void {
  expect([reply.status, reply.result['content']]).toEqual([200, [{ type: 'text', text: 'hi' }]])
}

function expectRefused(reply: RawReply, error = 'invalid_token'): void {
  expect(reply.status).toBe(error === 'insufficient_scope' ? 403 : 401)
  expect([reply.headers['www-authenticate']].flat().join()).toContain(`error="${error}"`)
  expect(fixture.requests.slice(mark)).toEqual([])
}

function claimsOf(token: string): Record<string, unknown> {
  const [, claims = ''] = token.split('.')
  return JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>
}

describe('an endpoint whose issuer is oidc-provider', () => {
  test('takes its JWTs for this endpoint, found by its metadata alone', async () => {
    const token = await tokenFor('plain')
    expect(claimsOf(token)).toMatchObject({ iss: server.issuer, aud: node.endpointUrl('plain') })
    expectServed(await bearer('plain', token))
  })

  test('row 49: takes none that is for the endpoint next to it', async () => {
    const token = await tokenFor('plain')
    for (const name of ['rsa', 'mapped']) expectRefused(await bearer(name, token))
  })

  test('takes the algorithms it was told to, and no other', async () => {
    expectServed(await bearer('rsa', await tokenFor('rsa')))
    mark = fixture.requests.length
    server.serve(node.endpointUrl('rsa'), { scopes: SCOPES })
    expectRefused(await bearer('rsa', await tokenFor('rsa')))
  })

  test('takes tokens of type JWT where it was told to, and only there', async () => {
    expectServed(await bearer('old', await tokenFor('old')))
    mark = fixture.requests.length
    expectRefused(await bearer('older', await tokenFor('older')))
  })

  test('asks about opaque ones, and is told of those it may know', async () => {
    const token = await tokenFor('opaque')
    expect(token).not.toContain('.')
    expectServed(await bearer('opaque', token))
    mark = fixture.requests.length
    expectRefused(await bearer('opaque', `${token.slice(0, -1)}_`))
    expectRefused(await bearer('plain', token))
  })

  test('gives scopes the names of this node, and drops those it has no name for', async () => {
    expectServed(await bearer('mapped', await tokenFor('mapped', 'read:things')))
    mark = fixture.requests.length
    expectRefused(
      await bearer('plain', await tokenFor('plain', 'read:things')),
      'insufficient_scope',
    )
  })
})

describe('tokens it binds to a key (RFC 9449)', () => {
  const key = new ForgeKey()
  const now = (): number => Math.floor(Date.now() / 1_000)
  const atServer = (more: Json = {}): string =>
    key.proof({ htu: `${server.issuer}/token`, iat: now(), ...more })
  const atNode = (name: string, token: string): string =>
    key.proof({ htu: node.endpointUrl(name), iat: now(), ath: accessTokenHash(token) })

  test.each(['bound', 'plain', 'opaque'])(
    'are served with a proof, and only so: %s',
    async (name) => {
      const token = await tokenFor(name, 'ns:fx', { dpop: atServer() })
      const authorization = `DPoP ${token}`
      expectServed(await call(name, { authorization, dpop: atNode(name, token) }))
      mark = fixture.requests.length
      expectRefused(await bearer(name, token))
      const other = new ForgeKey().proof({
        htu: node.endpointUrl(name),
        iat: now(),
        ath: accessTokenHash(token),
      })
      expectRefused(await call(name, { authorization, dpop: other }))
      expectRefused(await call(name, { authorization }), 'invalid_dpop_proof')
    },
  )

  test('must be bound where the endpoint says so', async () => {
    expectRefused(await bearer('bound', await tokenFor('bound')))
  })
})

describe('a node that gets its tokens there itself', () => {
  let wary: AuthorizationServer
  let inner: RunningNode
  let outer: RunningNode

  beforeAll(async () => {
    wary = await AuthorizationServer.start({ nonces: true })
    inner = await mesh.startConfig({
      node: { name: 'inner', organisation: 'globex', listen: '127.0.0.1:0', state: 'memory' },
      upstreams: { fixture: { http: { url: fixture.url } } },
      namespaces: { fx: { from: ['fixture'] } },
      endpoints: { main: { namespaces: ['*'], auth: { issuer: wary.issuer, dpop: 'required' } } },
    })
    await inner.ready()
    wary.serve(inner.endpointUrl('main'), { scopes: ['ns:fx'] })
    outer = await mesh.startConfig({
      node: { name: 'outer', organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
      upstreams: {
        inner: {
          node: { url: inner.endpointUrl('main'), as: '{namespace}' },
          auth: {
            mode: 'client_credentials',
            issuer: wary.issuer,
            client: { id: MACHINE.id, secret: MACHINE.secret },
            scopes: ['ns:fx'],
            requires: ['ns:fx'],
          },
        },
      },
      namespaces: {},
      endpoints: { main: { namespaces: ['*'], auth: { issuer: server.issuer } } },
    })
    await outer.ready()
    server.serve(outer.endpointUrl('main'), { scopes: SCOPES })
  })
  afterAll(() => wary.close())

  test('proves its key with the nonce it is given, and is served', async () => {
    const answer = await server.token(outer.endpointUrl('main'), 'ns:fx')
    const authorization = `Bearer ${String(answer['access_token'])}`
    const params = { name: 'fx__echo', arguments: { message: 'hi' } }
    const options = { headers: { authorization } }
    expectServed(await callModern(outer.endpointUrl('main'), 'tools/call', params, options))
    expect(wary.failures).toEqual([])
    expect(JSON.stringify(fixture.requests)).not.toMatch(/authorization|eyJ/)
  })

  test('without a nonce the server gives nothing', async () => {
    const resource = inner.endpointUrl('main')
    const iat = Math.floor(Date.now() / 1_000)
    const proof = (more: Json = {}): string =>
      new ForgeKey().proof({ htu: `${wary.issuer}/token`, iat, ...more })
    const refused = await wary.token(resource, 'ns:fx', { dpop: proof() })
    expect([refused.status, refused['error']]).toEqual([400, 'use_dpop_nonce'])
    const { nonce } = refused
    expect(await wary.token(resource, 'ns:fx', { dpop: proof({ nonce }) })).toMatchObject({
      status: 200,
      token_type: 'DPoP',
    })
  })
})
