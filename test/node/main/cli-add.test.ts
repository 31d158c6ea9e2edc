// `banyan add`, against a registry, a catalogue, a server and a node that are real.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { addCommand } from '../../../node/main/cli-add.ts'
import { runCli } from '../../../node/main/cli-frame.ts'
import type { RunningNode } from '../../../node/main/running-node.ts'
import { FixtureServer } from '../../fixtures/fixture-server.ts'
import type { JsonObject } from '../../fixtures/wire.ts'
import { Mesh } from '../../mesh/mesh.ts'
import { serve, type LocalServer } from '../identity/local-server.ts'
import { sourcesOf } from './sources.ts'

const mesh = new Mesh()
let fixture: FixtureServer
let modern: FixtureServer
let published: RunningNode
let bare: RunningNode
let folder: string
let file: string

function nodeConfig(name: string, card?: JsonObject): JsonObject {
  return {
    node: { name, organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    upstreams: { u: { http: { url: fixture.url } } },
    namespaces: { fx: { from: ['u'] } },
    endpoints: { main: { namespaces: ['fx'], ...(card && { card }) } },
  }
}

beforeAll(async () => {
  fixture = await FixtureServer.start()
  modern = await FixtureServer.start({ era: '2026' })
  published = await mesh.startConfig(
    nodeConfig('one', { name: 'com.example/one', description: 'one' }),
  )
  bare = await mesh.startConfig(nodeConfig('two'))
})

afterAll(async () => {
  await mesh.close()
  await fixture.close()
  await modern.close()
})

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banyan-add-'))
  file = join(folder, 'edge.yaml')
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function add(...args: readonly string[]): Promise<Outcome> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const { signal } = new AbortController()
  const host = { commands: sourcesOf(addCommand), version: '1', stdin, stdout, stderr, signal }
  const code = await runCli(['add', file, ...args], { ...host, isTTY: false, colour: false })
  stdout.end()
  stderr.end()
  return { code, out: await text(stdout), err: await text(stderr) }
}

function written(): JsonObject {
  return parse(readFileSync(file, 'utf8')) as JsonObject
}

describe('a command', () => {
  test('makes a file that a node starts from', async () => {
    const { code, out } = await add('--as', 'tools', '--', process.execPath, 'server.ts', '--flag')
    expect(code).toBe(0)
    expect(out).toContain('banyan up')
    const stdio = { command: process.execPath, args: ['server.ts', '--flag'] }
    expect(written()).toMatchObject({
      upstreams: { tools: { stdio } },
      namespaces: { tools: { from: ['tools'] } },
    })
  })

  test('is called by its package, and by another name when there is one already', async () => {
    await add('--', 'npx', '-y', '@e/server-memory@1.2.3')
    await add('--', 'npx', '-y', '@e/server-memory@1.2.3')
    expect(Object.keys(written()['upstreams'] as JsonObject)).toEqual([
      'server-memory',
      'server-memory-2',
    ])
  })

  test('leaves what stands in the file as it is, and says what does not offer it', async () => {
    const before = `# mine\nnode: { name: edge, organisation: acme, listen: '127.0.0.1:7400' }\nnamespaces:\n  # none yet\n  old: { from: [old] }\nupstreams:\n  old: { stdio: { command: old } }\nendpoints:\n  main: { namespaces: [old] }\n`
    writeFileSync(file, before)
    const { code, out } = await add('--as', 'fresh', '--', 'fresh')
    expect(code).toBe(0)
    expect(out).toContain('no endpoint offers it yet: add fresh to the namespaces of one')
    for (const line of before.split('\n')) expect(readFileSync(file, 'utf8')).toContain(line)
  })
})

describe('a URL', () => {
  test('of a server of either era is a server', async () => {
    for (const { url } of [fixture, modern]) {
      const { code, out } = await add(url, '--json')
      expect(code).toBe(0)
      expect(JSON.parse(out)).toMatchObject({ upstream: { http: { url } }, written: true })
    }
  })

  test.each([() => bare, () => published])('of a node is a node', async (node) => {
    const url = node().endpointUrl('main')
    const { code, out } = await add(url, '--as', 'peer', '--json')
    expect({ code, ...(JSON.parse(out) as object) }).toMatchObject({
      code: 0,
      upstream: { node: { url } },
    })
    expect(written()).not.toHaveProperty('namespaces')
  })

  test('of a host leads to the server its catalogue lists', async () => {
    const { code, out } = await add(published.url, '--dry-run', '--json')
    expect({ code, ...(JSON.parse(out) as object) }).toMatchObject({
      code: 0,
      label: 'one',
      upstream: { http: { url: published.endpointUrl('main') } },
      written: false,
    })
    expect(() => written()).toThrow('ENOENT')
  })

  test('that does not answer is taken all the same, and one that may not be used is not', async () => {
    const { code, out } = await add('http://127.0.0.1:1/mcp')
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('does not answer now') })
    const refused = await add('http://example.com/mcp')
    expect({ code: refused.code, err: refused.err }).toEqual({
      code: 1,
      err: expect.stringContaining('not https'),
    })
  })
})

