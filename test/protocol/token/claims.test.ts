import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  checkAccess,
  readAccessClaims,
  writeAccessClaims,
  type ExpectedAccess,
} from '../../../protocol/token/access.ts'
import {
  checkAssertionClaims,
  checkAssertionHeader,
  checkPlatformClaims,
  checkPlatformHeader,
  readAssertionClaims,
  readPlatformClaims,
} from '../../../protocol/token/assertion.ts'
import { TYP } from '../../../protocol/token/claims.ts'
import { readProof } from '../../../protocol/token/dpop.ts'
import {
  checkGrantClaims,
  checkGrantHeader,
  readGrantClaims,
  writeGrantClaims,
  type GrantProfile,
} from '../../../protocol/token/grant.ts'
import { parentOf } from '../../../protocol/token/narrow.ts'
import { checkTimes } from '../../../protocol/token/times.ts'
import { A, B, compact, endpointOf, headerOf, nodeOf, NOW, problem } from './tokens.ts'

const ACCESS = {
  iss: A,
  sub: 'u',
  aud: endpointOf(A),
  client_id: 'https://client.example/c.json',
  jti: 'j',
  iat: NOW - 10,
  exp: NOW + 100,
  scope: 'ns:crm tool:docs/find',
}
const FULL = {
  ...ACCESS,
  nbf: NOW - 10,
  act: { iss: B, sub: nodeOf(B), act: { hid: 'h'.repeat(43) } },
  may_act: { iss: A, sub: nodeOf(A) },
  cnf: { jkt: 'k'.repeat(43) },
  txn: 't',
  session_expiry: NOW + 50,
  sid: 's',
  mesh: { v: 1, budget: 3 },
}
const EXPECTED: ExpectedAccess = {
  issuer: A,
  audience: endpointOf(A),
  algs: ['ES256'],
  now: NOW,
  leeway: 5,
  maxDepth: 8,
}

function check(changes: object, typ: string | undefined = 'at+jwt', alg = 'ES256'): unknown {
  return problem(() => {
    checkAccess(headerOf(typ, alg), readAccessClaims({ ...ACCESS, ...changes }), EXPECTED)
  })
}

