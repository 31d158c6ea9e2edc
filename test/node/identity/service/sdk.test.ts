// The client of the official SDK as the referee: it finds the service, and gets tokens of it.
import {
  discoverAuthorizationServerMetadata,
  discoverOAuthProtectedResourceMetadata,
  exchangeJwtAuthGrant,
  fetchToken,
  PrivateKeyJwtProvider,
} from '@modelcontextprotocol/client'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { accessOf, KEYS, SECRET, TokenLab } from './token-lab.ts'

let lab: TokenLab

beforeEach(async () => {
  lab = await TokenLab.open()
})
afterEach(() => lab.close())

it('finds the authorization server of an endpoint', async () => {
  const resource = await discoverOAuthProtectedResourceMetadata(lab.main)
  expect(resource).toMatchObject({ resource: lab.main, authorization_servers: [lab.base] })
  const server = await discoverAuthorizationServerMetadata(lab.base)
  expect(server).toMatchObject({ issuer: lab.base, token_endpoint: `${lab.base}/oauth/token` })
})

it('gets a token with private_key_jwt and client credentials', async () => {
  // The SDK signs by the clock of the machine.
  lab.now = Date.now() / 1_000
  const provider = new PrivateKeyJwtProvider({
    clientId: 'nightly',
    expectedIssuer: lab.base,
    privateKey: { ...KEYS.nightly.exportPrivate() },
    algorithm: 'ES256',
    jwtLifetimeSeconds: 60,
    scope: 'ns:crm:read',
  })
  const metadata = await discoverAuthorizationServerMetadata(lab.base)
  if (metadata === undefined) throw new Error('nothing was found')
  const tokens = await fetchToken(provider, lab.base, {
    metadata,
    resource: lab.main,
    scope: 'ns:crm:read',
  })
  expect(tokens).toMatchObject({ token_type: 'Bearer', scope: 'ns:crm:read' })
  expect(accessOf(tokens.access_token)).toMatchObject({ aud: lab.main, sub: 'nightly' })
})

it.each(['client_secret_basic', 'client_secret_post'] as const)(
  'redeems an ID-JAG with %s',
  async (authMethod) => {
    const token = await exchangeJwtAuthGrant({
      tokenEndpoint: `${lab.base}/oauth/token`,
      jwtAuthGrant: lab.idJag(),
      clientId: 'agent',
      clientSecret: SECRET,
      authMethod,
    })
    expect(token).toMatchObject({ token_type: 'Bearer', scope: 'ns:sales:read' })
    expect(accessOf(token.access_token).sub).toBe('https://idp.example|alice')
  },
)
