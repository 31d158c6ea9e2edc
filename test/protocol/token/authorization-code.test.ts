import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  codeChallenge,
  codeRequestUrl,
  isFromServer,
  OFFLINE_ACCESS,
  readCodeAnswer,
  scopesToAsk,
  type CodeRequest,
} from '../../../protocol/token/authorization-code.ts'
import { anyCharacter } from '../../fixtures/any-character.ts'

const secret = fc.stringMatching(/^[A-Za-z0-9_-]{43}$/)
const scope = fc.stringMatching(/^[a-z:./-]{1,12}$/)
const request: fc.Arbitrary<CodeRequest> = fc.record({
  endpoint: fc.constantFrom(
    'https://as.example/authorize',
    'https://as.example/authorize?tenant=a',
    'https://as.example/authorize?state=theirs&code_challenge=theirs&redirect_uri=https://evil.example',
  ),
  clientId: fc.string({ unit: anyCharacter, minLength: 1 }),
  redirectUri: fc.constant('https://gw.example/oauth/callback'),
  state: secret,
  verifier: secret,
  resource: fc.webUrl({ withQueryParameters: true }),
  scopes: fc.uniqueArray(scope, { maxLength: 4 }),
})

describe('a request for a code', () => {
  test('challenges as RFC 7636 does, appendix B', () => {
    expect(codeChallenge('dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk')).toBe(
      'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    )
  })

  test('law: says each thing once, whatever the endpoint says by itself, and never the verifier', () => {
    fc.assert(
      fc.property(request, (asked) => {
        const url = codeRequestUrl(asked)
        const { origin, pathname, searchParams } = new URL(url)
        expect(`${origin}${pathname}`).toBe('https://as.example/authorize')
        const said = {
          response_type: 'code',
          client_id: asked.clientId,
          redirect_uri: asked.redirectUri,
          state: asked.state,
          code_challenge: codeChallenge(asked.verifier),
          code_challenge_method: 'S256',
          resource: asked.resource,
        }
        for (const [name, value] of Object.entries(said)) {
          expect([name, searchParams.getAll(name)]).toEqual([name, [value]])
        }
        expect(searchParams.get('scope') ?? '').toBe(asked.scopes.join(' '))
        expect(url).not.toContain(asked.verifier)
      }),
    )
  })

  test('law: asks for what was there before and what is wanted, once each, and for nothing else', () => {
    const scopes = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', OFFLINE_ACCESS))
    const known = fc.record({
      configured: fc.option(scopes, { nil: undefined }),
      challenged: scopes,
      resource: scopes,
      before: scopes,
      server: scopes,
    })
    fc.assert(
      fc.property(known, (facts) => {
        const { configured = [], challenged, resource, before, server } = facts
        const asked = scopesToAsk(facts)
        const wanted = [...configured, ...challenged]
        const needed = [...before, ...(wanted.length > 0 ? wanted : resource)]
        expect(new Set(asked).size).toBe(asked.length)
        expect(needed.filter((one) => !asked.includes(one))).toEqual([])
        const more = server.includes(OFFLINE_ACCESS) ? [OFFLINE_ACCESS] : []
        expect(asked.filter((one) => ![...needed, ...more].includes(one))).toEqual([])
      }),
    )
  })
})

describe('what a browser comes back with', () => {
  // RFC 6749 appendix A.5 and A.11: what a state and a code are made of.
  const text = fc.stringMatching(/^[\x20-\x7e]{1,40}$/)

  test('law: is read as it was written, percent-encoded', () => {
    fc.assert(
      fc.property(text, text, text, (state, code, iss) => {
        const query = new URLSearchParams({ state, code, iss }).toString()
        expect(readCodeAnswer(query)).toEqual({ state, code, issuer: iss, denied: false })
      }),
    )
  })

  test('law: whatever it says twice, it says nothing', () => {
    const name = fc.constantFrom('state', 'code', 'iss', 'error', 'other')
    const value = fc.stringMatching(/^[a-z]{1,4}$/)
    fc.assert(
      fc.property(name, value, value, fc.nat(3), (twice, one, other, where) => {
        const parts = ['state=s', 'code=c', `${twice}=${one}`]
        parts.splice(where, 0, `${twice}=${other}`)
        expect(readCodeAnswer(parts.join('&'))).toBeUndefined()
      }),
    )
  })

  test('law: with an error it has no code, and without a state it is none', () => {
    fc.assert(
      fc.property(text, text, (error, code) => {
        const refused = new URLSearchParams({ state: 's', error, code }).toString()
        expect(readCodeAnswer(refused)).toEqual({ state: 's', denied: error === 'access_denied' })
        expect(readCodeAnswer(new URLSearchParams({ code }).toString())).toBeUndefined()
      }),
    )
  })

  test('is not read when it is too long', () => {
    const fits = `state=s&code=${'c'.repeat(8_192 - 13)}`
    expect(readCodeAnswer(fits)?.state).toBe('s')
    expect(readCodeAnswer(`${fits}c`)).toBeUndefined()
  })

  test('law (RFC 9207): is from the server that was asked, to the character, or from nobody', () => {
    const issuer = 'https://as.example'
    const near = fc.constantFrom(
      issuer,
      `${issuer}/`,
      'https://AS.example',
      'https://as.example:443',
      'https://as.example.evil.example',
      'http://as.example',
      '',
    )
    fc.assert(
      fc.property(fc.oneof(near, fc.string()), fc.boolean(), (said, namesItself) => {
        expect(isFromServer({ issuer: said }, { issuer, namesItself })).toBe(said === issuer)
        expect(isFromServer({}, { issuer, namesItself })).toBe(!namesItself)
      }),
    )
  })
})
