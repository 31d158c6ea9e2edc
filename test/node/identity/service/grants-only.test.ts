// A node that signs grants for an organisation whose tokens are those of an authorization server elsewhere.
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { NodeClient } from '../../../../node/core/config-identity-types.ts'
import { signJwt } from '../../../../node/identity/jwt.ts'
import type { IssuerPolicy, SubjectIssuer } from '../../../../node/identity/service/settings.ts'
import type { SigningKey } from '../../../../node/identity/signing-key.ts'
import { grantedScopes } from '../../../../node/identity/verifier/principals.ts'
import { URN } from '../../../../protocol/token/metadata.ts'
import { pairwiseSubject } from '../../../../protocol/token/pairwise.ts'
import { send } from '../../../fixtures/raw-client.ts'
import type { JsonObject } from '../../../fixtures/wire.ts'
import {
  EDGE,
  EDGE_MAIN,
  FAR,
  FAR_PUB,
  grantOf,
  jwk,
  KEYS,
  PROVIDER as SERVER,
  TokenLab,
  type Form,
  type TokenReply,
} from './token-lab.ts'

let lab: TokenLab

beforeEach(async () => {
  lab = await TokenLab.open()
  lab.service.apply(lab.settings(policy()))
})
afterEach(() => lab.close())

/** Tokens of the authorization server, by its key. */
const SUBJECTS: SubjectIssuer = {
  issuer: SERVER,
  keys: { find: () => KEYS.provider.public },
  algs: ['ES256'],
  otherTypes: ['jwt'],
  scopes: (scopes, map = {}) => grantedScopes(scopes, { map, everything: true }),
}

function policy(node: Partial<NodeClient> = {}): Partial<IssuerPolicy> {
  const edge: NodeClient = {
    client: EDGE,
    keys: { static: [jwk(KEYS.edge)] },
    spends: [EDGE_MAIN],
    reaches: [lab.main, FAR],
    ...node,
  }
  return { subjects: SUBJECTS, nodes: [edge], workloads: [], trust: [] }
}

/** A token of the authorization server, for the edge node unless changed. */
function token(
  change: JsonObject = {},
  { key = KEYS.provider, typ = 'at+jwt' }: { key?: SigningKey; typ?: string } = {},
): string {
  const { now } = lab
  return signJwt(key, typ, {
    iss: SERVER,
    sub: 'alice',
    aud: EDGE_MAIN,
    client_id: 'browser',
    jti: randomUUID(),
    iat: now,
    exp: now + 600,
    scope: 'ns:sales',
    ...change,
  })
}

/** A node asks for a grant, right unless changed. */
function asking(change: Form = {}): Form {
  return {
    ...lab.edge(),
    grant_type: URN.tokenExchange,
    subject_token: token(),
    subject_token_type: URN.accessToken,
    requested_token_type: URN.jwt,
    audience: FAR,
    resource: FAR_PUB,
    ...change,
  }
}

function ask(change: Form = {}): Promise<TokenReply> {
  return lab.ask(asking(change))
}

/** The key grants are signed with. */
function sts(): SigningKey {
  const key = lab.parts?.keys.ring('sts').signing()
  if (key === undefined) throw new Error('not open')
  return key
}

function chain(depth: number): JsonObject {
  const sub = `https://n${depth}.example/c.json`
  const rest = depth === 1 ? {} : { act: chain(depth - 1) }
  return { iss: `https://n${depth}.example`, sub, ...rest }
}

