// What is revoked at the node that issues tokens is refused by the other nodes of the organisation.
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { signJwt } from '../../node/identity/jwt.ts'
import { SigningKey } from '../../node/identity/signing-key.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { TYP } from '../../protocol/token/claims.ts'
import { URN } from '../../protocol/token/metadata.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern, send } from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import type { Json } from '../security/forge.ts'
import { Mesh } from './mesh.ts'

const key = SigningKey.generate()

let mesh: Mesh
let fixture: FixtureServer

beforeEach(async () => {
  mesh = new Mesh()
  fixture = await FixtureServer.start()
})

afterEach(async () => {
  await mesh.close()
  await fixture.close()
})

function config(name: string, issuer: Json, rest: Json = {}): object {
  return {
    node: { name, organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    issuer,
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
    endpoints: { main: { namespaces: ['*'], auth: { dpop: 'accepted' } } },
    ...rest,
  }
}

/** A form of a program of the organisation. */
async function post(hub: RunningNode, path: string, form: Record<string, string>): Promise<string> {
  const now = Math.floor(Date.now() / 1_000)
  const who = { iss: 'ci', sub: 'ci', aud: hub.url, jti: randomUUID(), iat: now, exp: now + 60 }
  const body = new URLSearchParams({
    client_assertion_type: URN.clientAssertion,
    client_assertion: signJwt(key, TYP.clientAssertion, who),
    ...form,
  })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const { raw, status } = await send(`${hub.url}${path}`, {
    method: 'POST',
    headers,
    body: body.toString(),
  })
  expect(status).toBe(200)
  return raw
}

test('a revoked token is good for no node of the organisation, and others are', async () => {
  const hub = await mesh.startConfig(config('hub', {}))
  const poll = { mode: 'node', url: hub.url, revocationPoll: '1s' }
  const edge = await mesh.startConfig(config('edge', poll))
  await edge.ready()
  const resource = edge.endpointUrl('main')
  const keys = { static: [{ ...key.jwk, kid: key.kid }] }
  await hub.reload(
    config(
      'hub',
      {},
      {
        nodes: [{ client: `${edge.url}/oauth/client.json`, spends: [resource], reaches: [] }],
        workloads: [{ client: 'ci', keys, resources: [resource], scopes: ['ns:fx'] }],
      },
    ),
  )
  const tokenOf = async (): Promise<string> => {
    const raw = await post(hub, '/oauth/token', { grant_type: 'client_credentials', resource })
    return String((JSON.parse(raw) as Json)['access_token'])
  }
  const statusWith = async (token: string): Promise<number> => {
    const params = { name: 'fx__echo', arguments: { message: 'hi' } }
    const headers = { authorization: `Bearer ${token}` }
    return (await callModern(resource, 'tools/call', params, { headers })).status
  }
  const [token, other] = [await tokenOf(), await tokenOf()]
  expect([await statusWith(token), await statusWith(other)]).toEqual([200, 200])
  await post(hub, '/oauth/revoke', { token })
  await until(async () => (await statusWith(token)) === 401, 'the token is refused')
  expect(await statusWith(other)).toBe(200)
})
