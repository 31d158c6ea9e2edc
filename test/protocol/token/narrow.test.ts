import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  acceptGrant,
  subjectPattern,
  type GrantTrust,
  type Redemption,
} from '../../../protocol/token/accept.ts'
import { chainOf, hashedActor, type Party } from '../../../protocol/token/act.ts'
import type { AccessClaims, GrantClaims } from '../../../protocol/token/claims.ts'
import {
  narrow,
  type Ask,
  type NarrowRecord,
  type Parent,
  type Stamp,
} from '../../../protocol/token/narrow.ts'
import { pairwiseSubject } from '../../../protocol/token/pairwise.ts'
import { A, B, C, endpointOf, nodeOf, NOW, problem, refused } from './tokens.ts'

const STAMP: Stamp = { now: NOW, jti: 'j-new', txn: 't-new' }
const SECRET = Buffer.alloc(32, 1)
const INSIDE = 'https://find.a.example/mcp/docs'
const JKT = 'k'.repeat(43)

const PARENT: Parent = {
  issuer: A,
  subject: 'u',
  clientId: 'https://client.example/c.json',
  audience: endpointOf(A),
  scopes: ['ns:crm', 'ns:docs:read'],
  expiresAt: NOW + 300,
}
const RECORD: NarrowRecord = {
  issuer: A,
  targets: [
    { resource: INSIDE, issuer: A, owner: { iss: A, sub: 'https://find.a.example/c.json' } },
    { resource: endpointOf(B), issuer: B },
  ],
  scopes: { map: { 'ns:crm': ['ns:sales'], 'ns:docs:read': ['ns:papers:read'] } },
  maxTtl: 120,
  maxDepth: 4,
  maxBudget: 3,
  subject: { rule: 'pairwise', secret: SECRET },
  disclose: 'full',
}
const ACTOR = { iss: A, sub: nodeOf(A) }
const ACCESS = { kind: 'access', resource: INSIDE, audience: INSIDE, actor: ACTOR } as const
const GRANT = { kind: 'grant', resource: endpointOf(B), audience: B, actor: ACTOR } as const

type AccessAsk = Ask & { readonly kind: 'access' }

function access(
  parent: Partial<Parent> = {},
  ask: Partial<AccessAsk> = {},
  record: Partial<NarrowRecord> = {},
): AccessClaims {
  return narrow({ ...PARENT, ...parent }, { ...ACCESS, ...ask }, { ...RECORD, ...record }, STAMP)
}

