import { inspect } from 'node:util'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  KeptGrant,
  readGrant,
  revealRefreshToken,
  type AskedGrant,
} from '../../../../node/identity/consent/kept-grant.ts'
import { revealToken } from '../../../../node/identity/delegation/delegated-token.ts'
import { SigningKey } from '../../../../node/identity/signing-key.ts'
import type { JsonObject } from '../../../../protocol/jsonrpc.ts'
import { TokenFault } from '../../../../protocol/token/faults.ts'

const KEY = SigningKey.generate()
const ASKED: AskedGrant = {
  issuer: 'https://as.example',
  resource: 'https://up.example/mcp',
  clientId: 'node',
  scopes: ['use'],
  key: undefined,
  now: 1_000,
}
const ANSWER = { access_token: 'canary-access', token_type: 'Bearer', expires_in: 60 }

function refreshing(token: string | undefined): object {
  return token === undefined ? {} : { refresh_token: token }
}

const anyToken = fc.stringMatching(/^[A-Za-z0-9._~+/-]{1,40}$/)

describe('what a user granted', () => {
  test('law: is read as it was written, key and all', () => {
    const scopes = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}$/))
    fc.assert(
      fc.property(
        anyToken,
        fc.option(anyToken, { nil: undefined }),
        fc.boolean(),
        scopes,
        (accessToken, refreshToken, bound, granted) => {
          const key = bound ? KEY : undefined
          const scheme = bound ? 'DPoP' : 'Bearer'
          const { issuer, resource, clientId } = ASKED
          const facts = {
            issuer,
            resource,
            clientId,
            scheme,
            expiresAt: 5,
            scopes: granted,
          } as const
          const grant = new KeptGrant(facts, { accessToken, refreshToken, key })
          const again = KeptGrant.read(JSON.parse(JSON.stringify(grant.write())) as JsonObject)
          expect(again?.facts).toEqual(facts)
          expect(again && revealToken(again.token)).toBe(accessToken)
          expect(again && revealRefreshToken(again)).toBe(refreshToken)
          expect(again?.key?.kid).toBe(key?.kid)
          expect(again?.renewable).toBe(refreshToken !== undefined)
        },
      ),
      { numRuns: 30 },
    )
  })

  test('attack 34: prints without a byte of it', () => {
    const grant = readGrant({ ...ANSWER, refresh_token: 'canary-refresh' }, ASKED)
    for (const text of [String(grant), JSON.stringify({ grant }), inspect(grant, { depth: 9 })]) {
      expect(text).toContain('[grant]')
      expect(text).not.toContain('canary')
    }
  })

  test('is nothing where nothing was kept', () => {
    for (const json of [
      {},
      { facts: {} },
      { accessToken: 'x' },
      { facts: 'x', accessToken: 'x' },
    ]) {
      expect(KeptGrant.read(json)).toBeUndefined()
    }
  })
})

describe('an answer of a token endpoint', () => {
  test('law: has the scopes that were asked for, and those that are said to be granted', () => {
    const scopes = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,3}$/), { maxLength: 4 })
    fc.assert(
      fc.property(scopes, scopes, (asked, granted) => {
        const json = granted.length === 0 ? ANSWER : { ...ANSWER, scope: granted.join(' ') }
        const { facts } = readGrant(json, { ...ASKED, scopes: asked })
        expect([...facts.scopes].toSorted()).toEqual(
          [...new Set([...asked, ...granted])].toSorted(),
        )
      }),
    )
  })

  test('law: with a refresh token has that one, and without it the one before', () => {
    const refresh = fc.option(anyToken, { nil: undefined })
    fc.assert(
      fc.property(refresh, refresh, (before, next) => {
        const renews = readGrant({ ...ANSWER, ...refreshing(before) }, ASKED)
        const renewed = readGrant({ ...ANSWER, ...refreshing(next) }, { ...ASKED, renews })
        expect(revealRefreshToken(renewed)).toBe(next ?? before)
      }),
    )
  })

  test('ends when it says, and where it does not say so when the upstream takes it no more', () => {
    expect(readGrant(ANSWER, ASKED).facts.expiresAt).toBe(1_060)
    const { expires_in: _, ...unsaid } = ANSWER
    expect(readGrant(unsaid, ASKED).facts.expiresAt).toBeGreaterThan(1_000 + 365 * 86_400)
  })

  test.each<[string, object, Partial<AskedGrant>]>([
    ['attack 14: a bearer token in place of a bound one', {}, { key: KEY }],
    ['a bound one nobody has a key for', { token_type: 'DPoP' }, {}],
    ['no token', { access_token: undefined }, {}],
    ['a token no header can hold', { access_token: 'a\r\nb' }, {}],
    ['scopes that are none', { scope: 'a"b' }, {}],
    ['scopes that are no text', { scope: ['a'] }, {}],
    ['a life that is none', { expires_in: -1 }, {}],
  ])('is refused with %s', (_, change, asked) => {
    expect(() => readGrant({ ...ANSWER, ...change }, { ...ASKED, ...asked })).toThrow(TokenFault)
  })
})
