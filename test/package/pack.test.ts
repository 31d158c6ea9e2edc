// The package as its users get it: compiled, packed, unpacked beside its dependencies, and run by this very Node.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stdioCommand } from '../fixtures/stdio-command.ts'
import { CliProcess } from '../node/main/cli-process.ts'

const execute = promisify(execFile)

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const MODULES = join(ROOT, 'node_modules')

/** What is generated beside the code. */
const SCHEMAS = ['banyan.schema.json', 'mesh.schema.json']

/** What is served as it is. */
const CONSOLE = 'node/control/console'

/** What goes with the code. */
const pages = ['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md'].filter((name) =>
  existsSync(join(ROOT, name)),
)

interface Manifest {
  readonly version: string
  readonly bin: { readonly banyan: string }
  readonly dependencies: Readonly<Record<string, string>>
}

let folder = ''
let app = ''
let installed = ''
let manifest: Manifest

function run(script: string, args: readonly string[], cwd = app): Promise<{ stdout: string }> {
  return execute(process.execPath, [script, ...args], { cwd })
}

function banyan(...args: string[]): Promise<{ stdout: string }> {
  return run(join(installed, manifest.bin.banyan), args)
}

/** Compiles beside the checkout and not in it, where others may be using `dist`. */
async function pack(): Promise<string> {
  const source = join(folder, 'source')
  const dist = join(source, 'dist')
  await mkdir(source)
  const tsc = join(MODULES, 'typescript/bin/tsc')
  await run(tsc, ['-p', 'tsconfig.build.json', '--outDir', dist], ROOT)
  await cp(join(ROOT, CONSOLE), join(dist, CONSOLE), { recursive: true })
  for (const name of SCHEMAS) await cp(join(ROOT, name), join(dist, name))
  for (const name of ['package.json', ...pages]) await cp(join(ROOT, name), join(source, name))
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
  const { stdout } = await execute('npm', args, { cwd: source })
  const packed = JSON.parse(stdout) as unknown
  const [tarball] = Object.values(packed as Record<string, { readonly filename: string }>)
  return join(folder, tarball?.filename ?? '')
}

async function link(name: string): Promise<void> {
  const target = join(app, 'node_modules', name)
  await mkdir(join(target, '..'), { recursive: true })
  await symlink(join(MODULES, name), target)
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'banyan-pack-'))
  app = join(folder, 'app')
  installed = join(app, 'node_modules/banyan-mcp')
  await mkdir(installed, { recursive: true })
  await execute('tar', ['-xzf', await pack(), '-C', installed, '--strip-components=1'])
  manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as Manifest
  // Only what the package asks for: whatever else it needed would be missing.
  await Promise.all(Object.keys(manifest.dependencies).map(link))
  await writeFile(join(app, 'package.json'), '{ "type": "module" }')
}, 60_000)

afterAll(() => rm(folder, { recursive: true, force: true }))

test('the command says its version', async () => {
  expect(await banyan('--version')).toMatchObject({ stdout: `${manifest.version}\n` })
})

test('the command checks a file', async () => {
  const file = join(app, 'banyan.yaml')
  await writeFile(
    file,
    `node: { name: edge, organisation: acme }
upstreams: { files: { stdio: { command: npx } } }
namespaces: { docs: { from: [files] } }
endpoints: { main: { namespaces: [docs] } }
`,
  )
  const { stdout } = await banyan('check', file)
  expect(stdout).toContain('ok, node edge of acme')
})

