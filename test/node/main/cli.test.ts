import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigError } from '../../../node/core/config-error.ts'
import { checkCommand } from '../../../node/main/cli-check.ts'
import { EXIT, UsageError, type Command } from '../../../node/main/cli-command.ts'
import { runCli } from '../../../node/main/cli-frame.ts'
import { schemaCommand } from '../../../node/main/cli-schema.ts'
import { packageVersion } from '../../../node/main/cli-version.ts'
import { CANARY, FULL } from '../core/identity-config.ts'
import { sourcesOf } from './sources.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

const GOOD = `node: { name: edge, organisation: acme }
upstreams: { files: { stdio: { command: npx } }, idle: { stdio: { command: x } } }
namespaces: { docs: { from: [files] } }
endpoints: { main: { namespaces: [docs] } }
`
const BAD = `node: { name: edge }
endpoints: { main: { namespaces: [docs] } }
`

/** A command that shows what the frame gives it, or fails as told. */
const probe: Command = {
  name: 'probe',
  summary: 'a probe',
  usage: 'WHAT [--json] [--tag TAG]...',
  options: {
    json: { type: 'boolean', summary: 'print JSON' },
    tag: { type: 'string', short: 't', multiple: true, value: 'TAG', summary: 'a tag' },
  },
  async run({ args, options, stdout, signal }) {
    const [what] = args
    if (what === 'usage') throw new UsageError('no such thing')
    if (what === 'config') throw new ConfigError([{ path: ['a'], message: 'bad' }], 'f.yaml')
    if (what === 'failure') throw new Error('out of luck')
    if (what === 'wait' && !signal.aborted) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    }
    const given = { args, json: options.has('json'), tags: options.texts('tag') }
    stdout.write(JSON.stringify({ ...given, last: options.text('tag') ?? null }))
    return EXIT.ok
  },
}

interface Outcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

interface Setting {
  readonly colour?: boolean
  readonly signal?: AbortSignal
}

async function run(argv: readonly string[], setting: Setting = {}): Promise<Outcome> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const code = await runCli(argv, {
    commands: sourcesOf(checkCommand, schemaCommand, probe),
    version: '1.2.3',
    stdin,
    stdout,
    stderr,
    isTTY: setting.colour ?? false,
    colour: setting.colour ?? false,
    signal: setting.signal ?? new AbortController().signal,
  })
  stdout.end()
  stderr.end()
  return { code, out: await text(stdout), err: await text(stderr) }
}

