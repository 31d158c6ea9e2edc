// Upstreams that say themselves which authorization server is theirs (RFC 9728), for a node that goes in its own name.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { UpstreamAuthInput } from '../../../node/core/config-identity-input.ts'
import { OwnNameLab, TOKEN } from './own-name-lab.ts'

let lab: OwnNameLab
beforeEach(async () => {
  lab = await OwnNameLab.open()
})
afterEach(() => lab.close())

const CARD = '/.well-known/oauth-protected-resource/mcp'
const ROOT_CARD = '/.well-known/oauth-protected-resource'
const OWN = { scopes: ['read'], requires: ['*'] }
const SECRET: UpstreamAuthInput = {
  mode: 'client_credentials',
  client: { id: 'node', secret: 'the-secret' },
  ...OWN,
}

/** The upstream says that these are its servers. */
function publish(servers: unknown, path = CARD, resource = lab.resource): void {
  lab.answers.set(path, () => ({ body: { resource, authorization_servers: servers } }))
}

/** Every form that was sent anywhere. */
function forms(): readonly object[] {
  return lab.asked.map(({ form }) => form).filter((form) => Object.keys(form).length > 0)
}

const FIELD = { upstream: 'up', field: 'upstreams.up.auth.issuer' }

describe('the one authorization server an upstream names', () => {
  test('is asked with client credentials', async () => {
    publish([lab.addServer('/as')])
    lab.use(SECRET)
    expect(await lab.call()).toEqual(['authorization', 'Bearer tok'])
    expect(lab.formsAt('/as/token')).toEqual([
      { grant_type: 'client_credentials', resource: lab.resource, scope: 'read' },
    ])
  })

  test('is shown the token of the platform', async () => {
    publish([lab.addServer('/as')])
    const assertion = await lab.file('token', 'of-the-platform')
    lab.use({ mode: 'workload', assertion, ...OWN })
    await lab.call()
    expect(lab.formsAt('/as/token')).toMatchObject([{ assertion: 'of-the-platform' }])
  })

  test('is whom the identity provider makes its grant for', async () => {
    const issuer = lab.addServer('/as')
    publish([issuer])
    const provider = {
      issuer: lab.addServer('/idp', () => ({ status: 400, body: { error: 'invalid_request' } })),
      client: { id: 'node', method: 'none' as const },
      idToken: await lab.file('id', 'id-token'),
    }
    lab.use({ mode: 'xaa', client: { id: 'node', secret: 's' }, provider, ...OWN })
    await lab.refusal()
    expect(lab.formsAt('/idp/token')).toMatchObject([{ audience: issuer, resource: lab.resource }])
  })

  test('is for the root where that is what the metadata is about', async () => {
    publish([lab.addServer('/as')], ROOT_CARD, lab.url)
    lab.use(SECRET)
    await lab.call()
    expect(lab.formsAt('/as/token')).toMatchObject([{ resource: lab.url }])
  })

  test('is looked for once, and not again for each token', async () => {
    publish([lab.addServer('/as', () => ({ body: { ...TOKEN, expires_in: 60 } }))])
    lab.use(SECRET)
    await lab.call()
    lab.now += 60
    await lab.call()
    expect(lab.formsAt('/as/token')).toHaveLength(2)
    expect(lab.asked.filter(({ path }) => path === CARD)).toHaveLength(1)
  })
})

describe('an upstream that does not name one', () => {
  test.each<[string, () => void]>([
    ['nothing is published', () => {}],
    ['no server is named', () => publish([])],
    ['none is said to be', () => publish(undefined)],
    ['it is no URL', () => publish(['the-usual'])],
    ['attack 10: it is about another resource', () => publish([lab.url], CARD, `${lab.url}/other`)],
  ])('%s: the field to fill in is named, and nothing is sent', async (_, prepare) => {
    lab.addServer('/as')
    prepare()
    lab.use(SECRET)
    const fault = await lab.refusal()
    expect(fault).toMatchObject({ code: 'delegation_refused', data: FIELD })
    expect(fault.message).toBe(
      'upstream "up" names no authorization server: upstreams.up.auth.issuer must say which is its',
    )
    expect(forms()).toEqual([])
    const asked = lab.asked.length
    await lab.refusal()
    expect(lab.asked).toHaveLength(asked)
  })

  test('several are named: so it is said, and nothing is sent', async () => {
    publish([lab.addServer('/one'), lab.addServer('/two')])
    lab.use(SECRET)
    const fault = await lab.refusal()
    expect(fault).toMatchObject({ code: 'delegation_refused', data: FIELD })
    expect(fault.message).toBe(
      'upstream "up" names 2 authorization servers: upstreams.up.auth.issuer must say which is meant',
    )
    expect(forms()).toEqual([])
  })

  test('the same twice is one', async () => {
    const issuer = lab.addServer('/as')
    publish([issuer, issuer])
    lab.use(SECRET)
    expect(await lab.call()).toEqual(['authorization', 'Bearer tok'])
  })

  test('attack 10: it changes to an attacker, who gets nothing, even after a reload', async () => {
    publish([lab.addServer('/as')])
    lab.use(SECRET)
    await lab.call()
    publish([lab.addServer('/evil')])
    lab.now += 3_600
    for (const step of [() => {}, () => lab.delegators.clear()]) {
      step()
      const fault = await lab.refusal()
      expect(fault).toMatchObject({ code: 'delegation_refused', data: FIELD })
      expect(fault.message).toContain('another authorization server than before')
    }
    expect(lab.formsAt('/evil/token')).toEqual([])
    expect(lab.formsAt('/as/token')).toHaveLength(1)
  })

  test('attack 10: the server it names says that it is another', async () => {
    const issuer = lab.addServer('/as')
    publish([issuer])
    const document = { issuer: lab.url, token_endpoint: `${issuer}/token` }
    lab.answers.set('/.well-known/oauth-authorization-server/as', () => ({ body: document }))
    lab.use(SECRET)
    await lab.refusal()
    expect(forms()).toEqual([])
  })

  test('it cannot be asked: that passes, and nobody has to fill in anything', async () => {
    lab.answers.set(CARD, () => ({ status: 302, body: {}, headers: { location: '/elsewhere' } }))
    lab.use(SECRET)
    const fault = await lab.refusal()
    expect(fault.code).toBe('upstream_unavailable')
    expect(fault.data?.['field']).toBeUndefined()
  })
})
