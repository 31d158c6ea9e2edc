import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { configWarnings } from '../../../node/core/config-checks.ts'
import { ConfigError, formatProblem } from '../../../node/core/config-error.ts'
import type { TrustInput, UpstreamAuthInput } from '../../../node/core/config-identity-input.ts'
import type { NodeConfigInput } from '../../../node/core/config-input.ts'
import { parseConfig } from '../../../node/core/config.ts'
import { BASE, CANARY, FULL, HASH, KEYS, OPTIONS, SCRYPT } from './identity-config.ts'

const TRUST = FULL.trust?.[0] as TrustInput
const NODE = FULL.nodes?.[0] as NonNullable<NodeConfigInput['nodes']>[number]

/** A small configuration in which everything is authenticated. */
const SMALL: NodeConfigInput = {
  node: { name: 'gate', organisation: 'b', url: BASE },
  issuer: {},
  upstreams: { u: { stdio: { command: 'x' } } },
  namespaces: { sales: { from: ['u'] } },
  endpoints: { partners: { namespaces: ['sales'] } },
}

function problemsOf(input: unknown): string[] {
  try {
    parseConfig(input, OPTIONS)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map((problem) => formatProblem(problem))
  }
  return []
}

function warningsOf(input: NodeConfigInput, now?: number): string[] {
  return configWarnings(parseConfig(input, OPTIONS), now).map((warning) => formatProblem(warning))
}

function withIssuer(issuer: unknown): unknown {
  return { ...SMALL, issuer }
}

function withTrust(...records: readonly object[]): unknown {
  return { ...SMALL, trust: records.map((record) => ({ ...TRUST, ...record })) }
}

function withNode(...nodes: readonly object[]): unknown {
  return { ...SMALL, nodes: nodes.map((node) => ({ ...NODE, ...node })) }
}

function withWorkload(...workloads: readonly object[]): unknown {
  const shared = { client: 'w', resources: [`${BASE}/mcp/partners`], scopes: ['ns:sales'] }
  return { ...SMALL, workloads: workloads.map((workload) => ({ ...shared, ...workload })) }
}

function withAuth(auth: unknown, rest: object = SMALL): unknown {
  return { ...rest, endpoints: { partners: { namespaces: ['sales'], auth } } }
}

function withUpstream(
  auth: unknown,
  upstream: object = { node: { url: 'https://c.example/mcp/x' } },
): unknown {
  const namespaces = ['sales', 'c-*']
  return {
    ...SMALL,
    upstreams: { ...SMALL.upstreams, c: { ...upstream, auth } },
    endpoints: { partners: { namespaces } },
  }
}

const CHAIN: UpstreamAuthInput = {
  mode: 'chain',
  issuer: 'https://c.example',
  scopes: { map: { 'ns:sales': ['ns:crm'] } },
}