describe('a grant from a token of the authorization server', () => {
  it('is of this service, for a pseudonym, with the node as the first who acts', async () => {
    const reply = await ask()
    expect(reply.json).toMatchObject({ token_type: 'N_A', issued_token_type: URN.jwt })
    const grant = grantOf(reply.token)
    expect(grant).toMatchObject({
      iss: lab.base,
      aud: FAR,
      resource: FAR_PUB,
      clientId: EDGE,
      scope: ['ns:sales'],
      act: { iss: lab.base, sub: EDGE },
      cnf: { jkt: lab.prover.jkt },
      mesh: { v: 1, budget: 5 },
      exp: lab.now + 60,
      sessionExpiry: lab.now + 600,
    })
    const secret = lab.parts?.secrets.pairwise ?? Buffer.alloc(0)
    expect(grant.sub).toBe(pairwiseSubject(secret, { iss: SERVER, sub: 'alice', target: FAR }))
    expect(lab.last).toMatchObject({
      kind: 'token_exchange',
      decision: 'issued',
      client: EDGE,
      issuer: SERVER,
      issuerOut: lab.base,
      audience: FAR,
      actors: [`${lab.base} ${EDGE}`],
    })
    expect(JSON.stringify(lab.lines)).not.toContain('alice')
  })

  it('keeps the chain, the budget and the name that the token has', async () => {
    const older = { iss: 'https://gw.a.example', sub: 'https://gw.a.example/oauth/client.json' }
    const subject_token = token({ act: older, mesh: { v: 1, budget: 2 }, txn: 'txn-of-a' })
    expect(grantOf((await ask({ subject_token })).token)).toMatchObject({
      act: { iss: lab.base, sub: EDGE, act: older },
      mesh: { v: 1, budget: 1 },
      txn: 'txn-of-a',
    })
  })

  it('knows the node by its client id over there', async () => {
    lab.service.apply(lab.settings(policy({ alias: 'gw-edge' })))
    const may_act = { iss: SERVER, sub: 'gw-edge' }
    const named = grantOf((await ask({ subject_token: token({ may_act }) })).token)
    expect(named).toMatchObject({ clientId: EDGE, act: { iss: lab.base, sub: EDGE } })
    const itself = token({ sub: 'gw-edge', client_id: 'gw-edge' })
    expect(grantOf((await ask({ subject_token: itself })).token).sub).toBe(EDGE)
    const other = token({ may_act: { iss: SERVER, sub: 'gw-other' } })
    expect((await ask({ subject_token: other })).error).toBe('invalid_request')
    const back = token({ act: { iss: SERVER, sub: 'gw-edge' } })
    expect((await ask({ subject_token: back })).error).toBe('invalid_target')
    expect(lab.last?.reason).toBe('cycle')
  })

  it('takes its scopes over as the endpoints of the node do', async () => {
    const scopeMap = { seller: ['ns:sales'] }
    lab.service.apply(lab.settings(policy({ scopeMap })))
    const subject_token = token({ scope: 'openid seller' })
    expect(grantOf((await ask({ subject_token })).token).scope).toEqual(['ns:sales'])
    lab.service.apply(lab.settings(policy()))
    const unmapped = await ask({ subject_token: token({ scope: 'openid seller' }) })
    expect(unmapped.error).toBe('invalid_scope')
  })

  it('may be made from one of a type of older days, where that is configured', async () => {
    expect((await ask({ subject_token: token({}, { typ: 'JWT' }) })).status).toBe(200)
    expect((await ask({ subject_token: token({}, { typ: 'id+jwt' }) })).error).toBe(
      'invalid_request',
    )
  })
})

describe('no grant is made', () => {
  it.each<[string, () => Form, string, string | undefined]>([
    [
      'invariant 27: of a token of that server by a key of this one',
      () => ({ subject_token: token({}, { key: sts() }) }),
      'invalid_request',
      'signature',
    ],
    [
      'invariant 27: of a token of this service by a key of that server',
      () => ({ subject_token: token({ iss: lab.base }) }),
      'invalid_request',
      'issuer',
    ],
    [
      'invariant 27: of a token of this service by its own key',
      () => ({ subject_token: token({ iss: lab.base }, { key: sts() }) }),
      'invalid_request',
      'issuer',
    ],
    [
      'attack 7: of a grant',
      () => ({ subject_token: lab.grant({ iss: SERVER, aud: EDGE_MAIN }, KEYS.provider) }),
      'invalid_request',
      'typ',
    ],
    [
      'attack 20: of a token for an endpoint of another node',
      () => ({ subject_token: token({ aud: 'https://other.acme.example/mcp/main' }) }),
      'invalid_request',
      'audience',
    ],
    [
      'of a token that is over',
      () => ({ subject_token: token({ exp: lab.now - 6, iat: lab.now - 600 }) }),
      'invalid_request',
      'expired',
    ],
    [
      'for an issuer the node does not reach',
      () => ({ audience: 'https://gw.d.example' }),
      'invalid_target',
      'resource',
    ],
    [
      'for an endpoint of the organisation',
      () => ({ audience: FAR, resource: EDGE_MAIN }),
      'invalid_target',
      'resource',
    ],
    ['with more scopes than the token has', () => ({ scope: 'ns:crm' }), 'invalid_scope', 'scope'],
    [
      'of everything',
      () => ({ subject_token: token({ scope: '*' }), scope: '*' }),
      'invalid_scope',
      'scope',
    ],
    [
      'beyond the budget',
      () => ({ subject_token: token({ mesh: { v: 1, budget: 0 } }) }),
      'invalid_target',
      'budget',
    ],
    [
      'beyond the depth',
      () => ({ subject_token: token({ act: chain(8) }) }),
      'invalid_target',
      'depth',
    ],
  ])('%s', async (_, change, error, reason) => {
    const reply = await ask(change())
    expect([reply.status, reply.error]).toEqual([400, error])
    expect(lab.last).toMatchObject({ decision: 'refused', reason })
    expect(lab.issued).toEqual([])
  })

  it('for the service itself, whatever the node may reach', async () => {
    const resource = 'https://anywhere.example/mcp/main'
    for (const change of [
      policy({ reaches: [lab.base] }),
      { nodes: policy({ reaches: [lab.base] }).nodes ?? [] },
    ]) {
      lab.service.apply(lab.settings(change))
      const subject_token = change.subjects === undefined ? lab.subject() : token()
      const reply = await ask({ subject_token, audience: lab.base, resource })
      expect([reply.status, reply.error]).toEqual([400, 'invalid_target'])
    }
    expect(lab.issued).toEqual([])
  })

  it('attack 43: for whoever is no node of the organisation', async () => {
    const stranger = { ...asking(), ...lab.as('https://x.example/c.json', KEYS.stranger) }
    expect((await lab.ask(stranger)).error).toBe('invalid_client')
    const { client_assertion: _, client_assertion_type: __, ...nobody } = asking()
    expect((await lab.ask(nobody)).error).toBe('invalid_client')
    const unbound = await lab.ask(asking(), { proof: null })
    expect(unbound.error).toBe('invalid_dpop_proof')
    expect(lab.issued).toEqual([])
  })
})

