// `banyan explain` and `banyan status`: of a file, and of a running node.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { runCli } from '../../../node/main/cli-frame.ts'
import { explainCommand } from '../../../node/main/cli-explain.ts'
import { statusCommand } from '../../../node/main/cli-status.ts'
import type { RunningNode } from '../../../node/main/running-node.ts'
import { FixtureServer } from '../../fixtures/fixture-server.ts'
import { Mesh } from '../../mesh/mesh.ts'
import { Operator } from '../../mesh/operator.ts'
import { sourcesOf } from './sources.ts'

const mesh = new Mesh()
const operator = new Operator()
let folder = ''
let file = ''
let keyFile = ''

function configOf(url: string, more: object = {}): object {
  return {
    node: { name: 'edge', organisation: 'acme', state: 'memory' },
    issuer: {},
    upstreams: { files: { http: { url } } },
    namespaces: { docs: { from: ['files'] } },
    endpoints: { main: { namespaces: ['docs'] } },
    clients: { analyst: { claims: { groups: 'analyst' } }, admin: { subjects: 'root' } },
    visibility: [
      { for: 'admin' },
      { for: 'analyst', tools: { allow: ['docs__*'], deny: ['docs__meta'] } },
    ],
    expect: [{ for: 'analyst', endpoint: 'main', sees: ['docs__echo'] }],
    ...more,
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-explain-'))
  file = join(folder, 'edge.yaml')
  keyFile = join(folder, 'ops.key')
  await writeFile(file, JSON.stringify(configOf('http://127.0.0.1:1/mcp'), null, 1))
  await writeFile(keyFile, `${operator.key}\n`)
})

afterEach(() => mesh.close())
afterAll(() => rm(folder, { recursive: true }))

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

async function run(argv: readonly string[], input = ''): Promise<Outcome> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  stdin.end(input)
  const code = await runCli(argv, {
    commands: sourcesOf(explainCommand, statusCommand),
    version: '1.2.3',
    stdin,
    stdout,
    stderr,
    isTTY: false,
    colour: false,
    signal: new AbortController().signal,
  })
  stdout.end()
  stderr.end()
  return { code, out: await text(stdout), err: await text(stderr) }
}