describe('a configuration with identity', () => {
  test('has typed values, and every default filled in', () => {
    const { issuer, nodes, trust, workloads, node } = parseConfig(FULL, OPTIONS)
    expect(node.tls).toEqual({ cert: '/etc/banyan/gate.pem', key: '/tls/gate.key' })
    expect(issuer).toEqual({
      mode: 'embedded',
      url: 'https://id.b.example',
      algs: ['ES256'],
      types: [],
      tokenTtl: 120_000,
      grantTtl: 60_000,
      dpopNonces: 'off',
      keyLifetime: 604_800_000,
      revocationPoll: 15_000,
      egress: { allowPrivate: false },
    })
    expect(nodes).toEqual([
      {
        client: 'https://find.b.example/oauth/client.json',
        keys: { metadataUri: 'https://find.b.example/oauth/client.json' },
        spends: ['https://find.b.example/mcp/docs'],
        reaches: [`${BASE}/mcp/partners`, 'https://gw.c.example'],
      },
    ])
    expect(workloads[0]).toMatchObject({ client: 'nightly', secretHash: SCRYPT })
    expect(workloads[1]?.federated).toMatchObject({ audiences: [], subject: 'system:sa:ci:build' })
    expect(trust).toEqual([
      {
        issuer: 'https://gw.a.example',
        keys: { jwksUri: 'https://gw.a.example/oauth/jwks' },
        pins: [],
        algs: ['ES256'],
        clients: [
          {
            id: 'https://gw.a.example/oauth/client.json',
            keys: { metadataUri: 'https://gw.a.example/oauth/client.json' },
          },
          { id: 'a-agent', keys: KEYS },
        ],
        cnf: 'dpop',
        profiles: ['mesh'],
        resources: [`${BASE}/mcp/partners`],
        subjects: { mode: 'pairwise', pattern: '^[A-Za-z0-9_-]{43}$', map: {}, anonymous: false },
        transit: [],
        scopes: { map: { 'ns:crm:read': ['ns:sales:read'] }, max: ['ns:sales:read'] },
        maxDepth: 3,
        maxTtl: 120_000,
        notAfter: Date.parse('2099-06-01T23:59:59.999Z'),
        exchangesPerMinute: 600,
      },
    ])
  })

  test('says how each upstream is told who calls', () => {
    const { upstreams } = parseConfig(FULL, OPTIONS)
    const auth = (label: string): unknown => Reflect.get(upstreams[label] ?? {}, 'auth')
    expect(auth('near')).toEqual({ mode: 'none' })
    expect(auth('files')).toBeUndefined()
    expect(auth('c')).toEqual({
      mode: 'chain',
      issuer: 'https://gw.c.example',
      scopes: { map: { 'ns:sales:read': ['ns:ledger:read'] }, accept: [] },
      subject: 'pairwise',
      disclose: 'full',
      requireChain: true,
    })
    expect(auth('inside')).toEqual({
      mode: 'exchange',
      scopes: { map: { 'ns:sales': ['ns:docs'] } },
      requireChain: false,
    })
    expect(auth('saas')).toMatchObject({
      mode: 'client_credentials',
      scopes: ['items.read'],
      requires: ['ns:sales'],
    })
  })

  test('with "issuer: {}" asks every caller; without it nobody', () => {
    const guarded = parseConfig({ ...SMALL, issuer: {} }, OPTIONS)
    expect(guarded.endpoints['partners']?.auth).toMatchObject({ dpop: 'required', keys: [] })
    const { issuer: _, ...rest } = SMALL
    const open = parseConfig({ ...rest, node: { name: 'n', organisation: 'b' } }, OPTIONS)
    expect(open.endpoints['partners']?.auth).toBe('none')
    expect('issuer' in open).toBe(false)
    expect(open).toMatchObject({ nodes: [], workloads: [], trust: [] })
  })

  test.each<[string, unknown, unknown, object]>([
    ['of the embedded service', {}, {}, { algs: ['ES256'], dpop: 'required' }],
    [
      'of an external issuer',
      { mode: 'external', url: 'https://kc.example/realms/b' },
      {},
      { algs: ['ES256', 'EdDSA', 'PS256', 'RS256', 'ES384'], dpop: 'accepted' },
    ],
    [
      'of an identity provider',
      {},
      { issuer: 'https://login.internal' },
      { dpop: 'accepted', egress: { allowPrivate: true } },
    ],
    [
      'as it says itself',
      {},
      { issuer: 'https://login.b.example', dpop: 'required', algs: ['RS256'] },
      { algs: ['RS256'], dpop: 'required', egress: { allowPrivate: false } },
    ],
  ])('an endpoint takes tokens %s', (_, issuer, auth, expected) => {
    const input = withAuth(auth, { ...SMALL, issuer })
    expect(parseConfig(input, OPTIONS).endpoints['partners']?.auth).toMatchObject(expected)
  })

  test('static keys need no issuer', () => {
    const { issuer: _, ...rest } = SMALL
    const keys = [{ name: 'ci', hash: HASH, scopes: ['*'], notAfter: '2027-01-31' }]
    expect(problemsOf(withAuth({ keys }, rest))).toEqual([])
  })

  test.each<[string, boolean]>([
    ['https://c.example/mcp', false],
    ['http://127.0.0.1:3000/mcp', true],
    ['http://[::1]:3000/mcp', true],
    ['http://localhost:3000/mcp', true],
    ['http://10.1.2.3/mcp', true],
    ['http://172.31.0.1/mcp', true],
    ['http://[fd00::1]/mcp', true],
    ['http://search:3000/mcp', true],
    ['https://search.internal/mcp', true],
    ['http://172.32.0.1/mcp', false],
    ['http://169.254.169.254/latest', false],
    ['http://[::ffff:10.0.0.1]/mcp', false],
    ['http://2130706433/mcp', true],
  ])('may by default go to private addresses for %s: %s', (url, allowPrivate) => {
    const { upstreams } = parseConfig({ ...SMALL, upstreams: { u: { http: { url } } } }, OPTIONS)
    expect(upstreams['u']).toMatchObject({ egress: { allowPrivate } })
  })

  test('a laboratory on loopback may fetch keys from itself', () => {
    const node = { name: 'n', organisation: 'b', listen: '127.0.0.1:0' }
    const { issuer } = parseConfig({ ...SMALL, node }, OPTIONS)
    expect(issuer?.egress).toEqual({ allowPrivate: true })
  })

  test.each(['0.0.0.0:7400', '[::]:7400', 'gate.b.example:443'])(
    'may listen on %s when every endpoint asks who calls',
    (listen) => {
      const node = { ...SMALL.node, listen }
      expect(problemsOf({ ...SMALL, node })).toEqual([])
      expect(warningsOf({ ...SMALL, node })).toEqual([
        'node.listen: plain http on the network, set node.tls, or see to it that only the proxy in front reaches it',
      ])
      const tls = { cert: 'c.pem', key: 'k.pem', clientCa: 'ca.pem' }
      expect(warningsOf({ ...SMALL, node: { ...node, tls } })).toEqual([])
    },
  )

  test.each<[string, string]>([
    ['2027-06-01', '2027-06-01T23:59:59.999Z'],
    ['2028-02-29', '2028-02-29T23:59:59.999Z'],
    ['2027-06-01T12:00:00Z', '2027-06-01T12:00:00.000Z'],
    ['2027-06-01T12:00:00.5+02:00', '2027-06-01T10:00:00.500Z'],
  ])('an end of %s is %s', (notAfter, time) => {
    const { trust } = parseConfig(withTrust({ notAfter }), OPTIONS)
    expect(trust[0]?.notAfter).toBe(Date.parse(time))
  })
})

