// `banyan up` as a process: what it prints, what it takes back, how it ends.
import { once } from 'node:events'
import { copyFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { callModern } from '../../fixtures/raw-client.ts'
import { stdioCommand } from '../../fixtures/stdio-command.ts'
import { until } from '../../fixtures/wait.ts'
import { textOf } from '../../mesh/caller.ts'
import { Operator } from '../../mesh/operator.ts'
import { freePort } from '../../nats/server.ts'
import { CliProcess } from './cli-process.ts'

interface ReadyNode {
  readonly name: string
  readonly id: string
  readonly url: string
  readonly admin?: string
  readonly endpoints: Readonly<Record<string, string>>
  readonly tools: Readonly<Record<string, number>>
  readonly upstreams: readonly Readonly<Record<string, unknown>>[]
}

let folder = ''
const running: CliProcess[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-up-'))
})

afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.destroy()))
  await rm(folder, { recursive: true })
})

function up(...args: string[]): CliProcess {
  const started = new CliProcess(['up', ...args])
  running.push(started)
  return started
}

function config(more: object = {}, listen = '127.0.0.1:0'): string {
  return JSON.stringify({
    node: { name: 'edge', organisation: 'acme', listen, state: 'memory' },
    upstreams: { fixture: { stdio: stdioCommand({ era: '2026' }) } },
    namespaces: { fx: { from: ['fixture'] } },
    endpoints: { main: { namespaces: ['fx'] } },
    ...more,
  })
}

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

async function readyNodes(process: CliProcess): Promise<readonly ReadyNode[]> {
  const { nodes } = await process.event('ready')
  return nodes as readonly ReadyNode[]
}

/** Nothing listens on port 1: a node that is up at once and lists nothing. */
const EMPTY = {
  upstreams: { none: { http: { url: 'http://127.0.0.1:1/mcp' } } },
  namespaces: { none: { from: ['none'] } },
  endpoints: { main: { namespaces: ['none'] } },
}

