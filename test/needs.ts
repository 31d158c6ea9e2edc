// Programs the tests run beside Node: found, or installed from Debian's packages, or asked for in one line.
import { execFileSync, spawnSync } from 'node:child_process'
import process from 'node:process'

interface Program {
  readonly name: string
  readonly version: readonly string[]
  /** Debian's package of it. */
  readonly debian: string
}

const NEEDED: readonly Program[] = [
  { name: 'nats-server', version: ['--version'], debian: 'nats-server' },
  { name: 'chromium', version: ['--version'], debian: 'chromium' },
]

/** The environment such programs are started in: Debian has servers where the paths of users do not look. */
export function programEnvironment(): NodeJS.ProcessEnv {
  // oxlint-disable-next-line node/no-process-env -- what the tests were started in
  const { PATH = '', ...rest } = process.env
  return { ...rest, PATH: `${PATH}:/usr/local/sbin:/usr/sbin:/sbin` }
}

function isThere({ name, version }: Program): boolean {
  return spawnSync(name, version, { stdio: 'ignore', env: programEnvironment() }).status === 0
}

/** Installs what is missing. Gives a line for each program that is still not there. */
export function missingPrograms(): string[] {
  const missing = NEEDED.filter((program) => !isThere(program))
  if (missing.length === 0) return []
  const packages = missing.map(({ debian }) => debian)
  if (process.getuid?.() === 0) install(packages)
  return missing
    .filter((program) => !isThere(program))
    .map(({ name, debian }) => `${name} is not installed: apt-get install ${debian}`)
}

function install(packages: readonly string[]): void {
  const env = { ...programEnvironment(), DEBIAN_FRONTEND: 'noninteractive' }
  try {
    execFileSync('apt-get', ['update', '-qq'], { env, stdio: 'ignore' })
    const flags = ['install', '-y', '-qq', '--no-install-recommends']
    execFileSync('apt-get', [...flags, ...packages], { env, stdio: 'ignore' })
  } catch {
    // What is still missing says so itself.
  }
}