describe('a bad issuer', () => {
  test.each<[unknown, string[]]>([
    [null, ['issuer: must be a table, not empty']],
    [
      { mode: 'embeded' },
      ['issuer.mode: must be "embedded", "node" or "external", did you mean "embedded"?'],
    ],
    [{ mode: 'node' }, ['issuer.url: is missing: mode node needs it']],
    [
      { mode: 'node', url: BASE },
      ['issuer.url: is the URL of this node itself, use mode "embedded" to run the service here'],
    ],
    [{ url: 'http://id.b.example' }, ['issuer.url: must be https, unless the host is loopback']],
    [
      { url: 'https://ID.b.example' },
      [
        'issuer.url: must be in normal form, host in lower case, no default port, no dot segments: it is compared with tokens character by character',
      ],
    ],
    [{ url: 'https://id.b.example?x' }, ['issuer.url: must not have a query']],
    [
      { jwksUri: 'https://id.b.example/jwks' },
      [
        'issuer.jwksUri: is not for mode embedded, with mode embedded it is this process that answers',
      ],
    ],
    [{ client: { id: 'x' } }, ['issuer.client: is only for mode external']],
    [
      { mode: 'node', url: 'https://id.example', dpopNonces: 'required' },
      ['issuer.dpopNonces: is only for mode embedded, and where this node signs grants'],
    ],
    [{ dpopNonces: 'on' }, ['issuer.dpopNonces: must be "required" or "off"']],
    [{ tokenTtl: 120 }, ['issuer.tokenTtl: a duration needs a unit, write "120s" or "120ms"']],
    [{ tokenTtl: '2h' }, ['issuer.tokenTtl: must be from 10s to 1h']],
    [{ grantTtl: '3m' }, ['issuer.grantTtl: must be from 5s to 2m']],
    [
      { algs: ['HS256'] },
      [
        'issuer.algs[0]: must be "ES256", "EdDSA", "PS256", "RS256" or "ES384", did you mean "ES256"?',
      ],
    ],
    [{ algs: ['none'] }, ['issuer.algs[0]: must be "ES256", "EdDSA", "PS256", "RS256" or "ES384"']],
    [{ algs: [] }, ['issuer.algs: must not be empty']],
    [{ egress: {} }, ['issuer.egress.allowPrivate: is missing']],
  ])('%j', (issuer, problems) => {
    expect(problemsOf(withIssuer(issuer))).toEqual(problems)
  })
})

