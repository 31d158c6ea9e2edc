import { describe, expect, test } from 'vitest'
import { explainConfig } from '../../../node/control/check.ts'
import type { NodeConfigInput } from '../../../node/core/config-input.ts'
import { parseConfig } from '../../../node/core/config.ts'
import { CANARY, FULL, HASH, OPTIONS, SCRYPT } from '../core/identity-config.ts'

const INPUT: NodeConfigInput = {
  node: { name: 'edge', organisation: 'acme', listen: '[::1]:7400' },
  upstreams: {
    files: { stdio: { command: 'npx', args: ['--token', CANARY], env: { T: CANARY } } },
    search: { http: { url: `https://s.example/mcp?key=${CANARY}`, headers: { a: CANARY } } },
    globex: { node: { url: 'https://g.example/mcp/p', import: ['public-*', 'wiki'] } },
  },
  namespaces: { docs: { from: ['files', 'search'] }, web: { from: ['search'] } },
  endpoints: {
    main: { namespaces: ['docs', 'globex-*'] },
    ops: { namespaces: ['web'], names: 'plain', nameLength: 64 },
    wiki: { namespaces: ['*-wiki'] },
  },
}

const FILES = { label: 'files', kind: 'stdio', target: 'npx' }
const SEARCH = { label: 'search', kind: 'http', target: 'https://s.example/mcp' }
const GLOBEX = { label: 'globex', kind: 'node', target: 'https://g.example/mcp/p' }

test('explains each endpoint: its URL, its namespaces, what feeds them', () => {
  expect(explainConfig(parseConfig(INPUT))).toMatchObject({
    name: 'edge',
    organisation: 'acme',
    url: 'http://[::1]:7400',
    endpoints: [
      {
        name: 'main',
        url: 'http://[::1]:7400/mcp/main',
        names: 'prefixed',
        nameLength: 48,
        offers: [
          { namespace: 'docs', imported: false, upstreams: [FILES, SEARCH] },
          { namespace: 'globex-public-*', imported: true, upstreams: [GLOBEX] },
          { namespace: 'globex-wiki', imported: true, upstreams: [GLOBEX] },
        ],
      },
      {
        name: 'ops',
        url: 'http://[::1]:7400/mcp/ops',
        names: 'plain',
        nameLength: 64,
        offers: [{ namespace: 'web', imported: false, upstreams: [SEARCH] }],
      },
      {
        name: 'wiki',
        url: 'http://[::1]:7400/mcp/wiki',
        names: 'prefixed',
        nameLength: 48,
        offers: [
          // Some public namespace over there may be called public-wiki.
          { namespace: 'globex-public-*', imported: true, upstreams: [GLOBEX] },
          { namespace: 'globex-wiki', imported: true, upstreams: [GLOBEX] },
        ],
      },
    ],
  })
})

test('shows no arguments, queries, headers or variables: they may be secret', () => {
  expect(JSON.stringify(explainConfig(parseConfig(INPUT)))).not.toContain(CANARY)
})

test.each([
  [{ listen: '127.0.0.1:0' }, 'http://127.0.0.1:<port>'],
  [{ url: 'https://edge.example/banyan/' }, 'https://edge.example/banyan'],
])('%j has the base URL %s', (settings, url) => {
  const config = parseConfig({ ...INPUT, issuer: {}, node: { ...INPUT.node, ...settings } })
  expect(explainConfig(config)).toMatchObject({
    url,
    endpoints: [{ url: `${url}/mcp/main` }, {}, {}],
  })
})

