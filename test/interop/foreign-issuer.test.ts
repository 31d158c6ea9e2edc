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
  mark = fixture.calls().length
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

interface Outcome {
  readonly status: number
  /** Of the challenge. */
  readonly error: string | undefined
  /** What the call came to at the upstream since the outcome before. */
  readonly calls: number
}

const SERVED: Outcome = { status: 200, error: undefined, calls: 1 }

function refused(error = 'invalid_token'): Outcome {
  return { status: error === 'insufficient_scope' ? 403 : 401, error, calls: 0 }
}

async function outcome(replying: Promise<RawReply>): Promise<Outcome> {
  const { status, headers } = await replying
  const [, error] = /error="([^"]*)"/.exec([headers['www-authenticate']].flat().join()) ?? []
  const before = mark
  mark = fixture.calls().length
  return { status, error, calls: mark - before }
}

function now(): number {
  return Math.floor(Date.now() / 1_000)
}

function claimsOf(token: string): Record<string, unknown> {
  const [, claims = ''] = token.split('.')
  return JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>
}

describe('an endpoint whose issuer is oidc-provider', () => {
  test('takes its JWTs for this endpoint, found by its metadata alone', async () => {
    const token = await tokenFor('plain')
    expect(claimsOf(token)).toMatchObject({ iss: server.issuer, aud: node.endpointUrl('plain') })
    expect(await outcome(bearer('plain', token))).toEqual(SERVED)
  })

  test('row 49: takes none that is for the endpoint next to it', async () => {
    const token = await tokenFor('plain')
    for (const name of ['rsa', 'mapped'])
      expect(await outcome(bearer(name, token))).toEqual(refused())
  })

  test('takes the algorithms it was told to, and no other', async () => {
    expect(await outcome(bearer('rsa', await tokenFor('rsa')))).toEqual(SERVED)
    server.serve(node.endpointUrl('rsa'), { scopes: SCOPES })
    expect(await outcome(bearer('rsa', await tokenFor('rsa')))).toEqual(refused())
  })

  test('takes tokens of type JWT where it was told to, and only there', async () => {
    expect(await outcome(bearer('old', await tokenFor('old')))).toEqual(SERVED)
    expect(await outcome(bearer('older', await tokenFor('older')))).toEqual(refused())
  })

  test('asks about opaque ones, and is told of those it may know', async () => {
    const token = await tokenFor('opaque')
    expect(token).not.toContain('.')
    expect(await outcome(bearer('opaque', token))).toEqual(SERVED)
    expect(
      await outcome(bearer('opaque', `${token.slice(0, -1)}${token.endsWith('_') ? '-' : '_'}`)),
    ).toEqual(refused())
    expect(await outcome(bearer('plain', token))).toEqual(refused())
  })

  test('gives scopes the names of this node, and drops those it has no name for', async () => {
    expect(await outcome(bearer('mapped', await tokenFor('mapped', 'read:things')))).toEqual(SERVED)
    const unnamed = await tokenFor('plain', 'read:things')
    expect(await outcome(bearer('plain', unnamed))).toEqual(refused('insufficient_scope'))
  })
})

describe('tokens it binds to a key (RFC 9449)', () => {
  const key = new ForgeKey()
  const atServer = (more: Json = {}): string =>
    key.proof({ htu: `${server.issuer}/token`, iat: now(), ...more })
  const atNode = (name: string, token: string): string =>
    key.proof({ htu: node.endpointUrl(name), iat: now(), ath: accessTokenHash(token) })

  test.each(['bound', 'plain', 'opaque'])(
    'are served with a proof, and only so: %s',
    async (name) => {
      const token = await tokenFor(name, 'ns:fx', { dpop: atServer() })
      const authorization = `DPoP ${token}`
      expect(await outcome(call(name, { authorization, dpop: atNode(name, token) }))).toEqual(
        SERVED,
      )
      expect(await outcome(bearer(name, token))).toEqual(refused())
      const other = new ForgeKey().proof({
        htu: node.endpointUrl(name),
        iat: now(),
        ath: accessTokenHash(token),
      })
      expect(await outcome(call(name, { authorization, dpop: other }))).toEqual(refused())
      expect(await outcome(call(name, { authorization }))).toEqual(refused('invalid_dpop_proof'))
    },
  )

  test('must be bound where the endpoint says so', async () => {
    expect(await outcome(bearer('bound', await tokenFor('bound')))).toEqual(refused())
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
    expect(
      await outcome(callModern(outer.endpointUrl('main'), 'tools/call', params, options)),
    ).toEqual(SERVED)
    expect(wary.failures).toEqual([])
    expect(JSON.stringify(fixture.requests)).not.toMatch(/authorization|eyJ/)
  })

  test('without a nonce the server gives nothing', async () => {
    const resource = inner.endpointUrl('main')
    const iat = now()
    const proof = (more: Json = {}): string =>
      new ForgeKey().proof({ htu: `${wary.issuer}/token`, iat, ...more })
    const first = await wary.token(resource, 'ns:fx', { dpop: proof() })
    expect([first.status, first['error']]).toEqual([400, 'use_dpop_nonce'])
    const { nonce } = first
    expect(await wary.token(resource, 'ns:fx', { dpop: proof({ nonce }) })).toMatchObject({
      status: 200,
      token_type: 'DPoP',
    })
  })
})