describe('who may call', () => {
  const LOCAL = { name: 'gate', organisation: 'b' }
  const { issuer: _, ...WITHOUT } = SMALL

  test.each<[string, unknown, string[]]>([
    [
      'nobody is asked, and the URL is public',
      WITHOUT,
      [
        'node.url: only loopback is allowed while no authentication is configured, add "issuer: {}" to authenticate callers, or leave it out',
      ],
    ],
    [
      'one endpoint is open, and the node listens to all',
      {
        ...SMALL,
        node: { ...LOCAL, url: BASE, listen: '0.0.0.0:1' },
        endpoints: {
          main: { namespaces: ['sales'] },
          ops: { namespaces: ['sales'], auth: 'none' },
        },
      },
      [
        'node.listen: only loopback is allowed while "ops" has auth "none", give it auth, or listen on 127.0.0.1, [::1] or localhost',
        'node.url: only loopback is allowed while "ops" has auth "none", give it auth, or leave it out',
      ],
    ],
    [
      'the node listens to all, and has no URL',
      { ...SMALL, node: { ...LOCAL, listen: '0.0.0.0:1' } },
      [
        'node.url: is missing: a node that listens beyond loopback needs it, tokens name its endpoints by it',
      ],
    ],
    [
      'tokens would travel in the clear',
      { ...SMALL, node: { ...LOCAL, url: 'http://gw.b.example' } },
      ['node.url: must be https, unless the host is loopback'],
    ],
    [
      'nobody vouches',
      withAuth({}, { ...WITHOUT, node: LOCAL }),
      [
        'endpoints.partners.auth: nobody vouches for its callers, add "issuer: {}" to the node, or name an issuer here',
      ],
    ],
    [
      'it is neither word nor table',
      withAuth(true),
      ['endpoints.partners.auth: must be "none" or a table'],
    ],
    [
      'it is another word',
      withAuth('open'),
      ['endpoints.partners.auth: must be "none" or a table'],
    ],
    [
      'a key is mistyped',
      withAuth({ isuer: 'https://x.example' }),
      ['endpoints.partners.auth.isuer: unknown key, did you mean "issuer"?'],
    ],
    [
      'it names our own issuer',
      withAuth({ issuer: BASE }),
      ['endpoints.partners.auth.issuer: is the issuer of this organisation itself, leave it out'],
    ],
    [
      'keys of nobody',
      withAuth({ jwksUri: 'https://x.example/jwks' }),
      [
        'endpoints.partners.auth.jwksUri: is only for an endpoint with an issuer of its own, for the issuer of the organisation it stands under "issuer"',
      ],
    ],
    [
      'our own tokens are no riddle',
      withAuth({ introspection: { url: 'https://x.example/i', client: { id: 'x' } } }),
      ['endpoints.partners.auth.introspection: needs an issuer that is not this process'],
    ],
    [
      'keys that are bad',
      withAuth({
        keys: [
          { name: 'a', hash: 'plain-key', scopes: ['ns:sales'] },
          { name: 'A', hash: HASH, scopes: ['sales'] },
          { name: 'b', hash: HASH, scopes: [], notAfter: '2027-02-30' },
        ],
      }),
      [
        'endpoints.partners.auth.keys[0].hash: must be sha256$<43 characters of base64url>',
        'endpoints.partners.auth.keys[1].name: must be 1 to 32 of a-z 0-9 -, and start with a letter or digit',
        'endpoints.partners.auth.keys[1].scopes[0]: must be a scope: ns:<namespace>, tool:<namespace>/<tool>, prompt:<namespace>/<prompt>, resource:<namespace>, or a part or :read of one',
        'endpoints.partners.auth.keys[2].scopes: must not be empty',
        'endpoints.partners.auth.keys[2].notAfter: must be a date, or a time of RFC 3339, write "2027-06-01", or "2027-06-01T12:00:00Z"',
      ],
    ],
    [
      'two keys are one',
      withAuth({
        keys: [
          { name: 'a', hash: HASH, scopes: ['*'] },
          { name: 'a', hash: HASH, scopes: ['*'] },
        ],
      }),
      [
        'endpoints.partners.auth.keys[1].name: is in the list twice',
        'endpoints.partners.auth.keys[1].hash: is in the list twice',
      ],
    ],
  ])('is refused when %s', (_case, input, problems) => {
    expect(problemsOf(input)).toEqual(problems)
  })
})

