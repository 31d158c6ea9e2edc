// The parts of the token service by themselves.
import { describe, expect, it } from 'vitest'
import { Fault } from '../../../../protocol/errors.ts'
import { OAuthFault, TokenFault, type OAuthError } from '../../../../protocol/token/faults.ts'
import { FetchFault } from '../../../../node/identity/fetch-fault.ts'
import { hashClientSecret, SecretChecker } from '../../../../node/identity/service/client-secret.ts'
import { KeySources } from '../../../../node/identity/service/key-sources.ts'
import { delegationName, SigningIssuer } from '../../../../node/identity/service/local-issuer.ts'
import { Rates } from '../../../../node/identity/service/rates.ts'
import { oauthFault, refuse, TooManyRequests } from '../../../../node/identity/service/rescue.ts'
import { SigningKey } from '../../../../node/identity/signing-key.ts'
import { accessOf, EDGE, jwk, KEYS, TokenLab } from './token-lab.ts'

describe('rates', () => {
  it('let as many through as a minute has, and fill up evenly', () => {
    let now = 0
    const rates = new Rates(() => now)
    for (let at = 0; at < 6; at += 1) rates.take('a', 6)
    expect(() => rates.take('a', 6)).toThrow(TooManyRequests)
    rates.take('b', 6)
    now += 10
    rates.take('a', 6)
    expect(() => rates.take('a', 6)).toThrow(TooManyRequests)
    now -= 1_000
    expect(() => rates.take('a', 6)).toThrow(TooManyRequests)
  })
})

describe('secrets of clients', () => {
  it('are known by their hash, and by no other', async () => {
    const hash = await hashClientSecret('right')
    expect(hash).toMatch(/^scrypt\$16384\$8\$1\$[A-Za-z0-9_-]{22}\$[A-Za-z0-9_-]{43}$/)
    expect(hash).not.toBe(await hashClientSecret('right'))
    const checker = new SecretChecker(() => 0)
    expect(await checker.isRight('a', 'right', hash)).toBe(true)
    expect(await checker.isRight('a', 'wrong', hash)).toBe(false)
    expect(await checker.isRight('a', 'right', 'plain')).toBe(false)
    expect(await checker.isRight('a', 'x'.repeat(2_000), hash)).toBe(false)
  })
})

describe('refusals', () => {
  it.each([
    ['invalid_client', 401],
    ['temporarily_unavailable', 503],
    ['server_error', 500],
    ['invalid_grant', 400],
    ['invalid_target', 400],
    ['use_dpop_nonce', 400],
  ] satisfies (readonly [OAuthError, number])[])('%s have the status %i', (error, status) => {
    expect(refuse(new OAuthFault(error, 'words')).status).toBe(status)
  })

  it('say nothing that a header or a terminal could take for its own', () => {
    const { body } = refuse(new OAuthFault('invalid_grant', 'a "b" \\ \u001b[31m\n<é>'))
    expect(JSON.parse(body)).toEqual({
      error: 'invalid_grant',
      error_description: "a 'b' ' '[31m'<'>",
    })
  })

  it('tell nothing of what went wrong at others', () => {
    const far = oauthFault(new Fault('upstream_unavailable', 'idp.example: cannot be reached'))
    expect([far.error, far.message]).toEqual(['temporarily_unavailable', 'try again later'])
    const ours = oauthFault(new Error('secret'))
    expect(ours.error).toBe('server_error')
    expect(ours.message).not.toContain('secret')
    expect(oauthFault(new TokenFault('claims', 'x')).error).toBe('invalid_request')
  })

  it.each([
    [new FetchFault('timeout', 'idp.example', 'is slow', 17_001), '18'],
    [new FetchFault('timeout', 'idp.example', 'is slow'), '5'],
    [new Fault('overloaded', 'words'), '5'],
  ])('say when to come again, where that is known: %s', (thrown, seconds) => {
    const { status, headers } = refuse(oauthFault(thrown))
    expect(status).toBe(503)
    expect(headers.slice(-2)).toEqual(['retry-after', seconds])
  })
})

function network(documents: Readonly<Record<string, unknown>>): {
  readonly asked: string[]
  readonly sources: KeySources
} {
  const asked: string[] = []
  const getJson = (url: string): Promise<never> => {
    asked.push(url)
    const json = documents[url]
    if (json === undefined) return Promise.reject(new Fault('upstream_unavailable', 'no'))
    return Promise.resolve({ status: 200, header: () => undefined, json } as never)
  }
  return { asked, sources: new KeySources({ clock: () => 0, fetch: { getJson } }) }
}

