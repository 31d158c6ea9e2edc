import { describe, expect, test } from 'vitest'
import {
  clientDocument,
  resourceMetadata,
  resourceMetadataUrl,
  serverMetadata,
  serverMetadataUrls,
} from '../../../protocol/token/metadata.ts'
import {
  isClientDocumentUrl,
  readClientDocument,
  readResourceMetadata,
  readServerMetadata,
} from '../../../protocol/token/metadata-read.ts'
import { isSecureUrl } from '../../../protocol/token/urls.ts'
import { faultOf } from '../fault.ts'
import { A, B, endpointOf, nodeOf, refused } from './tokens.ts'

const RESOURCE = resourceMetadata({
  resource: endpointOf(A),
  issuer: A,
  scopes: ['ns:crm'],
  dpopRequired: true,
  dpopAlgs: ['ES256'],
  name: 'main',
})
const SERVER = serverMetadata({
  issuer: A,
  base: A,
  scopes: ['ns:crm'],
  algs: ['ES256'],
  dpopAlgs: ['ES256'],
  idJag: true,
  grantsOnly: false,
})
const CLIENT = clientDocument({
  clientId: nodeOf(A),
  name: 'a',
  jwksUri: `${A}/oauth/client-jwks`,
})

function code(call: () => unknown): string | undefined {
  return faultOf(call)?.code
}

describe('documents', () => {
  test('say what a pin holds', () => {
    expect([RESOURCE, SERVER, CLIENT]).toMatchInlineSnapshot(`
      [
        {
          "authorization_servers": [
            "https://a.example",
          ],
          "bearer_methods_supported": [
            "header",
          ],
          "dpop_bound_access_tokens_required": true,
          "dpop_signing_alg_values_supported": [
            "ES256",
          ],
          "resource": "https://a.example/mcp/main",
          "resource_name": "main",
          "scopes_supported": [
            "ns:crm",
          ],
        },
        {
          "authorization_grant_profiles_supported": [
            "urn:ietf:params:oauth:grant-profile:id-jag",
          ],
          "dpop_signing_alg_values_supported": [
            "ES256",
          ],
          "grant_types_supported": [
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "client_credentials",
          ],
          "identity_chaining_requested_token_types_supported": [
            "urn:ietf:params:oauth:token-type:jwt",
          ],
          "introspection_endpoint": "https://a.example/oauth/introspect",
          "introspection_endpoint_auth_methods_supported": [
            "private_key_jwt",
            "client_secret_basic",
            "client_secret_post",
          ],
          "introspection_endpoint_auth_signing_alg_values_supported": [
            "ES256",
          ],
          "issuer": "https://a.example",
          "jwks_uri": "https://a.example/oauth/jwks",
          "mesh_revocations_endpoint": "https://a.example/oauth/revocations",
          "response_types_supported": [],
          "revocation_endpoint": "https://a.example/oauth/revoke",
          "revocation_endpoint_auth_methods_supported": [
            "private_key_jwt",
            "client_secret_basic",
            "client_secret_post",
          ],
          "revocation_endpoint_auth_signing_alg_values_supported": [
            "ES256",
          ],
          "scopes_supported": [
            "ns:crm",
          ],
          "token_endpoint": "https://a.example/oauth/token",
          "token_endpoint_auth_methods_supported": [
            "private_key_jwt",
            "client_secret_basic",
            "client_secret_post",
          ],
          "token_endpoint_auth_signing_alg_values_supported": [
            "ES256",
          ],
        },
        {
          "client_id": "https://a.example/oauth/client.json",
          "client_name": "a",
          "dpop_bound_access_tokens": true,
          "grant_types": [
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "client_credentials",
          ],
          "jwks_uri": "https://a.example/oauth/client-jwks",
          "redirect_uris": [],
          "response_types": [],
          "token_endpoint_auth_method": "private_key_jwt",
          "token_endpoint_auth_signing_alg": "ES256",
        },
      ]
    `)
  })

  test('can be read by the same rules', () => {
    expect(readResourceMetadata(RESOURCE, endpointOf(A))).toEqual({
      resource: endpointOf(A),
      issuers: [A],
      scopes: ['ns:crm'],
      dpopRequired: true,
    })
    expect(readServerMetadata(SERVER, A)).toMatchObject({
      issuer: A,
      tokenEndpoint: `${A}/oauth/token`,
      jwksUri: `${A}/oauth/jwks`,
    })
    expect(readClientDocument(CLIENT, nodeOf(A))).toEqual({
      clientId: nodeOf(A),
      jwksUri: `${A}/oauth/client-jwks`,
      name: 'a',
    })
  })

  test('name no issuer that is trusted unless it is the own', () => {
    expect(JSON.stringify(SERVER)).not.toContain(B)
    expect(serverMetadata({ ...FACTS, idJag: false })).not.toHaveProperty(
      'authorization_grant_profiles_supported',
    )
  })
})

const FACTS = { issuer: A, base: A, scopes: [], algs: [], dpopAlgs: [], grantsOnly: false }

