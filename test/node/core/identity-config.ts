// A configuration in which every part of identity is used.
import type { KeysInput } from '../../../node/core/config-identity-input.ts'
import type { NodeConfigInput } from '../../../node/core/config-input.ts'
import type { ParseOptions } from '../../../node/core/config.ts'

export const CANARY = 'canary-7Qx'

/** Base URL of the node. */
export const BASE = 'https://gw.b.example'

export const OPTIONS: ParseOptions = { env: { SECRET: CANARY }, baseDir: '/etc/banyan' }

/** Hash of a static key. */
export const HASH: string = `sha256$${'a'.repeat(43)}`

/** Hash of the secret of a workload. */
export const SCRYPT: string = `scrypt$32768$8$1$${'a'.repeat(22)}$${'b'.repeat(43)}`

/** A key, as it may stand in the file. */
export const KEYS: KeysInput = {
  static: [{ kty: 'EC', crv: 'P-256', x: 'x'.repeat(43), y: 'y'.repeat(43) }],
}

export const FULL: NodeConfigInput = {
  node: {
    name: 'gate',
    organisation: 'b',
    listen: '0.0.0.0:443',
    url: BASE,
    tls: { cert: 'gate.pem', key: '/tls/gate.key' },
  },
  issuer: { url: 'https://id.b.example' },
  nodes: [
    {
      client: 'https://find.b.example/oauth/client.json',
      spends: ['https://find.b.example/mcp/docs'],
      reaches: [`${BASE}/mcp/partners`, 'https://gw.c.example'],
    },
  ],
  workloads: [
    {
      client: 'nightly',
      secretHash: SCRYPT,
      resources: [`${BASE}/mcp/partners`],
      scopes: ['ns:sales:read'],
    },
    {
      client: 'ci',
      federated: {
        issuer: 'https://kubernetes.default.svc',
        keys: { jwksUri: 'https://kubernetes.default.svc/openid/v1/jwks' },
        subject: 'system:sa:ci:build',
      },
      resources: [`${BASE}/mcp/partners`],
      scopes: ['ns:sales'],
    },
  ],
  trust: [
    {
      issuer: 'https://gw.a.example',
      keys: { jwksUri: 'https://gw.a.example/oauth/jwks' },
      clients: ['https://gw.a.example/oauth/client.json', { id: 'a-agent', keys: KEYS }],
      resources: [`${BASE}/mcp/partners`],
      scopes: { map: { 'ns:crm:read': ['ns:sales:read'] }, max: ['ns:sales:read'] },
      notAfter: '2099-06-01',
    },
  ],
  upstreams: {
    files: { stdio: { command: 'x' } },
    near: { http: { url: 'http://127.0.0.1:3000/mcp' } },
    saas: {
      http: { url: 'https://mcp.saas.example/v1?tenant=b' },
      auth: {
        mode: 'client_credentials',
        issuer: 'https://login.saas.example',
        client: { id: 'b-gate', secret: '${SECRET}' },
        scopes: ['items.read'],
        requires: ['ns:sales'],
      },
    },
    inside: {
      node: { url: 'https://find.b.example/mcp/docs' },
      auth: {
        mode: 'exchange',
        scopes: { map: { 'ns:sales': ['ns:docs'] } },
        requireChain: false,
      },
    },
    c: {
      node: { url: 'https://gw.c.example/mcp/pub' },
      egress: { allowPrivate: false },
      auth: {
        mode: 'chain',
        issuer: 'https://gw.c.example',
        scopes: { map: { 'ns:sales:read': ['ns:ledger:read'] } },
      },
    },
  },
  namespaces: { sales: { from: ['files', 'near', 'saas'] } },
  endpoints: {
    partners: { namespaces: ['sales', 'inside-*', 'c-*'] },
    staff: {
      namespaces: ['sales'],
      auth: {
        issuer: 'https://login.b.example',
        introspection: {
          url: 'https://login.b.example/introspect',
          client: { id: 'gate', secret: '${SECRET}' },
        },
        scopeMap: { reader: ['ns:sales:read'] },
        keys: [{ name: 'ops', hash: HASH, scopes: ['*'], notAfter: '2099-06-01' }],
      },
    },
  },
}
