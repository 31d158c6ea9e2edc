// The authorization code flow as a client: what is sent where, and what is never sent (RFC 7636, 8707, 9207, 9449).
import * as fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import type { ConsentAuth } from '../../../../node/core/config-identity-types.ts'
import type { ServerClient } from '../../../../node/identity/consent/server-client.ts'
import { KeptGrant } from '../../../../node/identity/consent/kept-grant.ts'
import { SignInFlow, type SignInStarted } from '../../../../node/identity/consent/sign-in-flow.ts'
import { SigningKey } from '../../../../node/identity/signing-key.ts'
import { clientAuthenticator } from '../../../../node/identity/verifier/client-authentication.ts'
import type { Network } from '../../../../node/identity/verifier/networks.ts'
import type { AuthorizationServer } from '../../../../protocol/token/authorization-server.ts'
import { codeChallenge } from '../../../../protocol/token/authorization-code.ts'
import { readProof } from '../../../../protocol/token/dpop.ts'
import { Fault } from '../../../../protocol/errors.ts'

const UP = 'https://up.example/mcp'
const CALLBACK = 'https://gw.example/oauth/callback'
const NOW = 1_800_000_000
const clock = (): number => NOW

interface Post {
  readonly url: string
  readonly form: Readonly<Record<string, string>>
  readonly headers: readonly string[]
}

let posts: Post[]
let issuers: string[]
let answer: object
beforeEach(() => {
  posts = []
  issuers = ['https://as.example']
  answer = { access_token: 'tok', token_type: 'Bearer', expires_in: 60 }
})

function server(issuer: string, change: Partial<AuthorizationServer> = {}): AuthorizationServer {
  return {
    issuer,
    authorizationEndpoint: `${issuer}/authorize`,
    tokenEndpoint: `${issuer}/token`,
    authMethods: ['none'],
    scopes: [],
    dpopAlgs: [],
    namesItself: true,
    takesDocuments: false,
    ...change,
  }
}

function flow(
  auth: Partial<ConsentAuth> = {},
  change: Partial<AuthorizationServer> = {},
): SignInFlow {
  const network: Network = {
    fetch: {
      getJson: () => Promise.reject(new Error('nothing is fetched here')),
      postJson: () => Promise.reject(new Error('nothing is fetched here')),
      postForm: (url, form, request) => {
        posts.push({ url, form: Object.fromEntries(form), headers: request?.headers ?? [] })
        return Promise.resolve({ status: 200, header: () => undefined, json: { ...answer } })
      },
    },
    discovery: {
      issuer: () => Promise.reject(new Error('not asked')),
      resource: () => Promise.reject(new Error('not asked')),
      resourceNow: () =>
        Promise.resolve({ resource: UP, issuers, scopes: ['use'], dpopRequired: false }),
      authorizationServer: (issuer) => Promise.resolve(server(issuer, change)),
    },
  }
  const clientOf = { of: () => Promise.resolve({ id: 'node', method: 'none' }) }
  return new SignInFlow({
    url: UP,
    auth: { mode: 'oauth', requires: [], ...auth },
    network,
    client: () => clientOf as unknown as ServerClient,
    redirectUri: () => CALLBACK,
    authenticateClient: clientAuthenticator({ signing: () => SigningKey.generate() }, clock),
    clock,
  })
}

const NO_WISH = { challenged: [], before: [], hint: undefined }

async function started(made = flow()): Promise<SignInStarted & { query: URLSearchParams }> {
  const begun = await made.start(await made.plan(NO_WISH))
  return { ...begun, query: new URL(begun.location).searchParams }
}

async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof Fault) return error
  throw new Error('was not refused', { cause: error })
}