describe('the frame', () => {
  test.each([['--version'], ['-v']])('%s prints the version', async (option) => {
    expect(await run([option])).toEqual({ code: 0, out: '1.2.3\n', err: '' })
  })

  test.each([['--help'], ['-h'], ['help']])('%s lists commands and exit codes', async (option) => {
    const { code, out, err } = await run([option])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toContain('usage: banyan COMMAND')
    for (const { name, summary } of [checkCommand, schemaCommand, probe]) {
      expect(out).toMatch(new RegExp(`^  ${name} +${summary}$`, 'm'))
    }
    expect(out).toContain(
      'exit codes: 0 ok, 1 failed at run time, 2 wrong usage, 3 bad configuration',
    )
  })

  test.each([[['help', 'probe']], [['probe', '--help']], [['probe', 'x', '-h']]])(
    '%j explains one command',
    async (argv) => {
      const { code, out } = await run(argv)
      expect(code).toBe(0)
      expect(out).toContain('usage: banyan probe WHAT [--json] [--tag TAG]...\n')
      expect(out).toMatch(/^ {2}-t, --tag TAG +a tag$/m)
    },
  )

  test('gives a command its arguments and options', async () => {
    const { code, out } = await run(['probe', 'x', '--tag', 'a', '--json', '-t', 'b', '--', '--y'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual({ args: ['x', '--y'], json: true, tags: ['a', 'b'], last: 'b' })
  })

  test('gives a command the signal to stop', async () => {
    const interrupt = new AbortController()
    const running = run(['probe', 'wait'], { signal: interrupt.signal })
    interrupt.abort()
    expect(await running).toMatchObject({ code: 0, err: '' })
  })

  test.each<[string[], number, string]>([
    [[], 2, 'banyan: a command is missing\ntry: banyan --help\n'],
    [['chekc'], 2, 'banyan: unknown command "chekc", did you mean "check"?\ntry: banyan --help\n'],
    [['help', 'x'], 2, 'banyan: unknown command "x"\ntry: banyan --help\n'],
    [['constructor'], 2, 'banyan: unknown command "constructor"\ntry: banyan --help\n'],
    [['schema', 'x'], 2, 'banyan: schema takes no arguments\nusage: banyan schema\n'],
    [
      ['check', '--jsn'],
      2,
      "banyan: Unknown option '--jsn'\nusage: banyan check FILE... [--json]\n",
    ],
    [['check'], 2, 'banyan: a file is missing\nusage: banyan check FILE... [--json]\n'],
    [
      ['probe', 'usage'],
      2,
      'banyan: no such thing\nusage: banyan probe WHAT [--json] [--tag TAG]...\n',
    ],
    [['probe', 'config'], 3, 'f.yaml a: bad\n'],
    [['probe', 'failure'], 1, 'banyan: out of luck\n'],
  ])('%j ends with %d', async (argv, code, err) => {
    expect(await run(argv)).toEqual({ code, out: '', err })
  })

  test.each([
    ['config', { kind: 'config', file: 'f.yaml', problems: [{ path: ['a'], message: 'bad' }] }],
    ['failure', { kind: 'failure', message: 'out of luck' }],
    ['usage', { kind: 'usage', message: 'no such thing' }],
  ])('--json gives one document also for an error: %s', async (what, error) => {
    const { out } = await run(['probe', what, '--json'])
    expect(JSON.parse(out)).toEqual({ error })
  })
})

describe('commands', () => {
  let folder = ''
  let good = ''
  let bad = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'banyan-cli-'))
    good = join(folder, 'good.yaml')
    bad = join(folder, 'bad.yaml')
    await writeFile(good, GOOD)
    await writeFile(bad, BAD)
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('check explains a good file, and warns', async () => {
    expect(await run(['check', good])).toEqual({
      code: 0,
      out: `${good}: ok, node edge of acme
  http://127.0.0.1:7400/mcp/main  names prefixed, up to 48 characters
    callers: OPEN, whoever reaches it
    docs  from files (stdio npx)
`,
      err: `warning ${good}:2:50 upstreams.idle: is used by no namespace\n`,
    })
  })

  test('check explains who may call, how callers are passed on, and whom we trust', async () => {
    const file = join(folder, 'identity.json')
    await writeFile(file, JSON.stringify(FULL).replaceAll('${SECRET}', CANARY))
    expect(await run(['check', file])).toEqual({
      code: 0,
      out: `${file}: ok, node gate of b
  https://gw.b.example/mcp/partners  names prefixed, up to 48 characters
    callers: with tokens of https://id.b.example, bound to a key of theirs (DPoP); scopes ns:sales
    sales     from files (stdio x), near (http http://127.0.0.1:3000/mcp), saas (http https://mcp.saas.example/v1)
    inside-*  imported from inside (node https://find.b.example/mcp/docs)
    c-*       imported from c (node https://gw.c.example/mcp/pub)
  https://gw.b.example/mcp/staff  names prefixed, up to 48 characters
    callers: with tokens of https://login.b.example, bound or bearer; opaque ones are asked about; scopes ns:sales; taken over: reader as ns:sales:read
    callers: the key of ops, for *, until 2099-06-01
    sales  from files (stdio x), near (http http://127.0.0.1:3000/mcp), saas (http https://mcp.saas.example/v1)
  to near: is not told who calls
  to saas: gets the node itself, by a token of https://login.saas.example for items.read; callers need ns:sales; public addresses only
  to inside: gets the caller, exchanged at https://id.b.example; goes over: ns:sales as ns:docs; public addresses only
  to c: gets the caller, granted to https://gw.c.example as pairwise subject, actors full; goes over: ns:sales:read as ns:ledger:read; public addresses only
  issuer https://id.b.example, this process; tokens live 2m
  node https://find.b.example/oauth/client.json: trades tokens for https://find.b.example/mcp/docs into tokens for https://gw.b.example/mcp/partners, https://gw.c.example
  workload nightly: by its secret, may call https://gw.b.example/mcp/partners for ns:sales:read
  workload ci: by tokens of https://kubernetes.default.svc, may call https://gw.b.example/mcp/partners for ns:sales
  trust https://gw.a.example: may call https://gw.b.example/mcp/partners for ns:sales:read; until 2099-06-01; up to 3 actors deep; its own people only (pairwise); tokens of 2m, bound to a key (DPoP)
`,
      err: '',
    })
  })

  test('check says who signs grants where the authorization server does not', async () => {
    const file = join(folder, 'external.json')
    const { trust: _, workloads: __, nodes = [], ...rest } = FULL
    const rule = { issuer: 'https://gw.d.example', scopes: { max: ['ns:x'] }, disclose: 'self' }
    const named = nodes.map((node) => ({ ...node, reaches: [rule] }))
    const issuer = { mode: 'external', url: 'https://login.b.example/b' }
    const write = async (more: object): Promise<{ out: string; err: string }> => {
      await writeFile(file, JSON.stringify({ ...rest, ...more }).replaceAll('${SECRET}', CANARY))
      return run(['check', file])
    }
    const signing = await write({ issuer: { ...issuer, grants: {} }, nodes: named })
    expect(signing.err).toBe('')
    expect(signing.out.split('\n').slice(-5).join('\n'))
      .toBe(`  issuer https://login.b.example/b, an external authorization server
  grants signed by this process as https://gw.b.example: what trust records of others name; they live 1m
  node https://find.b.example/oauth/client.json: trades tokens for https://find.b.example/mcp/docs into tokens for https://gw.d.example
    grants for https://gw.d.example: any endpoint; at most ns:x; pairwise subject, actors self at most
`)
    const grants = { mode: 'node', url: 'https://hub.b.example' }
    const elsewhere = await write({ issuer: { ...issuer, grants } })
    expect(elsewhere.out).toContain(`
  issuer https://login.b.example/b, an external authorization server
  grants signed by another node as https://hub.b.example: what trust records of others name
  revocations are asked for every 15s, and count from then on
`)
    const asking = await write({ issuer })
    expect(asking.err).toContain(
      'upstreams.c.auth.mode: asks the authorization server for grants, which few make, with "issuer.grants: {}" this node signs them',
    )
  })

  test('check says by whose grant a node goes in its own name, and who says where to', async () => {
    const file = join(folder, 'xaa.json')
    const provider = { issuer: 'https://idp.acme.example', client: { id: 'n' }, idToken: 'id' }
    const own = { client: { id: 'n', secret: 's' }, scopes: ['read'], requires: ['ns:a'] }
    const upstreams = {
      named: {
        http: { url: 'https://a.example/mcp' },
        auth: { mode: 'xaa', issuer: 'https://as.example', provider, ...own },
      },
      naming: { http: { url: 'https://b.example/mcp' }, auth: { mode: 'xaa', provider, ...own } },
    }
    const endpoints = { main: { namespaces: ['a'] } }
    const node = { name: 'n', organisation: 'acme' }
    const namespaces = { a: { from: ['named', 'naming'] } }
    await writeFile(file, JSON.stringify({ node, upstreams, namespaces, endpoints }))
    const { code, out } = await run(['check', file])
    const rest = 'for read; callers need ns:a; public addresses only'
    const by = 'got by a grant of https://idp.acme.example,'
    const itself = 'gets the node itself, by a token of'
    expect(out).toContain(`to named: ${itself} https://as.example, ${by} ${rest}`)
    expect(out).toContain(`to naming: ${itself} the server it names, ${by} ${rest}`)
    expect(code).toBe(0)
    const report = JSON.parse((await run(['check', '--json', file])).out) as unknown
    expect(JSON.stringify(report)).toContain('"provider":"https://idp.acme.example"')
  })

  test('check colours only when it may', async () => {
    const escape = '\u001B['
    expect((await run(['check', good], { colour: true })).out).toContain(escape)
    expect((await run(['check', good])).out).not.toContain(escape)
  })

  test('check tells every problem of every file', async () => {
    expect(await run(['check', good, bad, join(folder, 'none.yaml')])).toMatchObject({
      code: 3,
      err: expect.stringContaining(`${bad}:1:1 node.organisation: is missing
${bad}:2:35 endpoints.main.namespaces[0]: "docs" can match no namespace, own or imported
${join(folder, 'none.yaml')} there is no such file
`) as string,
    })
  })

  test('check --json is one document, whatever it finds', async () => {
    const { code, out, err } = await run(['check', good, bad, '--json'])
    expect({ code, err }).toEqual({ code: 3, err: '' })
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      files: [
        {
          file: good,
          ok: true,
          problems: [],
          warnings: [{ line: 2, column: 50 }],
          node: { name: 'edge' },
        },
        {
          file: bad,
          ok: false,
          problems: [{ path: ['node', 'organisation'], line: 1, column: 1 }, {}],
        },
      ],
    })
  })

  test('schema prints the published schema', async () => {
    const published = await readFile(join(ROOT, 'banyan.schema.json'), 'utf8')
    expect(await run(['schema'])).toEqual({ code: 0, out: published, err: '' })
  })
})

describe('the program', () => {
  const execute = promisify(execFile)
  const program = join(ROOT, 'node/main/cli.ts')

  test('runs from source, with the version of the package', async () => {
    const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      version: string
    }
    expect(packageVersion()).toBe(manifest.version)
    const { stdout, stderr } = await execute(process.execPath, [program, '--version'])
    expect({ stdout, stderr }).toEqual({ stdout: `${manifest.version}\n`, stderr: '' })
  })

  test('has a first line that lets a shell run it', async () => {
    expect(await readFile(program, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
  })

  test('ends with the exit code, errors on the error stream', async () => {
    await expect(
      execute(process.execPath, [program, 'check', '/dev/null/none.yaml']),
    ).rejects.toMatchObject({
      code: EXIT.config,
      stdout: '',
      stderr: expect.stringContaining('/dev/null/none.yaml') as string,
    })
  })
})