describe('a bad trust record', () => {
  const at = 'trust[0]'
  test.each<[object, string[]]>([
    [
      { issuer: BASE },
      [`${at}.issuer: is the issuer of this organisation itself, here stand other issuers only`],
    ],
    [{ issuer: 'gw.a.example' }, [`${at}.issuer: must be an absolute URL`]],
    [{ keys: {} }, [`${at}.keys: needs exactly one of "jwksUri" or "static"`]],
    [
      { keys: { jwksUri: 'http://gw.a.example/jwks' } },
      [`${at}.keys.jwksUri: must be https, unless the host is loopback`],
    ],
    [
      { keys: { static: [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: CANARY }] } },
      [
        `${at}.keys.static[0]: has a private part, only public keys stand in the file; take the private one out of use`,
      ],
    ],
    [
      { keys: { static: [{ kty: 'oct', k: CANARY }] } },
      [
        `${at}.keys.static[0]: has a private part, only public keys stand in the file; take the private one out of use`,
      ],
    ],
    [
      { keys: { static: [{ kty: 'AKP' }] } },
      [`${at}.keys.static[0]: must be a key of kty "EC", "OKP" or "RSA"`],
    ],
    [
      { keys: { static: [{ kty: 'OKP', crv: 'Ed25519' }] } },
      [`${at}.keys.static[0]: must have "crv", "x"`],
    ],
    [
      { pins: ['abc'] },
      [`${at}.pins[0]: must be a SHA-256 thumbprint in base64url (43 characters)`],
    ],
    [{ clients: [] }, [`${at}.clients: must not be empty`]],
    [{ clients: [5] }, [`${at}.clients[0]: must be text or a table`]],
    [
      { clients: ['https://gw.a.example'] },
      [`${at}.clients[0]: must be the URL of a client metadata document, with a path`],
    ],
    [{ clients: [{ id: 'x' }] }, [`${at}.clients[0].keys: is missing`]],
    [{ profiles: ['saml'] }, [`${at}.profiles[0]: must be "mesh" or "id-jag"`]],
    [
      { resources: [`${BASE}/mcp/partnres`] },
      [`${at}.resources[0]: this node has no such endpoint, did you mean "partners"?`],
    ],
    [
      { resources: ['https://other.example/mcp/x'] },
      [
        `${at}.resources[0]: is no endpoint of this node, nor of one under "nodes", list the node it belongs to, with this URL among what it spends`,
      ],
    ],
    [{ resources: [`${BASE}/mcp/partners#x`] }, [`${at}.resources[0]: must not have a fragment`]],
    [{ resources: ['mcp/partners'] }, [`${at}.resources[0]: must be an absolute URL`]],
    [
      { transit: [TRUST.issuer] },
      [`${at}.transit[0]: is this issuer itself, whose subjects need no transit`],
    ],
    [
      { transit: [BASE] },
      [
        `${at}.transit[0]: is the issuer of this organisation itself, here stand other issuers only`,
      ],
    ],
    [
      { subjects: { mode: 'mapped' } },
      [
        `${at}.subjects.map: must not be empty with mode mapped, without it every subject is refused`,
      ],
    ],
    [{ subjects: { map: { a: 'b' } } }, [`${at}.subjects.map: is only for mode mapped`]],
    [
      { subjects: { mode: 'public', pattern: '^x$' } },
      [`${at}.subjects.pattern: is only for mode pairwise`],
    ],
    [
      { subjects: { pattern: 'x' } },
      [`${at}.subjects.pattern: must start with ^ and end with $: a part that fits is not enough`],
    ],
    [
      { subjects: { pattern: '^($' } },
      [`${at}.subjects.pattern: must be a regular expression of JavaScript (with flag u)`],
    ],
    [
      { scopes: { map: {}, max: [] } },
      [
        `${at}.scopes.map: is empty, so nothing would ever be granted, say what each of its scopes is here, like { "ns:crm:read": ["ns:sales:read"] }`,
        `${at}.scopes.max: is empty, so nothing would ever be granted, list the most it may get, like ["ns:sales:read"]`,
      ],
    ],
    [
      { scopes: { map: { 'ns:crm': ['ns:sales'] }, max: ['ns:hr'] } },
      [
        `${at}.scopes.max: has nothing in common with what the map gives, so nothing would ever be granted`,
      ],
    ],
    [
      { scopes: { map: { '*': ['*'] }, max: ['*'] } },
      [
        `${at}.scopes.map["*"]: "*" means another thing at each endpoint and never goes over: name what may be called`,
        `${at}.scopes.max[0]: "*" means another thing at each endpoint and never goes over: name what may be called`,
      ],
    ],
    [{ maxDepth: 0 }, [`${at}.maxDepth: must be at least 1`]],
    [{ maxTtl: 120 }, [`${at}.maxTtl: a duration needs a unit, write "120s" or "120ms"`]],
    [{ rate: { exchangesPerMin: 0 } }, [`${at}.rate.exchangesPerMin: must be at least 1`]],
    [{ notAfter: 2027 }, [`${at}.notAfter: must be text, not a number, put it in quotes`]],
    [{ notafter: '2027-06-01' }, [`${at}.notafter: unknown key, did you mean "notAfter"?`]],
  ])('%j', (record, problems) => {
    expect(problemsOf(withTrust(record))).toEqual(problems)
  })

  test('is one that comes twice, or whose clients are told apart by nothing', () => {
    const client = { id: 'a-agent', keys: { jwksUri: 'https://elsewhere.example/jwks' } }
    expect(problemsOf(withTrust({}, {}))).toEqual([
      'trust[1].issuer: has a record before: one issuer, one record',
    ])
    expect(problemsOf(withTrust({}, { issuer: 'https://d.example', clients: [client] }))).toEqual([
      'trust[1].clients[0]: has other keys in an entry before',
    ])
    const own = { ...(withNode({ client: TRUST.clients[0] }) as object), trust: [TRUST] }
    expect(problemsOf(own)).toEqual(['trust[0].clients[0]: is a client of this organisation'])
  })

  test('is one for an endpoint that takes none of our tokens', () => {
    const endpoints = {
      partners: { namespaces: ['sales'], auth: { issuer: 'https://login.b.example' } },
    }
    expect(problemsOf({ ...(withTrust({}) as object), endpoints })).toEqual([
      'trust[0].resources[0]: this endpoint takes tokens of the issuer of its own auth only',
    ])
  })

  test('may be for an endpoint of a node of the organisation', () => {
    const elsewhere = withTrust({ resources: NODE.spends })
    expect(problemsOf({ ...(elsewhere as object), nodes: [NODE] })).toEqual([])
  })

  test('may be over, for a node must start again on the day after', () => {
    const input = withTrust({ notAfter: '2027-06-01', cnf: 'none' }) as NodeConfigInput
    const unbound = 'trust[0].cnf: whoever gets hold of a token for this issuer can use it'
    expect(warningsOf(input, Date.parse('2027-06-01T23:00:00Z'))).toEqual([unbound])
    expect(warningsOf(input, Date.parse('2027-06-02T00:00:00Z'))).toEqual([
      unbound,
      'trust[0].notAfter: is over: it gets nothing',
    ])
  })
})

