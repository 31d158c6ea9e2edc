import { expect, test } from 'vitest'
import type { NodeConfigInput } from '../../../node/core/config-input.ts'
import { parseConfig } from '../../../node/core/config.ts'
import { restartChanges } from '../../../node/main/restart-changes.ts'

const BASE = 'https://gw.b.example'

const NOW: NodeConfigInput = {
  node: { name: 'gate', organisation: 'b', url: BASE },
  issuer: {},
  upstreams: { u: { stdio: { command: 'x' } } },
  namespaces: { sales: { from: ['u'] } },
  endpoints: { partners: { namespaces: ['sales'] } },
}

const TRUST = {
  issuer: 'https://gw.a.example',
  keys: { jwksUri: 'https://gw.a.example/oauth/jwks' },
  clients: ['https://gw.a.example/oauth/client.json'],
  resources: [`${BASE}/mcp/partners`],
  scopes: { map: { 'ns:crm': ['ns:sales'] }, max: ['ns:sales'] },
}

function changes(change: Partial<NodeConfigInput>): string[] {
  const next = parseConfig({ ...NOW, ...change })
  return restartChanges(parseConfig(NOW), next).map(({ path }) => path.join('.'))
}

test.each<[string, Partial<NodeConfigInput>]>([
  ['trust', { trust: [TRUST] }],
  ['nodes', { nodes: [{ client: `${BASE}/n.json`, spends: [`${BASE}/n`], reaches: [] }] }],
  [
    'workloads',
    {
      workloads: [
        {
          client: 'w',
          keys: { jwksUri: 'https://w.example/jwks' },
          resources: [`${BASE}/mcp/partners`],
          scopes: ['ns:sales'],
        },
      ],
    },
  ],
  [
    'who may call an endpoint',
    { endpoints: { partners: { namespaces: ['sales'], auth: { dpop: 'accepted' } } } },
  ],
  ['which algorithms are taken', { issuer: { algs: ['ES256', 'EdDSA'] } }],
])('%s may change while the node runs', (_, change) => {
  expect(changes(change)).toEqual([])
})

test.each<[string, Partial<NodeConfigInput>]>([
  ['node', { node: { ...NOW.node, tls: { cert: 'a.pem', key: 'b.pem' } } }],
  ['limits', { limits: { actDepth: 4 } }],
  ['issuer.url', { issuer: { url: 'https://id.b.example' } }],
  ['issuer.keyLifetime', { issuer: { keyLifetime: '1d' } }],
  ['issuer.tokenTtl', { issuer: { tokenTtl: '1h' } }],
  ['issuer.grantTtl', { issuer: { grantTtl: '30s' } }],
  ['issuer.egress', { issuer: { egress: { allowPrivate: true } } }],
])('%s may not', (path, change) => {
  expect(changes(change)).toEqual([path])
})

test('nor where the token service runs, or whether there is one', () => {
  const elsewhere = { mode: 'node', url: 'https://id.b.example' } as const
  expect(changes({ issuer: elsewhere })).toEqual(['issuer.mode', 'issuer.url'])
  const { issuer: _, ...open } = { ...NOW, node: { name: 'gate', organisation: 'b' } }
  const guarded = parseConfig({ ...open, issuer: {} })
  expect(restartChanges(parseConfig(open), guarded).map(({ path }) => path.join('.'))).toEqual([
    'issuer',
  ])
})
