// Every field of the configuration over a reload: it takes effect while the node runs, or the reload says that it takes a
// restart. A field that is new must be put into the table, or this fails.
import { existsSync } from 'node:fs'
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { jsonSchema, type JsonSchema } from '../../node/core/config-publish.ts'
import { parseConfig } from '../../node/core/config.ts'
import { hashClientSecret } from '../../node/identity/service/client-secret.ts'
import { restartChanges } from '../../node/main/restart-changes.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import { EXPLAIN_METHOD, FEDERATION } from '../../protocol/federation.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { callModern } from '../fixtures/raw-client.ts'
import { stdioCommand } from '../fixtures/stdio-command.ts'
import { until } from '../fixtures/wait.ts'
import { serve, type LocalServer } from '../node/identity/local-server.ts'
import { Keyholders } from './keyholders.ts'
import { Mesh } from './mesh.ts'
import { Operator } from './operator.ts'

type Json = Readonly<Record<string, unknown>>

/** What is compared before and after. */
type Look = (node: RunningNode, config: Json) => Promise<unknown>

/** A field that takes effect: how it is changed, and where that shows. */
interface Live {
  readonly from?: () => Json | Promise<Json>
  readonly change: (config: Json) => Json
  readonly look: Look
}

type Row = 'restart' | Live | { readonly shownBy: string }

const mesh = new Mesh()
const operator = new Operator()
const people = new Keyholders('ann', 'bob')
let fixture: FixtureServer
let other: FixtureServer
let server: LocalServer
let signing: CryptoKey
let secretHash: string
let node: RunningNode

/** Asked for at the authorization server: path, and who asked. */
const asked: string[] = []

beforeAll(async () => {
  const pair = await generateKeyPair('ES256')
  signing = pair.privateKey
  secretHash = await hashClientSecret(SECRET)
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }
  server = await serve((request, response) => {
    const { url = '', headers } = request
    asked.push(`${url} ${headers.authorization ?? ''}`)
    const answer = url.startsWith('/jwks')
      ? { keys: url === '/jwks' ? [jwk] : [] }
      : documentAt(url)
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer ?? {}))
  })
})