describe('narrowing', () => {
  test('inside an organisation makes a token for exactly the next endpoint', () => {
    const cnf = { jkt: JKT }
    expect(access({ sid: 's' }, { cnf }, { subject: { rule: 'same' } })).toEqual({
      iss: A,
      sub: 'u',
      aud: INSIDE,
      clientId: nodeOf(A),
      jti: 'j-new',
      iat: NOW,
      exp: NOW + 120,
      scope: ['ns:papers:read', 'ns:sales'],
      act: ACTOR,
      mayAct: { iss: A, sub: 'https://find.a.example/c.json' },
      txn: 't-new',
      sessionExpiry: NOW + 300,
      sid: 's',
      cnf,
      mesh: { v: 1, budget: 2 },
    })
  })

  test('towards another organisation makes a grant for its issuer', () => {
    const grant = narrow({ ...PARENT, txn: 't', budget: 2 }, GRANT, RECORD, STAMP)
    expect(grant).toMatchObject({ iss: A, aud: B, resource: endpointOf(B), txn: 't' })
    expect(grant).not.toHaveProperty('mayAct')
    expect(grant.sub).toBe(pairwiseSubject(SECRET, { iss: A, sub: 'u', target: B }))
    expect(grant.mesh).toEqual({ v: 1, budget: 1 })
  })

  test('a node that acts for itself stays who it is', () => {
    const parent = { ...PARENT, subject: ACTOR.sub }
    expect(narrow(parent, GRANT, RECORD, STAMP).sub).toBe(ACTOR.sub)
    expect(narrow({ ...parent, issuer: C }, GRANT, RECORD, STAMP).sub).not.toBe(ACTOR.sub)
  })

  describe('a node that is called otherwise where the tokens come from', () => {
    const LOGIN = 'https://login.a.example'
    const AT_LOGIN = { iss: LOGIN, sub: 'gw-a' }
    const of = (
      parent: Partial<Parent> = {},
      aliases: readonly Party[] = [AT_LOGIN],
    ): GrantClaims =>
      narrow({ ...PARENT, issuer: LOGIN, ...parent }, { ...GRANT, aliases }, RECORD, STAMP)

    test('may act where it is named by either', () => {
      const grant = of({ mayAct: AT_LOGIN })
      expect(grant).toMatchObject({ iss: A, clientId: nodeOf(A), act: ACTOR })
      expect(of({ mayAct: ACTOR }).act).toEqual(ACTOR)
      for (const mayAct of [{}, { ...AT_LOGIN, sub: 'gw-b' }, { ...AT_LOGIN, iss: B }]) {
        expect(problem(() => of({ mayAct }))).toBe('client')
      }
      expect(problem(() => of({ mayAct: AT_LOGIN }, []))).toBe('client')
    })

    test('attack 22: acts once in a chain by whatever name', () => {
      expect(problem(() => of({ act: AT_LOGIN }))).toBe('cycle')
      expect(problem(() => of({ act: { ...ACTOR, act: hashedActor(AT_LOGIN) } }))).toBe('cycle')
      expect(of({ act: { iss: LOGIN, sub: 'other' } }).act).toEqual({
        ...ACTOR,
        act: { iss: LOGIN, sub: 'other' },
      })
    })

    test('is itself by a token of its own, and no person who is called alike is', () => {
      expect(of({ subject: 'gw-a', clientId: 'gw-a' }).sub).toBe(nodeOf(A))
      const person = of({ subject: 'gw-a', clientId: 'an-app' }).sub
      expect(person).toBe(pairwiseSubject(SECRET, { iss: LOGIN, sub: 'gw-a', target: B }))
      expect(of({ subject: 'gw-a', clientId: 'gw-a', issuer: C }).sub).toHaveLength(43)
    })

    test('invariants 3 to 12: other names change nothing else', () => {
      const names = fc.constantFrom('gw-a', 'u', nodeOf(A), 'other')
      const party = fc.record({ iss: fc.constantFrom(A, B, LOGIN), sub: names })
      const parent = fc.record({ subject: names, clientId: names, mayAct: fc.option(party) })
      fc.assert(
        fc.property(parent, fc.array(party, { maxLength: 3 }), ({ mayAct, ...who }, aliases) => {
          const whose = { ...who, ...(mayAct !== null && { mayAct }) }
          fc.pre(problem(() => of(whose, aliases)) === undefined)
          fc.pre(problem(() => of(whose, [])) === undefined)
          const [made, plain] = [of(whose, aliases), of(whose, [])]
          expect({ ...made, sub: plain.sub }).toEqual(plain)
          expect([plain.sub, nodeOf(A)]).toContain(made.sub)
        }),
      )
    })
  })

  test('people of two issuers with one name stay two', () => {
    const same = { subject: { rule: 'same' } } as const
    expect(access({}, {}, same).sub).toBe('u')
    expect(access({ issuer: C }, {}, same).sub).toBe(`${C}|u`)
    const long = { issuer: C, subject: 'u'.repeat(1_024) }
    expect(problem(() => access(long, {}, same))).toBe('subject')
  })

  test('shortens every life that is left', () => {
    expect(access({ expiresAt: NOW + 50 }).exp).toBe(NOW + 50)
    expect(access({ sessionExpiry: NOW + 40 })).toMatchObject({
      exp: NOW + 40,
      sessionExpiry: NOW + 40,
    })
    expect(problem(() => access({ expiresAt: NOW }))).toBe('expired')
    expect(problem(() => access({ sessionExpiry: NOW - 1 }))).toBe('expired')
    expect(refused(() => access({ expiresAt: NOW + 0.5 }))).toBe('invalid_request')
  })

  test('asks only narrow', () => {
    expect(access({}, { scopes: ['ns:sales:read'] }).scope).toEqual(['ns:sales:read'])
    expect(access({}, { scopes: ['*'] }).scope).toEqual(['ns:papers:read', 'ns:sales'])
    const max = { scopes: { ...RECORD.scopes, max: ['tool:sales/find'] } }
    expect(access({}, {}, max).scope).toEqual(['tool:sales/find'])
  })

  test('without a map the names are the same, and nothing else crosses', () => {
    const same = { scopes: {} }
    expect(access({ scopes: ['ns:crm', 'openid'] }, {}, same).scope).toEqual(['ns:crm'])
    expect(access({ scopes: ['*'] }, { scopes: ['ns:crm'] }, same).scope).toEqual(['ns:crm'])
    expect(refused(() => access({ scopes: ['*'] }, {}, same))).toBe('invalid_scope')
    expect(refused(() => access({ scopes: ['openid'] }, {}, same))).toBe('invalid_scope')
  })

  test.each([
    ['invariant 16: no scopes held', { scopes: [] }, {}],
    ['invariant 16: none of the map', { scopes: ['ns:hr'] }, {}],
    ['invariant 16: none of the asked', {}, { scopes: ['ns:hr'] }],
    ['invariant 16: an empty ask', {}, { scopes: [] }],
  ])('%s', (_, parent, ask) => {
    expect(refused(() => access(parent, ask))).toBe('invalid_scope')
  })

  test.each([
    ['invariant 15: an unknown resource', { resource: C, audience: C }],
    ['invariant 15: a prefix of a resource', { resource: `${INSIDE}/x`, audience: `${INSIDE}/x` }],
    [
      'invariant 2: a resource of another issuer',
      { resource: endpointOf(B), audience: endpointOf(B) },
    ],
    ['invariant 1: an audience that is not the resource', { audience: endpointOf(B) }],
  ])('%s is no target', (_, ask) => {
    expect(refused(() => access({}, ask))).toBe('invalid_target')
    expect(problem(() => access({}, ask))).toBe('resource')
  })

  test('invariant 2: a grant is for the issuer pinned for its resource', () => {
    for (const other of [{ audience: C }, { resource: INSIDE, audience: A }]) {
      const ask = { ...GRANT, ...other }
      expect(refused(() => narrow(PARENT, ask, RECORD, STAMP))).toBe('invalid_target')
    }
  })

  test('attack 22: a node acts once in a chain, by name or by hash, and never for its own audience', () => {
    const other = { iss: B, sub: nodeOf(B) }
    expect(problem(() => access({ act: other }))).toBeUndefined()
    for (const entry of [ACTOR, hashedActor(ACTOR)]) {
      const act = chainOf([other, entry])
      expect(problem(() => access(act === undefined ? {} : { act }))).toBe('cycle')
    }
    expect(problem(() => access({ audience: INSIDE }))).toBe('cycle')
    expect(refused(() => access({ audience: INSIDE }))).toBe('invalid_target')
  })

  test('depth and budget end', () => {
    expect(problem(() => access({ budget: 0 }))).toBe('budget')
    expect(access({ budget: 1 }).mesh).toEqual({ v: 1, budget: 0 })
    expect(access({ budget: 200 }).mesh).toEqual({ v: 1, budget: 2 })
    const act = { iss: B, sub: 'n' }
    expect(problem(() => access({ act }, {}, { maxDepth: 1 }))).toBe('depth')
    expect(refused(() => access({ act }, {}, { maxDepth: 1 }))).toBe('invalid_target')
  })

  test('attack 20: only the one a token names may act on it', () => {
    expect(problem(() => access({ mayAct: ACTOR }))).toBeUndefined()
    expect(problem(() => access({ mayAct: { iss: A, sub: nodeOf(B) } }))).toBe('client')
    expect(refused(() => access({ mayAct: {} }))).toBe('invalid_request')
  })

  test('invariant 25: the key is that of the one who asks, never inherited', () => {
    expect(access()).not.toHaveProperty('cnf')
    expect(access({}, { cnf: { jkt: JKT } }).cnf).toEqual({ jkt: JKT })
  })
})

