// Who somebody is at an endpoint: an operator who asks is told what a request would come to.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { atEndpoint, problemOf, type AtEndpoint } from '../../../node/control/asked-about.ts'
import { parseConfig } from '../../../node/core/config.ts'
import type { NodeConfigInput } from '../../../node/core/config-input.ts'
import type { NodeConfig } from '../../../node/core/config-types.ts'
import type { Principal } from '../../../node/core/principal.ts'
import { factsOf } from '../../../node/core/caller-facts.ts'
import { Sights } from '../../../node/hop/sight.ts'
import { keyPrincipal, tokenPrincipal } from '../../../node/identity/verifier/principals.ts'
import { claimNames } from '../../../protocol/policy/classes.ts'
import { readAccessClaims } from '../../../protocol/token/access.ts'
import type { JsonObject } from '../../../protocol/jsonrpc.ts'

const BASE = 'https://edge.acme.example'
const LOGIN = 'https://login.acme.example'
const HASH = `sha256$${'A'.repeat(43)}`

const INPUT: NodeConfigInput = {
  node: { name: 'edge', organisation: 'acme', url: BASE },
  issuer: {},
  upstreams: { files: { stdio: { command: 'x' } } },
  namespaces: { docs: { from: ['files'] } },
  endpoints: {
    main: { namespaces: ['docs'] },
    people: {
      namespaces: ['docs'],
      auth: {
        issuer: LOGIN,
        scopeMap: { reader: ['ns:docs:read'], all: ['*'] },
        keys: [
          { name: 'ops', hash: HASH, scopes: ['ns:docs', 'ns:docs:read'] },
          { name: 'old', hash: `sha256$${'B'.repeat(43)}`, scopes: ['*'], notAfter: '2020-01-01' },
        ],
      },
    },
  },
  clients: {
    analyst: { claims: { groups: 'analyst' } },
    staff: { issuer: LOGIN, subjects: 'a*' },
    bots: { clients: ['bot-*'] },
    deep: { claims: { 'realm.roles': ['admin', 'root'] } },
    holder: { keys: 'ops' },
    partner: { issuer: 'https://b.example' },
  },
  visibility: [{ for: '*' }],
}
const CONFIG = parseConfig(INPUT)
/** Where everybody may come. */
const OPEN: NodeConfig = {
  ...CONFIG,
  endpoints: {
    main: {
      namespaces: ['docs'],
      names: 'prefixed',
      nameLength: 48,
      pageSize: 9,
      tools: 'all',
      explainTo: [],
      auth: 'none',
    },
  },
}
const { clients: classes, visibility, tags } = CONFIG
const sights = new Sights('x', {
  rules: visibility === 'open' ? [] : visibility,
  classes,
  tags,
})

function at(
  endpoint: string,
  asked: Parameters<typeof atEndpoint>[0],
  config = CONFIG,
): AtEndpoint {
  return atEndpoint(asked, { endpoint, config, base: BASE, sights })
}

function onlookerOf(principal: Principal): AtEndpoint {
  const { scopes } = principal
  return { onlooker: { classes: sights.classesOf(factsOf(principal)), scopes } }
}

const claims: fc.Arbitrary<JsonObject> = fc.record({
  iss: fc.constantFrom(BASE, LOGIN),
  sub: fc.constantFrom('ann', 'bob', 'https://b.example|eve', 'a|b'),
  aud: fc.constantFrom(`${BASE}/mcp/main`, `${BASE}/mcp/people`),
  client_id: fc.constantFrom('bot-1', 'desk'),
  jti: fc.constant('j'),
  iat: fc.constant(1),
  exp: fc.constant(2),
  scope: fc
    .uniqueArray(fc.constantFrom('*', 'ns:docs', 'reader', 'all', 'openid', 'ns:docs:read'))
    .map((scopes) => scopes.join(' ')),
  groups: fc.constantFrom('analyst', 'admin', ['x', 'analyst'], undefined),
  realm: fc.constantFrom({ roles: ['root'] }, { roles: 'user' }, 1),
})

/** Who a token with these claims would be; undefined where it would be refused. */
function holderOf(payload: JsonObject, endpoint: string): AtEndpoint | undefined {
  const isMain = endpoint === 'main'
  const [issuer, aud] = [isMain ? BASE : LOGIN, `${BASE}/mcp/${endpoint}`]
  if (payload['iss'] !== issuer || payload['aud'] !== aud) return undefined
  const { auth } = CONFIG.endpoints[endpoint] ?? {}
  const map = typeof auth === 'object' ? auth.scopeMap : {}
  const read = readAccessClaims(payload, claimNames(classes))
  return onlookerOf(tokenPrincipal(read, { map, everything: isMain }, { toString: () => '' }))
}

test('law: claims are who the token with these claims would be, or it would be refused', () => {
  fc.assert(
    fc.property(claims, fc.constantFrom('main', 'people'), (payload, endpoint) => {
      const told = at(endpoint, { claims: payload })
      expect('refused' in told ? undefined : told).toEqual(holderOf(payload, endpoint))
    }),
    { numRuns: 1_000 },
  )
})

describe('who holds a static key', () => {
  test('is in the classes and has the scopes of a request with it', () => {
    const key = { name: 'ops', hash: HASH, scopes: ['ns:docs', 'ns:docs:read'] }
    expect(at('people', { key: 'ops' })).toEqual(onlookerOf(keyPrincipal(key, BASE)))
    expect(at('people', { key: 'ops' })).toMatchObject({
      onlooker: { classes: ['holder'], scopes: ['ns:docs'] },
    })
  })

  test.each([
    ['main', 'ops', 'the endpoint takes no key "ops"'],
    ['people', 'old', 'the key "old" is over'],
  ])('is nobody at %s with key %s', (endpoint, key, refused) => {
    expect(at(endpoint, { key })).toEqual({ refused })
  })
})

describe('who is in classes', () => {
  test('is in them, in the order decisions want', () => {
    expect(at('main', { classes: ['staff', '*', 'analyst', 'staff'] })).toEqual({
      onlooker: { classes: ['analyst', 'staff'], scopes: undefined },
    })
    expect(at('main', { classes: ['*'], scopes: ['ns:docs', 'ns:docs:read'] })).toEqual({
      onlooker: { classes: [], scopes: ['ns:docs'] },
    })
  })

  test('that are not there is asked back', () => {
    expect(problemOf({ classes: ['analyst', '*'] }, CONFIG)).toBeUndefined()
    expect(problemOf({ classes: ['analist'] }, CONFIG)).toBe(
      'there is no class "analist", did you mean "analyst"?',
    )
  })
})

test('where nobody is asked who it is, nobody is anybody, and that is said', () => {
  const onlooker = { classes: [], scopes: undefined }
  expect(at('main', { classes: ['*'] }, OPEN)).toEqual({ onlooker })
  for (const asked of [{ classes: ['analyst'] }, { key: 'ops' }, { claims: {} }]) {
    expect(at('main', asked, OPEN)).toEqual({
      onlooker,
      note: expect.stringContaining('nobody') as string,
    })
  }
})

test('a token for several resources is for none', () => {
  const aud = [`${BASE}/mcp/main`, `${BASE}/mcp/people`]
  expect(at('main', { claims: { iss: BASE, aud } })).toHaveProperty('refused')
  expect(at('main', { claims: { iss: BASE, aud: aud.slice(0, 1) } })).toHaveProperty('onlooker')
})

test('what is left out of claims is taken to be as it must be', () => {
  expect(at('people', { claims: { sub: 'ann' } })).toEqual({
    onlooker: { classes: ['staff'], scopes: undefined },
  })
})
