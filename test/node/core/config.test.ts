import { resolve } from 'node:path'
import { inspect } from 'node:util'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { configWarnings } from '../../../node/core/config-checks.ts'
import { ConfigError, formatProblem } from '../../../node/core/config-error.ts'
import type { NodeConfigInput } from '../../../node/core/config-input.ts'
import { parseConfig } from '../../../node/core/config.ts'
import { inheritedEnvironment, mayColour } from '../../../node/core/environment.ts'
import { Secret } from '../../../node/core/secret.ts'
import { FULL as IDENTITY } from './identity-config.ts'

const CANARY = 'canary-7Qx'
const PRISTINE = Reflect.ownKeys(Object.prototype)
const KEY = Buffer.alloc(32, 7).toString('base64url')
const NODE = { name: 'edge', organisation: 'acme' }

const FULL: NodeConfigInput = {
  node: {
    ...NODE,
    listen: '[::1]:0',
    url: 'https://Edge.acme.example/base/',
    sessionKey: '${KEY}',
  },
  limits: { bodyBytes: '1MiB', headerBytes: 8_192, keepAlive: '5s', hopBudget: 3 },
  issuer: {},
  upstreams: {
    files: {
      stdio: {
        command: 'npx',
        args: ['-y', '$${x}'],
        env: { TOKEN: 'a-${TOKEN}-$${x}' },
        cwd: 'd',
      },
      timeout: '1m',
    },
    search: {
      http: { url: 'https://s.example/mcp', headers: { 'X-Key': '${TOKEN}' } },
      era: '2025',
    },
    globex: { node: { url: 'https://g.example/mcp/partners' } },
  },
  namespaces: { docs: { from: ['files', 'search'] } },
  endpoints: {
    main: { namespaces: ['docs', 'globex-*'], title: 'Main' },
    ops: { namespaces: ['docs'], names: 'plain' },
  },
}

const OPTIONS = { env: { KEY, TOKEN: CANARY, SECRET: CANARY }, baseDir: '/etc/banyan' }