describe('access tokens', () => {
  test('are read whole, and written back', () => {
    const claims = readAccessClaims({ ...FULL, unknown: { x: 1 } })
    expect(claims).toMatchObject({
      clientId: ACCESS.client_id,
      scope: ['ns:crm', 'tool:docs/find'],
      sessionExpiry: NOW + 50,
      mayAct: FULL.may_act,
      act: FULL.act,
    })
    expect(writeAccessClaims(claims)).toEqual(FULL)
    expect(writeAccessClaims(readAccessClaims(ACCESS))).toEqual(ACCESS)
  })

  test('need no scope, and may name their client as OpenID Connect does', () => {
    const { client_id: azp, scope: _, ...rest } = ACCESS
    expect(readAccessClaims({ ...rest, azp })).toMatchObject({ clientId: azp, scope: [] })
    expect(problem(() => readAccessClaims({ ...ACCESS, azp: 'other' }))).toBe('claims')
    expect(problem(() => readAccessClaims(rest))).toBe('claims')
  })

  test('are accepted by the one they are for', () => {
    expect(check({})).toBeUndefined()
    expect(check({ aud: [endpointOf(A)] })).toBeUndefined()
  })

  test('may have a foreign type where that is configured, but never one of ours', () => {
    const loose = { ...EXPECTED, otherTypes: ['jwt', TYP.grant] }
    const claims = readAccessClaims(ACCESS)
    expect(problem(() => checkAccess(headerOf('jwt'), claims, loose))).toBeUndefined()
    expect(problem(() => checkAccess(headerOf(TYP.grant), claims, loose))).toBe('typ')
    expect(check({}, 'jwt')).toBe('typ')
  })

  test.each([
    ['attack 3: an algorithm of another family', {}, 'at+jwt', 'RS256', 'algorithm'],
    ['attack 7: an ID token', {}, 'jwt', 'ES256', 'typ'],
    ['attack 7: a grant', {}, TYP.grant, 'ES256', 'typ'],
    ['attack 9: a token that claims another issuer', { iss: B }, 'at+jwt', 'ES256', 'issuer'],
    ['attack 9: the issuer with a slash', { iss: `${A}/` }, 'at+jwt', 'ES256', 'issuer'],
    ['attack 9: the issuer in capitals', { iss: 'https://A.example' }, 'at+jwt', 'ES256', 'issuer'],
  ] as const)('%s', (...[, changes, typ, alg, expected]) => {
    expect(check(changes, typ, alg)).toBe(expected)
  })

  test.each([
    [endpointOf(B)],
    [[endpointOf(A), endpointOf(B)]],
    [[endpointOf(A), endpointOf(A)]],
    [[]],
    [`${endpointOf(A)}/`],
    [`${endpointOf(A)}?x`],
    ['https://a.example/mcp'],
    ['https://a.example/mcp/mai'],
    ['https://A.example/mcp/main'],
    ['https://a.example:443/mcp/main'],
    ['https://a.example/mcp/%6dain'],
    ['https://\u0430.example/mcp/main'],
    [{ 0: endpointOf(A) }],
    [null],
  ])('attack 8: the audience %j', (aud) => {
    expect(check({ aud })).toBe('audience')
  })

  test.each([
    ['expired', { exp: NOW - 6 }, 'expired'],
    ['not valid yet', { nbf: NOW + 6 }, 'not_yet_valid'],
    ['issued in the future', { iat: NOW + 6, exp: NOW + 60 }, 'not_yet_valid'],
    ['without an end', { exp: undefined }, 'claims'],
    ['without a beginning', { iat: undefined }, 'claims'],
    ['ending in ten years', { exp: NOW + 315_360_000 }, 'lifetime'],
  ])('attack 11: a token %s', (_, changes, expected) => {
    expect(check(changes)).toBe(expected)
  })

  test.each([
    [{ exp: String(NOW + 100) }],
    [{ exp: -1 }],
    [{ exp: Number.MAX_VALUE }],
    [{ exp: Number.POSITIVE_INFINITY }],
    [{ exp: Number.NaN }],
    [{ exp: null }],
    [{ iss: 'https://a.example\u0000' }],
    [{ iss: 'https://\u0430.example' }],
    [{ iss: '' }],
    [{ sub: '' }],
    [{ sub: 'u\u0000' }],
    [{ sub: 'u\u202e' }],
    [{ sub: 'u\u200b' }],
    [{ sub: 'u\u2067' }],
    [{ sub: 'u\n' }],
    [{ sub: 'e\u0301' }],
    [{ sub: 'u'.repeat(2_000) }],
    [{ sub: 7 }],
    [{ sub: ['u'] }],
    [{ client_id: 'a b' }],
    [{ client_id: 'c\u202e' }],
    [{ jti: '' }],
    [{ cnf: { jkt: 'short' } }],
    [{ cnf: 'x' }],
    [{ mesh: { v: 2, budget: 1 } }],
    [{ mesh: { v: 1, budget: 1e9 } }],
    [{ mesh: { v: 1, budget: -1 } }],
    [{ mesh: { v: 1, budget: 1.5 } }],
    [{ session_expiry: 'never' }],
    [{ may_act: 'x' }],
  ])('attack 27: the claims %j', (changes) => {
    expect(check(changes)).toBe('claims')
  })

  test.each(['a  b', ' a', 'a ', 'a\tb', 'a"', 'a\\', 'ns:\u0441rm', 'a\u0000', 7, ['a']])(
    'attack 27: the scope %j',
    (scope) => {
      expect(check({ scope })).toBe('scope')
    },
  )

  test('attack 26: actors beyond the maximum are refused before the signature is looked at', () => {
    const chain = (depth: number): object =>
      depth === 1 ? { iss: B, sub: 'n' } : { iss: B, sub: `n${depth}`, act: chain(depth - 1) }
    expect(check({ act: chain(8) })).toBeUndefined()
    expect(check({ act: chain(9) })).toBe('depth')
  })

  test('attack 16: what a client had put into its edge token counts for nothing', () => {
    const claims = readAccessClaims(FULL)
    expect(parentOf(claims, 'edge')).toEqual({
      issuer: A,
      subject: 'u',
      clientId: ACCESS.client_id,
      audience: endpointOf(A),
      scopes: ['ns:crm', 'tool:docs/find'],
      expiresAt: NOW + 100,
      sessionExpiry: NOW + 50,
      sid: 's',
      mayAct: FULL.may_act,
    })
    expect(parentOf(claims, 'own')).toMatchObject({ txn: 't', budget: 3, act: FULL.act })
  })

  test('no claim is quoted in a refusal', () => {
    const secret = 'canary-7d2f'
    expect(() => readAccessClaims({ ...ACCESS, cnf: secret })).toThrow(/"cnf"/)
    expect(() => readAccessClaims({ ...ACCESS, cnf: secret })).not.toThrow(secret)
  })
})

const GRANT = {
  iss: A,
  sub: 'p'.repeat(43),
  aud: B,
  client_id: nodeOf(A),
  resource: endpointOf(B),
  jti: 'j',
  iat: NOW,
  exp: NOW + 60,
  scope: 'ns:sales',
}

