// Attack 44: an authorization server that answers with more than it was asked for.
import { describe, expect, test } from 'vitest'
import { readAnswer, type Expected } from '../../../../node/identity/delegation/token-answers.ts'
import { URN } from '../../../../protocol/token/metadata.ts'
import { faultOf } from '../../../protocol/fault.ts'

const ASKED: Expected = {
  issuedType: URN.accessToken,
  tokenType: 'DPoP',
  scopes: ['ns:docs', 'tool:wiki/a'],
  ceiling: 1_100,
  now: 1_000,
}

const GOOD = {
  access_token: 'a.b.c',
  token_type: 'DPoP',
  issued_token_type: URN.accessToken,
  scope: 'ns:docs',
  expires_in: 60,
}

describe('the answer of an authorization server', () => {
  test('is taken when it is what was asked for, or less', () => {
    expect(readAnswer(GOOD, ASKED)).toEqual({
      token: 'a.b.c',
      scopes: ['ns:docs'],
      expiresAt: 1_060,
    })
    expect(readAnswer({ ...GOOD, scope: 'ns:docs:read' }, ASKED).scopes).toEqual(['ns:docs:read'])
    expect(readAnswer({ ...GOOD, scope: undefined }, ASKED).scopes).toEqual(ASKED.scopes)
    expect(readAnswer({ ...GOOD, token_type: 'dpop' }, ASKED).token).toBe('a.b.c')
  })

  test('that does not say how long it lives is not kept for long', () => {
    expect(readAnswer({ ...GOOD, expires_in: undefined }, ASKED).expiresAt).toBe(1_060)
    const short = { ...ASKED, ceiling: 1_010 }
    expect(readAnswer({ ...GOOD, expires_in: undefined }, short).expiresAt).toBe(1_010)
  })

  test.each<[string, object, string]>([
    ['attack 14: a bearer token in place of a bound one', { token_type: 'Bearer' }, 'binding'],
    ['attack 44: wider scopes', { scope: 'ns:docs ns:wiki' }, 'scope'],
    ['attack 44: everything', { scope: '*' }, 'scope'],
    ['attack 44: scopes that are none', { scope: 'a"b' }, 'scope'],
    ['attack 44: a longer life', { expires_in: 3_600 }, 'lifetime'],
    ['attack 44: a life that is none', { expires_in: -1 }, 'lifetime'],
    ['attack 44: a life in words', { expires_in: '60' }, 'lifetime'],
    ['attack 44: another type', { issued_token_type: URN.jwt }, 'typ'],
    ['no token', { access_token: '' }, 'claims'],
    ['no token type', { token_type: undefined }, 'binding'],
  ])('is refused: %s', (_what, change, problem) => {
    expect(faultOf(() => readAnswer({ ...GOOD, ...change }, ASKED))).toMatchObject({ problem })
  })
})