function errorOf(input: unknown, env: Record<string, string> = OPTIONS.env): ConfigError {
  try {
    parseConfig(input, { ...OPTIONS, env })
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('the configuration was accepted')
}

function outcomeOf(input: unknown): 'a configuration' | 'problems' | 'an error without problems' {
  try {
    parseConfig(input, OPTIONS)
    return 'a configuration'
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.length > 0 ? 'problems' : 'an error without problems'
  }
}

function problemsOf(input: unknown): string[] {
  return errorOf(input).problems.map((problem) => formatProblem(problem))
}

function warningsOf(input: NodeConfigInput): string[] {
  return configWarnings(parseConfig(input, OPTIONS)).map((warning) => formatProblem(warning))
}

describe('a good configuration', () => {
  test('needs little, and every default is filled in', () => {
    const config = parseConfig({ node: NODE }, OPTIONS)
    expect(config.node).toEqual({
      ...NODE,
      listen: { host: '127.0.0.1', port: 7_400 },
      state: resolve('/etc/banyan/.banyan/edge'),
      pins: resolve('/etc/banyan/edge.pins.json'),
      allowedHosts: [],
      allowedOrigins: [],
    })
    expect(config.limits).toMatchObject({
      bodyBytes: 4 * 1_024 ** 2,
      hopBudget: 8,
      sessionLifetime: 86_400_000,
      keepAlive: 15_000,
    })
    expect(config.visibility).toBe('open')
  })

  test('has typed values under the keys of the file', () => {
    const { node, limits, upstreams, endpoints } = parseConfig(FULL, OPTIONS)
    expect(node).toMatchObject({
      listen: { host: '::1', port: 0 },
      url: 'https://edge.acme.example/base',
    })
    expect(node.sessionKey?.reveal()).toBe(KEY)
    expect(limits).toMatchObject({ bodyBytes: 1_048_576, headerBytes: 8_192, keepAlive: 5_000 })
    expect(upstreams['files']).toMatchObject({
      kind: 'stdio',
      timeout: 60_000,
      maxTimeout: 600_000,
      concurrency: 256,
      isolate: 'principal',
      stdio: {
        args: ['-y', '${x}'],
        cwd: resolve('/etc/banyan/d'),
        restart: { min: 250, max: 30_000 },
      },
    })
    expect(upstreams['search']).toMatchObject({ kind: 'http', era: '2025' })
    expect(upstreams['globex']).toMatchObject({
      kind: 'node',
      node: { import: ['*'], as: '{upstream}-{namespace}' },
    })
    expect(endpoints['main']).toEqual({
      namespaces: ['docs', 'globex-*'],
      explainTo: [],
      names: 'prefixed',
      nameLength: 48,
      pageSize: 1_000,
      tools: 'all',
      title: 'Main',
      auth: {
        algs: ['ES256'],
        types: [],
        dpop: 'required',
        dpopNonces: 'off',
        scopeMap: {},
        keys: [],
        egress: { allowPrivate: false },
      },
    })
  })

  test('replaces variables in secrets, whole or in part', () => {
    const { upstreams } = parseConfig(FULL, OPTIONS)
    const [files, search] = [upstreams['files'], upstreams['search']]
    expect(files?.kind === 'stdio' && files.stdio.env['TOKEN']?.reveal()).toBe(`a-${CANARY}-\${x}`)
    expect(search?.kind === 'http' && search.http.headers['x-key']?.reveal()).toBe(CANARY)
  })

  test('takes a complete secret in place of text', () => {
    const config = parseConfig({ node: { ...NODE, sessionKey: new Secret(KEY) } }, OPTIONS)
    expect(config.node.sessionKey?.reveal()).toBe(KEY)
  })

  test('keeps "memory" as it is', () => {
    expect(parseConfig({ node: { ...NODE, state: 'memory' } }, OPTIONS).node.state).toBe('memory')
  })

  test('finds nothing under names that every object has', () => {
    const { upstreams, namespaces, endpoints } = parseConfig(FULL, OPTIONS)
    for (const table of [upstreams, namespaces, endpoints]) {
      expect(table['constructor']).toBeUndefined()
      expect(table['__proto__']).toBeUndefined()
    }
  })

  test('may call things constructor', () => {
    const config = parseConfig(
      {
        node: NODE,
        upstreams: { constructor: { stdio: { command: 'x' } } },
        namespaces: { toString: { from: ['constructor'] } },
        endpoints: { constructor: { namespaces: ['toString'] } },
      },
      OPTIONS,
    )
    expect(config.upstreams['constructor']?.kind).toBe('stdio')
    expect(config.namespaces['toString']?.from).toEqual(['constructor'])
    expect(configWarnings(config)).toEqual([])
  })

  test('is not changed by parsing, nor is the input', () => {
    const input = structuredClone(FULL)
    parseConfig(input, OPTIONS)
    expect(input).toEqual(FULL)
  })
})

const stdio = { stdio: { command: 'x' } }

function withUpstream(upstream: unknown): unknown {
  return { node: NODE, upstreams: { u: upstream } }
}

function withEndpoint(endpoint: unknown): unknown {
  const namespaces = { docs: { from: ['u'] }, more: { from: ['u'] } }
  return { node: NODE, upstreams: { u: stdio }, namespaces, endpoints: { main: endpoint } }
}

function withNode(settings: object): unknown {
  return { node: { ...NODE, ...settings } }
}

describe('a bad configuration', () => {
  test.each<[unknown, string[]]>([
    [null, ['must be a table, not empty']],
    [[], ['must be a table, not a list']],
    ['node', ['must be a table, not text']],
    [{}, ['node: is missing']],
    [{ node: NODE, upstrems: {} }, ['upstrems: unknown key, did you mean "upstreams"?']],
    [{ node: NODE, upstreams: null }, ['upstreams: must be a table, not empty']],
    [
      withNode({ name: 'Edge' }),
      ['node.name: must be 1 to 32 of a-z 0-9 -, and start with a letter or digit'],
    ],
    [withNode({ url: 'ftp://x' }), ['node.url: must be an http or https URL']],
    [withNode({ url: 'https://x/?q' }), ['node.url: must not have a query']],
    [
      withNode({ sessionKey: 'short' }),
      ['node.sessionKey: must be 32 bytes in base64url without padding (43 characters)'],
    ],
    [
      withNode({ sessionKey: 5 }),
      ['node.sessionKey: must be text, not a number, put it in quotes'],
    ],
    [
      withNode({ allowedHosts: ['http://x'] }),
      ['node.allowedHosts[0]: must be a host or host:port, without scheme or path'],
    ],
    [
      withNode({ allowedOrigins: ['*'] }),
      [
        'node.allowedOrigins[0]: must be an origin: scheme://host or scheme://host:port, without path or wildcard',
      ],
    ],
    [{ node: NODE, visibility: 'closed' }, ['visibility: must be "open" or a list']],
    [{ node: NODE, limits: { hopBudget: 33 } }, ['limits.hopBudget: must be at most 32']],
    [
      { node: NODE, limits: { hopBudget: 1.5 } },
      ['limits.hopBudget: must be a whole number, not a fraction'],
    ],
    [{ node: NODE, limits: { keepAlive: '1ms' } }, ['limits.keepAlive: must be from 1s to 1h']],
    [
      { node: NODE, limits: { headersReadTimeout: '60s' } },
      ['limits.requestReadTimeout: must not be less than headersReadTimeout'],
    ],
    [withUpstream({}), ['upstreams.u: needs exactly one of "stdio", "http" or "node"']],
    [
      withUpstream({ ...stdio, http: { url: 'http://x' } }),
      ['upstreams.u: needs exactly one of "stdio", "http" or "node"'],
    ],
    [
      withUpstream({ ...stdio, timeout: '20m' }),
      ['upstreams.u.maxTimeout: must not be less than timeout'],
    ],
    [
      withUpstream({ ...stdio, era: 2025 }),
      ['upstreams.u.era: must be "2025", "2026" or "auto", put it in quotes'],
    ],
    [
      withUpstream({ ...stdio, concurrency: '5' }),
      ['upstreams.u.concurrency: must be a whole number, not text'],
    ],
    [withUpstream({ stdio: { command: '' } }), ['upstreams.u.stdio.command: must not be empty']],
    [
      withUpstream({ stdio: { command: 'x', args: [5] } }),
      ['upstreams.u.stdio.args[0]: must be text, not a number, put it in quotes'],
    ],
    [
      withUpstream({ stdio: { command: 'x', restart: { min: '1m' } } }),
      ['upstreams.u.stdio.restart.max: must not be less than min'],
    ],
    [withUpstream({ http: { url: 'x' } }), ['upstreams.u.http.url: must be an absolute URL']],
    [
      withUpstream({ http: { url: ' http://x' } }),
      ['upstreams.u.http.url: must be an absolute URL'],
    ],
    [
      withUpstream({ http: { url: 'http://a:b@x' } }),
      ['upstreams.u.http.url: must not contain credentials'],
    ],
    [
      withUpstream({ http: { url: 'http://x/#' } }),
      ['upstreams.u.http.url: must not have a fragment'],
    ],
    [
      withUpstream({ http: { url: 'http://x', headers: { Host: 'y' } } }),
      ['upstreams.u.http.headers.Host: is set by the node itself'],
    ],
    [
      withUpstream({ http: { url: 'http://x', headers: { 'a b': 'y' } } }),
      ['upstreams.u.http.headers["a b"]: must be the name of a header'],
    ],
    [
      withUpstream({ http: { url: 'http://x', headers: { a: 'y', A: 'z' } } }),
      ['upstreams.u.http.headers.A: is in the table twice'],
    ],
    [
      withUpstream({ http: { url: 'http://x', headers: { a: 'y\r\nb: z' } } }),
      ['upstreams.u.http.headers.a: must be printable ASCII, without line breaks'],
    ],
    [
      withUpstream({ http: { url: 'http://x', headers: { a: '${1}' } } }),
      ['upstreams.u.http.headers.a: malformed "${", write ${NAME}, or $${ for a literal "${"'],
    ],
    [
      withUpstream({ node: { url: 'http://x', as: 'x' } }),
      ['upstreams.u.node.as: must contain {namespace}'],
    ],
    [
      withUpstream({ node: { url: 'http://x', as: '{namespace}-{node}' } }),
      ['upstreams.u.node.as: only {upstream} and {namespace} are replaced'],
    ],
    [
      withUpstream({ node: { url: 'http://x', as: 'a__{namespace}' } }),
      [
        'upstreams.u.node.as: must make namespace names: A-Z a-z 0-9 _ -, starting with a letter or digit, without "__"',
      ],
    ],
    [
      withUpstream({ node: { url: 'http://x', import: [] } }),
      ['upstreams.u.node.import: must not be empty'],
    ],
    [
      { node: NODE, upstreams: { a__b: stdio } },
      [
        'upstreams.a__b: must be 1 to 32 of A-Z a-z 0-9 _ -, start with a letter or digit, and not contain "__"',
      ],
    ],
    [
      { node: NODE, upstreams: { u: stdio }, namespaces: { d: { from: ['u', 'u'] } } },
      ['namespaces.d.from[1]: is in the list twice'],
    ],
    [withEndpoint({ namespaces: [] }), ['endpoints.main.namespaces: must not be empty']],
    [
      withEndpoint({ namespaces: ['docs'], nameLength: 15 }),
      ['endpoints.main.nameLength: must be at least 16'],
    ],
    [
      withEndpoint({ namespaces: ['docs', 'more'], names: 'plain' }),
      [
        'endpoints.main.names: plain needs exactly one namespace and no glob: without prefixes, two namespaces could collide',
      ],
    ],
    [
      withEndpoint({ namespaces: ['doc*'], names: 'plain' }),
      [
        'endpoints.main.names: plain needs exactly one namespace and no glob: without prefixes, two namespaces could collide',
      ],
    ],
    [
      withEndpoint({ namespaces: ['dosc'] }),
      [
        'endpoints.main.namespaces[0]: "dosc" can match no namespace, own or imported, did you mean "docs"?',
      ],
    ],
    [new Map(), ['must be plain data: text, numbers, lists, tables']],
    [
      { node: NODE, upstreams: () => 1 },
      ['upstreams: must be plain data: text, numbers, lists, tables'],
    ],
  ])('%j', (input, problems) => {
    expect(problemsOf(input)).toEqual(problems)
  })

  test.each(['0.0.0.0:1', '[::]:1', '10.0.0.1:0', 'example.com:80', '127.0.0.1.example.com:80'])(
    'may not listen on %s',
    (listen) => {
      expect(problemsOf(withNode({ listen }))).toEqual([
        'node.listen: only loopback is allowed while no authentication is configured, add "issuer: {}" to authenticate callers, or listen on 127.0.0.1, [::1] or localhost',
        'node.url: is missing: a node that listens beyond loopback needs it, tokens name its endpoints by it',
      ])
    },
  )

  test.each(['7400', ':7400', '127.0.0.1', '127.0.0.1:65536', '[127.0.0.1]:1', '::1:80', 'a b:1'])(
    'has no address in %j',
    (listen) => {
      expect(problemsOf(withNode({ listen }))).toEqual([
        'node.listen: must be host:port, like "127.0.0.1:7400" or "[::1]:7400"',
      ])
    },
  )

  test('tells words of later versions like any unknown key', () => {
    const input = { node: NODE, sessions: {}, console: {} }
    expect(problemsOf(input).map((line) => line.split(',')[0])).toEqual([
      'sessions: unknown key',
      'console: unknown key',
    ])
  })

  test('is told with every mistake at once, in fields and between them', () => {
    const input = {
      node: { ...NODE, nmae: 'x' },
      upstreams: {
        files: { timeout: 5 },
        globex: { node: { url: 'https://g.example/', import: ['docs'], as: '{namespace}' } },
      },
      namespaces: { docs: { from: ['fils', 'globex', 'files'] } },
      endpoints: { Main: { namespaces: ['docs'] } },
    }
    expect(problemsOf(input)).toEqual([
      'node.nmae: unknown key, did you mean "name"?',
      'upstreams.files.timeout: a duration needs a unit, write "5s" or "5ms"',
      'upstreams.files: needs exactly one of "stdio", "http" or "node"',
      'endpoints.Main: must be 1 to 32 of a-z 0-9 -, and start with a letter or digit',
      'namespaces.docs.from[0]: there is no upstream "fils", did you mean "files"?',
      'namespaces.docs.from[1]: "globex" is a node upstream, its namespaces are imported: name them in the namespaces of an endpoint',
      'upstreams.globex.node.import[0]: would be imported as "docs", which is a namespace of this node, change "as", or rename one of the two',
    ])
  })

  test('says which variable is not set, and where, once', () => {
    const input = { node: { sessionKey: '${MISSING}', ...NODE, name: '${EMPTY}' } }
    const { problems } = errorOf(input, { EMPTY: '' })
    expect(problems.map((problem) => formatProblem(problem))).toEqual([
      'node.sessionKey: the environment variable MISSING is not set',
      'node.name: "${" is not replaced here, it is replaced only in node.sessionKey, stdio.env, http.headers, client.secret, client.key, gossip.credentials and otlp.headers; write $${ for a literal "${"',
    ])
    expect(errorOf(withNode({ sessionKey: '${EMPTY}' }), { EMPTY: '' }).message).toBe(
      'node.sessionKey: the environment variable EMPTY is empty',
    )
  })

  test('cannot take a variable from a prototype', () => {
    expect(errorOf(withNode({ sessionKey: '${constructor}' })).message).toContain('is not set')
  })

  test('that contains itself is refused, not followed', () => {
    const input: Record<string, unknown> = { node: NODE }
    input['upstreams'] = { u: input }
    expect(problemsOf(input)).toContain('upstreams.u: nested too deep, or within itself')
  })
})

describe('warnings', () => {
  test('a good configuration has none', () => {
    expect(warningsOf({ ...FULL, node: { ...NODE, url: 'http://localhost:1' } })).toEqual([])
  })

  test('tell what is not used, not served, or not safe', () => {
    const input: NodeConfigInput = {
      node: NODE,
      upstreams: {
        idle: { stdio: { command: 'x' } },
        near: { http: { url: 'http://127.0.0.1:1/mcp' } },
        far: { http: { url: 'http://far.example/mcp' } },
        peer: { node: { url: 'http://[2001:db8::1]/mcp/x', import: ['public-*'] } },
      },
      namespaces: { a: { from: ['near', 'far'] }, b: { from: ['near'] } },
      endpoints: { main: { namespaces: ['a'] } },
    }
    expect(warningsOf(input)).toEqual([
      'upstreams.idle: is used by no namespace',
      'upstreams.peer: is used by no endpoint',
      'namespaces.b: is offered by no endpoint',
      'upstreams.far.http.url: plain http to another machine, anyone between can read and change it',
      'upstreams.peer.node.url: plain http to another machine, anyone between can read and change it',
    ])
  })

  test('tell that nothing is served', () => {
    expect(warningsOf({ node: NODE })).toEqual([
      'endpoints: there is none, so the node serves nothing',
    ])
  })
})

describe('secrets', () => {
  const shown = [
    (value: unknown): string => JSON.stringify(value),
    (value: unknown): string => inspect(value, { depth: 20, showHidden: true }),
    (value: unknown): string => `${String(value)} ${value instanceof Error ? value.stack : ''}`,
  ]

  test('do not show in a configuration', () => {
    const config = parseConfig(FULL, OPTIONS)
    for (const show of shown) {
      expect(show(config)).not.toContain(CANARY)
      expect(show(config)).not.toContain(KEY)
    }
    expect(JSON.stringify(config)).toContain('[secret]')
    expect(String(config.node.sessionKey)).toBe('[secret]')
  })

  const misuses: [string, unknown][] = [
    ['a wrong key', withNode({ sessionKey: CANARY })],
    ['a wrong key from the environment', withNode({ sessionKey: '${TOKEN}' })],
    ['a wrong header', withUpstream({ http: { url: 'http://x', headers: { a: `${CANARY}\n` } } })],
    ['a wrong variable', withUpstream({ stdio: { command: 'x', env: { A: `${CANARY}\0` } } })],
    ['credentials in a URL', withUpstream({ http: { url: `http://u:${CANARY}@x` } })],
    ['a secret in a mistyped field', withNode({ sesionKey: CANARY })],
    ['a secret where a table belongs', { node: NODE, upstreams: { u: CANARY } }],
    ['a secret where a word belongs', withUpstream({ ...stdio, era: CANARY })],
    ['a secret where a name belongs', withNode({ organisation: CANARY })],
  ]
  test.each(misuses)('do not show in the error about %s', (_, input) => {
    const error = errorOf(input)
    expect(error.problems.length).toBeGreaterThan(0)
    for (const show of shown) expect(show(error)).not.toContain(CANARY)
  })
})

function placesIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path]
  return [path, ...Object.entries(value).flatMap(([key, item]) => placesIn(item, [...path, key]))]
}