test('the command runs a node until it is told to stop', async () => {
  const file = join(app, 'up.yaml')
  const upstreams = { fixture: { stdio: stdioCommand({ era: '2026' }) } }
  const config = {
    node: { name: 'edge', organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    upstreams,
    namespaces: { fx: { from: ['fixture'] } },
    endpoints: { main: { namespaces: ['fx'] } },
  }
  await writeFile(file, JSON.stringify(config))
  const up = new CliProcess(['up', file, '--json'], join(installed, manifest.bin.banyan))
  try {
    expect(await up.event('ready')).toMatchObject({ nodes: [{ name: 'edge' }] })
    up.signal('SIGTERM')
    expect(await up.ended()).toEqual({ code: 0, signal: null })
  } finally {
    await up.destroy()
  }
})

test('the command says in one line that a Node is too old', async () => {
  const pretend = `Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.20.2'}})`
  const args = ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`]
  const command = join(installed, manifest.bin.banyan)
  await expect(execute(process.execPath, [...args, command, '--version'])).rejects.toMatchObject({
    code: 2,
    stdout: '',
    stderr: 'banyan needs Node 22.19.0 or newer; this is 20.20.2\n',
  })
})

test('a program imports createNode and calls a tool', async () => {
  const config = {
    node: { name: 'edge', organisation: 'acme', listen: '127.0.0.1:0', state: 'memory' },
    upstreams: { fixture: { stdio: stdioCommand({ era: '2025' }) } },
    namespaces: { fx: { from: ['fixture'] } },
    endpoints: { main: { namespaces: ['fx'] } },
    admin: { listen: '127.0.0.1:0', auth: 'none' },
  }
  await writeFile(
    join(app, 'program.js'),
    `import { execFileSync } from 'node:child_process'
import { createNode } from 'banyan-mcp'

const node = await createNode(${JSON.stringify(config)})
await node.ready()
process.stdout.write(\`\${node.endpointUrl('main')} \${node.adminUrl}\`)
process.stdin.resume().on('end', () => node.close())
`,
  )
  const program = execFile(process.execPath, ['program.js'], { cwd: app })
  try {
    const [url = '', admin = ''] = (
      await new Promise<string>((resolve, reject) => {
        program.stdout?.once('data', (text: unknown) => resolve(String(text)))
        program.once('exit', () => reject(new Error('the program ended')))
      })
    ).split(' ')
    for (const name of ['', 'main.js', 'vendor/cytoscape.js']) {
      expect([name, (await fetch(`${admin}/console/${name}`)).status]).toEqual([name, 200])
    }
    const { stdout } = await banyan('call', url, 'fx__echo', '{"message":"packed"}')
    expect(stdout).toContain('packed')
  } finally {
    const ended = new Promise((resolve) => program.once('exit', resolve))
    program.stdin?.end()
    expect(await ended).toBe(0)
  }
})

test('its types resolve under strict settings', async () => {
  await link('@types/node')
  await link('undici-types')
  await writeFile(
    join(app, 'consumer.ts'),
    `import { createNode, type BanyanNode } from 'banyan-mcp'

const node: BanyanNode = await createNode({ node: { name: 'edge', organisation: 'acme' }, endpoints: {} })
export const url: string = node.endpointUrl('main')
await node.close()
`,
  )
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--target', 'es2024']
  const options = ['--noEmit', '--module', 'nodenext', '--types', 'node', ...strict]
  const tsc = join(MODULES, 'typescript/bin/tsc')
  expect(await run(tsc, [...options, 'consumer.ts'])).toMatchObject({ stdout: '' })
})

test('publint has nothing to say', async () => {
  const { stdout } = await run(join(MODULES, 'publint/src/cli.js'), ['run', '--strict', installed])
  expect(stdout).toContain('All good!')
})

test('it holds what runs, and no sources, tests or lock files', async () => {
  const { stdout } = await execute('find', ['.', '-type', 'f'], { cwd: installed })
  const odd = stdout
    .trim()
    .split('\n')
    .filter((name) => !/^\.\/dist\/(protocol|topology|node)\/.*(\.js|\.d\.ts|\.map)$/.test(name))
  const schemas = SCHEMAS.map((name) => `dist/${name}`)
  const page = ['index.html', 'console.css', 'icon.svg'].map((name) => `dist/${CONSOLE}/${name}`)
  const expected = [...schemas, ...page, 'package.json', ...pages].map((name) => `./${name}`)
  expect(new Set(odd)).toEqual(new Set(expected))
})