describe('a sign-in', () => {
  test('sends the verifier of its challenge, and the same callback and resource both times', async () => {
    const { state, query, redeem } = await started()
    expect(state).toMatch(/^[A-Za-z0-9_-]{43}$/)
    await redeem({ state, code: 'the-code', issuer: 'https://as.example', denied: false })
    const [{ url, form } = { url: '', form: {} as Post['form'] }] = posts
    expect(url).toBe('https://as.example/token')
    expect(form).toMatchObject({ grant_type: 'authorization_code', code: 'the-code' })
    expect(query.get('code_challenge_method')).toBe('S256')
    expect(codeChallenge(form['code_verifier'] ?? '')).toBe(query.get('code_challenge'))
    expect([query.get('redirect_uri'), form['redirect_uri']]).toEqual([CALLBACK, CALLBACK])
    expect([query.get('resource'), form['resource']]).toEqual([UP, UP])
  })

  test('has a state and a verifier of its own each time', async () => {
    const made = flow()
    const all = await Promise.all(Array.from({ length: 50 }, () => started(made)))
    expect(new Set(all.map(({ state }) => state)).size).toBe(50)
    expect(new Set(all.map(({ query }) => query.get('code_challenge'))).size).toBe(50)
  })

  test('law (mix-up): what another server sent, or nobody, redeems nothing anywhere', async () => {
    const issuer = fc.oneof(
      fc.constantFrom('https://as.example/', 'https://evil.example', 'https://AS.example', ''),
      fc.webUrl(),
    )
    await fc.assert(
      fc.asyncProperty(fc.option(issuer, { nil: undefined }), async (said) => {
        const { state, redeem } = await started()
        const named = said === undefined ? {} : { issuer: said }
        const work = redeem({ state, code: 'c', denied: false, ...named })
        expect(await faultOf(work)).toMatchObject({ problem: 'issuer' })
        expect(posts).toEqual([])
      }),
      { numRuns: 25 },
    )
  })

  test('a code of one server never goes to another: each goes where its own sign-in began', async () => {
    const honest = await started(flow())
    issuers = ['https://evil.example']
    const evil = await started(flow())
    // The attacker's server sends the browser back with the code of the honest one, under its own state and name.
    const stolen = { code: 'of-the-honest-one', denied: false }
    await faultOf(evil.redeem({ ...stolen, state: evil.state, issuer: 'https://as.example' }))
    expect(posts).toEqual([])
    await honest.redeem({ ...stolen, state: honest.state, issuer: 'https://as.example' })
    expect(posts.map(({ url }) => url)).toEqual(['https://as.example/token'])
  })

  test('may come without a name from a server that says it gives none', async () => {
    const { state, redeem } = await started(flow({}, { namesItself: false }))
    const { facts } = await redeem({ state, code: 'c', denied: false })
    expect(facts).toMatchObject({ issuer: 'https://as.example', resource: UP, clientId: 'node' })
  })

  test.each([
    ['was refused', { denied: true }],
    ['has no code', { denied: false }],
  ])('that %s redeems nothing', async (_, end) => {
    const { state, redeem } = await started()
    const fault = await faultOf(redeem({ state, issuer: 'https://as.example', ...end }))
    expect(fault).toMatchObject({ problem: 'missing' })
    expect(posts).toEqual([])
  })

  test('is bound to a key of its own where the server binds tokens, and to no bearer token then', async () => {
    const made = flow({}, { dpopAlgs: ['ES256'] })
    const bound = { ...answer, token_type: 'DPoP' }
    const jkts: string[] = []
    for (let turn = 0; turn < 2; turn += 1) {
      answer = bound
      const { state, query, redeem } = await started(made)
      const grant = await redeem({ state, code: 'c', issuer: 'https://as.example', denied: false })
      const { headers = [] } = posts.at(-1) ?? {}
      const proof = readProof(headers[headers.indexOf('dpop') + 1] ?? '')
      expect(proof.header.jkt).toBe(query.get('dpop_jkt'))
      expect(grant.key?.kid).toBe(proof.header.jkt)
      jkts.push(proof.header.jkt)
    }
    expect(new Set(jkts).size).toBe(2)
    answer = { ...bound, token_type: 'Bearer' }
    const { state, redeem } = await started(made)
    const work = redeem({ state, code: 'c', issuer: 'https://as.example', denied: false })
    expect(await faultOf(work)).toMatchObject({ problem: 'binding' })
  })
})

describe('a plan', () => {
  test('is for the first server the upstream names, or the one that is configured, if it is named', async () => {
    issuers = ['https://one.example', 'https://two.example']
    expect((await flow().plan(NO_WISH)).server.issuer).toBe('https://one.example')
    const auth = { issuer: 'https://two.example' }
    expect((await flow(auth).plan(NO_WISH)).server.issuer).toBe('https://two.example')
    const other = flow({ issuer: 'https://three.example' }).plan(NO_WISH)
    expect(await faultOf(other)).toMatchObject({ problem: 'document' })
  })

  test('loses no scope that was granted before', async () => {
    const wish = { challenged: ['write'], before: ['use', 'more'], hint: undefined }
    expect((await flow().plan(wish)).scopes).toEqual(['use', 'more', 'write'])
  })
})

function granted(change: Partial<KeptGrant['facts']> = {}, refreshToken?: string): KeptGrant {
  const facts = {
    issuer: 'https://as.example',
    resource: UP,
    clientId: 'node',
    scheme: 'Bearer',
    scopes: ['use'],
    expiresAt: NOW,
  } as const
  const secrets = { accessToken: 'old', refreshToken, key: undefined }
  return new KeptGrant({ ...facts, ...change }, secrets)
}

describe('a renewal', () => {
  test('goes to the server that gave it, whatever the upstream names by now', async () => {
    issuers = ['https://evil.example']
    const renewed = await flow().renew(granted({}, 'refresh'))
    expect(posts.map(({ url }) => url)).toEqual(['https://as.example/token'])
    expect(posts[0]?.form).toMatchObject({
      grant_type: 'refresh_token',
      refresh_token: 'refresh',
      resource: UP,
    })
    expect(renewed.facts).toMatchObject({ scopes: ['use'], expiresAt: NOW + 60 })
    // Sent no other one, it stays as good as it was (RFC 6749 §6).
    expect(renewed.renewable).toBe(true)
  })

  test('is nothing for another client than it was granted to', async () => {
    const fault = await faultOf(flow().renew(granted({ clientId: 'another' }, 'refresh')))
    expect(fault).toMatchObject({ error: 'invalid_grant' })
    expect(posts).toEqual([])
  })
})
