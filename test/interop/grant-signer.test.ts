// Three organisations, the middle one with an authorization server that makes no grants: its node signs them, under an
// identifier of its own. Neither the key of the one nor that of the other is ever good for both.
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { signJwt } from '../../node/identity/jwt.ts'
import { Keys } from '../../node/identity/keys.ts'
import { ProofMaker } from '../../node/identity/proof-maker.ts'
import { SigningKey } from '../../node/identity/signing-key.ts'
import { TYP } from '../../protocol/token/claims.ts'
import { URN } from '../../protocol/token/metadata.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { send } from '../fixtures/raw-client.ts'
import type { JsonObject } from '../fixtures/wire.ts'
import { Mesh } from '../mesh/mesh.ts'
import type { AuthorizationServer } from './authorization-server.ts'
import {
  actor,
  callEcho,
  clientOf,
  externalChain,
  HELPER,
  KEY,
  lastIssued,
  type Chain,
  type Ways,
} from './external-chain.ts'

const clock = (): number => Date.now() / 1_000
const HI = [{ type: 'text', text: 'hi' }]

/** The client in B's organisation whose keys are ours. */
const helperKey = SigningKey.generate()
const prover = new ProofMaker(SigningKey.generate(), clock)
const published = { ...helperKey.jwk, kid: helperKey.kid }

let mesh: Mesh
let fixture: FixtureServer
let servers: AuthorizationServer[] = []
let state: string
let mark = 0

async function chain(ways: Partial<Ways> = {}): Promise<Chain> {
  const made = await externalChain(
    { mesh, fixture },
    { chains: false, requireChain: false, state, helperKey: published, ...ways },
  )
  servers.push(made.server)
  mark = fixture.calls().length
  return made
}

function open(): void {
  mesh = new Mesh()
  state = mkdtempSync(join(tmpdir(), 'banyan-signer-'))
}

async function close(): Promise<void> {
  await mesh.close()
  await Promise.all(servers.map((server) => server.close()))
  await fixture.close()
  servers = []
  rmSync(state, { recursive: true, force: true })
}

/** Calls that arrived at the end of the chain. */
const arrived = (): number => fixture.calls().length - mark

/** A token of the authorization server for the endpoint of B, for a person there. */
function personsToken(
  { b, server }: Chain,
  change: JsonObject = {},
  { key = SigningKey.fromJwk(server.key), typ = 'at+jwt' }: { key?: SigningKey; typ?: string } = {},
): string {
  const now = Math.floor(clock())
  return signJwt(key, typ, {
    iss: server.issuer,
    aud: b.endpointUrl('main'),
    sub: 'bob',
    client_id: 'app',
    jti: randomUUID(),
    iat: now,
    exp: now + 300,
    scope: 'ns:fx',
    ...change,
  })
}

/** A form of the helper. */
async function post(url: string, audience: string, form: JsonObject): Promise<JsonObject> {
  const now = Math.floor(clock())
  const jti = randomUUID()
  const who = { iss: HELPER, sub: HELPER, aud: audience, jti, iat: now, exp: now + 60 }
  const body = new URLSearchParams({
    client_assertion_type: URN.clientAssertion,
    client_assertion: signJwt(helperKey, TYP.clientAssertion, who),
    ...(form as Record<string, string>),
  })
  const { raw, status } = await send(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      dpop: prover.proof({ method: 'POST', url }),
    },
    body: body.toString(),
  })
  return { status, ...(raw === '' ? {} : (JSON.parse(raw) as JsonObject)) }
}

