// The tree does what its page says: its files are good, its check passes, `npm start` shows a tree that works.
import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { loadConfigFile } from '../../node/core/config-file.ts'
import { callModern } from '../fixtures/raw-client.ts'
import { until } from '../fixtures/wait.ts'
import { CliProcess } from '../node/main/cli-process.ts'

const execute = promisify(execFile)
const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url))
const FOLDER = join(EXAMPLES, '02-tree')

/** Three real servers start, one after the other, each by way of npx. */
const PATIENCE_MS = 60_000

const running: CliProcess[] = []
afterEach(() => Promise.all(running.splice(0).map((one) => one.destroy())))

const files = globSync('*/**/*.yaml', {
  cwd: EXAMPLES,
  exclude: ['**/compose.yaml', '**/*.mesh.yaml'],
})

test('there are configurations to check', () => {
  expect(files.length).toBeGreaterThan(0)
})

test.each(files)('%s is good, without a warning', async (file) => {
  const { warnings } = await loadConfigFile(join(EXAMPLES, file))
  // Nodes of an example do not know each other's ids: their files say that this is for trying things out.
  const others = warnings.filter(({ path }) => path.join('.') !== 'gossip.members')
  expect(others).toEqual([])
})

test('the check passes', { timeout: PATIENCE_MS }, async () => {
  const { stdout, stderr } = await execute(process.execPath, [join(FOLDER, 'check.ts')])
  expect({ stdout, stderr }).toEqual({ stdout: 'the tree works\n', stderr: '' })
})

async function childrenOf(pid: number | undefined): Promise<number[]> {
  const { stdout } = await execute('pgrep', ['-P', String(pid)])
  return stdout.trim().split('\n').map(Number)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test(
  'npm start shows the tree, a call through it, and a line for clients; Ctrl-C stops all',
  {
    timeout: PATIENCE_MS,
  },
  async () => {
    const start = new CliProcess([], join(FOLDER, 'start.ts'))
    running.push(start)
    // Longer than `until` alone would wait.
    await new Promise<void>((resolve, reject) => {
      start.child.stdout?.on('data', (text: unknown) => {
        if (String(text).includes('Up until Ctrl-C.')) resolve()
      })
      void start.ended().then(() => reject(new Error(`it ended: ${start.stderr}`)))
    })
    const said = (): string => start.lines.join('\n')
    await until(() => said().includes('Up until Ctrl-C.'), 'the last line')
    expect(said()).toMatch(
      /^acme\/edge {2}http:\S+\/mcp\/main {2}35 tools, 4 prompts, \d+ resources$/m,
    )
    expect(said()).toMatch(
      /^└─ acme\/hub {2}http:\S+\/mcp\/internal {2}21 tools, 4 prompts, \d+ resources$/m,
    )
    expect(said()).toMatch(
      /^ {3}└─ globex\/gate {2}http:\S+\/mcp\/partners {2}13 tools, 4 prompts, \d+ resources$/m,
    )
    expect(said()).toMatch(
      /^client → acme\/edge → acme\/hub → globex\/gate → everything, and back in [\d.]+ ms$/m,
    )
    expect(said()).toContain('answer: Echo: hello through three nodes')

    const line = start.lines.find((one) => one.startsWith('{"mcpServers"'))
    const { mcpServers } = JSON.parse(line ?? '') as { mcpServers: { banyan: { url: string } } }
    const reply = await callModern(mcpServers.banyan.url, 'tools/call', {
      name: 'docs__read_text_file',
      arguments: { path: join(FOLDER, 'data/trees.md') },
    })
    expect(reply.raw).toContain('A fig whose branches send down roots')

    const children = await childrenOf(start.child.pid)
    expect(children).toHaveLength(3)
    start.signal('SIGINT')
    expect(await start.ended()).toEqual({ code: 0, signal: null })
    expect(start.stderr).toBe('')
    expect(children.filter(isAlive)).toEqual([])
  },
)