describe('a service that only signs grants', () => {
  it.each<[string, () => Form, string]>([
    [
      'no access token for an endpoint',
      () => ({ requested_token_type: URN.accessToken, audience: undefined, resource: lab.main }),
      'invalid_request',
    ],
    [
      'nor when it is not said what is asked for',
      () => ({ requested_token_type: undefined, audience: undefined, resource: lab.main }),
      'invalid_request',
    ],
    [
      'nothing for an assertion',
      () => ({ grant_type: URN.jwtBearer, assertion: lab.grant() }),
      'unsupported_grant_type',
    ],
    [
      'nothing for a client',
      () => ({ grant_type: 'client_credentials' }),
      'unsupported_grant_type',
    ],
  ])('makes %s', async (_, change, error) => {
    const reply = await ask(change())
    expect([reply.status, reply.error]).toEqual([400, error])
    expect(lab.issued).toEqual([])
  })

  it('says so in its metadata, and names neither the server nor whom it may reach', async () => {
    const { raw } = await send(`${lab.base}/.well-known/oauth-authorization-server`)
    const metadata = JSON.parse(raw) as JsonObject
    expect(metadata).toMatchObject({
      issuer: lab.base,
      token_endpoint: `${lab.base}/oauth/token`,
      jwks_uri: `${lab.base}/oauth/jwks`,
      revocation_endpoint: `${lab.base}/oauth/revoke`,
      grant_types_supported: [URN.tokenExchange],
      identity_chaining_requested_token_types_supported: [URN.jwt],
    })
    expect(metadata).not.toHaveProperty('introspection_endpoint')
    expect(metadata).not.toHaveProperty('authorization_endpoint')
    expect(raw).not.toContain(SERVER)
    expect(raw).not.toContain(FAR)
    for (const path of ['/oauth/introspect', '/oauth/authorize']) {
      expect((await lab.ask({ token: token() }, { path })).status).toBe(404)
    }
    const { raw: keys } = await send(`${lab.base}/oauth/jwks`)
    expect(keys).toBe(lab.parts?.keys.ring('sts').jwks())
  })
})

describe('revocation', () => {
  const REVOKE = { path: '/oauth/revoke' }

  it('of a token of the server ends the grants made from it, and makes no more', async () => {
    const subject_token = token()
    const { txn = '' } = grantOf((await ask({ subject_token })).token)
    const reply = await lab.ask({ ...lab.edge(), token: subject_token }, REVOKE)
    expect(reply.status).toBe(200)
    expect(lab.revocations.isRevoked({ iss: lab.base, jti: 'any', txn })).toBe(true)
    expect((await ask({ subject_token })).error).toBe('invalid_request')
    expect(lab.last?.reason).toBe('revoked')
  })

  it('ends a delegation by its name at the server too', async () => {
    const subject_token = token({ txn: 'txn-of-it' })
    await lab.ask({ ...lab.edge(), token: subject_token }, REVOKE)
    for (const iss of [SERVER, lab.base]) {
      expect(lab.revocations.isRevoked({ iss, jti: 'any', txn: 'txn-of-it' })).toBe(true)
    }
  })

  it('of a session is about tokens of the server', async () => {
    const reply = await lab.ask({ ...lab.edge(), sid: 's-1' }, REVOKE)
    expect(reply.status).toBe(200)
    expect((await ask({ subject_token: token({ sid: 's-1' }) })).error).toBe('invalid_request')
    expect((await ask({ subject_token: token({ sid: 's-2' }) })).status).toBe(200)
  })

  it('is for the node a token is for, and for real tokens', async () => {
    const others = token({ aud: 'https://other.acme.example/mcp/main' })
    const reply = await lab.ask({ ...lab.edge(), token: others }, REVOKE)
    expect(reply.error).toBe('unauthorized_client')
    const forged = token({ jti: 'j-1' }, { key: KEYS.stranger })
    expect((await lab.ask({ ...lab.edge(), token: forged }, REVOKE)).status).toBe(200)
    expect(lab.revocations.isRevoked({ iss: SERVER, jti: 'j-1' })).toBe(false)
  })
})
