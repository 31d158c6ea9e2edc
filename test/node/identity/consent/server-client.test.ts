import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { Sealer } from '../../../../node/core/seal.ts'
import { Secret } from '../../../../node/core/secret.ts'
import type { ClientCredentials } from '../../../../node/core/config-identity-types.ts'
import { SealedStore } from '../../../../node/identity/consent/sealed-store.ts'
import { ServerClient } from '../../../../node/identity/consent/server-client.ts'
import type { JsonObject } from '../../../../protocol/jsonrpc.ts'
import type { AuthorizationServer } from '../../../../protocol/token/authorization-server.ts'

const DOCUMENT = 'https://gw.example/oauth/client.json'

let store: SealedStore
let registered: { readonly url: string; readonly json: JsonObject }[]
let answer: { status: number; json: JsonObject | undefined }

beforeEach(() => {
  const sealer = new Sealer(randomBytes(32), 'sign-ins')
  store = new SealedStore({ folder: undefined, sealer, capacity: 10 })
  registered = []
  answer = { status: 201, json: { client_id: 'given', token_endpoint_auth_method: 'none' } }
})

function client(
  change: {
    readonly configured?: ClientCredentials
    readonly document?: string
    readonly redirectUri?: string
  } = {},
): ServerClient {
  return new ServerClient({
    configured: change.configured,
    document: change.document ?? DOCUMENT,
    redirectUri: change.redirectUri ?? 'https://gw.example/oauth/callback',
    name: 'gate',
    store,
    fetch: {
      postJson: (url, json) => {
        registered.push({ url, json })
        return Promise.resolve({ ...answer, header: () => undefined })
      },
    },
  })
}

function server(change: Partial<AuthorizationServer> = {}): AuthorizationServer {
  const issuer = change.issuer ?? 'https://as.example'
  return {
    issuer,
    authorizationEndpoint: `${issuer}/authorize`,
    tokenEndpoint: `${issuer}/token`,
    registrationEndpoint: `${issuer}/register`,
    authMethods: ['none'],
    scopes: [],
    dpopAlgs: [],
    namesItself: true,
    takesDocuments: false,
    ...change,
  }
}

const TAKES_DOCUMENTS = { takesDocuments: true, authMethods: ['private_key_jwt'] }

describe('who the node is at an authorization server', () => {
  test('is what is configured, before anything else', async () => {
    const configured = { id: 'by-hand', secret: new Secret('s') }
    expect(await client({ configured }).of(server(TAKES_DOCUMENTS))).toBe(configured)
    expect(registered).toEqual([])
  })

  test('shows its secret in the way the server takes it', async () => {
    const configured = { id: 'by-hand', secret: new Secret('s') }
    const post = server({ authMethods: ['client_secret_post'] })
    expect(await client({ configured }).of(post)).toMatchObject({ method: 'client_secret_post' })
    const said = { ...configured, method: 'client_secret_basic' as const }
    expect(await client({ configured: said }).of(post)).toBe(said)
  })

  test('is its document where the server takes such, and can fetch this one', async () => {
    const found = await client().of(server(TAKES_DOCUMENTS))
    expect(found).toEqual({ id: DOCUMENT, method: 'private_key_jwt' })
    expect(registered).toEqual([])
    const local = client({ document: 'http://127.0.0.1:7400/oauth/client.json' })
    expect((await local.of(server(TAKES_DOCUMENTS))).id).toBe('given')
    const unable = server({ takesDocuments: true, authMethods: ['none'] })
    expect((await client().of(unable)).id).toBe('given')
  })

  test('is registered once for a server, however many sign in, and found again', async () => {
    const mine = client()
    const all = await Promise.all(Array.from({ length: 10 }, () => mine.of(server())))
    expect(new Set(all.map(({ id }) => id))).toEqual(new Set(['given']))
    expect((await client().of(server())).id).toBe('given')
    expect(registered).toHaveLength(1)
    expect(registered[0]).toMatchObject({
      url: 'https://as.example/register',
      json: { client_name: 'gate', redirect_uris: ['https://gw.example/oauth/callback'] },
    })
  })

  test('is another at another server, and after it has moved: what one gave no other is shown', async () => {
    await client().of(server())
    answer = { status: 201, json: { client_id: 'other', token_endpoint_auth_method: 'none' } }
    expect((await client().of(server({ issuer: 'https://two.example' }))).id).toBe('other')
    const moved = client({ redirectUri: 'https://new.example/oauth/callback' })
    expect((await moved.of(server())).id).toBe('other')
    expect((await client().of(server())).id).toBe('given')
  })

  test('keeps a secret it was given, sealed, and shows it as the server settled', async () => {
    const json = {
      client_id: 'given',
      client_secret: 'canary-secret',
      token_endpoint_auth_method: 'client_secret_post',
    }
    answer = { status: 201, json }
    const basic = server({ authMethods: ['client_secret_basic'] })
    await client().of(basic)
    const found = await client().of(basic)
    expect(found).toMatchObject({ id: 'given', method: 'client_secret_post' })
    expect(found.secret?.reveal()).toBe('canary-secret')
    expect(JSON.stringify(found)).not.toContain('canary')
  })

  test.each<[string, number, JsonObject | undefined]>([
    ['a refusal', 400, { error: 'invalid_redirect_uri' }],
    ['no id', 201, { token_endpoint_auth_method: 'none' }],
    ['an id no form can hold', 201, { client_id: 'a\nb', token_endpoint_auth_method: 'none' }],
    [
      'no secret where one is needed',
      201,
      { client_id: 'x', token_endpoint_auth_method: 'client_secret_basic' },
    ],
    [
      'a method nobody knows',
      201,
      { client_id: 'x', token_endpoint_auth_method: 'tls_client_auth' },
    ],
    ['something else than JSON', 201, undefined],
  ])('is nobody after %s, and nothing is kept', async (_, status, json) => {
    answer = { status, json }
    await expect(client().of(server())).rejects.toMatchObject({ code: 'upstream_protocol' })
    answer = { status: 201, json: { client_id: 'given', token_endpoint_auth_method: 'none' } }
    expect((await client().of(server())).id).toBe('given')
  })

  test('is nobody where there is no way, which says what to do', async () => {
    const { registrationEndpoint: _, ...closed } = server()
    await expect(client().of(closed)).rejects.toThrow(/register it by hand/)
  })
})
