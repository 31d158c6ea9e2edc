// `banyan serve --stdio` under clients that nobody here wrote, and at its limits.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client as ClientV2 } from '@modelcontextprotocol/client'
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { stdioCommand } from '../../fixtures/stdio-command.ts'
import { META, VERSION_2026 } from '../../fixtures/wire.ts'
import { CliProcess } from './cli-process.ts'

const CLI = fileURLToPath(new URL('../../../node/main/cli.ts', import.meta.url))
const MODERN_META = { [META.version]: VERSION_2026, [META.capabilities]: {} }
const INFO = { name: 'referee', version: '1.0.0' }

let folder = ''
let file = ''
const running: CliProcess[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-serve-'))
  file = join(folder, 'edge.yaml')
  const config = {
    node: { name: 'edge', organisation: 'acme', state: 'memory' },
    // One that talks on its standard error: none of that may reach the pipe.
    upstreams: { fixture: { stdio: stdioCommand({ era: '2026', noise: true }) } },
    namespaces: { fx: { from: ['fixture'] } },
    endpoints: { main: { namespaces: ['fx'] } },
  }
  await writeFile(file, JSON.stringify(config))
})

afterEach(() => Promise.all(running.splice(0).map((one) => one.destroy())))
afterAll(() => rm(folder, { recursive: true }))

function serve(...args: string[]): CliProcess {
  const started = new CliProcess(['serve', ...args])
  running.push(started)
  return started
}

const COMMAND = { command: process.execPath, stderr: 'ignore' } as const

function argsOf(): string[] {
  return [CLI, 'serve', '--stdio', 'main', file]
}

test('the SDK v1 client lists, calls and leaves', async () => {
  const client = new ClientV1(INFO)
  await client.connect(new StdioV1({ ...COMMAND, args: argsOf() }))
  const { tools } = await client.listTools()
  expect(tools.map(({ name }) => name)).toContain('fx__echo')
  const result = await client.callTool({ name: 'fx__echo', arguments: { message: 'v1' } })
  expect(result).toMatchObject({ content: [{ type: 'text', text: 'v1' }] })
  await client.close()
})

test('the SDK v2 client finds era 2026, lists, calls and leaves', async () => {
  const client = new ClientV2(INFO, { versionNegotiation: { mode: 'auto' } })
  await client.connect(new StdioV2({ ...COMMAND, args: argsOf() }))
  expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28')
  const { tools } = await client.listTools()
  expect(tools.map(({ name }) => name)).toContain('fx__echo')
  const result = await client.callTool({ name: 'fx__echo', arguments: { message: 'v2' } })
  expect(result).toMatchObject({ content: [{ type: 'text', text: 'v2' }] })
  await client.close()
})

test('row 61: only MCP is on standard output; the end of input ends it with 0', async () => {
  const process = serve('--stdio', 'main', file, '--log', 'debug')
  process.send('{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
  await process.line((line) => line.includes('"id":1'), 'the answer')
  process.hangUp()
  expect(await process.ended()).toEqual({ code: 0, signal: null })
  expect(process.lines).toEqual(['{"jsonrpc":"2.0","id":1,"result":{}}'])
  expect(process.stderr).toContain('"level":')
})

test('a reader that has gone ends it in good order: its servers do not outlive it', async () => {
  const stubborn = join(folder, 'stubborn.yaml')
  const stdio = { ...stdioCommand({ era: '2026', linger: true }), stopGrace: '100ms' }
  const config = {
    node: { name: 'edge', organisation: 'acme', state: 'memory' },
    upstreams: { fixture: { stdio } },
    namespaces: { fx: { from: ['fixture'] } },
    endpoints: { main: { namespaces: ['fx'] } },
  }
  await writeFile(stubborn, JSON.stringify(config))
  const serving = serve('--stdio', 'main', stubborn)
  const ask = (id: number): void => {
    const params = { name: 'fx__pid', arguments: {}, _meta: MODERN_META }
    serving.send(`${JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params })}\n`)
  }
  ask(1)
  const answer = await serving.line((line) => line.includes('"id":1'), 'the answer')
  const [, pid = ''] = /"text":"(\d+)"/.exec(answer) ?? []
  expect(process.kill(Number(pid), 0)).toBe(true)
  serving.child.stdout?.destroy()
  ask(2)
  expect(await serving.ended()).toEqual({ code: 0, signal: null })
  expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH')
})

test('SIGTERM ends it with 0 while its input stays open', async () => {
  const process = serve('--stdio', 'main', file)
  process.send('{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
  await process.line((line) => line.includes('"id":1'), 'the answer')
  process.signal('SIGTERM')
  expect(await process.ended()).toEqual({ code: 0, signal: null })
})

test.each([
  [['main'], 2, 'banyan: --stdio ENDPOINT is missing\n'],
  [['--stdio', 'main'], 2, 'banyan: a file is missing\n'],
  [['--stdio', 'none', 'FILE'], 1, 'banyan: there is no endpoint "none"; there are: main\n'],
])('%j ends with %d', async (args, code, message) => {
  const process = serve(...args.map((arg) => (arg === 'FILE' ? file : arg)))
  expect(await process.ended()).toEqual({ code, signal: null })
  expect(process.stderr).toContain(message)
  expect(process.lines).toEqual([])
})