const PAIRWISE = 'p'.repeat(43)

const RECEIVED: GrantClaims = {
  iss: A,
  sub: PAIRWISE,
  aud: B,
  clientId: nodeOf(A),
  resource: endpointOf(B),
  jti: 'j',
  iat: NOW,
  exp: NOW + 60,
  scope: ['ns:crm:read', 'ns:hr'],
  act: ACTOR,
  cnf: { jkt: JKT },
  txn: 't',
  sessionExpiry: NOW + 300,
  mesh: { v: 1, budget: 2 },
}
const TRUST: GrantTrust = {
  issuer: A,
  clients: [nodeOf(A)],
  profiles: ['mesh', 'id-jag'],
  cnf: 'dpop',
  resources: [endpointOf(B)],
  subjects: {
    mode: 'pairwise',
    pattern: subjectPattern('[A-Za-z0-9_-]{43}'),
    map: {},
    anonymous: false,
  },
  transit: [],
  scopes: { map: { 'ns:crm:read': ['ns:sales:read'] }, max: ['ns:sales:read'] },
  maxDepth: 3,
  maxBudget: 4,
  maxTtl: 120,
}
const REQUEST: Redemption = {
  profile: 'mesh',
  issuer: B,
  clientId: nodeOf(A),
  resource: endpointOf(B),
  cnf: { jkt: JKT },
  owner: { iss: B, sub: nodeOf(B) },
}