function replaceAt(value: unknown, path: readonly string[], replacement: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined || typeof value !== 'object' || value === null) return replacement
  const changed = Object.entries(value).map(([name, item]) =>
    name === key ? [name, replaceAt(item, rest, replacement)] : [name, item as unknown],
  )
  return Array.isArray(value) ? changed.map(([, item]) => item) : Object.fromEntries(changed)
}

function isLocal(host: string): boolean {
  return ['127.0.0.1', 'localhost'].includes(host)
}

describe('laws', () => {
  const words = fc.constantFrom(
    ...'node limits upstreams namespaces endpoints visibility stdio http url from name env'.split(
      ' ',
    ),
    ...'issuer nodes workloads trust auth mode keys clients scopes map max subjects egress'.split(
      ' ',
    ),
    ...'headers __proto__ constructor prototype toString'.split(' '),
  )
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 6 },
      fc.jsonValue({ maxDepth: 1 }),
      fc.constantFrom('${X}', '$${', '${', '30s', '4MiB', '*', 'docs', 'http://x/'),
      fc.constantFrom(
        'none',
        'chain',
        'external',
        'ns:sales',
        'https://gw.b.example',
        '2027-06-01',
      ),
      fc.array(tie('tree'), { maxLength: 3 }),
      // Entries and not a dictionary: `__proto__` must be a key like any other.
      fc
        .array(fc.tuple(words, tie('tree')), { maxLength: 4 })
        .map(
          (entries) =>
            JSON.parse(
              `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join()}}`,
            ) as unknown,
        ),
    ),
  }))
  // A good configuration in which one value is another: it reaches what random trees never do.
  const mutant = fc
    .tuple(fc.constantFrom(FULL, IDENTITY), fc.nat(), fc.option(tree))
    .map(([good, choice, value]) => {
      const places = placesIn(good)
      return replaceAt(good, places[choice % places.length] ?? [], value)
    })

  test('a table that says what made it is a table like any other', () => {
    // zod asks such values what they are when it words an issue, and takes whatever it finds for a name.
    const odd = { constructor: { name: { toString: 1 } } }
    expect(problemsOf({ node: { ...NODE, name: odd } })).toEqual([
      'node.name: must be text, not a table',
    ])
  })

  test('whatever the input, there is a configuration or a ConfigError with problems', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(fc.oneof(tree, mutant), (input) => {
        const outcome = outcomeOf(input)
        seen.add(outcome)
        expect(outcome).not.toBe('an error without problems')
        expect(Reflect.ownKeys(Object.prototype)).toEqual(PRISTINE)
      }),
      { numRuns: 500 },
    )
    expect([...seen].toSorted()).toEqual(['a configuration', 'problems'])
  })

  test('whatever the input, who asks nobody is reached by nobody else, and no token travels in the clear', () => {
    const away = fc.constantFrom('0.0.0.0:1', '[::]:1', '127.0.0.1:1', 'gw.b.example:1')
    const url = fc.constantFrom(undefined, 'http://localhost:1', 'https://gw.b.example')
    const auth = fc.constantFrom(undefined, 'none', {}, { issuer: 'https://login.b.example' })
    const issuer = fc.constantFrom(undefined, {}, { mode: 'node', url: 'https://id.b.example' })
    const inputs = fc
      .tuple(away, url, issuer, auth, auth)
      .map(([listen, base, own, one, other]) => ({
        node: { ...NODE, listen, url: base },
        issuer: own,
        upstreams: { u: stdio },
        namespaces: { docs: { from: ['u'] } },
        endpoints: {
          one: { namespaces: ['docs'], auth: one },
          other: { namespaces: ['docs'], auth: other },
        },
      }))
    fc.assert(
      fc.property(inputs, (input) => {
        if (outcomeOf(input) !== 'a configuration') return
        const { node, endpoints } = parseConfig(input, OPTIONS)
        const base = new URL(node.url ?? `http://${node.listen.host}`)
        const reached = !isLocal(node.listen.host) || !isLocal(base.hostname)
        const open = Object.values(endpoints).some(({ auth: asked }) => asked === 'none')
        expect(reached && open).toBe(false)
        expect(base.protocol === 'https:' || isLocal(base.hostname)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('__proto__ is an unknown key everywhere, and pollutes nothing', () => {
    const input: unknown = JSON.parse(
      `{"node":{"name":"edge","organisation":"acme"},"upstreams":{"__proto__":{"stdio":{"command":"x"}}},"__proto__":{"polluted":1}}`,
    )
    expect(problemsOf(input)).toEqual([
      'upstreams.__proto__: unknown key',
      '__proto__: unknown key',
    ])
    expect(Reflect.get({}, 'polluted')).toBeUndefined()
  })
})

describe('the environment', () => {
  test('a child inherits only what is listed', () => {
    const inherited = inheritedEnvironment({
      PATH: '/bin',
      HOME: '/h',
      AWS_SECRET_ACCESS_KEY: CANARY,
    })
    expect(inherited).toEqual({ PATH: '/bin', HOME: '/h' })
  })

  test.each<[boolean, Record<string, string>, boolean]>([
    [true, {}, true],
    [false, {}, false],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '' }, true],
    [true, { TERM: 'dumb' }, false],
  ])('terminal %s with %j: colour %s', (isTerminal, env, expected) => {
    expect(mayColour(isTerminal, env)).toBe(expected)
  })
})
