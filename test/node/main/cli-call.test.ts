// `banyan list` and `banyan call` against servers of both eras.
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import { callCommand } from '../../../node/main/cli-call.ts'
import { runCli } from '../../../node/main/cli-frame.ts'
import { listCommand } from '../../../node/main/cli-list.ts'
import { FixtureServer, type FixtureOptions } from '../../fixtures/fixture-server.ts'
import { plainTool } from '../../fixtures/fixture-tools.ts'
import { until } from '../../fixtures/wait.ts'
import { sourcesOf } from './sources.ts'

const servers: FixtureServer[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

async function start(options: FixtureOptions = {}): Promise<FixtureServer> {
  const server = await FixtureServer.start(options)
  servers.push(server)
  return server
}

interface Setting {
  readonly stdin?: string
  readonly terminal?: boolean
  readonly signal?: AbortSignal
}

async function run(
  argv: readonly string[],
  { stdin = '', terminal = false, signal }: Setting = {},
): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()]
  const [out, err] = [text(stdout), text(stderr)]
  const code = await runCli(argv, {
    commands: sourcesOf(listCommand, callCommand),
    version: '1.2.3',
    stdin: Readable.from([Buffer.from(stdin)]),
    stdout,
    stderr,
    isTTY: terminal,
    colour: false,
    signal: signal ?? new AbortController().signal,
  })
  stdout.end()
  stderr.end()
  return { code, out: await out, err: await err }
}

describe.each(['2025', '2026'] as const)('a server of era %s', (era) => {
  test('is listed over all its pages, as a table and as JSON', async () => {
    const server = await start({ era, pageSize: 3 })
    const { code, out, err } = await run(['list', server.url])
    expect(code).toBe(0)
    const names = out
      .trimEnd()
      .split('\n')
      .map((line) => line.split('(')[0])
    expect(names).toEqual(server.tools.names)
    expect(out).toMatch(/^echo\(message\) +Returns the message\.$/m)
    expect(out).toMatch(/^slow\(message\?\) +Answers when the test opens the gate\.$/m)
    expect(err).toContain(`${server.tools.names.length} tools from `)

    const json = JSON.parse((await run(['list', server.url, '--json'])).out) as {
      era: string
      tools: unknown[]
    }
    expect(json.era).toBe(era)
    expect(json.tools[0]).toMatchObject({ name: 'echo', annotations: { readOnlyHint: true } })
    expect(json.tools).toHaveLength(names.length)
  })

  test('gets the token or key that --key-file holds, and never shows it', async () => {
    const server = await start({ era })
    const setting = { stdin: 'a-static-key-of-ann\n' }
    const { code, out, err } = await run(['list', server.url, '--key-file', '-'], setting)
    expect(code).toBe(0)
    const sent = new Set(server.requests.map(({ headers }) => headers.authorization))
    expect([...sent]).toEqual(['Bearer a-static-key-of-ann'])
    expect(out + err).not.toContain('a-static-key')
    const none = await run(['list', server.url, '--key-file', '/dev/null'])
    expect([none.code, none.err]).toEqual([2, expect.stringContaining('holds no key') as string])
  })

  test('has prompts, resources and templates, which are listed instead of the tools', async () => {
    const server = await start({ era, pageSize: 1 })
    const prompts = await run(['list', server.url, '--prompts'])
    expect(prompts.out).toMatch(/^greet\(name, language\?\) +Greets somebody in a language\.$/m)
    expect(prompts.err).toContain(`${server.prompts.names.length} prompts from `)
    const resources = await run(['list', server.url, '--resources'])
    expect(resources.out).toMatch(/^test:\/\/static\/1 +Says static 1\.$/m)
    expect(resources.err).toContain(`${server.resources.names.length} resources from `)
    const templates = await run(['list', server.url, '--templates'])
    // Without a description it is told by its name.
    expect(templates.out).toMatch(/^test:\/\/item\/\{id\} +item$/m)
    expect(templates.err).toContain(`${server.templates.names.length} templates from `)
  })

  test.each([
    ['--prompts', 'prompts'],
    ['--resources', 'resources'],
    ['--templates', 'resourceTemplates'],
  ])('is listed as JSON under the name MCP has for it: %s', async (option, member) => {
    const server = await start({ era })
    const { out } = await run(['list', server.url, option, '--json'])
    const document = JSON.parse(out) as Record<string, unknown>
    expect(document).toMatchObject({ era, url: server.url })
    expect(document[member]).not.toEqual([])
    expect(document).not.toHaveProperty('tools')
  })

  test('is called, with arguments from the command line or from standard input', async () => {
    const { url } = await start({ era })
    const given = '{"message":"hello"}'
    expect(await run(['call', url, 'echo', given])).toEqual({ code: 0, out: 'hello\n', err: '' })
    expect(await run(['call', url, 'echo', '-'], { stdin: given })).toEqual({
      code: 0,
      out: 'hello\n',
      err: '',
    })
    const { out } = await run(['call', url, 'add', '{"a":1,"b":2}', '--json'])
    expect(JSON.parse(out)).toMatchObject({ structuredContent: { sum: 3 } })
  })

  test('that fails as a tool or as a server ends it with 1', async () => {
    const { url } = await start({ era })
    expect(await run(['call', url, 'fail'])).toEqual({
      code: 1,
      out: '',
      err: 'failed as asked\n',
    })
    const wanted = '{"code":-32042,"message":"no","data":{"why":1}}'
    expect(await run(['call', url, 'error', wanted])).toEqual({
      code: 1,
      out: '',
      err: 'banyan: error -32042: no {"why":1}\n',
    })
  })

  test('shows its progress when asked', async () => {
    const { url } = await start({ era })
    const { err } = await run(['call', url, 'progress', '{"steps":2}', '--progress'])
    expect(err).toMatch(/^1\/2.*\n2\/2.*\n$/)
    expect((await run(['call', url, 'progress', '{"steps":2}'])).err).toBe('')
  })

  test('hears that the user gave up', async () => {
    const server = await start({ era })
    const interrupt = new AbortController()
    const running = run(['call', server.url, 'slow'], { signal: interrupt.signal })
    await until(() => server.calls('slow').length === 1, 'the call')
    interrupt.abort()
    expect(await running).toEqual({ code: 1, out: '', err: 'banyan: interrupted\n' })
    const { ids, closed } = server.cancelled
    await until(() => ids.length + closed.length > 0, 'the cancellation')
  })

  test('is left without a session', async () => {
    const server = await start({ era })
    await run(['list', server.url])
    await run(['call', server.url, 'echo', '{"message":"x"}'])
    expect(server.violations).toEqual([])
    expect(server.openSessions).toEqual([])
    expect(server.deletedSessions).toHaveLength(era === '2025' ? 2 : 0)
  })
})