describe('a node that signs the grants of its organisation', () => {
  beforeEach(async () => {
    fixture = await FixtureServer.start()
    open()
  })
  afterEach(close)

  test('passes calls on across three organisations, and its server makes tokens only', async () => {
    const { a, b, c, server, records } = await chain()
    const reply = await callEcho(a)
    expect(server.failures).toEqual([])
    expect(reply.result['content']).toEqual(HI)
    expect(lastIssued(records.c)).toMatchObject({
      in: { client: clientOf(b), iss: b.url },
      out: { aud: c.endpointUrl('main'), scope: ['ns:fx'] },
      // The server knows of no chain: it begins anew, in the grants of the node.
      actors: [actor(b.url, b)],
    })
    const [signed, obtained] = ['local', 'obtained'].map((kind) =>
      records.b.audit.findLast((line) => line.kind === kind && line.decision === 'issued'),
    )
    expect(signed).toMatchObject({ in: { iss: server.issuer }, out: { iss: b.url } })
    expect(obtained).toMatchObject({ out: { iss: c.url }, actors: [actor(b.url, b)] })
    expect(signed?.txn).toBe(lastIssued(records.c)?.txn)
    // Its lines join: the grant goes out here, and comes in there.
    expect(lastIssued(records.c)?.in).toMatchObject({ jti: signed?.out?.jti })
    for (const { text } of Object.values(records)) {
      expect(text).not.toContain(KEY)
      expect(text).not.toMatch(/eyJ[\w-]+\.[\w-]+\.[\w-]+/)
    }
  })

  test('keeps the whole law where the server writes chains', async () => {
    const { a, b, records } = await chain({ chains: true, requireChain: true })
    expect((await callEcho(a)).result['content']).toEqual(HI)
    const atC = lastIssued(records.c)
    expect(atC?.actors).toEqual([actor(b.url, b), actor(a.url, a)])
    const atA = records.a.audit.findLast(({ kind }) => kind === 'obtained')
    expect(atC?.txn).toBe(atA?.txn)
  })

  test('does not help where the chain is required of the server: requireChain refuses', async () => {
    const { a, records } = await chain({ requireChain: true })
    expect((await callEcho(a)).raw).toContain('"error"')
    expect(arrived()).toBe(0)
    expect(records.a.audit).toContainEqual(
      expect.objectContaining({ kind: 'obtained', decision: 'refused', reason: 'depth' }),
    )
  })

  test('invariant 11: a chain that is too long for the next organisation ends there', async () => {
    const { a, records } = await chain({ chains: true, requireChain: true, trust: { maxDepth: 1 } })
    expect((await callEcho(a)).raw).toContain('"error"')
    expect(arrived()).toBe(0)
    expect(records.c.audit).toContainEqual(
      expect.objectContaining({ kind: 'jwt_bearer', decision: 'refused', reason: 'depth' }),
    )
  })

  test('attack 19: speaks for no other organisation unless it may', async () => {
    const { a, records } = await chain({ chains: true, requireChain: true, trust: { transit: [] } })
    expect((await callEcho(a)).raw).toContain('"error"')
    expect(arrived()).toBe(0)
    expect(records.c.audit).toContainEqual(
      expect.objectContaining({ kind: 'jwt_bearer', decision: 'refused', reason: 'transit' }),
    )
  })
})

