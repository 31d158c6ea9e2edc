// Enterprise-managed authorization as a client: which grants of the identity provider go on to the server of the upstream.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { URN } from '../../../protocol/token/metadata.ts'
import { OwnNameLab, type Answer } from './own-name-lab.ts'

let lab: OwnNameLab
let issuer: string
let provider: string

/** What the identity provider gives, besides what it should. */
let claims: Record<string, unknown>
let header: Record<string, unknown>

beforeEach(async () => {
  lab = await OwnNameLab.open()
  issuer = lab.addServer('/as')
  provider = lab.addServer('/idp', grant)
  claims = {}
  header = {}
  lab.use({
    mode: 'xaa',
    issuer,
    client: { id: 'node-there', secret: 's' },
    scopes: ['read'],
    requires: ['*'],
    provider: {
      issuer: provider,
      client: { id: 'node-here', method: 'none' },
      idToken: await lab.file('id', 'an-id-token'),
    },
  })
})
afterEach(() => lab.close())

function encode(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

function grant(): Answer {
  const right = {
    iss: provider,
    sub: 'U1',
    aud: issuer,
    resource: lab.resource,
    client_id: 'node-there',
    jti: 'j',
    iat: lab.now,
    exp: lab.now + 300,
  }
  const head = encode({ alg: 'ES256', typ: 'oauth-id-jag+jwt', ...header })
  const token = `${head}.${encode({ ...right, ...claims })}.${encode({ of: 'nobody' })}`
  return { body: { access_token: token, token_type: 'N_A', issued_token_type: URN.idJag } }
}

describe('a grant of the identity provider', () => {
  test.each<[string, () => object]>([
    ['as it should be', () => ({})],
    ['for its one audience in a list', () => ({ aud: [issuer] })],
    ['that leaves the resource open, which it may', () => ({ resource: undefined })],
  ])('goes on %s', async (_, change) => {
    claims = { ...change() }
    expect(await lab.call()).toEqual(['authorization', 'Bearer tok'])
    const [{ assertion } = {}] = lab.formsAt('/as/token')
    expect(assertion?.split('.')).toHaveLength(3)
  })

  test.each<[string, () => object, string]>([
    ['of another issuer', () => ({ iss: issuer }), 'not of the identity provider'],
    ['of the issuer with a slash', () => ({ iss: `${provider}/` }), 'not of the identity provider'],
    ['of issuers', () => ({ iss: [provider] }), 'not of the identity provider'],
    ['of nobody', () => ({ iss: undefined }), 'not of the identity provider'],
    ['for another server', () => ({ aud: provider }), 'for another server'],
    ['for two servers', () => ({ aud: [issuer, provider] }), 'for another server'],
    ['for no server', () => ({ aud: undefined }), 'for another server'],
    ['for another resource', () => ({ resource: `${lab.resource}/b` }), 'for another resource'],
    ['for another client', () => ({ client_id: 'node-here' }), 'for another client'],
    ['for no client', () => ({ client_id: undefined }), 'for another client'],
  ])('attack 21: %s stays here, and the log says why', async (_, change, why) => {
    claims = { ...change() }
    const fault = await lab.refusal()
    expect(fault.code).toBe('delegation_refused')
    expect(lab.logged.join('\n')).toContain(why)
    expect(lab.formsAt('/as/token')).toEqual([])
  })

  test.each(['at+jwt', 'JWT', undefined])('attack 7: of type %s is none', async (typ) => {
    header = { typ }
    expect((await lab.refusal()).code).toBe('delegation_refused')
    expect(lab.formsAt('/as/token')).toEqual([])
  })
})