function explain(...args: string[]): Promise<Outcome> {
  return run(['explain', file, ...args])
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** A token as it comes from an issuer; nobody looks at its signature here. */
function tokenOf(claims: object): string {
  return `${part({ alg: 'ES256', typ: 'at+jwt' })}.${part(claims)}.${'A'.repeat(86)}`
}

describe('of a file', () => {
  test('lists what it names, each with its rule, and says that no server was asked', async () => {
    const { code, out, err } = await explain('--as', 'analyst')
    expect({ code, out: out.replaceAll(/yaml:\d+/g, 'yaml:LINE'), err }).toEqual({
      code: 0,
      out: `/mcp/main
  ✓ docs__echo tool      ${file}:LINE allows it
  ✗ docs__meta tool      ${file}:LINE denies the tool
  ✓ docs__*    tool      ${file}:LINE allows it
  ✗ docs__*    prompt    no rule allows the prompt
  ✗ docs__*    resource  no rule allows the resource
`,
      err: `${file}, as analyst: what the file itself names; no server was asked\n`,
    })
  })

  test.each<[string[], number, string]>([
    [['--as', 'analyst', 'docs__echo'], 0, '✓ docs__echo'],
    [['--as', 'analyst', 'docs__meta'], 1, '✗ docs__meta'],
    [['--as', 'admin,analyst', 'docs__meta'], 1, '✗ docs__meta'],
    [['--as', 'admin', 'docs__meta'], 0, '✓ docs__meta'],
    [['--as', '*', 'docs__echo'], 1, 'no rule allows the endpoint'],
    [['--as', 'admin', '--scope', 'ns:docs:read', 'docs__meta'], 1, 'tool:docs/meta would'],
    [['--as', '{"groups":["x","analyst"]}', 'docs__echo'], 0, '✓ docs__echo'],
    [['--as', '{"iss":"https://x.example"}', 'docs__echo'], 1, 'takes tokens of'],
    [['--as', 'key:bob', 'docs__echo'], 1, 'the endpoint takes no key "bob"'],
    [['--as', 'admin', 'mail__send'], 1, 'it offers no namespace'],
    [['--as', 'admin', '--kind', 'prompt', 'docs__greet'], 0, 'prompt'],
  ])('%j ends with %d', async (args, code, words) => {
    const outcome = await explain(...args)
    expect(outcome.code).toBe(code)
    expect(outcome.out).toContain(words)
  })

  test('takes claims and tokens from standard input, of which nothing is shown', async () => {
    const claims = { sub: 'ann', groups: 'analyst', scope: 'ns:docs' }
    for (const given of [JSON.stringify(claims), `${tokenOf(claims)}\n`]) {
      const { code, out, err } = await run(
        ['explain', file, '--as', '-', '--json', 'docs__echo'],
        given,
      )
      expect([code, err]).toEqual([0, ''])
      expect(JSON.parse(out)).toMatchObject({ source: 'file', items: [{ visible: true }] })
      expect(out).not.toContain('A'.repeat(20))
    }
    const { scope: _, ...bare } = claims
    const none = await run(['explain', file, '--as', '-', 'docs__echo'], tokenOf(bare))
    expect(none.code).toBe(1)
    expect(none.out).toContain('the scopes do not cover it')
  })

  test.each<[string[], string]>([
    [[], '--as is missing: who is asked about'],
    [['--as', 'analist'], 'there is no class "analist", did you mean "analyst"?'],
    [['--as', 'An Analyst'], '"An Analyst" is no class, key:NAME, JSON or -'],
    [['--as', '{'], 'the claims are no JSON'],
    [['--as', '-'], 'standard input holds neither claims as JSON nor a signed token'],
    [['--as', 'key:a', '--scope', 'x'], '--scope goes with classes alone'],
    [['--as', 'admin', '--kind', 'tools'], '--kind takes one of tool, prompt, resource'],
    [['--as', 'admin', '--endpoint', 'mian'], 'there is no endpoint "mian", did you mean "main"?'],
    [['--as', 'admin', 'a', 'b'], 'explain takes one file, or --url, and one name'],
    [['--as', 'admin', '--url', 'ftp://x'], 'ftp://x is no http or https URL'],
    [['--as', 'admin', '--key-file', '/dev/null/none'], 'has no "admin": operators cannot ask'],
  ])('%j is wrong usage', async (args, message) => {
    const { code, err } = await explain(...args)
    expect(code).toBe(2)
    expect(err).toContain(message)
  })
})

async function other(more: object): Promise<string> {
  const path = join(folder, 'other.yaml')
  await writeFile(path, JSON.stringify(configOf('http://127.0.0.1:1/mcp', more), null, 1))
  return path
}

describe('--diff', () => {
  const FEWER = {
    visibility: [{ for: 'admin' }, { for: 'analyst', tools: ['docs__echo'] }],
  }

  test('of a file says what each class would see, and ends with 1; with 0 where nothing changes', async () => {
    const path = await other(FEWER)
    const { code, out, err } = await explain('--diff', path)
    expect([code, err]).toEqual([
      1,
      `${file}, if it were ${path}: over what the two name themselves; no server was asked\n`,
    ])
    expect(out).toBe(`/mcp/main
  analyst
    - docs__* tool      no rule allows the tool
`)
    const same = await run(['explain', path, '--diff', path])
    expect([same.code, same.out]).toEqual([0, 'nothing changes for any class\n'])
  })

  test('of a running node is over what it lists', async () => {
    const { node, fixture } = await running()
    const path = await other({
      ...FEWER,
      clients: { analyst: { subjects: 'x' }, admin: { subjects: 'root' } },
    })
    const options = ['--url', node.adminUrl ?? '', '--key-file', keyFile, '--diff', path]
    const { code, out } = await run(['explain', ...options])
    expect(code).toBe(1)
    expect(out).toMatch(/^ {4}- docs__slow +tool +no rule allows the tool$/m)
    expect(out).toContain('· who is in class "analyst" changes\n')
    expect(out).not.toContain('docs__echo ')
    const json = await run(['explain', ...options, '--json'])
    expect(JSON.parse(json.out)).toMatchObject({ source: 'node', changes: [{ class: 'analyst' }] })
    await fixture.close()
  })

  test('goes with nothing else', async () => {
    const { code, err } = await explain('--diff', file, '--as', 'admin')
    expect([code, err]).toEqual([2, expect.stringContaining('one or the other') as string])
  })
})

async function running(): Promise<{ node: RunningNode; fixture: FixtureServer }> {
  const fixture = await FixtureServer.start({ era: '2026' })
  const node = await mesh.startConfig(
    configOf(fixture.url, {
      node: { name: 'edge', organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
      admin: operator.admin(),
    }),
  )
  await node.ready()
  return { node, fixture }
}

describe('of a running node', () => {
  test('explains what it lists, all of it', async () => {
    const { node, fixture } = await running()
    const options = ['--url', `${node.adminUrl}/`, '--key-file', keyFile]
    const { code, out, err } = await run(['explain', ...options, '--as', 'analyst'])
    expect([code, err]).toEqual([0, `${node.adminUrl}, as analyst: what the node lists now\n`])
    expect(out).toMatch(/^ {2}✓ docs__echo +tool +visibility\[1\] allows it, from files$/m)
    expect(out).toMatch(/^ {2}✗ docs__meta +tool +visibility\[1\] denies the tool, from files$/m)
    expect(out).toMatch(/^ {2}✗ docs__\* +prompt +no rule allows the prompt, \d+ prompts$/m)
    const hidden = await run(['explain', 'docs__meta', ...options, '--as', 'analyst', '--json'])
    expect(hidden.code).toBe(1)
    expect(JSON.parse(hidden.out)).toMatchObject({
      source: 'node',
      items: [{ visible: false, level: 'capability', rule: { index: 1 }, upstreams: ['files'] }],
    })
    const nothing = await run(['explain', 'docs__none', ...options, '--as', 'admin'])
    expect([nothing.code, nothing.out]).toEqual([1, '/mcp/main\n  · no upstream lists it\n'])
    const wrong = await run(['explain', ...options, '--as', 'analist'])
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('did you mean') as string])
    await fixture.close()
  })

  test('says how it stands, and ends with 1 while it is not ready', async () => {
    const { node, fixture } = await running()
    const options = ['--url', node.adminUrl ?? '', '--key-file', '-']
    const { code, out } = await run(['status', ...options], operator.key)
    expect(code).toBe(0)
    expect(out).toMatch(/^edge of acme {2}http:\/\/127\.0\.0\.1:\d+\n {2}ready since \d{4}-/)
    expect(out).toMatch(/mcp\/main {2}\d+ tools/)
    expect(out).toMatch(/^ {4}files {2}up, era 2026/m)
    await mesh.close()
    await fixture.close()
  })

  test('gives no answer with another key, or when it is gone: 4, and never 1', async () => {
    const { node, fixture } = await running()
    const options = ['--url', node.adminUrl ?? '', '--as', 'admin', '--json']
    const refused = await run(['explain', 'docs__echo', ...options])
    expect(refused.code).toBe(4)
    expect(JSON.parse(refused.out)).toMatchObject({ error: { kind: 'unanswered' } })
    await node.close()
    const gone = await run(['explain', 'docs__echo', ...options])
    expect([gone.code, gone.err]).toEqual([
      4,
      expect.stringContaining(`no answer from ${node.adminUrl}`) as string,
    ])
    const elsewhere = await run(['status', '--url', fixture.url])
    expect(elsewhere.code).toBe(4)
    await fixture.close()
  })
})