describe('keys of clients', () => {
  const rules = { algs: ['ES256'] as const, pins: [], thumbprintKids: false }
  const id = 'https://edge.acme.example/oauth/client.json'
  const jwksUri = 'https://edge.acme.example/oauth/client-jwks'

  function metadata(change: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    const method = 'private_key_jwt'
    return { client_id: id, token_endpoint_auth_method: method, jwks_uri: jwksUri, ...change }
  }

  it('are found through the metadata document of the client', async () => {
    const keys = { keys: [jwk(KEYS.edge)] }
    const { asked, sources } = network({ [id]: metadata(), [jwksUri]: keys })
    const finder = sources.find({ of: id, source: { metadataUri: id }, rules })
    expect((await finder.find(KEYS.edge.kid, 'ES256')).thumbprint).toBe(KEYS.edge.kid)
    expect(asked).toEqual([id, jwksUri])
  })

  it('may stand in the document itself', async () => {
    const jwks = { keys: [jwk(KEYS.edge)] }
    const { asked, sources } = network({ [id]: metadata({ jwks_uri: undefined, jwks }) })
    const finder = sources.find({ of: id, source: { metadataUri: id }, rules })
    expect((await finder.find(KEYS.edge.kid, 'ES256')).thumbprint).toBe(KEYS.edge.kid)
    expect(asked).toEqual([id])
  })

  it.each([
    ['of another client', { client_id: 'https://x.example/c.json' }],
    ['with keys on another host', { jwks_uri: 'https://evil.example/jwks' }],
    ['with a secret', { client_secret: 'x' }],
    ['with another method', { token_endpoint_auth_method: 'none' }],
  ])('are not taken from a document %s', async (_, change) => {
    const evil = { 'https://evil.example/jwks': { keys: [jwk(KEYS.stranger)] } }
    const { asked, sources } = network({ [id]: metadata(change), ...evil })
    const finder = sources.find({ of: id, source: { metadataUri: id }, rules })
    const found = Promise.resolve(finder.find(KEYS.stranger.kid, 'ES256'))
    await expect(found).rejects.toMatchObject({ error: 'invalid_client' })
    expect(asked).toEqual([id])
  })

  it('stay when the configuration changes elsewhere, and go with it', () => {
    const { sources } = network({})
    const request = { of: id, source: { jwksUri }, rules }
    const first = sources.find(request)
    sources.begin()
    expect(sources.find(request)).toBe(first)
    sources.finish()
    sources.begin()
    sources.finish()
    expect(sources.find(request)).not.toBe(first)
    sources.close()
  })
})

describe('who is meant', () => {
  it('is never a matter of chance', async () => {
    const lab = await TokenLab.open()
    const { issuer } = lab.settings()
    const [node] = issuer?.nodes ?? []
    if (node === undefined) throw new Error('no node')
    const other = { static: [jwk(KEYS.stranger)] }
    const twoKeys = lab.settings({ trust: [lab.trust({ clients: [{ id: EDGE, keys: other }] })] })
    expect(() => lab.service.apply(twoKeys)).toThrow('two sets of keys')
    const twoOwners = lab.settings({ nodes: [node, { ...node, client: 'https://x.example/c' }] })
    expect(() => lab.service.apply(twoOwners)).toThrow('belongs to two nodes')
    expect((await lab.ask(lab.exchange())).status).toBe(200)
    await lab.close()
  })
})

const fixed = (): number => 1_800_000_000.7

describe('the local issuer', () => {
  const key = SigningKey.generate()
  const secret = Buffer.alloc(32, 1)
  const options = {
    issuer: 'https://a.example',
    keys: { signing: () => key },
    secret,
    clock: fixed,
  }
  const issuer = new SigningIssuer(options)

  it('mints for people, without a service', () => {
    const { token, claims } = issuer.mint({
      subject: 'alice',
      resource: 'https://a.example/mcp/main',
      scopes: ['ns:sales'],
      ttl: 60,
      budget: 2,
    })
    expect(accessOf(token)).toEqual(claims)
    expect(claims).toMatchObject({
      iss: 'https://a.example',
      sub: 'alice',
      clientId: 'alice',
      iat: 1_800_000_000,
      exp: 1_800_000_060,
      mayAct: {},
    })
  })

  it('names a delegation after the token it begins with', () => {
    const origin = { iss: 'https://idp.example', jti: 'j' }
    const { txn } = issuer.stamp(origin)
    expect(txn).toBe(delegationName(secret, origin))
    expect(Buffer.from(txn, 'base64url')).toHaveLength(16)
    expect(issuer.stamp({ ...origin, jti: 'k' }).txn).not.toBe(txn)
    expect(issuer.stamp({ iss: 'https://idp.example1', jti: '' }).txn).not.toBe(txn)
    expect(issuer.stamp().txn).not.toBe(issuer.stamp().txn)
  })

  it('of a service writes down what it does, and what it does not', async () => {
    const lab = await TokenLab.open()
    const actor = { iss: lab.base, sub: EDGE }
    const parent = {
      issuer: lab.base,
      subject: 'alice',
      clientId: 'c',
      scopes: ['ns:sales'],
      expiresAt: lab.now + 100,
    }
    const record = {
      issuer: lab.base,
      targets: [{ resource: lab.main, issuer: lab.base }],
      scopes: {},
      maxTtl: 60,
      maxDepth: 4,
      maxBudget: 4,
      subject: { rule: 'same' },
      disclose: 'full',
    } as const
    const ask = { kind: 'access', resource: lab.main, audience: lab.main, actor } as const
    const { claims } = lab.local.issueLocally(parent, ask, record, { iss: lab.base, jti: 'in' })
    expect(lab.last).toMatchObject({
      kind: 'local',
      decision: 'issued',
      jtiIn: 'in',
      jtiOut: claims.jti,
      client: EDGE,
    })
    const wrong = { ...ask, resource: 'https://x.example', audience: 'https://x.example' }
    expect(() => lab.local.issueLocally(parent, wrong, record)).toThrow(OAuthFault)
    expect(lab.last).toMatchObject({ kind: 'local', decision: 'refused', reason: 'resource' })
    await lab.close()
  })
})