test('--era holds a server to one era', async () => {
  const { url } = await start({ era: '2025' })
  expect(await run(['list', url, '--era', '2026'])).toMatchObject({ code: 1, out: '' })
  expect(await run(['list', url, '--era', '2024'])).toMatchObject({ code: 2, out: '' })
})

test('one list is asked for at a time', async () => {
  const { url } = await start()
  const both = await run(['list', url, '--prompts', '--templates'])
  expect(both).toMatchObject({ code: 2, out: '' })
  expect(both.err).toContain('one at a time')
})

test('--trace starts a trace and tells its id', async () => {
  const { url } = await start()
  const { out, err } = await run(['call', url, 'meta', '--trace'])
  const [, trace] = /traceparent (00-[0-9a-f]{32}-[0-9a-f]{16}-01)\n$/.exec(err) ?? []
  expect(trace).toBeDefined()
  expect(out).toContain(`"traceparent":"${trace}"`)
})

test('arguments are mirrored into headers where the server demands it', async () => {
  const server = await start()
  const { code, out } = await run(['call', server.url, 'region', '{"region":"eu"}'])
  expect({ code, out }).toEqual({ code: 0, out: 'region=eu\n' })
  expect(server.violations).toEqual([])
})

test('a terminal is not sent what could steer it; a pipe gets every byte', async () => {
  const server = await start()
  const nasty = '\u001b[2Jgone'
  server.tools.add({
    ...plainTool('nasty'),
    run: () => ({ content: [{ type: 'text', text: nasty }] }),
  })
  const shown = await run(['call', server.url, 'nasty'], { terminal: true })
  expect(shown.out).toBe('\ufffd[2Jgone\n')
  expect((await run(['call', server.url, 'nasty'])).out).toBe(`${nasty}\n`)
})

test('neither the name of a server nor a revision it answers with can steer a terminal', async () => {
  const server = await start({ era: '2025', versions: ['\u001b[2J'] })
  const refused = await run(['list', server.url])
  expect(refused).toMatchObject({ code: 1, out: '' })
  expect(refused.err).toContain('\ufffd[2J')
  expect(refused.err).not.toContain('\u001b')

  const named = await start({ serverInfo: { name: '\u001b[2Jevil', version: '1' } })
  for (const argv of [
    ['list', named.url],
    ['call', named.url, 'meta', '--trace'],
  ]) {
    const { code, err } = await run(argv)
    expect(code).toBe(0)
    expect(err).toContain('\ufffd[2Jevil')
    expect(err).not.toContain('\u001b')
  }
})

test.each([
  [['list'], 2, 'a URL is missing'],
  [['list', 'edge.yaml'], 2, 'edge.yaml is no http or https URL'],
  [['call'], 2, 'a URL is missing'],
  [['call', 'http://127.0.0.1:1/mcp'], 2, 'the name of a tool is missing'],
  [['call', 'http://127.0.0.1:1/mcp', 'x', '{'], 2, 'the arguments are not JSON'],
  [['call', 'http://127.0.0.1:1/mcp', 'x', '[]'], 2, 'the arguments must be a JSON object'],
  [['list', 'http://127.0.0.1:1/mcp'], 1, 'cannot be reached'],
])('%j ends with %d', async (argv, code, message) => {
  const outcome = await run(argv)
  expect(outcome).toMatchObject({ code, out: '' })
  expect(outcome.err).toContain(message)
})
