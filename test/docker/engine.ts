// The Docker engine as tests use it: by its command, so that what users type is what is tested.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The checkout, which is what the image is built from. */
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url))

/** The image under test. */
export const IMAGE = 'banyan-mcp:test'

const BASE = 'node:24-slim'

/** What a command that may fail came to. */
export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs `docker`; a code other than 0 is an answer too. */
export async function docker(...args: readonly string[]): Promise<Ran> {
  // The classic builder is the one that is always there; a command line without buildx knows no other.
  const line = ['DOCKER_BUILDKIT=0', 'docker', ...args]
  try {
    const { stdout, stderr } = await run('env', line, { cwd: ROOT, maxBuffer: 64 * 2 ** 20 })
    return { code: 0, stdout: stdout.trim(), stderr: stderr.trim() }
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as Partial<Ran> & { code?: unknown }
    if (typeof code !== 'number') throw error
    return { code, stdout: stdout.trim(), stderr: stderr.trim() }
  }
}

/** Runs `docker` and gives what it printed. @throws Error with what it said */
export async function engine(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await docker(...args)
  if (code !== 0) throw new Error(`docker ${args.join(' ')} ended with ${code}: ${stderr}`)
  return stdout
}

/** Builds the image from the checkout. @throws Error that says what is missing */
export async function build(): Promise<void> {
  const { code, stderr } = await docker('info', '--format', '{{.ServerVersion}}')
  if (code !== 0) {
    throw new Error(
      `these tests need a Docker engine (Debian: apt-get install docker.io): ${stderr}`,
    )
  }
  await engine('build', '--quiet', '--tag', IMAGE, '.')
}

/** Longest a container may take until it says that it is well, on a busy machine. */
const PATIENCE_MS = 90_000
const POLL_MS = 500

/** Resolves when a container says that it is well. @throws Error with what it printed */
export async function healthy(id: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  while (performance.now() < deadline) {
    const health = await engine('inspect', '--format', '{{.State.Health.Status}}', id)
    if (health === 'healthy') return
    await pause(POLL_MS)
  }
  const { stdout, stderr } = await docker('logs', id)
  throw new Error(`the container is not healthy; it says: ${stdout}\n${stderr}`)
}

/** The image the Dockerfile starts from, without which nothing can be said of what it adds. */
export async function baseSize(): Promise<number> {
  return sizeOf(BASE)
}

/** Bytes of an image. */
export async function sizeOf(image: string): Promise<number> {
  return Number(await engine('image', 'inspect', '--format', '{{.Size}}', image))
}
