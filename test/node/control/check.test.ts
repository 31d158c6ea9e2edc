import { expect, test } from 'vitest'
import { explainConfig } from '../../../node/control/check.ts'
import type { NodeConfigInput } from '../../../node/core/config-input.ts'
import { parseConfig } from '../../../node/core/config.ts'

const CANARY = 'canary-7Qx'

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
  expect(explainConfig(parseConfig(INPUT))).toEqual({
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