describe('the clients of the token service', () => {
  test.each<[unknown, string[]]>([
    [
      { ...SMALL, issuer: { mode: 'node', url: 'https://id.b.example' }, nodes: [NODE] },
      [
        'nodes: is only for a node with an embedded issuer, write it where the token service of the organisation runs',
      ],
    ],
    [
      {
        node: { name: 'gate', organisation: 'b' },
        trust: [{ ...TRUST, resources: ['https://x.example/mcp/y'] }],
      },
      ['trust: is only for a node with an embedded issuer, add "issuer: {}"', expect.any(String)],
    ],
    [withNode({ client: 'find' }), ['nodes[0].client: must be an absolute URL']],
    [
      withNode({ reaches: [`${BASE}/mcp/nope`] }),
      ['nodes[0].reaches[0]: this node has no such endpoint'],
    ],
    [withNode({}, {}), ['nodes[1].client: is the client id of an entry before']],
    [withWorkload({}), ['workloads[0]: needs exactly one of "keys", "secretHash" or "federated"']],
    [
      withWorkload({ keys: KEYS, secretHash: SCRYPT }),
      ['workloads[0]: needs exactly one of "keys", "secretHash" or "federated"'],
    ],
    [
      withWorkload({ keys: KEYS, client: 'a b' }),
      ['workloads[0].client: must be 1 to 512 printable ASCII characters, without space'],
    ],
    [withWorkload({ keys: KEYS, scopes: [] }), ['workloads[0].scopes: must not be empty']],
    [withWorkload({ keys: KEYS, resources: ['https://other.example/mcp/x'] }), []],
    [
      withWorkload({
        federated: { issuer: 'k8s', keys: KEYS, subject: 'a\u202eb' },
      }),
      [
        'workloads[0].federated.issuer: must be an absolute URL, or be spiffe://<trust domain>',
        'workloads[0].federated.subject: must be 1 to 1024 visible characters, in composed form (NFC)',
      ],
    ],
    [
      withWorkload(
        { federated: { issuer: 'spiffe://b.example', keys: KEYS, subject: 's' } },
        { client: 'v', federated: { issuer: 'spiffe://b.example', keys: KEYS, subject: 's' } },
      ),
      ['workloads[1].federated.subject: stands for a workload before'],
    ],
  ])('%j', (input, problems) => {
    expect(problemsOf(input)).toEqual(problems)
  })

  test.each([
    'secret',
    SCRYPT.replace('32768', '1024'),
    SCRYPT.replace('32768', '32769'),
    SCRYPT.replace('32768', '1048576'),
    SCRYPT.replace('$8$1$', '$8$99$'),
    SCRYPT.replace('$8$1$', '$0$1$'),
    SCRYPT.replace('scrypt', 'bcrypt'),
  ])('a secret may not be kept as %s', (secretHash) => {
    expect(problemsOf(withWorkload({ secretHash }))).toEqual([
      expect.stringMatching(/^workloads\[0\]\.secretHash: must be scrypt\$<N>/) as string,
    ])
  })
})

