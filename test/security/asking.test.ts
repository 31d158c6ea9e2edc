// Attacks 10 and 24 on a whole node that asks for tokens: nothing is sent to a server that is not the pinned one, nor to
// where the node must not go.
import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hashStaticKey } from '../../node/identity/static-keys.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern } from '../fixtures/raw-client.ts'
import { Mesh } from '../mesh/mesh.ts'
import { Records } from '../mesh/records.ts'
import { json, serve, type LocalServer } from '../node/identity/local-server.ts'
import type { Json } from './forge.ts'

const KEY = randomBytes(32).toString('base64url')
let mesh: Mesh
let records: Records
let upstream: FixtureServer
let issuer: LocalServer
let lure: LocalServer
let metadata: Json

beforeEach(async () => {
  mesh = new Mesh()
  records = new Records()
  upstream = await FixtureServer.start()
  lure = await serve(json({ access_token: 'x', token_type: 'DPoP', expires_in: 60 }))
  issuer = await serve((request, response) => json(metadata)(request, response))
  metadata = { issuer: issuer.url, token_endpoint: `${issuer.url}/token` }
})
afterEach(async () => {
  await mesh.close()
  await upstream.close()
  await issuer.close()
  await lure.close()
})

/** What a call through the upstream comes to, and what was sent to whom. */
async function outcome(auth: Json, more: Json = {}): Promise<object> {
  const node = await mesh.startConfig(
    {
      node: { name: 'a', organisation: 'a', listen: '127.0.0.1:0', state: 'memory' },
      issuer: {},
      upstreams: {
        up: { http: { url: upstream.url }, auth: { issuer: issuer.url, ...auth }, ...more },
        // For what there is to call: the same server, open.
        open: { http: { url: upstream.url } },
      },
      namespaces: { fx: { from: ['up'] }, open: { from: ['open'] } },
      endpoints: {
        main: {
          namespaces: ['*'],
          auth: { keys: [{ name: 'alice', hash: hashStaticKey(KEY), scopes: ['*'] }] },
        },
      },
    },
    { log: records.log },
  )
  await node.refresh(['up'])
  const params = { name: 'fx__echo', arguments: { message: 'hi' } }
  const headers = { authorization: `Bearer ${KEY}` }
  const reply = await callModern(node.endpointUrl('main'), 'tools/call', params, { headers })
  return {
    error: reply.error.code < -31_000 || reply.error.code === -32_602,
    posted: [issuer, lure].flatMap(({ requests }) =>
      requests.filter(({ method }) => method !== 'GET').map(({ url }) => url),
    ),
    lured: lure.connections(),
    arrived: upstream.calls().length,
    down: records.text.includes('no token for an upstream'),
  }
}

const NOWHERE = { error: true, posted: [], lured: 0, arrived: 0, down: true }
const CHAIN = { mode: 'chain', scopes: { map: { 'ns:fx': ['ns:fx'] } } }
const ITSELF = {
  mode: 'client_credentials',
  client: { id: 'a', secret: 'a-secret' },
  scopes: ['fx'],
  requires: ['ns:fx'],
}

describe.each([
  ['chain', CHAIN],
  ['client_credentials', ITSELF],
])('an upstream with mode %s', (_, auth) => {
  it.each<[string, () => Json]>([
    ['about another issuer', () => ({ issuer: lure.url })],
    ['about an issuer with a slash', () => ({ issuer: `${issuer.url}/` })],
    ['with a token endpoint elsewhere', () => ({ token_endpoint: `${lure.url}/token` })],
    ['without a token endpoint', () => ({ token_endpoint: undefined })],
  ])('attack 10: metadata %s: no credential is sent', async (__, change) => {
    metadata = { ...metadata, ...change() }
    expect(await outcome(auth)).toEqual(NOWHERE)
  })

  it('is asked for, where the metadata is right', async () => {
    const { posted } = (await outcome(auth)) as { readonly posted: readonly string[] }
    expect(new Set(posted)).toEqual(new Set(['/token']))
  })

  it('attack 24: a token endpoint at a private address is not connected to', async () => {
    const closed = { egress: { allowPrivate: false } }
    // The upstream itself is out of reach then, too.
    expect(await outcome({ ...auth, tokenEndpoint: `${lure.url}/token` }, closed)).toMatchObject({
      error: true,
      posted: [],
      lured: 0,
      arrived: 0,
    })
  })
})
