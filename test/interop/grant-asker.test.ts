// Two nodes of an organisation with an authorization server: one signs its grants, the other asks for them.
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { signJwt } from '../../node/identity/jwt.ts'
import { SigningKey } from '../../node/identity/signing-key.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { send } from '../fixtures/raw-client.ts'
import type { JsonObject } from '../fixtures/wire.ts'
import { Mesh } from '../mesh/mesh.ts'
import { Records } from '../mesh/records.ts'
import type { Json } from '../security/forge.ts'
import { AuthorizationServer } from './authorization-server.ts'
import { callEcho, clientOf, lastIssued } from './external-chain.ts'

const FX = { 'ns:fx': ['ns:fx'] }
const HI = [{ type: 'text', text: 'hi' }]
/** What the node is called at the server. */
const ALIAS = 'gw-asker'

let mesh: Mesh
let fixture: FixtureServer
let server: AuthorizationServer | undefined

beforeEach(async () => {
  mesh = new Mesh()
  fixture = await FixtureServer.start()
})
afterEach(async () => {
  await mesh.close()
  await server?.close()
  await fixture.close()
})

function config(name: string, of: string, issuer: Json, rest: Json = {}): object {
  return {
    node: { name, organisation: of, listen: '127.0.0.1:0', state: 'memory' },
    issuer,
    endpoints: { main: { namespaces: ['*'], auth: {} } },
    upstreams: { own: { http: { url: fixture.url } } },
    namespaces: { own: { from: ['own'] } },
    ...rest,
  }
}

interface Organisation {
  readonly signer: RunningNode
  readonly asker: RunningNode
  readonly c: RunningNode
  readonly server: AuthorizationServer
  readonly records: Readonly<Record<'signer' | 'asker' | 'c', Records>>
}

/** @param rule what the node that signs says of grants for C */
async function organisation(rule: Json = {}): Promise<Organisation> {
  const records = { signer: new Records(), asker: new Records(), c: new Records() }
  const start = (name: keyof typeof records, made: object): Promise<RunningNode> =>
    mesh.startConfig(made, { log: records[name].log })
  const inC = {
    upstreams: { fixture: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['fixture'] } },
  }
  const c = await start('c', config('c', 'c', {}, inC))
  await c.ready()
  const atC = c.endpointUrl('main')
  const nodes: RunningNode[] = []
  const made = await AuthorizationServer.start(async (url) => {
    const external = { mode: 'external', url }
    const hub = await start('signer', config('hub', 'b', { ...external, grants: {} }))
    const grants = { mode: 'node', url: hub.url }
    const issuer = { ...external, client: { id: ALIAS }, grants }
    const edge = await start('asker', config('edge', 'b', issuer))
    nodes.push(hub, edge)
    return { clients: [await registered(edge)] }
  })
  server = made
  const [signer, asker] = nodes
  if (signer === undefined || asker === undefined) throw new Error('was not started')
  const external = { mode: 'external', url: made.issuer }
  made.serve(asker.endpointUrl('main'), { scopes: ['ns:fx', '*'] })
  const node = {
    client: clientOf(asker),
    alias: ALIAS,
    spends: [asker.endpointUrl('main')],
    reaches: [{ issuer: c.url, resources: [atC], ...rule }],
  }
  await signer.reload(config('hub', 'b', { ...external, grants: {} }, { nodes: [node] }))
  const trust = {
    issuer: signer.url,
    keys: { jwksUri: `${signer.url}/oauth/jwks` },
    clients: [clientOf(asker)],
    resources: [atC],
    subjects: { anonymous: true },
    scopes: { map: FX, max: ['ns:fx'] },
  }
  await c.reload(config('c', 'c', {}, { ...inC, trust: [trust] }))
  const auth = { mode: 'chain', issuer: c.url, scopes: { map: FX } }
  const next = { upstreams: { c: { node: { url: atC, as: '{namespace}' }, auth } }, namespaces: {} }
  const grants = { mode: 'node', url: signer.url }
  const client = { id: ALIAS }
  await asker.reload(config('edge', 'b', { ...external, client, grants }, next))
  await asker.refresh(['c'])
  return { signer, asker, c, server: made, records }
}

async function registered(node: RunningNode): Promise<Json> {
  const { raw } = await send(`${node.url}/oauth/client-jwks`)
  return {
    client_id: ALIAS,
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks: JSON.parse(raw) as Json,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  }
}

function personsToken({ server: from, asker }: Organisation, change: JsonObject = {}): string {
  const now = Math.floor(Date.now() / 1_000)
  return signJwt(SigningKey.fromJwk(from.key), 'at+jwt', {
    iss: from.issuer,
    aud: asker.endpointUrl('main'),
    sub: 'bob',
    client_id: 'app',
    jti: randomUUID(),
    iat: now,
    exp: now + 300,
    scope: 'ns:fx',
    ...change,
  })
}

describe('a node that asks another of its organisation for grants', () => {
  test('lists in its own name, and passes people on as pseudonyms', async () => {
    const made = await organisation()
    const { signer, asker, records, server: from } = made
    expect(from.failures).toEqual([])
    const reply = await callEcho(asker, `Bearer ${personsToken(made)}`)
    expect(reply.result['content']).toEqual(HI)
    const line = records.signer.audit.findLast(({ kind }) => kind === 'token_exchange')
    expect(line).toMatchObject({
      decision: 'issued',
      in: { client: clientOf(asker), iss: from.issuer },
      out: { iss: signer.url, scope: ['ns:fx'] },
      actors: [`${signer.url} ${clientOf(asker)}`],
    })
    expect(lastIssued(records.c)).toMatchObject({
      in: { iss: signer.url, client: clientOf(asker), jti: line?.out?.jti },
      txn: line?.txn,
    })
    for (const { text } of Object.values(records)) expect(text).not.toMatch(/eyJ[\w-]+\.[\w-]+\./)
  })

  test('gets nothing for another endpoint than the record says', async () => {
    const made = await organisation({ resources: ['https://elsewhere.example/mcp/main'] })
    const reply = await callEcho(made.asker, `Bearer ${personsToken(made)}`)
    expect(reply.raw).toContain('"error"')
    expect(made.records.signer.audit).toContainEqual(
      expect.objectContaining({
        kind: 'token_exchange',
        decision: 'refused',
        reason: 'resource',
      }),
    )
    expect(made.records.c.audit.filter(({ kind }) => kind === 'jwt_bearer')).toEqual([])
  })

  test('is known by its client id at the server: to who may act, and in a circle', async () => {
    const made = await organisation()
    const { asker, server: from } = made
    const at = { iss: from.issuer, sub: ALIAS }
    const call = (change: JsonObject): Promise<string> =>
      callEcho(asker, `Bearer ${personsToken(made, change)}`).then(({ raw }) => raw)
    expect(await call({ may_act: at })).toContain('"hi"')
    expect(await call({ may_act: { ...at, sub: 'gw-other' } })).toContain('"error"')
    expect(await call({ act: at })).toContain('"error"')
  })
})
