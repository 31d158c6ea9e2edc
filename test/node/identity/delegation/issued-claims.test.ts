// Attacks 14 and 44 within the token itself: an issuer whose answer is right and whose token is not.
import { describe, expect, test } from 'vitest'
import {
  checkGrant,
  readIssuedToken,
  type ExpectedClaims,
} from '../../../../node/identity/delegation/issued-claims.ts'
import { encode, signJwt } from '../../../../node/identity/jwt.ts'
import { SigningKey } from '../../../../node/identity/signing-key.ts'
import { hashedActor } from '../../../../protocol/token/act.ts'
import type { AccessClaims } from '../../../../protocol/token/claims.ts'
import { faultOf } from '../../../protocol/fault.ts'

const key = SigningKey.generate()
const NODE = 'https://a.example/oauth/client.json'
const JKT = 'k'.repeat(43)

const LAW: AccessClaims = {
  iss: 'https://a.example',
  sub: 'alice',
  aud: 'https://b.example/mcp/main',
  clientId: NODE,
  jti: '',
  iat: 1_000,
  exp: 1_120,
  scope: ['ns:docs'],
  act: { iss: 'https://a.example', sub: NODE, act: { iss: 'https://z.example', sub: 'z' } },
  cnf: { jkt: JKT },
  txn: 't',
  sessionExpiry: 1_600,
  mesh: { v: 1, budget: 3 },
}

const EXPECTED: ExpectedClaims = {
  issuer: 'https://b.example',
  audience: LAW.aud,
  subject: 'alice',
  law: LAW,
  scopes: LAW.scope,
  ceiling: 1_600,
  issuedAt: 990,
  requireChain: true,
}

const RIGHT = {
  iss: 'https://b.example',
  sub: 'alice',
  aud: LAW.aud,
  client_id: NODE,
  jti: 'j',
  iat: 1_000,
  exp: 1_100,
  scope: 'ns:docs',
  act: LAW.act,
  cnf: LAW.cnf,
  txn: 't',
  session_expiry: 1_600,
  mesh: LAW.mesh,
}

const WRONG: readonly (readonly [string, object, string])[] = [
  ['another issuer', { iss: 'https://x.example' }, 'issuer'],
  ['another audience', { aud: 'https://b.example/mcp/other' }, 'audience'],
  ['more audiences', { aud: [LAW.aud, 'https://x.example'] }, 'audience'],
  ['another subject', { sub: 'root' }, 'subject'],
  ['another client', { client_id: 'https://x.example/client.json' }, 'client'],
  ['attack 14: no key', { cnf: undefined }, 'binding'],
  ['attack 14: the key of another', { cnf: { jkt: 'x'.repeat(43) } }, 'binding'],
  ['wider scopes', { scope: 'ns:docs ns:wiki' }, 'scope'],
  ['everything', { scope: '*' }, 'scope'],
  ['no scope', { scope: '' }, 'scope'],
  ['a longer life', { exp: 9_000 }, 'lifetime'],
  ['a longer session', { session_expiry: 9_000 }, 'lifetime'],
  ['an age it cannot have', { iat: 100 }, 'claims'],
  ['no actors', { act: undefined }, 'depth'],
  ['another actor', { act: { iss: 'https://a.example', sub: 'x' } }, 'depth'],
  ['fewer actors', { act: { iss: 'https://a.example', sub: NODE } }, 'depth'],
  ['a larger budget', { mesh: { v: 1, budget: 4 } }, 'budget'],
  ['another delegation', { txn: 'u' }, 'claims'],
]

function tokenOf(claims: object, typ = 'at+jwt'): string {
  return signJwt(key, typ, claims)
}

function read(token: string, change: Partial<ExpectedClaims> = {}): string {
  const answered = { token, scopes: ['ns:docs'], expiresAt: 1_110 }
  return String(readIssuedToken(answered, { ...EXPECTED, ...change }).facts.expiresAt)
}

describe('a token that was issued', () => {
  test('is taken when it says what was asked for, and ends when it says', () => {
    expect(read(tokenOf(RIGHT))).toBe('1100')
    const less = { ...RIGHT, scope: 'ns:docs:read', mesh: { v: 1, budget: 0 } }
    expect(read(tokenOf(less))).toBe('1100')
  })

  test.each(WRONG)('attack 44: is refused with %s', (_what, change, problem) => {
    const token = tokenOf({ ...RIGHT, ...change })
    expect(faultOf(() => read(token))).toMatchObject({ name: 'TokenFault', problem })
  })

  test('attack 7: is no grant, ID token or proof', () => {
    for (const typ of ['mcp-mesh-grant+jwt', 'JWT', 'dpop+jwt', 'oauth-id-jag+jwt']) {
      expect(faultOf(() => read(tokenOf(RIGHT, typ)))).toBeDefined()
    }
    expect(faultOf(() => read('opaque'))).toMatchObject({ problem: 'claims' })
  })

  test('of a server that makes no chains is held against the rest', () => {
    const foreign = { ...RIGHT, act: undefined, mesh: undefined, txn: undefined, scope: undefined }
    const loose = { requireChain: false }
    expect(read(tokenOf(foreign, 'JWT'), loose)).toBe('1100')
    expect(read('opaque', loose)).toBe('1110')
    const wider = { ...foreign, aud: [LAW.aud, 'account'] }
    expect(faultOf(() => read(tokenOf(wider, 'JWT'), loose))).toMatchObject({ problem: 'audience' })
    const broken = `${encode({ alg: 'none' })}.${encode(foreign)}.AA`
    expect(faultOf(() => read(broken, loose))).toMatchObject({ problem: 'algorithm' })
  })
})

describe('a grant of the own issuer', () => {
  const resource = 'https://b.example/mcp/main'
  const expected = { ...EXPECTED, audience: 'https://b.example', issuer: 'https://a.example' }
  const right = { ...RIGHT, iss: 'https://a.example', aud: 'https://b.example', resource }

  function check(claims: object, typ = 'mcp-mesh-grant+jwt'): string {
    return checkGrant(tokenOf(claims, typ), { ...expected, resource }).jti
  }

  test('leaves when it says what was asked for', () => {
    expect(check(right)).toBe('j')
  })

  test('may tell less of those who acted before than was asked for', () => {
    const older = { iss: 'https://z.example', sub: 'z' }
    const act = { iss: 'https://a.example', sub: NODE, act: hashedActor(older) }
    expect(check({ ...right, act })).toBe('j')
    const other = { ...act, act: hashedActor({ ...older, sub: 'y' }) }
    expect(faultOf(() => check({ ...right, act: other }))).toMatchObject({ problem: 'depth' })
    // A token of the upstream's issuer says it all.
    expect(faultOf(() => read(tokenOf({ ...RIGHT, act })))).toMatchObject({ problem: 'depth' })
  })

  test.each<readonly [string, object, string]>([
    ['for another issuer', { aud: 'https://x.example' }, 'audience'],
    ['for two issuers', { aud: ['https://b.example', 'https://x.example'] }, 'audience'],
    ['for another resource', { resource: 'https://b.example/mcp/other' }, 'resource'],
    ['wider', { scope: 'ns:docs ns:wiki' }, 'scope'],
    ['for ever', { exp: 9_000 }, 'lifetime'],
    ['of another delegation', { txn: 'u' }, 'claims'],
  ])('attack 44: does not leave when it is %s', (_what, change, problem) => {
    expect(faultOf(() => check({ ...right, ...change }))).toMatchObject({ problem })
  })

  test('attack 7: is nothing else', () => {
    expect(faultOf(() => check(right, 'at+jwt'))).toMatchObject({ problem: 'typ' })
  })
})
