// The node by a token its platform gives it, and by a grant of its identity provider: how often who is asked, with what.
import { rm } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { URN } from '../../../../protocol/token/metadata.ts'
import { OwnNameLab, TOKEN, type Answer } from '../own-name-lab.ts'

let lab: OwnNameLab
let issuer: string
let given: number
let life: number

beforeEach(async () => {
  lab = await OwnNameLab.open()
  given = 0
  life = 300
  issuer = lab.addServer('/as', give)
})
afterEach(() => lab.close())

/** Another token each time. */
function give(): Answer {
  given += 1
  return { body: { ...TOKEN, access_token: `tok-${given}`, expires_in: life } }
}

function basic(who: string): string {
  return `Basic ${Buffer.from(who).toString('base64')}`
}

const OWN = { scopes: ['read'], requires: ['*'] }

async function workload(content?: string): Promise<void> {
  const name = 'token'
  const assertion = content === undefined ? `${lab.folder}/${name}` : await lab.file(name, content)
  lab.use({ mode: 'workload', issuer, assertion, ...OWN })
}

const shown = (): readonly (string | undefined)[] =>
  lab.formsAt('/as/token').map(({ assertion }) => assertion)

describe('a token of the platform', () => {
  test('goes alone: who sends it, it says itself (RFC 7523 §2.1)', async () => {
    await workload('of-the-platform\n')
    expect(await lab.call()).toEqual(['authorization', 'Bearer tok-1'])
    expect(lab.formsAt('/as/token')).toEqual([
      {
        grant_type: URN.jwtBearer,
        assertion: 'of-the-platform',
        resource: lab.resource,
        scope: 'read',
      },
    ])
    const { authorization } = lab.asked.at(-1)?.headers ?? {}
    expect(authorization).toBeUndefined()
  })

  test('is shown once, however many call at once, and again only when what it gave ends', async () => {
    await workload('first')
    const all = await Promise.all(Array.from({ length: 20 }, () => lab.call()))
    expect(new Set(all.map(([, value]) => value))).toEqual(new Set(['Bearer tok-1']))
    lab.now += 100
    await lab.call()
    expect(shown()).toEqual(['first'])
  })

  test('is read anew each time: the platform has renewed it meanwhile', async () => {
    await workload('first')
    await lab.call()
    await lab.file('token', 'second')
    lab.now += life
    expect(await lab.call()).toEqual(['authorization', 'Bearer tok-2'])
    expect(shown()).toEqual(['first', 'second'])
  })

  test('renews what it gave before that ends, while nobody waits', async () => {
    await workload('first')
    await lab.call()
    lab.now += life - 50
    // Good for another while, and another is on its way.
    expect(await lab.call()).toEqual(['authorization', 'Bearer tok-1'])
    await expect
      .poll(() => lab.call(), { timeout: 20_000 })
      .toEqual(['authorization', 'Bearer tok-2'])
    expect(shown()).toHaveLength(2)
  })

  test('that is not there is waited for, and nothing is sent without', async () => {
    await workload()
    const fault = await lab.refusal()
    expect(fault.code).toBe('delegation_refused')
    expect(`${fault.message} ${JSON.stringify(fault.data)}`).not.toContain(lab.folder)
    expect(lab.logged.join()).toContain(`there is no token in ${lab.folder}/token`)
    await lab.file('token', 'here')
    lab.now += 5
    expect(await lab.call()).toEqual(['authorization', 'Bearer tok-1'])
    expect(shown()).toEqual(['here'])
    await rm(`${lab.folder}/token`)
    lab.now += 100
    expect(await lab.call()).toEqual(['authorization', 'Bearer tok-1'])
  })

  test.each([
    ['nothing', ''],
    ['white space', ' \n'],
    ['more than a token can be', 'x'.repeat(65_537)],
  ])('is none where the file holds %s', async (_, content) => {
    await workload(content)
    expect((await lab.refusal()).code).toBe('delegation_refused')
    expect(shown()).toEqual([])
  })

  test('attack 34: stands in no line of the log or the audit, whatever becomes of it', async () => {
    await workload('canary-of-the-platform')
    await lab.call()
    lab.answers.set('/as/token', () => ({ status: 400, body: { error: 'invalid_grant' } }))
    lab.now += life
    await lab.refusal()
    expect(JSON.stringify([lab.logged, lab.audit])).not.toContain('canary')
  })

  test('attack 44: an answer that is more than was asked for is refused', async () => {
    lab.answers.set('/as/token', () => ({ body: { ...TOKEN, scope: 'read write' } }))
    await workload('first')
    expect((await lab.refusal()).code).toBe('delegation_refused')
  })
})

describe('a grant of the identity provider', () => {
  let grants: number

  beforeEach(async () => {
    grants = 0
    const provider = lab.addServer('/idp', () => grantOf(provider))
    lab.use({
      mode: 'xaa',
      issuer,
      client: { id: 'there', secret: 's' },
      provider: {
        issuer: provider,
        client: { id: 'here', secret: 'p' },
        idToken: await lab.file('id', 'first-id'),
      },
      ...OWN,
    })
  })

  function grantOf(provider: string): Answer {
    grants += 1
    const parts = [
      { alg: 'ES256', typ: 'oauth-id-jag+jwt' },
      { iss: provider, aud: issuer, client_id: 'there', jti: `${grants}`, resource: lab.resource },
      { of: 'nobody' },
    ]
    const token = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    const body = { access_token: token.join('.'), token_type: 'N_A' }
    return { body: { ...body, issued_token_type: URN.idJag } }
  }

  test('is for one token: the next token has another, and both sides are asked once at a time', async () => {
    await Promise.all(Array.from({ length: 20 }, () => lab.call()))
    expect([grants, given]).toEqual([1, 1])
    lab.now += life
    await lab.file('id', 'second-id')
    await lab.call()
    expect(lab.formsAt('/idp/token').map((form) => form['subject_token'])).toEqual([
      'first-id',
      'second-id',
    ])
    const [one, other] = shown()
    expect(one).not.toBe(other)
  })

  test('is asked for as the ID token of the node alone, at the provider alone', async () => {
    await lab.call()
    expect(lab.formsAt('/idp/token')).toEqual([
      {
        grant_type: URN.tokenExchange,
        subject_token: 'first-id',
        subject_token_type: URN.idToken,
        requested_token_type: URN.idJag,
        audience: issuer,
        resource: lab.resource,
        scope: 'read',
      },
    ])
    expect(JSON.stringify(lab.formsAt('/as/token'))).not.toContain('first-id')
    const posted = lab.asked.filter(({ path }) => path.endsWith('/token'))
    expect(posted.map(({ headers }) => headers.authorization)).toEqual([
      basic('here:p'),
      basic('there:s'),
    ])
  })

  test('that is refused by the provider: the server of the upstream hears nothing', async () => {
    lab.answers.set('/idp/token', () => ({ status: 400, body: { error: 'access_denied' } }))
    expect((await lab.refusal()).code).toBe('delegation_refused')
    expect(shown()).toEqual([])
  })
})
