// Token endpoints that are down, slow, hostile or merely unfriendly, and what callers are told of it.
import { afterEach, describe, expect, test } from 'vitest'
import type { RequestListener } from 'node:http'
import { ClientCredentialsBackend } from '../../../../node/identity/delegation/backends.ts'
import { TokenRequests } from '../../../../node/identity/delegation/token-requests.ts'
import { UpstreamDelegator } from '../../../../node/identity/delegation/upstream-delegator.ts'
import { Discovery } from '../../../../node/identity/discovery.ts'
import { GuardedFetch } from '../../../../node/identity/guarded-fetch.ts'
import { ProofMaker } from '../../../../node/identity/proof-maker.ts'
import { SigningKey } from '../../../../node/identity/signing-key.ts'
import { Secret } from '../../../../node/core/secret.ts'
import { clientAuthenticator } from '../../../../node/identity/verifier/client-authentication.ts'
import { LOCAL_CALLER, type Principal } from '../../../../node/core/principal.ts'
import { Fault } from '../../../../protocol/errors.ts'
import { serve, type LocalServer } from '../local-server.ts'

const NOW = 1_800_000_000
let now = NOW
const clock = (): number => now
const key = SigningKey.generate()
const CALLER: Principal = {
  ...LOCAL_CALLER,
  key: 'alice',
  subject: 'alice',
  scopes: ['ns:docs', 'ns:crm:read'],
}
const closers: (() => Promise<void>)[] = []

afterEach(async () => {
  now = NOW
  for (const close of closers.splice(0)) await close()
})

interface Scene {
  readonly delegator: UpstreamDelegator
  readonly server: LocalServer
  readonly log: string[]
}

async function scene(handler: RequestListener, discovered = false): Promise<Scene> {
  const server = await serve(handler)
  const fetch = new GuardedFetch({ allowPrivate: true })
  closers.push(
    () => fetch.close(),
    () => server.close(),
  )
  const proofs = new ProofMaker(key, clock)
  const network = { fetch, discovery: new Discovery({ fetch, clock }) }
  const authenticateClient = clientAuthenticator({ signing: () => key }, clock)
  const requests = new TokenRequests(
    {
      issuer: server.url,
      url: discovered ? undefined : `${server.url}/token`,
      client: () => ({ id: 'node', secret: new Secret('s') }),
    },
    { network, authenticateClient, proofs },
  )
  const resource = 'https://up.example/mcp'
  const log: string[] = []
  const note = (facts: object): void => void log.push(JSON.stringify(facts))
  const delegator = new UpstreamDelegator({
    label: 'up',
    url: resource,
    map: undefined,
    requires: ['ns:docs'],
    capacity: 10,
    clock,
    backend: new ClientCredentialsBackend(requests, { resource, scopes: ['read'], clock }),
    self: () => ({ issuer: '', subject: '', clientId: '', scopes: [], expiresAt: now + 60 }),
    signer: () => 'https://own.example',
    ownIssuer: () => 'https://own.example',
    proofs,
    isRevoked: () => false,
    log: { debug: note, info: note, warn: note, error: note },
  })
  return { delegator, server, log }
}

const answers =
  (status: number, body: object, headers: Record<string, string> = {}): RequestListener =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body))
  }

const TOKEN = { access_token: 'tok', token_type: 'DPoP', expires_in: 300, scope: 'read' }