describe('where documents are', () => {
  test('the name goes between host and path', () => {
    expect(resourceMetadataUrl('https://a.example/mcp/main')).toBe(
      'https://a.example/.well-known/oauth-protected-resource/mcp/main',
    )
    expect(resourceMetadataUrl('https://a.example/')).toBe(
      'https://a.example/.well-known/oauth-protected-resource',
    )
    expect(serverMetadataUrls('https://a.example/realms/x')).toEqual([
      'https://a.example/.well-known/oauth-authorization-server/realms/x',
      'https://a.example/.well-known/openid-configuration/realms/x',
      'https://a.example/realms/x/.well-known/openid-configuration',
    ])
    expect(serverMetadataUrls('https://a.example')).toHaveLength(2)
  })
})

describe('attack 10: documents about somebody else', () => {
  test.each([
    ['https://a.example/mcp'],
    ['https://a.example/mcp/main/'],
    ['https://a.example/mcp/main/x'],
    ['https://A.example/mcp/main'],
    [endpointOf(B)],
  ])('metadata of %s is none of the resource', (resource) => {
    expect(code(() => readResourceMetadata({ ...RESOURCE, resource }, endpointOf(A)))).toBe(
      'upstream_protocol',
    )
  })

  test.each([
    { issuer: `${A}/` },
    { issuer: B },
    { token_endpoint: `${B}/oauth/token` },
    { token_endpoint: 'http://a.example/oauth/token' },
    { token_endpoint: 'https://u:p@a.example/oauth/token' },
    { token_endpoint: 'file:///etc/passwd' },
    { token_endpoint: undefined },
    { jwks_uri: 'https://a.example:8443/jwks' },
    { jwks_uri: 'https://a.example.evil.example/jwks' },
    { introspection_endpoint: `${B}/x` },
    { revocation_endpoint: 7 },
  ])('metadata with %j is none of the issuer', (changes) => {
    expect(code(() => readServerMetadata({ ...SERVER, ...changes }, A))).toBe('upstream_protocol')
  })

  test('an issuer may keep its keys elsewhere where that is listed', () => {
    const elsewhere = { ...SERVER, jwks_uri: `${B}/jwks` }
    expect(readServerMetadata(elsewhere, A, [`${B}/jwks`]).jwksUri).toBe(`${B}/jwks`)
    expect(code(() => readServerMetadata(elsewhere, A, [`${B}/other`]))).toBe('upstream_protocol')
  })

  test.each([
    { authorization_servers: [] },
    { authorization_servers: ['javascript:alert(1)'] },
    { authorization_servers: ['http://evil.example'] },
    { scopes_supported: 'x' },
    { resource: undefined },
  ])('metadata with %j is malformed', (changes) => {
    expect(code(() => readResourceMetadata({ ...RESOURCE, ...changes }, endpointOf(A)))).toBe(
      'upstream_protocol',
    )
  })

  test('no document is no document', () => {
    for (const document of [undefined, null, [], 'x', 7]) {
      expect(code(() => readResourceMetadata(document, A))).toBe('upstream_protocol')
      expect(code(() => readServerMetadata(document, A))).toBe('upstream_protocol')
      expect(refused(() => readClientDocument(document, nodeOf(A)))).toBe('invalid_client')
    }
  })
})

describe('documents of clients', () => {
  test.each([
    { client_id: nodeOf(B) },
    { token_endpoint_auth_method: 'client_secret_basic' },
    { token_endpoint_auth_method: 'none' },
    { client_secret: 'x' },
    { jwks_uri: `${B}/keys` },
    { jwks_uri: undefined },
    { jwks: { keys: [{ kty: 'EC' }] } },
    { jwks_uri: undefined, jwks: { keys: [] } },
  ])('with %j are refused', (changes) => {
    expect(refused(() => readClientDocument({ ...CLIENT, ...changes }, nodeOf(A)))).toBe(
      'invalid_client',
    )
  })

  test('may hold their keys', () => {
    const inline = { ...CLIENT, jwks_uri: undefined, jwks: { keys: [{ kty: 'EC' }] } }
    expect(readClientDocument(inline, nodeOf(A)).keys).toEqual([{ kty: 'EC' }])
  })

  test.each([
    ['https://a.example/oauth/client.json', true],
    ['http://127.0.0.1:8080/oauth/client.json', true],
    ['https://a.example', false],
    ['https://a.example/', false],
    ['http://a.example/c', false],
    ['https://a.example/c#x', false],
    ['https://u@a.example/c', false],
    ['https://a.example/a/../c', false],
    ['https://a.example/./c', false],
    ['https://A.example/c', false],
    ['https://a.example/c?x', false],
  ])('%s can be one: %s', (url, expected) => {
    expect(isClientDocumentUrl(url)).toBe(expected)
  })
})

test.each([
  ['https://a.example', true],
  ['http://localhost:3000/x', true],
  ['http://127.0.0.1', true],
  ['http://127.9.9.9', true],
  ['http://[::1]:80/', true],
  ['http://a.example', false],
  ['http://127.0.0.1.evil.example', false],
  ['http://localhost.evil.example', false],
  ['http://2130706433', true],
  ['http://0.0.0.0', false],
  ['http://[::ffff:127.0.0.1]', false],
  ['https://u@a.example', false],
  ['https://a.example/#', false],
  ['https:\\\\a.example', false],
  ['https://a.example/ x', false],
  ['ftp://a.example', false],
  ['//a.example', false],
  ['', false],
])('attack 24: %s is a URL to connect to: %s', (url, expected) => {
  expect(isSecureUrl(url)).toBe(expected)
})
