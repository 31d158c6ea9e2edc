// Who signs grants where the authorization server cannot, and what those for one organisation may say.
import { describe, expect, test } from 'vitest'
import { ConfigError, formatProblem } from '../../../node/core/config-error.ts'
import type { NodeConfigInput } from '../../../node/core/config-input.ts'
import { parseConfig } from '../../../node/core/config.ts'
import { restartChanges } from '../../../node/main/restart-changes.ts'
import { BASE, FULL, OPTIONS } from './identity-config.ts'

const LOGIN = 'https://login.b.example/realms/b'
const EXTERNAL = { mode: 'external', url: LOGIN } as const
const FIND = 'https://find.b.example/oauth/client.json'
const FAR = 'https://gw.c.example'

/** A node whose people sign in at an authorization server that is no node. */
const SMALL: NodeConfigInput = {
  node: { name: 'gate', organisation: 'b', url: BASE },
  issuer: { ...EXTERNAL, grants: {} },
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

function nodeWith(more: object): object {
  const node = {
    client: FIND,
    spends: ['https://find.b.example/mcp/docs'],
    reaches: [FAR],
    ...more,
  }
  return { ...SMALL, nodes: [node] }
}

/** With nonces demanded. */
function demanding(more: object): unknown {
  return { ...SMALL, issuer: { ...EXTERNAL, ...more, dpopNonces: 'required' } }
}

describe('who signs grants', () => {
  test('is this process under its own URL, or another node', () => {
    expect(parseConfig(SMALL, OPTIONS).issuer?.grants).toEqual({ mode: 'embedded' })
    const elsewhere = { mode: 'node', url: 'https://hub.b.example' } as const
    const issuer = { ...EXTERNAL, grants: elsewhere }
    expect(parseConfig({ ...SMALL, issuer }, OPTIONS).issuer?.grants).toEqual(elsewhere)
    expect(parseConfig({ ...SMALL, issuer: EXTERNAL }, OPTIONS).issuer).not.toHaveProperty('grants')
  })

  test('may demand nonces where they are asked for, and only there', () => {
    expect(problemsOf(demanding({ grants: {} }))).toEqual([])
    const elsewhere = { mode: 'node', url: 'https://hub.b.example' }
    for (const more of [{}, { grants: elsewhere }]) {
      expect(problemsOf(demanding(more))).toEqual([
        'issuer.dpopNonces: is only for mode embedded, and where this node signs grants',
      ])
    }
  })

  test('another one takes a restart', () => {
    const now = parseConfig(SMALL, OPTIONS)
    const next = parseConfig({ ...SMALL, issuer: EXTERNAL }, OPTIONS)
    expect(restartChanges(now, next).map(({ path }) => path.join('.'))).toEqual(['issuer.grants'])
    expect(restartChanges(now, now)).toEqual([])
  })

  test.each<[object, string[]]>([
    [{ mode: 'embedded', grants: {} }, ['issuer.grants: is only for mode external']],
    [
      { mode: 'node', url: 'https://hub.b.example', grants: {} },
      ['issuer.grants: is only for mode external'],
    ],
    [{ grants: { mode: 'node' } }, ['issuer.grants.url: is missing: mode node needs it']],
    [
      { grants: { mode: 'node', url: BASE } },
      [
        'issuer.grants.url: is the URL of this node itself, use mode "embedded" to sign grants here',
      ],
    ],
    [
      { grants: { url: LOGIN } },
      [
        'issuer.grants.url: is the authorization server itself, grants have an issuer identifier of their own',
      ],
    ],
    [
      { grants: { tokenEndpoint: `${BASE}/oauth/token` } },
      [
        'issuer.grants.tokenEndpoint: is not for mode embedded, with mode embedded it is this process that answers',
      ],
    ],
    [
      { grants: { url: 'http://gw.b.example' } },
      ['issuer.grants.url: must be https, unless the host is loopback'],
    ],
  ])('is not %j', (issuer, problems) => {
    expect(problemsOf({ ...SMALL, issuer: { ...EXTERNAL, ...issuer } })).toEqual(problems)
  })

  test('gives no tokens to programs and other organisations: the authorization server does', () => {
    const { workloads, trust } = FULL
    const hint = 'the authorization server decides who gets tokens: tell it'
    expect(problemsOf({ ...SMALL, trust, workloads })).toEqual(
      ['workloads', 'trust'].map(
        (part) => `${part}: is only for a node with an embedded issuer, ${hint}`,
      ),
    )
    expect(problemsOf({ ...nodeWith({}), issuer: EXTERNAL })).toEqual([
      `nodes: is only for a node with an embedded issuer, ${hint}`,
    ])
  })

  test('is of this organisation: none of its endpoints and links takes it for another', () => {
    const auth = { mode: 'chain', issuer: BASE, scopes: { map: { 'ns:sales': ['ns:crm'] } } }
    const upstreams = { ...SMALL.upstreams, c: { node: { url: 'https://c.example/mcp/x' }, auth } }
    const endpoints = { partners: { namespaces: ['sales', 'c-*'], auth: { issuer: BASE } } }
    expect(problemsOf({ ...SMALL, upstreams, endpoints })).toEqual([
      'endpoints.partners.auth.issuer: is the issuer of this organisation itself, leave it out',
      'upstreams.c.auth.issuer: is the issuer of this organisation itself, use mode "exchange" within the organisation',
    ])
  })
})

describe('what a node may get grants for', () => {
  test('is an issuer alone, or one with what may be said', () => {
    const rule = {
      issuer: FAR,
      resources: [`${FAR}/mcp/pub`],
      scopes: { map: { 'ns:sales': ['ns:ledger'] }, max: ['ns:ledger:read'] },
      subject: 'public',
      disclose: 'self',
    }
    const reaches = [`${BASE}/mcp/partners`, rule, { issuer: 'https://gw.d.example' }]
    const named = { alias: 'find-b', scopeMap: { reader: ['ns:sales:read'] } }
    const [node] = parseConfig(nodeWith({ reaches, ...named }), OPTIONS).nodes
    expect(node).toMatchObject({
      ...named,
      reaches: [`${BASE}/mcp/partners`, FAR, 'https://gw.d.example'],
      grants: [
        rule,
        { issuer: 'https://gw.d.example', scopes: {}, subject: 'pairwise', disclose: 'full' },
      ],
    })
    expect(parseConfig(nodeWith({}), OPTIONS).nodes[0]).not.toHaveProperty('grants')
  })

  test.each<[object, string[]]>([
    [{ reaches: [FAR, { issuer: FAR }] }, ['nodes[0].reaches[1]: is in the list twice']],
    [{ reaches: [{}] }, ['nodes[0].reaches[0].issuer: is missing']],
    [
      { reaches: [{ issuer: FAR, disclose: 'none' }] },
      ['nodes[0].reaches[0].disclose: must be "full", "self" or "hashed"'],
    ],
    [
      { reaches: [{ issuer: FAR, scopes: { max: ['*'] } }] },
      [
        'nodes[0].reaches[0].scopes.max[0]: "*" means another thing at each endpoint and never goes over: name what may be called',
      ],
    ],
    [
      { reaches: [BASE] },
      [
        'nodes[0].reaches[0]: is the issuer of this organisation itself, here stand other issuers only',
      ],
    ],
    [
      { reaches: ['https://gw.d.example', { issuer: LOGIN }] },
      [
        'nodes[0].reaches[1]: is the issuer of this organisation itself, here stand other issuers only',
      ],
    ],
  ])('is not %j', (more, problems) => {
    expect(problemsOf(nodeWith(more))).toEqual(problems)
  })

  test('has no other names where the tokens are of this process', () => {
    const scopeMap = { reader: ['ns:sales:read'] }
    const own = { ...nodeWith({ alias: 'find-b', scopeMap }), issuer: {} }
    expect(problemsOf(own)).toEqual([
      'nodes[0].alias: is only for an issuer of mode external',
      'nodes[0].scopeMap: is only for an issuer of mode external',
    ])
  })
})