async function refusalOf({ delegator }: Scene, principal = CALLER): Promise<Fault> {
  try {
    await (await delegator.delegate(principal, { budget: 5 })).lines('POST')
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
  throw new Error('was not refused')
}

describe('a token endpoint', () => {
  test('is asked in the name of the node, and the token is shared by all who may use it', async () => {
    const { delegator, server } = await scene(answers(200, TOKEN))
    const lines = await (await delegator.delegate(CALLER, { budget: 5 })).lines('POST')
    expect(lines.slice(0, 2)).toEqual(['authorization', 'DPoP tok'])
    await (await delegator.delegate(LOCAL_CALLER, { budget: 5 })).lines('GET')
    expect(server.requests).toHaveLength(1)
  })

  test('is not asked for a caller who lacks what the link demands', async () => {
    const stage = await scene(answers(200, TOKEN))
    const fault = await refusalOf(stage, { ...CALLER, key: 'bob', scopes: ['ns:crm:read'] })
    expect(fault).toMatchObject({ code: 'insufficient_scope', data: { scopes: ['ns:docs'] } })
    expect(stage.server.requests).toEqual([])
  })

  test.each<[string, RequestListener]>([
    ['fails', answers(500, { error: 'invalid_grant' })],
    ['is busy', answers(503, {}, { 'retry-after': '9' })],
    ['redirects', answers(307, {}, { location: 'https://evil.example' })],
    ['hangs up', (request) => void request.socket.destroy()],
    ['sends a page', (_, response) => void response.end('<h1>hello</h1>')],
  ])('that %s is told with a hint to come again, and never as a bad login', async (_, handler) => {
    const stage = await scene(handler)
    const fault = await refusalOf(stage)
    expect(fault.code).toBe('upstream_unavailable')
    expect(fault.data?.['retryAfterMs']).toBeGreaterThan(0)
    const asked = stage.server.requests.length
    await refusalOf(stage)
    expect(stage.server.requests.length).toBe(asked + 1)
  })

  test('attack 32: what a server writes reaches neither the caller nor the log', async () => {
    const evil = '\u001b[31mEVIL\n<script>'
    const handler = answers(
      400,
      { error: 'invalid_scope', error_description: evil, error_uri: 'https://evil.example' },
      { 'www-authenticate': 'Bearer resource_metadata="https://evil.example"' },
    )
    const stage = await scene(handler)
    const fault = await refusalOf(stage)
    expect(fault.code).toBe('delegation_refused')
    expect(JSON.stringify([fault.message, fault.data, stage.log])).not.toMatch(/evil|script/i)
    await refusalOf(stage)
    expect(stage.server.requests).toHaveLength(1)
    now += 10
    await refusalOf(stage)
    expect(stage.server.requests).toHaveLength(2)
  })

  test.each<[string, object]>([
    ['wider scopes', { scope: 'read write' }],
    ['no scope', { scope: '' }],
    ['a token no header can hold', { access_token: 'a\r\nx-evil: 1' }],
  ])(
    'attack 44: that answers with %s is not believed, nor asked again at once',
    async (_, change) => {
      const stage = await scene(answers(200, { ...TOKEN, ...change }))
      expect((await refusalOf(stage)).code).toBe('delegation_refused')
      await refusalOf(stage)
      expect(stage.server.requests).toHaveLength(1)
      expect(stage.log.length).toBeGreaterThan(0)
    },
  )

  test('attack 14: that says it binds tokens, and ignores the proof, is not believed', async () => {
    const bearer = { ...TOKEN, token_type: 'Bearer' }
    const metadata =
      (more: object): RequestListener =>
      (request, response) => {
        const { host = '' } = request.headers
        const issuer = `http://${host}`
        const document = { issuer, token_endpoint: `${issuer}/token`, ...more }
        answers(200, request.method === 'GET' ? document : bearer)(request, response)
      }
    const binding = await scene(metadata({ dpop_signing_alg_values_supported: ['ES256'] }), true)
    expect((await refusalOf(binding)).code).toBe('delegation_refused')
    const plain = await scene(metadata({}), true)
    const lines = await (await plain.delegator.delegate(CALLER, { budget: 5 })).lines('POST')
    expect(lines).toEqual(['authorization', 'Bearer tok'])
  })

  test('that wants a nonce gets one proof with it, and no third request', async () => {
    const proofs: unknown[] = []
    const stage = await scene((request, response) => {
      proofs.push(request.headers['dpop'])
      answers(400, { error: 'use_dpop_nonce' }, { 'dpop-nonce': 'n1' })(request, response)
    })
    await refusalOf(stage)
    expect(new Set(proofs).size).toBe(2)
  })

  test('attack 33: a scope the caller holds already is not asked for again', () => {
    const mapped = new UpstreamDelegator({
      label: 'up',
      url: 'https://up.example/mcp',
      requires: [],
      capacity: 10,
      clock,
      map: { 'ns:crm': ['ns:sales'] },
      backend: { obtain: () => Promise.reject(new Error('not asked')) },
      self: () => ({ issuer: '', subject: '', clientId: '', scopes: [], expiresAt: now }),
      signer: () => '',
      ownIssuer: () => '',
      proofs: new ProofMaker(key, clock),
      isRevoked: () => false,
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    })
    // No wider than it is wanted, and in the names of this node.
    expect(mapped.denied(CALLER, ['tool:sales/forecast'])).toMatchObject({
      code: 'insufficient_scope',
      data: { scopes: ['tool:crm/forecast'] },
    })
    const holder = { ...CALLER, scopes: ['ns:crm'] }
    expect(mapped.denied(holder, ['tool:sales/forecast']).code).toBe('delegation_refused')
    const foreign = mapped.denied(CALLER, ['evil" \n scope', 'ns:elsewhere'])
    expect(foreign.code).toBe('delegation_refused')
    expect(`${foreign.message} ${JSON.stringify(foreign.data)}`).not.toContain('evil')
  })
})
