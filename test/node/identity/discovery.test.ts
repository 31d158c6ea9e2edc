import { beforeEach, describe, expect, test } from 'vitest'
import { Discovery } from '../../../node/identity/discovery.ts'
import { FetchFault } from '../../../node/identity/fetch-fault.ts'

let now = 1_000
let fetched: string[] = []
let documents: Record<string, unknown> = {}

beforeEach(() => {
  now = 1_000
  fetched = []
  documents = {}
})

function discovery(): Discovery {
  return new Discovery({
    clock: () => now,
    fetch: {
      async getJson(url) {
        fetched.push(url)
        await Promise.resolve()
        const json = documents[url]
        if (json instanceof Error) throw json
        if (json === undefined) throw new FetchFault('status', 'x', 'answers with status 404')
        return { status: 200, header: () => undefined, json: json as Record<string, unknown> }
      },
    },
  })
}

const ISSUER = 'https://id.example/tenants/a'
const ENDPOINTS = {
  token_endpoint: 'https://id.example/token',
  jwks_uri: 'https://id.example/jwks',
}
const ORDER = [
  'https://id.example/.well-known/oauth-authorization-server/tenants/a',
  'https://id.example/.well-known/openid-configuration/tenants/a',
  'https://id.example/tenants/a/.well-known/openid-configuration',
] as const

async function problem(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof FetchFault) return error.problem
  throw new Error('it was not refused', { cause: error })
}

describe('issuers', () => {
  test('are looked for in the order of MCP', async () => {
    documents[ORDER[2]] = { issuer: ISSUER, ...ENDPOINTS }
    expect(await discovery().issuer(ISSUER)).toMatchObject({
      issuer: ISSUER,
      tokenEndpoint: ENDPOINTS.token_endpoint,
      jwksUri: ENDPOINTS.jwks_uri,
    })
    expect(fetched).toEqual(ORDER)
  })

  test('are fetched once by all who ask at a time, and again ten minutes later', async () => {
    documents[ORDER[0]] = { issuer: ISSUER, ...ENDPOINTS }
    const found = discovery()
    await Promise.all([found.issuer(ISSUER), found.issuer(ISSUER)])
    now += 599
    await found.issuer(ISSUER)
    expect(fetched).toHaveLength(1)
    now += 1
    await found.issuer(ISSUER)
    expect(fetched).toHaveLength(2)
  })

  test('that publish nothing are not asked again for half a minute', async () => {
    const found = discovery()
    expect(await problem(found.issuer(ISSUER))).toBe('document')
    expect(await problem(found.issuer(ISSUER))).toBe('document')
    expect(fetched).toHaveLength(3)
    now += 30
    documents[ORDER[1]] = { issuer: ISSUER, ...ENDPOINTS }
    expect((await found.issuer(ISSUER)).issuer).toBe(ISSUER)
  })

  test('that cannot be reached are not looked for elsewhere', async () => {
    documents[ORDER[0]] = new FetchFault('network', 'id.example', 'cannot be reached')
    expect(await problem(discovery().issuer(ISSUER))).toBe('network')
    expect(fetched).toHaveLength(1)
  })

  test.each([
    'https://id.example/tenants/b',
    'https://id.example/tenants/a/',
    'https://ID.example/tenants/a',
    'https://id.example',
    'https://attacker.example',
  ])(
    'attack 10: metadata that is of %s is of another issuer, and ends the search',
    async (issuer) => {
      documents[ORDER[0]] = { ...ENDPOINTS, issuer }
      documents[ORDER[1]] = { ...ENDPOINTS, issuer: ISSUER }
      expect(await problem(discovery().issuer(ISSUER))).toBe('document')
      expect(fetched).toHaveLength(1)
    },
  )

  test('attack 10: endpoints on another host are refused, unless they are listed', async () => {
    const jwksUri = 'https://keys.example/jwks'
    documents[ORDER[0]] = { issuer: ISSUER, ...ENDPOINTS, jwks_uri: jwksUri }
    const found = discovery()
    expect(await problem(found.issuer(ISSUER))).toBe('document')
    expect((await found.issuer(ISSUER, [jwksUri])).jwksUri).toBe(jwksUri)
  })

  test.each([
    'http://id.example',
    'https://id.example?x',
    'https://id.example#x',
    'https://user@id.example',
    'file:///etc/passwd',
    '',
  ])('attack 24: no request is made for %s', async (issuer) => {
    expect(await problem(discovery().issuer(issuer))).toBe('url')
    expect(await problem(discovery().resource(issuer))).toBe('url')
    expect(fetched).toEqual([])
  })
})

describe('resources', () => {
  const RESOURCE = 'https://b.example/mcp/docs'
  const PATH_FORM = 'https://b.example/.well-known/oauth-protected-resource/mcp/docs'
  const ROOT = 'https://b.example/.well-known/oauth-protected-resource'
  const metadata = { resource: RESOURCE, authorization_servers: ['https://b.example'] }

  test('are looked for by path, then at the root', async () => {
    documents[ROOT] = metadata
    expect(await discovery().resource(RESOURCE)).toMatchObject({ issuers: ['https://b.example'] })
    expect(fetched).toEqual([PATH_FORM, ROOT])
  })

  test('may say themselves where their metadata is, on their own host', async () => {
    const hint = 'https://b.example/prm.json'
    documents[hint] = metadata
    expect((await discovery().resource(RESOURCE, hint)).resource).toBe(RESOURCE)
    expect(fetched).toEqual([hint])
    for (const other of ['https://attacker.example/prm.json', 'file:///etc/passwd', 'x']) {
      expect(await problem(discovery().resource(RESOURCE, other))).toBe('document')
    }
    expect(fetched).toEqual([hint])
  })

  test.each(['https://b.example/mcp', 'https://b.example', `${RESOURCE}/`, `${RESOURCE}/x`])(
    'attack 10: metadata that is of %s is of another resource',
    async (resource) => {
      documents[PATH_FORM] = { ...metadata, resource }
      expect(await problem(discovery().resource(RESOURCE))).toBe('document')
    },
  )
})
