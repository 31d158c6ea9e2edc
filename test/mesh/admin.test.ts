// The admin listener of whole nodes: what operators are told, what they can change, and who is no operator.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ConfigError } from '../../node/core/config-error.ts'
import type { RunningNode } from '../../node/main/running-node.ts'
import type { RoutesReport } from '../../node/control/routes-report.ts'
import { FixtureServer } from '../fixtures/fixture-server.ts'
import { until } from '../fixtures/wait.ts'
import { Keyholders } from './keyholders.ts'
import { configOf, Mesh } from './mesh.ts'
import { Operator } from './operator.ts'

const mesh = new Mesh()
const people = new Keyholders('analyst', 'admin')
const operator = new Operator()
const reader = new Operator('reader')
let fixture: FixtureServer
let node: RunningNode

function configured(more: object = {}, admin: object = {}): object {
  const plan = {
    upstreams: { fixture: { http: { url: fixture.url, headers: { 'x-key': 'in-a-header' } } } },
    namespaces: { fx: { from: ['fixture'] } },
    endpoints: {
      main: { namespaces: ['*'], auth: people.auth() },
      open: { namespaces: ['*'], names: 'prefixed', auth: 'none' },
    },
  }
  const keys = [operator.entry(), reader.entry({ readOnly: true })]
  return {
    ...configOf('edge', plan),
    issuer: {},
    clients: people.clients(),
    visibility: [
      { for: 'admin' },
      { for: 'analyst', tools: { allow: ['fx__*'], deny: ['fx__meta'] } },
    ],
    admin: operator.admin({ keys, write: true, ...admin }),
    ...more,
  }
}

beforeEach(async () => {
  fixture = await FixtureServer.start({ era: '2026' })
  node = await mesh.startConfig(configured())
  await node.ready()
  operator.at(node)
  reader.at(node)
})

afterEach(async () => {
  fixture.gate.open()
  await mesh.close()
  await fixture.close()
})

function asAnalyst(): ReturnType<Keyholders['caller']> {
  return people.caller('2025', node.endpointUrl('main'), 'analyst')
}

async function readiness(): Promise<number> {
  return (await fetch(`${node.url}/readyz`)).status
}

function at(path: string, init: RequestInit = {}): Promise<Response> {
  return fetch(`${node.adminUrl}${path}`, { redirect: 'manual', ...init })
}

describe('the console', () => {
  test('is there without a key, and holds nothing but itself', async () => {
    const { status, headers } = await at('/console')
    expect([status, headers.get('location')]).toEqual([308, '/console/'])
    const page = await at('/console/')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(await page.text()).toContain('<script type="module" src="main.js"></script>')
    const tag = page.headers.get('etag') ?? ''
    const again = await at('/console/index.html', { headers: { 'if-none-match': tag } })
    expect([again.status, again.headers.get('etag'), await again.text()]).toEqual([304, tag, ''])
    const head = await at('/console/vendor/cytoscape.js', { method: 'HEAD' })
    expect([head.status, Number(head.headers.get('content-length')) > 100_000]).toEqual([200, true])
    expect((await at('/console/', { method: 'POST' })).headers.get('allow')).toBe('GET, HEAD')
    for (const path of ['package.json', 'vendor/axe.js', 'main.js/', '..%2fadmin.ts']) {
      expect([path, (await at(`/console/${path}`)).status]).toEqual([path, 404])
    }
    for (const path of ['/api/v1/status', '/api/v1/events', '/metrics', '/api/v1/openapi.json']) {
      expect([path, (await at(path)).status]).toEqual([path, 401])
    }
  })

  test('may ask as a page of the node, and no other page may', async () => {
    const { origin, port } = new URL(node.adminUrl ?? '')
    const asked = { body: { as: { key: 'admin' } } }
    const from = async (origins: string): Promise<number> =>
      (await operator.send('POST', '/api/v1/explain', { ...asked, headers: { origin: origins } }))
        .status
    expect(await from(origin)).toBe(200)
    for (const other of [
      'null',
      'http://evil.example',
      'http://127.0.0.1',
      'http://127.0.0.1:1',
      `http://localhost:${port}`,
      `http://evil.example@127.0.0.1:${port}`,
      `http://127.0.0.1:${port}.evil.example`,
      `file://127.0.0.1:${port}`,
    ]) {
      expect([other, await from(other)]).toEqual([other, 403])
    }
    await node.reload(configured({}, { console: false }))
    expect(await from(origin)).toBe(403)
    expect((await operator.send('GET', '/console/')).status).toBe(404)
  })

  test('hears what happens, to the end of the node', async () => {
    const headers = { authorization: `Bearer ${operator.key}` }
    const stream = await at('/api/v1/events', { headers })
    const parts = stream.body?.pipeThrough(new TextDecoderStream())
    let text = ''
    const reading = parts?.pipeTo(new WritableStream({ write: (part) => void (text += part) }))
    await until(() => text.includes('"hello"'), 'hello')
    await fixture.close()
    await node.refresh(['fixture'])
    await until(() => text.includes('"type":"upstream","label":"fixture","up":false'), 'the news')
    await mesh.close()
    expect(await reading).toBeUndefined()
  })
})