function http(url: string, headers: object = {}): object {
  return { http: { url, headers } }
}

const OWN_NAME = { scopes: ['read'], requires: ['ns:sales'] }

/** The modes in which the node goes in its own name; who the issuer is, the upstream says. */
const OWN_NAMES = [
  { mode: 'client_credentials', client: { id: 'n', secret: 's' }, ...OWN_NAME },
  { mode: 'workload', assertion: 'token', ...OWN_NAME },
  {
    mode: 'xaa',
    client: { id: 'n', secret: 's' },
    provider: { issuer: 'https://idp.example', client: { id: 'n' }, idToken: 'id' },
    ...OWN_NAME,
  },
]

describe('how an upstream is told who calls', () => {
  const at = 'upstreams.c.auth'
  test.each<[unknown, object | undefined, string[]]>([
    [
      { mode: 'saml' },
      undefined,
      [
        `${at}.mode: must be "none", "exchange", "chain", "client_credentials", "oauth", "workload" or "xaa"`,
      ],
    ],
    [
      { issuer: 'https://c.example', requires: ['ns:sales'] },
      undefined,
      [
        `${at}.issuer: is only for mode "chain", "client_credentials", "oauth", "workload" or "xaa"`,
        `${at}.requires: is only for mode "client_credentials", "oauth", "workload" or "xaa"`,
      ],
    ],
    [{ mode: 'exchange' }, undefined, [`${at}.scopes: is missing: mode exchange needs it`]],
    [
      { mode: 'chain' },
      undefined,
      [
        `${at}.issuer: is missing: mode chain needs it`,
        `${at}.scopes: is missing: mode chain needs it`,
      ],
    ],
    [
      { mode: 'client_credentials', issuer: 'https://c.example' },
      undefined,
      [
        `${at}.client: is missing: mode client_credentials needs it`,
        `${at}.scopes: is missing: mode client_credentials needs it`,
        `${at}.requires: is missing: mode client_credentials needs it`,
      ],
    ],
    [
      { ...CHAIN, scopes: { map: {} } },
      undefined,
      [
        `${at}.scopes.map: is empty, so nothing would ever go over, say which scopes of callers become which there, like { "ns:sales:read": ["ns:crm:read"] }`,
      ],
    ],
    [
      { ...CHAIN, scopes: ['ns:sales'] },
      undefined,
      [
        `${at}.scopes: must be a table with "map", say which scopes of callers become which there, like { "ns:sales:read": ["ns:crm:read"] }`,
      ],
    ],
    [
      { ...CHAIN, scopes: { map: { '*': ['ns:crm'] } } },
      undefined,
      [`${at}.scopes.map["*"]: "*" never crosses a border: name what may be called`],
    ],
    [
      { ...CHAIN, scopes: { map: { 'ns:sales': ['*'] } } },
      undefined,
      [
        `${at}.scopes.map["ns:sales"][0]: "*" means another thing at each endpoint and never goes over: name what may be called`,
      ],
    ],
    [
      { ...CHAIN, scopes: { map: { 'ns:sales': ['crm.read'] } } },
      undefined,
      [
        `${at}.scopes.map["ns:sales"][0]: must be a scope: ns:<namespace>, tool:<namespace>/<tool>, prompt:<namespace>/<prompt>, resource:<namespace>, or a part or :read of one`,
      ],
    ],
    [
      { ...CHAIN, scopes: { map: { 'ns:sales': ['crm.read'] } } },
      http('https://c.example/mcp'),
      [],
    ],
    [
      { ...CHAIN, issuer: BASE },
      undefined,
      [
        `${at}.issuer: is the issuer of this organisation itself, use mode "exchange" within the organisation`,
      ],
    ],
    [
      CHAIN,
      http('http://c.example/mcp'),
      ['upstreams.c.http.url: must be https for auth mode chain, unless the host is loopback'],
    ],
    [CHAIN, http('http://127.0.0.1:1/mcp'), []],
    [
      CHAIN,
      http('https://c.example/mcp', { Authorization: CANARY }),
      [
        'upstreams.c.http.headers: must not set "authorization" with auth mode chain, the node sets it to the token of each call',
      ],
    ],
    ...OWN_NAMES.flatMap((auth): [unknown, object, string[]][] => [
      [auth, http('https://c.example/mcp'), []],
      [
        { ...auth, tokenEndpoint: 'https://as.example/token' },
        http('https://c.example/mcp'),
        [`${at}.issuer: is missing: tokenEndpoint is that of one issuer`],
      ],
    ]),
    [{}, http('https://c.example/mcp', { Authorization: CANARY }), []],
    [
      {},
      http('https://c.example/mcp', { DPoP: 'x' }),
      ['upstreams.c.http.headers.DPoP: is set by the node itself'],
    ],
    [{}, { stdio: { command: 'x' } }, [`${at}: is only for http and node upstreams`]],
  ])('%j over %j', (auth, upstream, problems) => {
    const input = withUpstream(auth, upstream)
    expect(problemsOf(input).filter((line) => !line.startsWith('endpoints'))).toEqual(problems)
  })

  test.each(['exchange', 'chain'] as const)('%s needs an issuer that starts it', (mode) => {
    const { issuer: _, ...rest } = withUpstream(
      mode === 'chain' ? CHAIN : { mode, scopes: CHAIN.scopes },
    ) as NodeConfigInput
    expect(problemsOf({ ...rest, node: { name: 'n', organisation: 'b' } })).toEqual([
      `upstreams.c.auth.mode: ${mode} needs the issuer of the organisation, and the node has none, add "issuer: {}"`,
    ])
  })
})