function accept(
  grant: Partial<GrantClaims> = {},
  trust: Partial<GrantTrust> = {},
  request: Partial<Redemption> = {},
): ReturnType<typeof acceptGrant> {
  const parts = [
    { ...RECEIVED, ...grant },
    { ...TRUST, ...trust },
    { ...REQUEST, ...request },
  ] as const
  return acceptGrant(...parts, STAMP)
}

function subjects(changes: object): Partial<GrantTrust> {
  return { subjects: { ...TRUST.subjects, ...changes } }
}

describe('accepting a grant', () => {
  test('makes the token its trust record allows', () => {
    expect(accept()).toEqual({
      iss: B,
      sub: `${A}|${PAIRWISE}`,
      aud: endpointOf(B),
      clientId: nodeOf(A),
      jti: 'j-new',
      iat: NOW,
      exp: NOW + 120,
      scope: ['ns:sales:read'],
      act: ACTOR,
      mayAct: { iss: B, sub: nodeOf(B) },
      cnf: { jkt: JKT },
      txn: 't',
      sessionExpiry: NOW + 300,
      mesh: { v: 1, budget: 2 },
    })
  })

  test.each([
    ['another issuer', { iss: C }, 'issuer'],
    ['another audience', { aud: C }, 'issuer'],
    ['attack 21: another client', { clientId: nodeOf(C) }, 'client'],
    ['attack 21: a resource of somebody else', { resource: endpointOf(C) }, 'resource'],
    ['attack 14: a key that is not proved', { cnf: { jkt: 'x'.repeat(43) } }, 'binding'],
    ['attack 14: no key', { cnf: undefined }, 'binding'],
    ['attack 19: a subject of another form', { sub: `${C}|${PAIRWISE}` }, 'subject'],
    ['attack 19: a subject with a tail', { sub: `${PAIRWISE}\nx` }, 'subject'],
    ['a node for itself', { sub: nodeOf(A) }, 'subject'],
    ['attack 17: no actor', { act: undefined }, 'client'],
    ['attack 20: an actor that is not the client', { act: { iss: A, sub: 'other' } }, 'client'],
    ['attack 20: an actor of another issuer', { act: { iss: C, sub: nodeOf(A) } }, 'client'],
    ['attack 20: an actor without a name', { act: hashedActor(ACTOR) }, 'client'],
  ])('%s is refused', (_, changes, expected) => {
    const grant = changes as Partial<GrantClaims>
    expect(problem(() => accept(grant))).toBe(expected)
    expect(refused(() => accept(grant))).toBe('invalid_grant')
  })

  test('attack 21: what is asked for must be what is granted', () => {
    expect(refused(() => accept({}, {}, { resource: endpointOf(C) }))).toBe('invalid_target')
    expect(refused(() => accept({}, {}, { clientId: nodeOf(C) }))).toBe('invalid_grant')
    expect(refused(() => accept({}, { clients: [] }))).toBe('invalid_grant')
    expect(problem(() => accept({}, { profiles: ['id-jag'] }))).toBe('typ')
  })

  test('attack 19: others are relayed only for those that are named', () => {
    const relayed = { ...ACTOR, act: { iss: C, sub: nodeOf(C) } }
    const hidden = { ...ACTOR, act: hashedActor({ iss: C, sub: nodeOf(C) }) }
    expect(problem(() => accept({ act: relayed }))).toBe('transit')
    expect(refused(() => accept({ act: relayed }))).toBe('invalid_grant')
    expect(accept({ act: relayed }, { transit: [C] }).act).toEqual(relayed)
    expect(problem(() => accept({ act: hidden }, { transit: [C] }))).toBe('transit')
    expect(accept({ act: hidden }, { transit: ['*'] }).act).toEqual(hidden)
    expect(accept({ act: { ...ACTOR, act: { iss: A, sub: 'edge' } } }).act).toBeDefined()
  })

  test('attack 18: what a middle node raises is clamped', () => {
    const token = accept({ mesh: { v: 1, budget: 200 }, sessionExpiry: NOW + 1e6, scope: ['*'] })
    expect(token).toMatchObject({ exp: NOW + 120, scope: ['ns:sales:read'] })
    expect(token.mesh).toEqual({ v: 1, budget: 4 })
  })

  test('attack 22: a chain that comes back is stopped', () => {
    const round = { ...ACTOR, act: { iss: B, sub: nodeOf(B) } }
    const twice = { ...ACTOR, act: { iss: C, sub: 'c', act: ACTOR } }
    for (const act of [round, twice]) {
      expect(problem(() => accept({ act }, { transit: ['*'] }))).toBe('cycle')
      expect(refused(() => accept({ act }, { transit: ['*'] }))).toBe('invalid_target')
    }
    expect(problem(() => accept({}, { maxDepth: 0 }))).toBe('depth')
  })

  test('invariant 16: nothing in common is a refusal', () => {
    expect(refused(() => accept({ scope: ['ns:hr'] }))).toBe('invalid_scope')
    expect(refused(() => accept({}, { scopes: { map: {}, max: ['*'] } }))).toBe('invalid_scope')
    expect(refused(() => accept({}, { scopes: { ...TRUST.scopes, max: [] } }))).toBe(
      'invalid_scope',
    )
    expect(refused(() => accept({}, {}, { scopes: ['ns:hr'] }))).toBe('invalid_scope')
  })

  test('what is asked for may stand in the names of either side', () => {
    const wide = { scope: ['ns:crm'] }
    expect(accept(wide, {}, { scopes: RECEIVED.scope }).scope).toEqual(['ns:sales:read'])
    expect(accept(wide, {}, { scopes: ['ns:sales:read'] }).scope).toEqual(['ns:sales:read'])
    expect(refused(() => accept(wide, {}, { scopes: ['ns:other'] }))).toBe('invalid_scope')
  })

  test('ends with the session, the trust, or a grant that names no session', () => {
    expect(accept({ sessionExpiry: NOW + 30 }).exp).toBe(NOW + 30)
    expect(accept({}, { notAfter: NOW + 20 }).exp).toBe(NOW + 20)
    expect(accept({ sessionExpiry: undefined } as object).exp).toBe(NOW + 60)
    expect(problem(() => accept({}, { notAfter: NOW }))).toBe('expired')
    expect(problem(() => accept({ sessionExpiry: NOW }))).toBe('expired')
  })

  test('takes over subjects by its rule', () => {
    expect(accept({ sub: 'ann' }, subjects({ mode: 'public' })).sub).toBe(`${A}|ann`)
    expect(accept({ sub: 'ann' }, subjects({ mode: 'mapped', map: { ann: 'a1' } })).sub).toBe('a1')
    for (const sub of ['bob', 'constructor', '__proto__']) {
      expect(problem(() => accept({ sub }, subjects({ mode: 'mapped' })))).toBe('subject')
    }
    expect(accept({ sub: nodeOf(A) }, subjects({ anonymous: true })).sub).toBe(`${A}|${nodeOf(A)}`)
    const long = 'u'.repeat(1_020)
    expect(problem(() => accept({ sub: long }, subjects({ mode: 'public' })))).toBe('subject')
    expect(subjectPattern('a|b').test('ax')).toBe(false)
  })

  test('takes binding from what is proved where that is allowed', () => {
    const unbound = { cnf: undefined } as object
    expect(accept(unbound, { cnf: 'none' }).cnf).toEqual({ jkt: JKT })
    expect(accept(unbound, { cnf: 'none' }, unbound)).not.toHaveProperty('cnf')
    expect(problem(() => accept({}, { cnf: 'none' }, unbound))).toBe('binding')
    expect(accept(unbound, {}, { profile: 'id-jag' }).cnf).toEqual({ jkt: JKT })
    const tls = { cnf: { 'x5t#S256': JKT } }
    expect(accept(tls, {}, tls).cnf).toEqual(tls.cnf)
    expect(problem(() => accept(tls))).toBe('binding')
  })

  test('attack 16: a third party has no say in the chain', () => {
    const token = accept({}, {}, { profile: 'id-jag' })
    expect(token).not.toHaveProperty('act')
    expect(token).toMatchObject({ txn: 't-new', mesh: { v: 1, budget: 4 } })
  })
})