describe('identity', () => {
  const report = explainConfig(parseConfig(FULL, OPTIONS))

  test('says who may call each endpoint', () => {
    expect(report.endpoints.map(({ callers }) => callers)).toEqual([
      {
        open: false,
        issuer: 'https://id.b.example',
        dpop: 'required',
        dpopNonces: 'off',
        introspection: false,
        scopes: ['ns:sales'],
        scopeMap: {},
        keys: [],
      },
      {
        open: false,
        issuer: 'https://login.b.example',
        dpop: 'accepted',
        dpopNonces: 'off',
        introspection: true,
        scopes: ['ns:sales'],
        scopeMap: { reader: ['ns:sales:read'] },
        keys: [{ name: 'ops', scopes: ['*'], notAfter: '2099-06-01T23:59:59.999Z' }],
      },
    ])
    const open = explainConfig(parseConfig(INPUT)).endpoints.map(({ callers }) => callers)
    expect(open).toEqual([{ open: true }, { open: true }, { open: true }])
  })

  test('says how each upstream on the network is told who calls', () => {
    expect(report.upstreams).toEqual([
      {
        label: 'near',
        kind: 'http',
        target: 'http://127.0.0.1:3000/mcp',
        passing: { mode: 'none' },
        allowPrivate: true,
      },
      {
        label: 'saas',
        kind: 'http',
        target: 'https://mcp.saas.example/v1',
        passing: {
          mode: 'client_credentials',
          issuer: 'https://login.saas.example',
          granted: ['items.read'],
          requires: ['ns:sales'],
        },
        allowPrivate: false,
      },
      {
        label: 'inside',
        kind: 'node',
        target: 'https://find.b.example/mcp/docs',
        passing: {
          mode: 'exchange',
          issuer: 'https://id.b.example',
          scopes: { 'ns:sales': ['ns:docs'] },
        },
        allowPrivate: false,
      },
      {
        label: 'c',
        kind: 'node',
        target: 'https://gw.c.example/mcp/pub',
        passing: {
          mode: 'chain',
          issuer: 'https://gw.c.example',
          scopes: { 'ns:sales:read': ['ns:ledger:read'] },
          subject: 'pairwise',
          disclose: 'full',
        },
        allowPrivate: false,
      },
    ])
  })

  test('says who may get tokens here', () => {
    expect(report.identity).toMatchObject({
      issuer: { mode: 'embedded', url: 'https://id.b.example', tokenTtl: '2m' },
      nodes: [{ client: 'https://find.b.example/oauth/client.json' }],
      workloads: [
        { client: 'nightly', proof: 'secret' },
        { client: 'ci', proof: 'platform', platform: 'https://kubernetes.default.svc' },
      ],
      trust: [
        {
          issuer: 'https://gw.a.example',
          clients: ['https://gw.a.example/oauth/client.json', 'a-agent'],
          scopes: ['ns:sales:read'],
          notAfter: '2099-06-01T23:59:59.999Z',
          maxDepth: 3,
          maxTtl: '2m',
        },
      ],
    })
    expect(explainConfig(parseConfig(INPUT)).identity).toEqual({
      nodes: [],
      workloads: [],
      trust: [],
    })
  })

  test('says who signs grants for an authorization server, and what those of other nodes may say', () => {
    const { trust: _, workloads: __, nodes = [], ...rest } = FULL
    const rule = {
      issuer: 'https://gw.d.example',
      resources: ['https://gw.d.example/mcp/pub?key=x'],
      scopes: { max: ['ns:x'] },
    }
    const named = nodes.map((node) => ({ ...node, reaches: [...node.reaches, rule] }))
    const issuer = { mode: 'external', url: 'https://login.b.example/b', grants: {} } as const
    const config = parseConfig({ ...rest, issuer, nodes: named }, OPTIONS)
    expect(explainConfig(config).identity).toMatchObject({
      issuer: {
        mode: 'external',
        url: 'https://login.b.example/b',
        grants: { mode: 'embedded', url: 'https://gw.b.example', grantTtl: '1m' },
      },
      nodes: [
        {
          reaches: ['https://gw.b.example/mcp/partners', 'https://gw.c.example', rule.issuer],
          grants: [
            {
              ...rule,
              resources: ['https://gw.d.example/mcp/pub'],
              subject: 'pairwise',
              disclose: 'full',
            },
          ],
        },
      ],
    })
  })

  test('says what a trust record can get at most, not what it asks for', () => {
    const [record] = FULL.trust ?? []
    if (record === undefined) throw new Error('there is a record')
    const scopes = { map: { a: ['ns:sales'], b: ['ns:hr'] }, max: ['ns:sales:read', 'ns:x'] }
    const { identity } = explainConfig(
      parseConfig({ ...FULL, trust: [{ ...record, scopes }] }, OPTIONS),
    )
    expect(identity.trust[0]?.scopes).toEqual(['ns:sales:read'])
  })

  test('tells no secret, hash, key or query', () => {
    const text = JSON.stringify(report)
    for (const secret of [CANARY, HASH, SCRYPT, 'x'.repeat(43), 'tenant=b']) {
      expect(text).not.toContain(secret)
    }
  })
})

test('says where operators ask and what they may, and who is told why', () => {
  const auth = { keys: [{ name: 'ann', hash: HASH, scopes: ['*'] }] }
  const main = { namespaces: ['docs'], auth, explainTo: ['front'] }
  const keys = [{ name: 'ops', hash: HASH }]
  const more = { issuer: {}, clients: { front: { keys: 'ann' } }, admin: { keys, write: true } }
  const given = explainConfig(parseConfig({ ...INPUT, ...more, endpoints: { main } }))
  expect(given.admin).toEqual({ listen: '127.0.0.1:7490', keys: ['ops'], write: true })
  expect(given.endpoints[0]?.explainTo).toEqual(['front'])
  expect(explainConfig(parseConfig(INPUT)).admin).toBeUndefined()
})