describe('secrets of clients', () => {
  test('come from the environment, and do not show', () => {
    const config = parseConfig(FULL, OPTIONS)
    const saas = config.upstreams['saas']
    const auth = saas?.kind === 'http' ? saas.auth : undefined
    expect(auth?.mode === 'client_credentials' && auth.client.secret?.reveal()).toBe(CANARY)
    for (const shown of [JSON.stringify(config), inspect(config, { depth: 20 })]) {
      expect(shown).not.toContain(CANARY)
    }
  })

  test.each<[string, unknown]>([
    [
      'a line break',
      withIssuer({
        mode: 'external',
        url: 'https://x.example',
        client: { id: 'x', secret: `${CANARY}\n` },
      }),
    ],
    ['a private key', withTrust({ keys: { static: [{ kty: 'EC', d: CANARY }] } })],
    ['a secret for a hash', withWorkload({ secretHash: CANARY })],
    ['a key for a hash', withAuth({ keys: [{ name: 'a', hash: CANARY, scopes: ['*'] }] })],
    ['a secret for a table', withAuth(CANARY)],
    [
      'a secret for a client',
      withIssuer({ mode: 'external', url: 'https://x.example', client: CANARY }),
    ],
    ['a secret for a scope', withTrust({ scopes: { map: CANARY, max: [`${CANARY}"`] } })],
    ['a token for an issuer', withAuth({ issuer: `https://x:${CANARY}@y.example` })],
  ])('do not show in the error about %s', (_, input) => {
    const problems = problemsOf(input)
    expect(problems.length).toBeGreaterThan(0)
    expect(problems.join('\n')).not.toContain(CANARY)
  })
})