describe('the nodes', () => {
  test('are told in one line of JSON, and serve; SIGTERM ends it with 0', async () => {
    const process = up(await file('edge.yaml', config()), '--json')
    const [node] = await readyNodes(process)
    expect(node).toMatchObject({
      name: 'edge',
      organisation: 'acme',
      endpoints: { main: `${node?.url}/mcp/main` },
      upstreams: [{ label: 'fixture', kind: 'stdio', phase: 'up', era: '2026' }],
    })
    expect(node?.id).toMatch(/^[\w-]{43}$/)
    expect(node?.tools['main']).toBeGreaterThan(0)

    const reply = await callModern(node?.endpoints['main'] ?? '', 'tools/call', {
      name: 'fx__echo',
      arguments: { message: 'hello' },
    })
    expect(reply.raw).toContain('hello')

    process.signal('SIGTERM')
    expect(await process.ended()).toEqual({ code: 0, signal: null })
    expect(process.lines).toHaveLength(1)
  })

  test('are told people as text', async () => {
    const process = up(await file('edge.yaml', config()))
    await process.line((line) => line === 'ready, Ctrl-C stops', 'the last line')
    expect(process.lines[0]).toMatch(/^edge of acme {2}http:\/\/127\.0\.0\.1:\d+$/)
    expect(process.lines[1]).toMatch(
      /^ {2}http:\/\/127\.0\.0\.1:\d+\/mcp\/main {2}\d+ tools, \d+ prompts, /,
    )
    expect(process.lines[2]).toMatch(/^ {4}fixture {2}up, era 2026, \d+ tools, .* {2}stdio /)
    process.signal('SIGINT')
    expect(await process.ended()).toEqual({ code: 0, signal: null })
    expect(process.stderr).toBe('stopping\n')
  })

  test('find each other, whatever the order of the files', async () => {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}/mcp/main`
    const edge = config({
      node: { name: 'outer', organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
      upstreams: { inner: { node: { url, as: '{namespace}' } } },
      namespaces: {},
      endpoints: { main: { namespaces: ['*'] } },
    })
    const process = up(
      await file('outer.yaml', edge),
      await file('inner.yaml', config({}, `127.0.0.1:${port}`)),
      '--json',
    )
    const [outer, inner] = await readyNodes(process)
    expect(outer?.tools['main']).toBe(inner?.tools['main'])
    expect(outer?.tools['main']).toBeGreaterThan(0)
    expect(process.stderr).toBe('')
  })

  test('that cannot reach an upstream run, and say why', async () => {
    const upstreams = { gone: { stdio: { command: '/no/such/program' } } }
    const more = { upstreams, namespaces: { fx: { from: ['gone'] } } }
    const process = up(await file('edge.yaml', config(more)), '--log', 'silent', '--json')
    const [node] = await readyNodes(process)
    expect(node?.upstreams).toMatchObject([
      { phase: 'down', problem: expect.stringContaining('/no/such/program') as string },
    ])
    expect(process.stderr).toBe('')
  })
})

describe('a start that fails', () => {
  test('ends with 3 and every problem of every file, and starts nothing', async () => {
    const bad = await file('bad.yaml', 'node: { name: edge }')
    const process = up(bad, await file('good.yaml', config()), join(folder, 'none.yaml'))
    expect(await process.ended()).toEqual({ code: 3, signal: null })
    expect(process.stderr).toContain(`${bad}:1:1 node.organisation: is missing\n`)
    expect(process.stderr).toContain(`${join(folder, 'none.yaml')} there is no such file\n`)
    expect(process.lines).toEqual([])
  })

  test('ends with 1 when the port is taken, and says what to do', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const path = await file('edge.yaml', config(EMPTY, `127.0.0.1:${port}`))
    const process = up(path, await file('other.yaml', config(EMPTY)))
    expect(await process.ended()).toEqual({ code: 1, signal: null })
    expect(process.stderr).toBe(
      `banyan: ${path}: 127.0.0.1:${port} is taken: stop what listens there, or take another (0 for any free port) in node.listen\n`,
    )
    server.close()
    await once(server, 'close')
  })

  test.each([
    [['--log', 'loud'], 'banyan: --log takes one of debug, info, warn, error, silent\n'],
    [[], 'banyan: a file is missing\n'],
  ])('ends with 2 for the wrong usage %j', async (args, message) => {
    const files = args.length === 0 ? [] : [await file('edge.yaml', config(EMPTY))]
    const process = up(...files, ...args)
    expect(await process.ended()).toEqual({ code: 2, signal: null })
    expect(process.stderr).toContain(message)
  })
})

describe('a reload', () => {
  const ONE_MORE = {
    ...EMPTY,
    endpoints: { main: { namespaces: ['none'] }, more: { namespaces: ['none'] } },
  }

  test('on SIGHUP takes the file again', async () => {
    const path = await file('edge.yaml', config(EMPTY))
    const process = up(path, '--json')
    const [node] = await readyNodes(process)
    const more = `${node?.url}/mcp/more`
    expect((await callModern(more, 'tools/list')).status).toBe(404)
    await writeFile(path, config(ONE_MORE))
    process.signal('SIGHUP')
    expect(await process.event('reloaded')).toMatchObject({ file: path })
    expect((await callModern(more, 'tools/list')).status).toBe(200)
  })

  test('when an operator asks takes the file again, or says why not', async () => {
    const operator = new Operator()
    const admin = operator.admin({ write: true })
    const path = await file('edge.yaml', config({ ...EMPTY, admin }))
    const process = up(path, '--json')
    const [node] = await readyNodes(process)
    operator.at({ adminUrl: String(node?.admin) })
    const more = `${node?.url}/mcp/more`
    await writeFile(path, config({ ...ONE_MORE, admin }))
    expect(await operator.ask('POST', '/reload')).toMatchObject({ reloaded: true })
    expect(await process.event('reloaded')).toMatchObject({ file: path })
    expect((await callModern(more, 'tools/list')).status).toBe(200)
    await writeFile(path, config({ ...EMPTY, admin, visibility: 'closed' }))
    expect((await operator.send('POST', '/api/v1/reload')).json).toMatchObject({
      status: 409,
      problems: [{ path: ['visibility'], line: 1 }],
    })
    expect(await process.event('refused')).toMatchObject({ file: path })
    expect((await callModern(more, 'tools/list')).status).toBe(200)
  })

  test('that nobody is left to be told of stops the nodes in good order', async () => {
    const stdio = { ...stdioCommand({ era: '2026', linger: true }), stopGrace: '100ms' }
    const path = await file('edge.yaml', config({ upstreams: { fixture: { stdio } } }))
    const abandoned = up(path)
    await abandoned.line((line) => line.startsWith('ready'), 'the ready line')
    const [url = ''] = /http:\S+main/.exec(abandoned.lines.join('\n')) ?? []
    const pid = Number(textOf(await callModern(url, 'tools/call', { name: 'fx__pid' })))
    expect(process.kill(pid, 0)).toBe(true)
    // What a terminal does that is closed.
    abandoned.child.stdout?.destroy()
    abandoned.child.stderr?.destroy()
    abandoned.signal('SIGHUP')
    expect(await abandoned.ended()).toEqual({ code: 0, signal: null })
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })

  test('of a bad file is refused whole, and told', async () => {
    const path = await file('edge.yaml', config(EMPTY))
    const process = up(path, '--json')
    const [node] = await readyNodes(process)
    await writeFile(path, config({ ...ONE_MORE, visibility: 'closed' }))
    process.signal('SIGHUP')
    expect(await process.event('refused')).toMatchObject({
      file: path,
      problems: [{ path: ['visibility'] }],
    })
    await until(() => process.stderr.includes(`${path}:1:`), 'the problem on standard error')
    expect((await callModern(`${node?.url}/mcp/main`, 'tools/list')).status).toBe(200)
    expect((await callModern(`${node?.url}/mcp/more`, 'tools/list')).status).toBe(404)
  })

  test('that would need a restart is refused', async () => {
    const path = await file('edge.yaml', config(EMPTY))
    const process = up(path, '--json')
    await readyNodes(process)
    const node = { name: 'other', organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' }
    await writeFile(path, config({ ...EMPTY, node }))
    process.signal('SIGHUP')
    expect(await process.event('refused')).toMatchObject({
      problems: [{ message: 'changed; that takes a restart of the node' }],
    })
  })

  test.each(['written', 'replaced'])('with --watch follows a file that is %s', async (how) => {
    const path = await file('edge.yaml', config(EMPTY))
    const process = up(path, '--json', '--watch')
    await readyNodes(process)
    if (how === 'written') await writeFile(path, config(ONE_MORE))
    else {
      const draft = await file('draft', config(ONE_MORE))
      await copyFile(draft, `${draft}.copy`)
      await rename(draft, path)
    }
    const { node } = await process.event('reloaded')
    expect(Object.keys((node as ReadyNode).endpoints)).toEqual(['main', 'more'])
  })
})