describe('a name', () => {
  let registry: LocalServer
  let server: JsonObject

  beforeAll(async () => {
    registry = await serve((request, response) => {
      const isIt = request.url === '/v0.1/servers/com.example%2Fweather/versions/latest'
      response.writeHead(isIt ? 200 : 404, { 'content-type': 'application/json' })
      response.end(JSON.stringify(isIt ? { server } : { error: 'Server not found' }))
    })
  })

  beforeEach(() => {
    const headers = [{ name: 'X-Key', isSecret: true, isRequired: true, description: 'your key' }]
    const transport = { type: 'stdio' }
    server = {
      name: 'com.example/weather',
      description: 'red \u001b[31m',
      version: '1.0.0',
      remotes: [{ type: 'streamable-http', url: 'https://e.com/mcp', headers }],
      packages: [
        {
          registryType: 'npm',
          identifier: '@e/w',
          version: '1.0.0',
          transport,
          packageArguments: [{ type: 'positional', valueHint: 'folder', description: 'of data' }],
        },
      ],
    }
  })

  afterAll(() => registry.close())

  const look = (...args: readonly string[]): Promise<Outcome> =>
    add('com.example/weather', '--registry', registry.url, ...args)

  test('is looked up, and secrets are named and not written', async () => {
    const { code, out } = await look()
    expect(code).toBe(0)
    expect(out).toContain('set WEATHER_X_KEY before the node starts: your key')
    expect(out).toContain('or --use npm: npx -y @e/w@1.0.0')
    expect(out).not.toContain('\u001b')
    const headers = { 'X-Key': '${WEATHER_X_KEY}' }
    expect(written()).toMatchObject({
      upstreams: { weather: { http: { url: 'https://e.com/mcp', headers } } },
    })
  })

  test('asks for what is missing', async () => {
    const { code, err } = await look('--use', 'npm')
    expect({ code, err }).toEqual({
      code: 2,
      err: expect.stringContaining('--set folder=…   of data'),
    })
    expect((await look('--use', 'npm', '--set', 'folder=/srv')).code).toBe(0)
    expect(written()).toMatchObject({
      upstreams: { weather: { stdio: { command: 'npx', args: ['-y', '@e/w@1.0.0', '/srv'] } } },
    })
  })

  test('that is unknown, or known in no way that can be used, is an error that says why', async () => {
    const unknown = await add('com.example/none', '--registry', registry.url)
    expect({ code: unknown.code, err: unknown.err }).toEqual({
      code: 1,
      err: expect.stringContaining('status 404'),
    })
    const none = await look('--use', 'pypi')
    expect({ code: none.code, err: none.err }).toEqual({
      code: 1,
      err: expect.stringContaining('no pypi way to it'),
    })
    server = { name: 'com.example/weather' }
    expect((await look()).err).toContain('no usable way to it')
    expect(() => written()).toThrow('ENOENT')
  })
})

test('a server.json is read', async () => {
  const path = join(folder, 'server.json')
  const transport = { type: 'stdio' }
  writeFileSync(
    path,
    JSON.stringify({
      name: 'com.example/docs',
      packages: [{ registryType: 'pypi', identifier: 'docs', transport }],
    }),
  )
  expect((await add(path)).code).toBe(0)
  expect(written()).toMatchObject({
    upstreams: { docs: { stdio: { command: 'uvx', args: ['docs'] } } },
  })
  writeFileSync(path, '{')
  expect(await add(path)).toMatchObject({
    code: 1,
    err: expect.stringContaining('server.json is no JSON'),
  })
})

test.each([
  [['weather'], 'a command goes behind --'],
  [['http://x/', '--', 'y'], 'not both'],
  [[], 'say what to add'],
  [['--as', 'No', '--', 'y'], '--as No'],
  [['--set', 'x', 'com.example/x'], ''],
])('%j is refused', async (args, why) => {
  const { code, err } = await add(...args)
  expect(code).not.toBe(0)
  expect(err).toContain(why)
})
