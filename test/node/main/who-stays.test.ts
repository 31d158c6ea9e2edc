// Whom another configuration would still take as the same, so that what they hold open may stay.
import { describe, expect, test } from 'vitest'
import type { EndpointAuthInput } from '../../../node/core/config-identity-input.ts'
import type { NodeConfigInput } from '../../../node/core/config-input.ts'
import { parseConfig } from '../../../node/core/config.ts'
import { LOCAL_CALLER, type Principal } from '../../../node/core/principal.ts'
import { whoStays } from '../../../node/main/who-stays.ts'

const BASE = 'https://gw.b.example'
const KEY = { name: 'ann', hash: `sha256$${'A'.repeat(43)}`, scopes: ['ns:docs'] }
const AUTH: EndpointAuthInput = { issuer: 'https://login.b.example', keys: [KEY] }

const NOW: NodeConfigInput = {
  node: { name: 'gate', organisation: 'b', url: BASE },
  issuer: {},
  upstreams: { u: { stdio: { command: 'x' } } },
  namespaces: { docs: { from: ['u'] } },
  endpoints: { main: { namespaces: ['docs'], auth: AUTH }, own: { namespaces: ['docs'] } },
  clients: { analyst: { claims: { groups: 'analyst' } } },
}

const ann: Principal = { ...LOCAL_CALLER, subject: 'ann', clientId: 'r', scopes: ['ns:docs'] }
const token = { iss: 'i', sub: 's', aud: 'a', clientId: 'c', jti: 'j', iat: 1, exp: 2, scope: [] }
const bob: Principal = { ...ann, subject: 'bob', claims: token }

function withAuth(auth: Partial<EndpointAuthInput>): Partial<NodeConfigInput> {
  return {
    endpoints: { ...NOW.endpoints, main: { namespaces: ['docs'], auth: { ...AUTH, ...auth } } },
  }
}

/** Who of the holder of a key and the holder of a token stays. */
function stayers(change: Partial<NodeConfigInput>, endpoint = 'main'): string {
  const stays = whoStays(parseConfig(NOW), parseConfig({ ...NOW, ...change }))
  const who = { ann, bob }
  return Object.entries(who)
    .filter(([, principal]) => stays({ endpoint, principal }))
    .map(([name]) => name)
    .join(' ')
}

describe('both stay', () => {
  test.each<[string, Partial<NodeConfigInput>]>([
    ['where nothing changes', {}],
    ['where rules change', { visibility: [{ for: 'analyst' }] }],
    [
      'where another key comes',
      withAuth({ keys: [KEY, { ...KEY, name: 'eve', hash: `sha256$${'B'.repeat(43)}` }] }),
    ],
    ['where classes ask for no more claims', { clients: { other: { claims: { groups: 'x' } } } }],
    [
      'where an endpoint says something else of itself',
      {
        endpoints: { ...NOW.endpoints, main: { namespaces: ['docs'], auth: AUTH, title: 'New' } },
      },
    ],
  ])('%s', (_, change) => {
    expect(stayers(change)).toBe('ann bob')
  })
})

describe('some go', () => {
  test.each<[string, Partial<NodeConfigInput>, string]>([
    ['whose key is gone', withAuth({ keys: [] }), 'bob'],
    [
      'whose key is another',
      withAuth({ keys: [{ ...KEY, hash: `sha256$${'C'.repeat(43)}` }] }),
      'bob',
    ],
    ['whose key may do less', withAuth({ keys: [{ ...KEY, scopes: ['ns:docs:read'] }] }), 'bob'],
    ['whose key ends', withAuth({ keys: [{ ...KEY, notAfter: '2099-01-01' }] }), 'bob'],
    ['whose issuer is not believed any more', withAuth({ issuer: 'https://other.example' }), 'ann'],
    ['whose scopes mean something else', withAuth({ scopeMap: { a: ['ns:docs'] } }), 'ann'],
    ['of whom more would be asked', withAuth({ dpop: 'required' }), 'ann'],
    ['of whom classes ask for another claim', { clients: { x: { claims: { role: 'a' } } } }, 'ann'],
    ['where the endpoint is gone', { endpoints: { own: { namespaces: ['docs'] } } }, ''],
  ])('%s', (_, change, left) => {
    expect(stayers(change)).toBe(left)
  })

  test('where the issuer of the organisation signs otherwise', () => {
    expect(stayers({ issuer: { algs: ['ES256', 'EdDSA'] } }, 'own')).toBe('')
  })
})

test('where nobody is asked who it is, everybody stays until somebody is', () => {
  const { issuer: _, clients: __, ...rest } = NOW
  const node = { name: 'gate', organisation: 'b' }
  const open = parseConfig({ ...rest, node, endpoints: { main: { namespaces: ['docs'] } } })
  const guarded = parseConfig({
    ...rest,
    node,
    endpoints: { main: { namespaces: ['docs'], auth: { keys: [KEY] } } },
  })
  const who = { endpoint: 'main', principal: LOCAL_CALLER }
  expect(whoStays(open, open)(who)).toBe(true)
  expect(whoStays(open, guarded)(who)).toBe(false)
})