describe('grants', () => {
  const expected = {
    issuer: A,
    audience: B,
    algs: ['ES256'],
    now: NOW,
    leeway: 5,
    maxDepth: 3,
  } as const

  function checkGrant(changes: object, profile: GrantProfile = 'mesh', typ = ''): unknown {
    const header = headerOf(typ === '' ? (profile === 'mesh' ? TYP.grant : TYP.idJag) : typ)
    return problem(() => {
      const claims = readGrantClaims({ ...GRANT, ...changes })
      checkGrantHeader(header, claims, { ...expected, profile })
      checkGrantClaims(claims, { ...expected, profile })
    })
  }

  test('are read whole, and written back', () => {
    const { may_act: _, client_id: __, aud: ___, ...rest } = FULL
    const full = { ...GRANT, ...rest }
    expect(writeGrantClaims(readGrantClaims(full))).toEqual(full)
    expect(checkGrant({})).toBeUndefined()
    expect(checkGrant({}, 'id-jag')).toBeUndefined()
  })

  test.each([
    ['attack 21: two audiences', { aud: [B, 'https://c.example'] }, 'audience'],
    ['attack 21: the token endpoint as audience', { aud: `${B}/oauth/token` }, 'audience'],
    ['attack 8: an audience with a slash', { aud: `${B}/` }, 'audience'],
    ['attack 9: another issuer', { iss: 'https://c.example' }, 'issuer'],
    ['attack 11: a grant that has expired', { exp: NOW - 5, iat: NOW - 60 }, 'expired'],
    ['attack 11: a grant that lives too long', { exp: NOW + 121 }, 'lifetime'],
    ['a grant without a resource', { resource: undefined }, 'claims'],
    ['a grant for two resources', { resource: [endpointOf(B), endpointOf(A)] }, 'claims'],
    ['a grant without a token id', { jti: undefined }, 'claims'],
  ])('%s', (_, changes, problemExpected) => {
    expect(checkGrant(changes)).toBe(problemExpected)
  })

  test('attack 7: one kind of grant is not the other', () => {
    expect(checkGrant({}, 'mesh', TYP.idJag)).toBe('typ')
    expect(checkGrant({}, 'id-jag', TYP.grant)).toBe('typ')
    expect(checkGrant({}, 'mesh', 'at+jwt')).toBe('typ')
  })
})

describe('client assertions and tokens of platforms', () => {
  const ASSERTION = { iss: nodeOf(A), sub: nodeOf(A), aud: B, jti: 'j', exp: NOW + 60 }
  const expected = { clientId: nodeOf(A), audience: B, algs: ['ES256'], now: NOW, leeway: 5 }

  function checkAssertion(changes: object, typ: string | undefined = TYP.clientAssertion): unknown {
    return problem(() => {
      const claims = readAssertionClaims({ ...ASSERTION, ...changes })
      checkAssertionHeader(headerOf(typ), claims, expected)
      checkAssertionClaims(claims, expected)
    })
  }

  test('are of the client itself, for this issuer, for a minute', () => {
    expect(checkAssertion({})).toBeUndefined()
    expect(checkAssertion({ iat: NOW })).toBeUndefined()
    expect(checkAssertion({}, 'jwt')).toBeUndefined()
    expect(checkAssertion({ iss: nodeOf(B) })).toBe('client')
    expect(checkAssertion({ sub: nodeOf(B) })).toBe('client')
    expect(checkAssertion({ aud: `${B}/oauth/token` })).toBe('audience')
    expect(checkAssertion({ aud: [B, A] })).toBe('audience')
    expect(checkAssertion({ exp: NOW + 66 })).toBe('lifetime')
    expect(checkAssertion({ exp: NOW + 66, iat: NOW })).toBe('lifetime')
    expect(checkAssertion({ exp: undefined })).toBe('claims')
    expect(checkAssertion({ jti: undefined })).toBe('claims')
  })

  test('attack 11: an early date of issue does not stretch the life ahead', () => {
    expect(checkAssertion({ iat: NOW + 5, exp: NOW + 65 })).toBeUndefined()
    expect(checkAssertion({ iat: NOW + 6, exp: NOW + 66 })).toBe('not_yet_valid')
  })

  const PLATFORM = { iss: B, sub: 'system:serviceaccount:x:y', aud: [A], exp: NOW + 3_600 }
  const platform = {
    issuer: B,
    subject: 'system:serviceaccount:x:y',
    audiences: [A],
    algs: ['ES256'],
    now: NOW,
    leeway: 5,
  }

  function checkPlatform(changes: object, typ: string | undefined): unknown {
    return problem(() => {
      const claims = readPlatformClaims({ ...PLATFORM, ...changes })
      checkPlatformHeader(headerOf(typ), claims, platform)
      checkPlatformClaims(claims, platform)
    })
  }

  test('a platform speaks of one workload, to this issuer alone', () => {
    expect(checkPlatform({}, undefined)).toBeUndefined()
    expect(checkPlatform({ aud: A }, 'jwt')).toBeUndefined()
    expect(checkPlatform({ aud: [A, B] }, 'jwt')).toBe('audience')
    expect(checkPlatform({ aud: [] }, 'jwt')).toBe('audience')
    expect(checkPlatform({ sub: 'system:serviceaccount:x:z' }, 'jwt')).toBe('subject')
    expect(checkPlatform({ iss: A }, 'jwt')).toBe('issuer')
    expect(checkPlatform({ exp: NOW + 100_000 }, 'jwt')).toBe('lifetime')
  })
})