function documentAt(url: string): Json | undefined {
  if (!url.startsWith('/.well-known/')) return undefined
  const issuer = server.url
  return { issuer, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks` }
}

afterAll(() => server.close())

beforeEach(async () => {
  fixture = await FixtureServer.start({ era: '2026' })
  other = await FixtureServer.start({ era: '2026', tools: [] })
  asked.splice(0)
})

afterEach(async () => {
  await mesh.close()
  await fixture.close()
  await other.close()
})

const SECRET = 'a-secret-of-a-workload-that-is-long-enough-for-it'

function plain(): Json {
  return {
    node: { name: 'edge', organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    issuer: {},
    upstreams: { u: { http: { url: fixture.url } }, v: { http: { url: other.url } } },
    namespaces: { fx: { from: ['u'] } },
    endpoints: { main: { namespaces: ['fx'], auth: people.auth() } },
    clients: people.clients(),
    visibility: [{ for: 'ann' }, { for: 'bob', tools: [{ tag: 'some' }] }],
    tags: { some: ['fx__echo'] },
    admin: operator.admin(),
  }
}

/** The organisation's issuer is somebody else's authorization server. */
function external(): Json {
  const issuer = {
    mode: 'external',
    url: server.url,
    client: { id: 'first', secret: 'the-first-one' },
  }
  return { ...plain(), issuer, endpoints: { main: { namespaces: ['fx'] } } }
}

function delegating(): Json {
  const auth = { mode: 'exchange', scopes: { map: { '*': ['ns:a'] } }, requireChain: false }
  return {
    ...external(),
    upstreams: { u: { http: { url: fixture.url }, auth } },
    visibility: 'open',
  }
}

/** The same with a part of a part replaced. */
function set(config: Json, path: string, value: unknown): Json {
  const [key = '', ...rest] = path.split('.')
  if (rest.length === 0) return { ...config, [key]: value }
  return { ...config, [key]: set((config[key] ?? {}) as Json, rest.join('.'), value) }
}

const changing =
  (path: string, value: () => unknown) =>
  (config: Json): Json =>
    set(config, path, value())

async function listOf(name: string): Promise<readonly string[]> {
  const headers = people.headers(name)
  const reply = await callModern(node.endpointUrl('main'), 'tools/list', {}, { headers })
  const { tools = [] } = (reply.answer['result'] ?? {}) as { tools?: { name: string }[] }
  return reply.status === 200 ? tools.map((tool) => tool.name) : [String(reply.status)]
}

const lists: Look = async () => [await listOf('ann'), await listOf('bob')]

const said: Look = async () => {
  const headers = people.headers('ann')
  const { answer } = await callModern(node.endpointUrl('main'), 'server/discover', {}, { headers })
  return JSON.stringify(answer)
}

/** Whether a node in front is told why. */
const explained: Look = async () => {
  const [headers, meta] = [people.headers('ann'), NODE]
  const params = { name: 'fx__echo' }
  const url = node.endpointUrl('main')
  return (await callModern(url, EXPLAIN_METHOD, params, { headers, meta })).status
}

/** What a node says of itself. */
const NODE = {
  'io.modelcontextprotocol/clientCapabilities': {
    extensions: { [FEDERATION]: { version: 1, node: 'x', organisation: 'x', name: 'x' } },
  },
}

/** How often the upstream was connected to: what is configured of it holds for a connection. */
const connections: Look = async () => {
  await until(() => fixture.requests.length > 0, 'a connection')
  return fixture.requests.filter(({ method }) => method === 'server/discover').length
}

async function status(key: Operator): Promise<number> {
  return (await key.at(node).send('GET', '/api/v1/status')).status
}

const operators: Look = async () => status(operator)

/** Whether a token of the external server is taken. */
const tokens: Look = async () => {
  const now = Math.floor(Date.now() / 1_000)
  const token = await new SignJWT({ client_id: 'desk', scope: 'ns:fx' })
    .setProtectedHeader({ alg: 'ES256', typ: 'jwt', kid: 'one' })
    .setIssuer(server.url)
    .setSubject('ann')
    .setAudience(node.endpointUrl('main'))
    .setJti('x')
    .setIssuedAt(now)
    .setExpirationTime(now + 60)
    .sign(signing)
  const headers = { authorization: `Bearer ${token}` }
  return (await callModern(node.endpointUrl('main'), 'tools/list', {}, { headers })).status
}

/** Where the node gets tokens of its own, and as whom. */
const ownTokens: Look = async () => {
  asked.splice(0)
  await node.refresh(['u'])
  await until(() => asked.some((one) => one.includes('token')), 'a request for a token')
  return asked.filter((one) => one.includes('token'))
}

/** What the token service answers to a workload. */
const workload: Look = async () => {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    resource: node.endpointUrl('main'),
  })
  const basic = Buffer.from(`nightly:${SECRET}`).toString('base64')
  const headers = { authorization: `Basic ${basic}` }
  const answer = await fetch(`${node.url}/oauth/token`, { method: 'POST', headers, body })
  return [answer.status, ((await answer.json()) as Json)['error']]
}

const metadata: Look = async () =>
  (await fetch(`${node.url}/.well-known/oauth-authorization-server`)).text()

const upstream = (field: string, value: () => unknown): Live => ({
  change: changing(`upstreams.u.${field}`, value),
  look: connections,
})

const endpoint = (field: string, value: () => unknown, look: Look = lists): Live => ({
  change: changing(`endpoints.main.${field}`, value),
  look,
})

/** Where the mesh is shown to take another configuration. */
const GOSSIP = 'test/mesh/gossip.test.ts'

/** One row a field, two levels deep; of tables of things by name, the fields of one. */
const TABLE: Readonly<Record<string, Row>> = {
  'node.name': 'restart',
  'node.organisation': 'restart',
  'node.listen': 'restart',
  'node.url': 'restart',
  'node.tls': 'restart',
  'node.state': 'restart',
  'node.sessionKey': 'restart',
  'node.allowedHosts': 'restart',
  'node.allowedOrigins': 'restart',
  'node.pins': 'restart',
  'limits.*': 'restart',
  'audit.file': 'restart',
  'audit.arguments': 'restart',
  'audit.refusalsPerSecond': 'restart',
  'audit.maxBytes': 'restart',
  'audit.bufferBytes': 'restart',
  'telemetry.otlp': 'restart',
  'telemetry.sample': 'restart',
  'telemetry.tracesPerSecond': 'restart',
  'admin.listen': 'restart',
  'admin.tls': 'restart',
  'admin.auth': {
    change: (config) => set(config, 'admin', { listen: '127.0.0.1:0', auth: 'none' }),
    look: () => status(new Operator()),
  },
  'admin.keys': { change: changing('admin.keys', () => [new Operator().entry()]), look: operators },
  'admin.write': {
    change: changing('admin.write', () => true),
    look: async () => (await operator.at(node).send('POST', '/api/v1/drain')).status,
  },
  'admin.console': {
    change: changing('admin.console', () => false),
    look: async () => (await fetch(`${node.adminUrl}/console/`)).status,
  },
  'admin.allowedHosts': {
    change: changing('admin.allowedHosts', () => ['ops.example']),
    look: async () => {
      // Nobody but a program that writes its own requests sends another Host.
      const { port } = new URL(node.adminUrl ?? '')
      return rawStatus(Number(port), 'ops.example')
    },
  },
  'gossip.nats': { shownBy: GOSSIP },
  'gossip.credentials': { shownBy: GOSSIP },
  'gossip.tls': { shownBy: GOSSIP },
  'gossip.members': { shownBy: GOSSIP },
  'gossip.membership': { shownBy: GOSSIP },
  'gossip.disclose': { shownBy: GOSSIP },
  'gossip.imports': { shownBy: GOSSIP },
  'gossip.exports': { shownBy: GOSSIP },
  'gossip.borders': { shownBy: 'test/mesh/gossip-borders.test.ts' },
  'gossip.links': { shownBy: GOSSIP },
  'gossip.cost': { shownBy: GOSSIP },
  'gossip.leave': { shownBy: GOSSIP },
  'issuer.mode': 'restart',
  'issuer.url': 'restart',
  'issuer.grants': 'restart',
  'issuer.keyLifetime': 'restart',
  'issuer.tokenTtl': 'restart',
  'issuer.grantTtl': 'restart',
  'issuer.egress': 'restart',
  'issuer.algs': { change: changing('issuer.algs', () => ['ES256', 'EdDSA']), look: metadata },
  'issuer.types': {
    from: external,
    change: changing('issuer.types', () => ['jwt']),
    look: tokens,
  },
  'issuer.jwksUri': {
    from: () => set(external(), 'issuer', { ...(external()['issuer'] as Json), types: ['jwt'] }),
    change: changing('issuer.jwksUri', () => `${server.url}/jwks-none`),
    look: tokens,
  },
  'issuer.client': {
    from: delegating,
    change: changing('issuer.client', () => ({ id: 'second', secret: 'the-second-one' })),
    look: ownTokens,
  },
  'issuer.tokenEndpoint': {
    from: delegating,
    change: changing('issuer.tokenEndpoint', () => `${server.url}/other-token`),
    look: ownTokens,
  },
  'issuer.revocationPoll': { shownBy: 'test/node/identity/revocation-poll.test.ts' },
  'issuer.dpopNonces': { shownBy: 'test/mesh/nonces.test.ts' },
  nodes: { shownBy: 'test/interop/grant-asker.test.ts' },
  trust: { shownBy: 'test/security/three.ts' },
  quotas: { shownBy: 'test/mesh/limits.test.ts' },
  workloads: {
    change: (config) =>
      set(config, 'workloads', [
        {
          client: 'nightly',
          secretHash,
          resources: [node.endpointUrl('main')],
          scopes: ['ns:fx'],
        },
      ]),
    look: workload,
  },
  'upstreams.*.stdio': {
    from: () => set(plain(), 'upstreams.u', { stdio: stdioCommand({ era: '2026' }) }),
    change: changing('upstreams.u.stdio.stopGrace', () => '3s'),
    look: async () => {
      const params = { name: 'fx__pid', arguments: {} }
      const headers = people.headers('ann')
      return (await callModern(node.endpointUrl('main'), 'tools/call', params, { headers })).raw
    },
  },
  'upstreams.*.http': {
    change: changing('upstreams.u.http', () => ({ url: other.url })),
    look: lists,
  },
  'upstreams.*.node': {
    from: async () => {
      const inner = await mesh.front('inner', fixture.url)
      const url = inner.endpointUrl('main')
      const upstreams = { u: { node: { url, as: '{namespace}' } } }
      const endpoints = { main: { namespaces: ['*'], auth: people.auth() } }
      return { ...plain(), upstreams, namespaces: {}, endpoints }
    },
    change: changing('upstreams.u.node.as', () => 'other-{namespace}'),
    look: lists,
  },
  'upstreams.*.auth': {
    from: plain,
    change: changing('upstreams.u.auth', () => ({
      mode: 'client_credentials',
      issuer: server.url,
      client: { id: 'a', secret: 'another-one' },
      scopes: ['x'],
      requires: ['ns:fx'],
    })),
    look: () => Promise.resolve(asked.length > 0),
  },
  'upstreams.*.egress': upstream('egress', () => ({ allowPrivate: false })),
  'upstreams.*.provenance': upstream('provenance', () => ({ results: 'attach' })),
  'upstreams.*.timeout': upstream('timeout', () => '7s'),
  'upstreams.*.maxTimeout': upstream('maxTimeout', () => '11m'),
  'upstreams.*.listTtl': upstream('listTtl', () => '7s'),
  'upstreams.*.isolate': upstream('isolate', () => 'session'),
  'upstreams.*.era': upstream('era', () => '2026'),
  'upstreams.*.concurrency': upstream('concurrency', () => 7),
  'namespaces.*.from': { change: changing('namespaces.fx.from', () => ['v']), look: lists },
  'endpoints.*.namespaces': {
    from: () => set(plain(), 'namespaces.more', { from: ['u'] }),
    ...endpoint('namespaces', () => ['fx', 'more']),
  },
  'endpoints.*.names': endpoint('names', () => 'plain'),
  'endpoints.*.nameLength': endpoint('nameLength', () => 16),
  'endpoints.*.pageSize': endpoint('pageSize', () => 2),
  'endpoints.*.tools': endpoint('tools', () => 'search'),
  'endpoints.*.explainTo': endpoint('explainTo', () => ['ann'], explained),
  'endpoints.*.title': endpoint('title', () => 'Another', said),
  'endpoints.*.instructions': endpoint('instructions', () => 'Another', said),
  'endpoints.*.card': endpoint(
    'card',
    () => ({ name: 'com.example/one', description: 'A server' }),
    said,
  ),
  'endpoints.*.auth': endpoint('auth', () => people.without('bob').auth()),
  clients: { change: changing('clients.bob', () => ({ keys: 'ann' })), look: lists },
  tags: { change: changing('tags.some', () => ['fx__meta']), look: lists },
  visibility: { change: changing('visibility', () => 'open'), look: lists },
  expect: {
    // A file that does not hold what it says is refused, and nothing of it is taken.
    change: changing('expect', () => [{ for: 'bob', endpoint: 'main', hides: ['fx__echo'] }]),
    look: (_, config) =>
      node.reload(config).then(
        () => 'taken',
        () => 'refused',
      ),
  },
}

async function rawStatus(port: number, host: string): Promise<number> {
  const { request } = await import('node:http')
  return new Promise((resolve, reject) => {
    const headers = { host, authorization: `Bearer ${operator.key}` }
    const sent = request(
      { port, host: '127.0.0.1', path: '/api/v1/status', headers },
      (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      },
    )
    sent.on('error', reject)
    sent.end()
  })
}

/** The fields of the published schema, as the table names them. */
function fieldsOf(): readonly string[] {
  const tables = new Set(['upstreams', 'namespaces', 'endpoints'])
  const whole = new Set(['nodes', 'workloads', 'trust', 'clients', 'tags', 'visibility', 'expect'])
  return Object.entries(jsonSchema().properties ?? {}).flatMap(([part, schema]) => {
    if (whole.has(part)) return [part]
    if (part === 'limits') return ['limits.*']
    const each = schema.additionalProperties
    const inside = tables.has(part) && typeof each === 'object' ? each : schema
    const prefix = tables.has(part) ? `${part}.*` : part
    const fields = propertiesOf(inside)
    // What has names of the operator's own for members is one field.
    return fields.length === 0 ? [part] : fields.map((field) => `${prefix}.${field}`)
  })
}

function propertiesOf({ properties = {}, anyOf = [] }: JsonSchema): readonly string[] {
  return [...new Set([...Object.keys(properties), ...anyOf.flatMap(propertiesOf)])]
}

test('every field has a row', () => {
  expect(Object.keys(TABLE).toSorted()).toEqual(fieldsOf().toSorted())
})

const rows = Object.entries(TABLE)

describe('takes effect while the node runs', () => {
  const live = rows.flatMap(([field, row]) =>
    typeof row === 'object' && 'look' in row ? [[field, row] as const] : [],
  )

  test.each(live)('%s', async (field, { from = plain, change, look }) => {
    const config = await from()
    node = await mesh.startConfig(config)
    await node.ready()
    const before = await look(node, config)
    const next = change(config)
    await (field === 'expect' ? node.reload(next).catch(() => undefined) : node.reload(next))
    await until(
      async () => JSON.stringify(await look(node, next)) !== JSON.stringify(before),
      field,
    )
    expect(JSON.stringify(await look(node, next))).not.toBe(JSON.stringify(before))
  })

  test.each(
    rows.flatMap(([field, row]) =>
      typeof row === 'object' && 'shownBy' in row ? [[field, row.shownBy]] : [],
    ),
  )('%s is shown by %s', (_, file) => {
    expect(existsSync(file ?? '')).toBe(true)
  })
})

const TLS = { cert: 'a.pem', key: 'b.pem' }

const COLLECTOR = { url: 'http://127.0.0.1:4318/v1/traces' }

/** Another value for each field that is fixed. */
const OTHERS: Readonly<Record<string, unknown>> = {
  'node.name': 'other',
  'node.organisation': 'other',
  'node.listen': '127.0.0.1:7999',
  'node.url': 'http://127.0.0.1:7999',
  'node.tls': TLS,
  'node.state': 'elsewhere',
  'node.sessionKey': Buffer.alloc(32, 1).toString('base64url'),
  'node.allowedHosts': ['x.example'],
  'node.allowedOrigins': ['https://x.example'],
  'node.pins': 'other.json',
  'audit.file': 'a.jsonl',
  'audit.arguments': 'digest',
  'audit.refusalsPerSecond': 7,
  'audit.maxBytes': '1MiB',
  'audit.bufferBytes': '1MiB',
  'telemetry.otlp': COLLECTOR,
  'admin.listen': '127.0.0.1:7998',
  'admin.tls': TLS,
  'issuer.url': 'https://id.example',
  'issuer.keyLifetime': '1d',
  'issuer.tokenTtl': '1h',
  'issuer.grantTtl': '30s',
  'issuer.egress': { allowPrivate: false },
}

function restarts(before: Json, after: Json): readonly string[] {
  const found = restartChanges(parseConfig(before), parseConfig(after))
  return found.map(({ path }) => path.join('.'))
}

describe('takes a restart, and says so', () => {
  const fixed = rows.flatMap(([field, row]) =>
    row === 'restart' && field in OTHERS ? [field] : [],
  )

  test.each(fixed)('%s', (field) => {
    const [part = ''] = field.split('.')
    const found = restarts(plain(), set(plain(), field, OTHERS[field]))
    expect(found.some((path) => field.startsWith(path) || path.startsWith(part))).toBe(true)
  })

  test('issuer.mode and issuer.grants', () => {
    expect(restarts(plain(), external())).toContain('issuer.mode')
    const grants = set(external(), 'issuer.grants', {})
    expect(restarts(external(), grants)).toContain('issuer.grants')
  })

  test('telemetry.sample and telemetry.tracesPerSecond', () => {
    const traced = set(plain(), 'telemetry.otlp', COLLECTOR)
    for (const [field, value] of [
      ['telemetry.sample', 0.5],
      ['telemetry.tracesPerSecond', 7],
    ] as const) {
      expect(restarts(traced, set(traced, field, value))).toEqual(['telemetry'])
    }
  })

  test('every limit', () => {
    const limits = Object.entries(jsonSchema().properties?.['limits']?.properties ?? {})
    expect(limits.length).toBeGreaterThan(30)
    const parsed = parseConfig(plain())
    const silent = limits.filter(([name]) => {
      const value = parsed.limits[name as keyof typeof parsed.limits]
      const next = { ...parsed, limits: { ...parsed.limits, [name]: value + 1 } }
      return restartChanges(parsed, next).length === 0
    })
    expect(silent.map(([name]) => name)).toEqual([])
  })

  test('the listener for operators as such', () => {
    const { admin: _, ...without } = plain()
    expect(restarts(plain(), without)).toEqual(['admin'])
    expect(restarts(without, plain())).toEqual(['admin'])
  })

  test('nothing else', () => {
    const issuer = ['issuer.mode', 'issuer.grants']
    const telemetry = ['telemetry.sample', 'telemetry.tracesPerSecond']
    const all = new Set([...Object.keys(OTHERS), ...issuer, ...telemetry, 'limits.*'])
    const left = rows.filter(([field, row]) => row === 'restart' && !all.has(field))
    expect(left).toEqual([])
  })
})