describe('an operator is told', () => {
  test('how the node stands', async () => {
    expect(await operator.get('/status')).toMatchObject({
      id: node.id,
      name: 'edge',
      url: node.url,
      phase: 'ready',
      callsInFlight: 0,
      upstreams: { up: 1, down: 0 },
      endpoints: 2,
    })
  })

  test('of calls under way, upstreams and endpoints', async () => {
    const call = (await asAnalyst()).begin('fx__slow', { message: 'x' })
    await until(() => fixture.calls().length === 1, 'the call')
    expect(await operator.get('/status')).toMatchObject({ callsInFlight: 1 })
    const { upstreams } = await operator.get('/upstreams')
    expect(upstreams).toMatchObject([
      { label: 'fixture', kind: 'http', phase: 'up', era: '2026', callsInFlight: 1 },
    ])
    const { endpoints } = await operator.get('/endpoints')
    expect(endpoints).toMatchObject([
      { name: 'main', url: node.endpointUrl('main'), auth: 'required' },
      { name: 'open', auth: 'none' },
    ])
    fixture.gate.open()
    await call.answer
  })

  test('where calls go, and what takes over', async () => {
    const inner = await mesh.startConfig(
      configOf('inner', {
        upstreams: { fixture: { http: { url: fixture.url } } },
        namespaces: { fx: { from: ['fixture'] } },
      }),
    )
    await inner.ready()
    const over = { node: { url: inner.endpointUrl('main'), as: 'in-{namespace}' } }
    const { upstreams } = configured() as { upstreams: object }
    await node.reload(configured({ upstreams: { ...upstreams, inner: over } }))
    const { routes } = await operator.get<RoutesReport>('/routes')
    const all = routes.filter(({ endpoint }) => endpoint === 'main')
    expect(all).toMatchObject([
      {
        namespace: 'fx',
        distance: 0,
        ways: [{ upstream: 'fixture', imported: false, phase: 'up' }],
      },
      {
        namespace: 'in-fx',
        origins: [`acme/${inner.id}`],
        distance: 1,
        ways: [{ upstream: 'inner', imported: true, phase: 'up', spare: 0 }],
      },
    ])
    expect(all[1]?.ways[0]?.preferred).toBeGreaterThan(5)
  })

  test('what a class sees, a part at a time, as its callers list it', async () => {
    const names: string[] = []
    let cursor = ''
    for (;;) {
      const query = `class=analyst&kind=tool&limit=3${cursor}`
      const { items, next } = await operator.get<{
        items: { name: string }[]
        next?: string
      }>(`/views/main?${query}`)
      names.push(...items.map(({ name }) => name))
      if (next === undefined) break
      cursor = `&cursor=${next}`
    }
    expect(names).toEqual(await (await asAnalyst()).names())
    expect(names).not.toContain('fx__meta')
    const all = await operator.get<{ items: { name: string }[] }>('/views/main?kind=tool')
    expect(all.items.map(({ name }) => name)).toContain('fx__meta')
    const byKey = await operator.get<{ items: object[] }>('/views/main?key=analyst&kind=tool')
    expect(byKey.items).toHaveLength(names.length)
    expect(await operator.get('/views/main?key=nobody')).toEqual({
      endpoint: 'main',
      items: [],
      refused: 'the endpoint takes no key "nobody"',
    })
  })

  test('of sessions, by hashes', async () => {
    const analyst = await asAnalyst()
    const changes = await analyst.changes()
    await until(async () => {
      const { streams } = await operator.get('/sessions')
      return streams === 1
    }, 'its stream')
    const { sessions } = await operator.get<{ sessions: object[] }>('/sessions')
    expect(sessions).toEqual([
      {
        id: expect.stringMatching(/^[\w-]{16}$/) as string,
        stream: true,
        subscriptions: 0,
        calls: 0,
      },
    ])
    changes.close()
  })

  test('of the policy and the limits', async () => {
    expect(await operator.get('/policy')).toMatchObject({
      visibility: 'rules',
      rules: [
        { index: 0, for: ['admin'] },
        { index: 1, for: ['analyst'], tools: { deny: [{ name: 'fx__meta' }] } },
      ],
      classes: { analyst: [{ keys: ['analyst'] }] },
    })
    const { limits } = await operator.get<{ limits: { name: string; inUse?: number }[] }>('/limits')
    expect(limits.find(({ name }) => name === 'streams')).toMatchObject({ inUse: 0, value: 1_000 })
  })
})

