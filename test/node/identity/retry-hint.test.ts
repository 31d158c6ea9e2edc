// What callers hear of when to come again, by whoever could not be asked.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { OwnNameLab, TOKEN } from './own-name-lab.ts'

let lab: OwnNameLab
let issuer: string

beforeEach(async () => {
  lab = await OwnNameLab.open()
  issuer = lab.addServer('/as')
})
afterEach(() => lab.close())

const SERVER = '/.well-known/oauth-authorization-server/as'

function use(): void {
  const client = { id: 'node', secret: 's' }
  lab.use({ mode: 'client_credentials', issuer, client, scopes: ['read'], requires: ['*'] })
}

describe('where there is no token, because', () => {
  test('the token endpoint has no time, when that says to come again', async () => {
    use()
    const busy = { status: 503, body: {}, headers: { 'retry-after': '17' } }
    lab.answers.set('/as/token', () => busy)
    const fault = await lab.refusal()
    expect(fault).toMatchObject({ code: 'upstream_unavailable', data: { retryAfterMs: 17_000 } })
    expect(fault.message).not.toContain('127.0.0.1')
    expect(lab.logged.join()).toContain('has no time (status 503)')
    // It passes: nothing is remembered against it.
    lab.answers.set('/as/token', () => ({ body: TOKEN }))
    expect(await lab.call()).toEqual(['authorization', 'Bearer tok'])
  })

  test('its metadata could not be had, when that is asked for again', async () => {
    use()
    lab.answers.set(SERVER, () => ({ status: 302, body: {}, headers: { location: '/x' } }))
    expect((await lab.refusal()).data).toEqual({ retryAfterMs: 30_000 })
    lab.now += 12
    expect((await lab.refusal()).data).toEqual({ retryAfterMs: 18_000 })
    lab.now += 17.5
    expect((await lab.refusal()).data).toEqual({ retryAfterMs: 500 })
    expect(lab.asked.filter(({ path }) => path === SERVER)).toHaveLength(1)
  })

  test('its metadata has no time: it is not looked for elsewhere', async () => {
    use()
    const busy = { status: 503, body: {}, headers: { 'retry-after': '90' } }
    lab.answers.set(SERVER, () => busy)
    expect((await lab.refusal()).data).toEqual({ retryAfterMs: 90_000 })
    expect(lab.asked).toHaveLength(1)
  })

  test('nobody says more, in a while', async () => {
    use()
    lab.answers.set('/as/token', () => ({ status: 500, body: {} }))
    expect((await lab.refusal()).data).toEqual({ retryAfterMs: 5_000 })
  })
})