describe('attack 7, invariant 26: a token of one type is accepted at its consumer alone', () => {
  // A payload every reader takes, so that the type decides.
  const payload = {
    ...GRANT,
    sub: nodeOf(A),
    client_id: nodeOf(A),
    iss: nodeOf(A),
    htm: 'POST',
    htu: 'https://b.example/x',
  }
  const expected = { issuer: nodeOf(A), audience: B, algs: ['ES256'], now: NOW, leeway: 5 }
  const depth = { ...expected, maxDepth: 3 }
  const consumers: Readonly<Record<string, (typ: string | undefined) => void>> = {
    [TYP.accessToken]: (typ) => {
      checkAccess(headerOf(typ), readAccessClaims(payload), depth)
    },
    [TYP.grant]: (typ) => {
      checkGrantHeader(headerOf(typ), readGrantClaims(payload), { ...depth, profile: 'mesh' })
    },
    [TYP.idJag]: (typ) => {
      checkGrantHeader(headerOf(typ), readGrantClaims(payload), { ...depth, profile: 'id-jag' })
    },
    [TYP.dpop]: (typ) => {
      const jwk = { kty: 'EC', crv: 'P-256', x: 'A'.repeat(43), y: 'A'.repeat(43) }
      const own = typ === TYP.dpop ? { jwk } : {}
      readProof(compact({ alg: 'ES256', typ, ...own }, payload))
    },
    [TYP.clientAssertion]: (typ) => {
      const claims = readAssertionClaims(payload)
      checkAssertionHeader(headerOf(typ), claims, { ...expected, clientId: nodeOf(A) })
    },
    platform: (typ) => {
      const claims = readPlatformClaims(payload)
      const own = { subject: nodeOf(A), audiences: [B] }
      checkPlatformHeader(headerOf(typ), claims, { ...expected, ...own })
    },
  }
  const OTHERS = ['mesh-hop+jwt', 'mesh-result+jws', 'secevent+jwt', 'wit+jwt', 'txntoken+jwt']
  const UNTYPED = [undefined, 'jwt', 'jose']
  const types = [...Object.values(TYP), ...OTHERS, ...UNTYPED]
  const pairs = Object.keys(consumers).flatMap((consumer) => types.map((typ) => [typ, consumer]))

  test.each(pairs)('%s at the consumer of %s', (typ, consumer = '') => {
    const takesUntyped = consumer === TYP.clientAssertion || consumer === 'platform'
    const isWanted = typ === consumer || (takesUntyped && UNTYPED.includes(typ))
    const found = problem(() => consumers[consumer]?.(typ))
    expect(isWanted ? [undefined] : ['typ', 'proof']).toContain(found)
  })
})

test('invariant 32: a skew within the leeway refuses nothing more, and lets in what is near a boundary alone', () => {
  const leeway = 5
  const dates = fc.record({
    iat: fc.integer({ min: NOW - 50, max: NOW + 50 }),
    nbf: fc.option(fc.integer({ min: NOW - 50, max: NOW + 50 }), { nil: undefined }),
    exp: fc.integer({ min: NOW - 50, max: NOW + 150 }),
  })
  const skew = fc.integer({ min: -leeway, max: leeway })
  fc.assert(
    fc.property(dates, skew, (given, off) => {
      const rule = { now: NOW, leeway: 0, maxLifetime: 100 }
      const exact = problem(() => checkTimes(given, rule))
      const skewed = problem(() => checkTimes(given, { ...rule, now: NOW + off, leeway }))
      const boundaries = [given.exp, given.iat, given.nbf ?? Number.NEGATIVE_INFINITY]
      const isNear = boundaries.some((boundary) => Math.abs(boundary - NOW) <= 2 * leeway)
      // Near a boundary only what would have been refused may change: it may be accepted, or refused for another reason.
      const mayChange = isNear && exact !== undefined
      expect(mayChange || skewed === exact).toBe(true)
    }),
  )
})

test('no leeway stretches a life by more than a minute', () => {
  const rule = { now: NOW, leeway: 1e9, maxLifetime: 100 }
  expect(problem(() => checkTimes({ iat: NOW - 200, exp: NOW - 100 }, rule))).toBe('expired')
})