describe('what is not there', () => {
  test.each<[string, string, number, string]>([
    ['GET', '/', 404, 'unknown_endpoint'],
    ['GET', '/mcp/main', 404, 'unknown_endpoint'],
    ['GET', '/api/v1/tools', 404, 'unknown_endpoint'],
    ['GET', '/api/v1/views/none', 404, 'unknown_endpoint'],
    ['GET', '/api/v1/views/..', 404, 'unknown_endpoint'],
    ['POST', '/api/v1/status', 405, 'http_method'],
    ['OPTIONS', '/api/v1/status', 405, 'http_method'],
    ['GET', '/api/v1/status?verbose=1', 400, 'invalid_request'],
    ['GET', '/api/v1/views/main?limit=0', 400, 'invalid_request'],
    ['GET', '/api/v1/views/main?cursor=x', 400, 'invalid_request'],
    ['GET', '/api/v1/views/main?class=none', 400, 'invalid_request'],
    ['GET', '/api/v1/views/main?class=admin&key=admin', 400, 'invalid_request'],
  ])('%s %s is refused with %d', async (method, path, status, code) => {
    const { headers, json } = await operator.send(method, path)
    expect(headers.get('content-type')).toBe('application/problem+json')
    expect(json).toMatchObject({ type: 'about:blank', status, code })
  })

  test.each<[string, unknown, number, string]>([
    ['no JSON', '{', 400, 'parse_error'],
    ['nothing', {}, 400, 'invalid_request'],
    ['more than it takes', { as: { key: 'a' }, more: 1 }, 400, 'invalid_request'],
    ['a class that is not there', { as: { classes: ['x'] } }, 400, 'invalid_request'],
    ['too much', `"${'x'.repeat(300_000)}"`, 413, 'body_too_large'],
  ])('a body of %s is refused', async (_, body, status, code) => {
    const { json } = await operator.send('POST', '/api/v1/explain', { body })
    expect(json).toMatchObject({ status, code })
  })

  test('a body where none is taken, or that must be unpacked, is refused', async () => {
    const [packed, plain] = [{ 'content-encoding': 'gzip' }, { 'content-type': 'text/plain' }]
    const answers = [
      await operator.send('POST', '/api/v1/drain', { body: {} }),
      await operator.send('POST', '/api/v1/explain', { body: {}, headers: packed }),
      await operator.send('POST', '/api/v1/explain', { body: {}, headers: plain }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([413, 415, 415])
  })
})

describe('who is no operator', () => {
  test.each<[string, Readonly<Record<string, string>>]>([
    ['without a key', { authorization: '' }],
    ['with another key', { authorization: `Bearer ${new Operator().key}` }],
    ['with the key of a caller', people.headers('admin')],
    ['by a password', { authorization: 'Basic b3BzOm9wcw==' }],
    ['by a proof', { authorization: `DPoP ${operator.key}` }],
  ])('is refused %s', async (_, headers) => {
    for (const path of ['/api/v1/status', '/api/v1/openapi.json', '/api/v1/nothing', '/']) {
      const answer = await operator.send('GET', path, { headers })
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
        401,
        'Bearer realm="banyan admin"',
      ])
    }
  })

  test('gets into no endpoint with the key of an operator', async () => {
    const headers = { authorization: `Bearer ${operator.key}`, 'content-type': 'application/json' }
    const response = await fetch(node.endpointUrl('main'), { method: 'POST', headers, body: '{}' })
    expect(response.status).toBe(401)
  })

  test.each(['http://localhost:3000', 'https://evil.example', 'null'])(
    'is a page of %s, and gets no leave to read',
    async (origin) => {
      for (const method of ['GET', 'OPTIONS', 'POST']) {
        const path = method === 'POST' ? '/api/v1/drain' : '/api/v1/status'
        const { status, headers } = await operator.send(method, path, { headers: { origin } })
        expect([status, headers.get('access-control-allow-origin')]).toEqual([403, null])
      }
      expect(node.status().ready).toBe(true)
    },
  )

  test('reaches the endpoints of callers at the one port, and operators at the other', async () => {
    expect((await fetch(`${node.url}/api/v1/status`)).status).toBe(404)
    expect((await operator.send('GET', '/healthz')).status).toBe(404)
  })
})