describe('with the keys of the node and of its server', () => {
  let made: Chain
  let sts: SigningKey

  beforeAll(async () => {
    fixture = await FixtureServer.start()
    open()
    const helper = { client: HELPER, keys: { static: [published] }, spends: [], reaches: [] }
    // Each refusal is looked for.
    const audit = { refusalsPerSecond: 1_000 }
    const more = { b: { nodes: [helper], audit }, c: { audit } }
    made = await chain({ trustsServer: true, more })
    const keys = await Keys.open({ folder: state, clock, lifetime: 86_400, overlap: 600 })
    sts = keys.ring('sts').signing()
    keys.close()
  })
  afterAll(close)
  beforeEach(() => {
    mark = fixture.calls().length
  })

  /** A grant for C, as the node of B signs it unless changed. */
  function grant(change: JsonObject = {}, key = sts): string {
    const { b, c } = made
    const now = Math.floor(clock())
    return signJwt(key, TYP.grant, {
      iss: b.url,
      sub: 'p'.repeat(43),
      aud: c.url,
      client_id: HELPER,
      resource: c.endpointUrl('main'),
      scope: 'ns:fx',
      jti: randomUUID(),
      iat: now,
      exp: now + 60,
      session_expiry: now + 300,
      txn: 'txn',
      act: { iss: change['iss'] ?? b.url, sub: HELPER },
      cnf: { jkt: prover.jkt },
      mesh: { v: 1, budget: 3 },
      ...change,
    })
  }

  const redeem = (assertion: string): Promise<JsonObject> =>
    post(`${made.c.url}/oauth/token`, made.c.url, { grant_type: URN.jwtBearer, assertion })

  const serverKey = (): SigningKey => SigningKey.fromJwk(made.server.key)
  const ofServer = (): JsonObject => ({ iss: made.server.issuer })

  test('each is good for its own grants', async () => {
    expect(await redeem(grant())).toMatchObject({ status: 200, scope: 'ns:fx' })
    expect(await redeem(grant(ofServer(), serverKey()))).toMatchObject({ status: 200 })
  })

  test.each<[string, () => string]>([
    ['a grant of the node by the key of the server', () => grant({}, serverKey())],
    ['a grant of the server by the key of the node', () => grant(ofServer(), sts)],
  ])('invariant 27: %s is refused', async (_, assertion) => {
    const answer = await redeem(assertion())
    expect(answer).toMatchObject({ status: 400, error: 'invalid_grant' })
    expect(made.records.c.audit.at(-1)).toMatchObject({
      decision: 'refused',
      reason: 'unknown_key',
    })
  })

  test('attack 18: a grant that says more is worth no more', async () => {
    const wide = grant({ scope: 'ns:fx ns:secret', mesh: { v: 1, budget: 200 } })
    expect(await redeem(wide)).toMatchObject({ status: 200, scope: 'ns:fx' })
    expect(await redeem(grant({ scope: 'ns:secret' }))).toMatchObject({ error: 'invalid_scope' })
  })

  test.each<[string, () => string, number]>([
    ['a token of the server', () => personsToken(made), 200],
    ['invariant 27: one by the key of the node', () => personsToken(made, {}, { key: sts }), 401],
    [
      'invariant 27: one of the node, by its key',
      () => personsToken(made, { iss: made.b.url }, { key: sts }),
      401,
    ],
    ['attack 7: a grant of the node', () => grant({ aud: made.b.endpointUrl('main') }), 401],
  ])('an endpoint answers %s', async (_, token, status) => {
    const reply = await callEcho(made.b, `Bearer ${token()}`)
    expect(reply.status).toBe(status)
    expect(arrived()).toBe(status === 200 ? 1 : 0)
  })

  test.each<[string, JsonObject, string]>([
    ['without the scope', { scope: 'ns:other' }, 'scope'],
    ['without budget', { mesh: { v: 1, budget: 0 } }, 'budget'],
    ['that passed here before', { act: { iss: 'SERVER', sub: 'B' } }, 'cycle'],
    ['that somebody else may spend', { may_act: { iss: 'SERVER', sub: 'x' } }, 'client'],
  ])('nothing is signed for a token %s', async (_, change, reason) => {
    const named = JSON.stringify(change)
      .replace('SERVER', made.server.issuer)
      .replace('"B"', JSON.stringify(clientOf(made.b)))
    const before = made.records.b.audit.length
    const token = personsToken(made, JSON.parse(named) as JsonObject)
    const reply = await callEcho(made.b, `Bearer ${token}`)
    expect(reply.raw).toContain('"error"')
    expect(arrived()).toBe(0)
    const lines = made.records.b.audit.slice(before)
    expect(lines.filter(({ decision }) => decision === 'issued')).toEqual([])
    const why = lines.find(({ kind }) => kind === 'local')?.reason
    expect(why).toBe(reason)
  })

  test('invariant 22: a session that ended here ends what was made for it', async () => {
    const sid = randomUUID()
    const token = personsToken(made, { sid })
    const other = personsToken(made, { sid: randomUUID() })
    for (const each of [token, other]) {
      expect((await callEcho(made.b, `Bearer ${each}`)).result['content']).toEqual(HI)
    }
    const answer = await post(`${made.b.url}/oauth/revoke`, made.b.url, { sid })
    expect(answer['status']).toBe(200)
    expect((await callEcho(made.b, `Bearer ${token}`)).status).toBe(401)
    expect((await callEcho(made.b, `Bearer ${other}`)).status).toBe(200)
    expect(arrived()).toBe(3)
  })

  test('the node makes no access tokens for anybody', async () => {
    const { b } = made
    for (const form of [
      { grant_type: 'client_credentials', resource: b.endpointUrl('main') },
      {
        grant_type: URN.jwtBearer,
        assertion: grant({ aud: b.url, resource: b.endpointUrl('main') }),
      },
    ]) {
      expect(await post(`${b.url}/oauth/token`, b.url, form)).toMatchObject({
        status: 400,
        error: 'unsupported_grant_type',
      })
    }
  })
})
