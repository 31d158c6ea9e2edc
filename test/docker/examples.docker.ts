// The compose files of the examples, run as their pages say, by whichever Compose is there.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { build, docker, engine, IMAGE, ROOT } from './engine.ts'

const execute = promisify(execFile)

/** With what the check of each answers. */
const EXAMPLES = {
  '01-single-gateway': 'notes/search: fig',
  '03-three-organisations': 'archive/search: fig',
  '04-visibility': 'billing/invoices: ',
  '05-mesh-failover': 'docs/search: fig',
} as const

/** `docker compose` where the engine knows it, else `docker-compose`. */
async function compose(...args: readonly string[]): Promise<string> {
  const isNew = (await docker('compose', 'version')).code === 0
  const line = isNew ? ['docker', 'compose', ...args] : ['docker-compose', ...args]
  const { stdout } = await execute('env', line, { cwd: ROOT, maxBuffer: 64 * 2 ** 20 })
  return stdout
}

beforeAll(async () => {
  await build()
  // What the files name is what is tested.
  await engine('tag', IMAGE, 'banyan-mcp')
})

test.each(Object.entries(EXAMPLES))('%s works in containers', async (example, answer) => {
  const project = `banyan-example-${randomBytes(4).toString('hex')}`
  const file = join('examples', example, 'compose.yaml')
  const own = ['--project-name', project, '--file', file]
  try {
    const said = await compose(...own, 'up', '--no-build', '--exit-code-from', 'check')
    expect(said).toContain(answer)
  } finally {
    await compose(...own, 'down', '--volumes')
  }
})