describe('an operator changes', () => {
  test('nothing where nothing may be changed, or with a key that only reads', async () => {
    expect((await reader.send('POST', '/api/v1/drain')).json).toMatchObject({
      status: 403,
      code: 'insufficient_scope',
    })
    expect((await reader.send('GET', '/api/v1/status')).status).toBe(200)
    await node.reload(configured({}, { write: false }))
    for (const [method, path] of [
      ['POST', '/api/v1/drain'],
      ['DELETE', '/api/v1/drain'],
      ['POST', '/api/v1/reload'],
    ] as const) {
      expect((await operator.send(method, path)).status).toBe(403)
    }
    expect(node.status().ready).toBe(true)
  })

  test('where callers are sent, who are served all the same', async () => {
    expect(await operator.ask('POST', '/drain')).toMatchObject({ draining: true })
    expect(await readiness()).toBe(503)
    expect(await operator.get('/status')).toMatchObject({ phase: 'draining' })
    expect(await (await asAnalyst()).names()).toContain('fx__echo')
    expect(await operator.ask('DELETE', '/drain')).toMatchObject({ draining: false })
    expect(await readiness()).toBe(200)
  })

  test('the configuration, by the file, where the node is from one', async () => {
    expect((await operator.send('POST', '/api/v1/reload')).status).toBe(404)
    node.onReload(async () => {
      await node.reload(configured({ visibility: [{ for: '*', tools: ['fx__meta'] }] }))
      return [{ path: ['visibility'], message: 'doubtful' }]
    })
    expect(await operator.ask('POST', '/reload')).toEqual({
      reloaded: true,
      warnings: [{ path: ['visibility'], message: 'doubtful' }],
    })
    expect(await (await asAnalyst()).names()).toEqual(['fx__meta'])
  })

  test('nothing by a bad file, and is told why', async () => {
    node.onReload(() =>
      Promise.reject(new ConfigError([{ path: ['node'], message: 'is bad', line: 3 }])),
    )
    expect((await operator.send('POST', '/api/v1/reload')).json).toMatchObject({
      status: 409,
      code: 'config_refused',
      problems: [{ path: ['node'], message: 'is bad', line: 3 }],
    })
  })
})

test('who is an operator changes with the configuration, at once', async () => {
  const next = new Operator('next').at(node)
  expect((await next.send('GET', '/api/v1/status')).status).toBe(401)
  await node.reload(configured({}, { keys: [next.entry()] }))
  expect((await next.send('GET', '/api/v1/status')).status).toBe(200)
  expect((await operator.send('GET', '/api/v1/status')).status).toBe(401)
  await node.reload(configured({}, { keys: [next.entry({ notAfter: '2020-01-01' })] }))
  expect((await next.send('GET', '/api/v1/status')).status).toBe(401)
})

test('no answer holds a secret of the configuration, a key, its hash or a session id', async () => {
  const down = { http: { url: 'http://127.0.0.1:1/mcp?token=in-the-query' } }
  const { upstreams } = configured() as { upstreams: object }
  await node.reload(configured({ upstreams: { ...upstreams, down } }))
  const analyst = await asAnalyst()
  const changes = await analyst.changes()
  const told = ['/status', '/upstreams', '/endpoints', '/views/main', '/sessions', '/policy']
  const reads = [...told, '/routes']
  const answers = await Promise.all([
    ...[...reads, '/limits', '/openapi.json', '/nothing'].map((path) =>
      operator.send('GET', `/api/v1${path}`),
    ),
    operator.send('POST', '/api/v1/explain', { body: { as: { key: 'analyst' } } }),
  ])
  const texts = answers.map(({ text }) => text).join('\n')
  const { authorization } = people.headers('analyst')
  const secrets = ['in-the-query', 'in-a-header', operator.key, 'sha256$', authorization.slice(7)]
  expect(secrets.filter((secret) => texts.includes(secret))).toEqual([])
  expect(texts).toContain('127.0.0.1:1/mcp')
  changes.close()
})

test('without the part there is no listener', async () => {
  const { admin: _, ...without } = configured() as { admin: object }
  const other = await mesh.startConfig(without)
  expect(other.adminUrl).toBeUndefined()
})
