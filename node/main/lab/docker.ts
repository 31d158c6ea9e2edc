import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { hostEnvironment } from '../../core/environment.ts'

const MOST_OUTPUT = 16 * 1_024 ** 2

/** Why there are no containers, and how there would be some. */
export const NO_DOCKER =
  'docker is not there, and "lab up" needs it: install it (Debian: apt-get install docker.io docker-compose; https://docs.docker.com/get-docker), or use "lab run"'
const NO_COMPOSE =
  'docker compose is not there, and "lab up" needs it: install it (Debian: apt-get install docker-compose; https://docs.docker.com/compose/install)'

/** Runs a program, which reaches the engine as its user does. @returns what it printed @throws Error with what it complained of */
function run(program: string, args: readonly string[], missing: string): Promise<string> {
  const options = { env: hostEnvironment(), maxBuffer: MOST_OUTPUT }
  return new Promise((resolve, reject) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trim())
      else if (error.code === 'ENOENT') reject(new Error(missing))
      else {
        const said = stderr.trim().split('\n').slice(-3).join(' ')
        reject(new Error(`${program} ${args[0]}: ${said === '' ? error.message : said}`))
      }
    })
  })
}

/** `docker`, as the user would type it. @throws Error that says what is wrong, or how to get it */
export function docker(...args: readonly string[]): Promise<string> {
  return run('docker', args, NO_DOCKER)
}

/**
 * Hears each line a container writes, until it ends.
 *
 * @param since time of the engine before which nothing is heard; undefined: from its beginning
 */
export function follow(
  id: string,
  since: string | undefined,
  onLine: (line: string) => void,
): ChildProcess {
  const from = since === undefined ? [] : ['--since', since]
  const child = spawn('docker', ['logs', '--follow', ...from, id], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: hostEnvironment(),
  })
  for (const input of [child.stdout, child.stderr]) createInterface({ input }).on('line', onLine)
  return child
}

/** One compose file as one project: `docker compose`, or `docker-compose` where that is what there is. */
export class Compose {
  readonly #program: readonly string[]
  readonly #project: string

  private constructor(program: readonly string[], project: string) {
    this.#program = program
    this.#project = project
  }

  /** @throws Error when there is no engine that answers, or no compose */
  static async find(project: string): Promise<Compose> {
    await docker('version', '--format', '{{.Server.Version}}')
    const found = await run('docker', ['compose', 'version'], NO_DOCKER).then(
      () => ['docker', 'compose'],
      () => undefined,
    )
    if (found !== undefined) return new Compose(found, project)
    await run('docker-compose', ['version', '--short'], NO_COMPOSE)
    return new Compose(['docker-compose'], project)
  }

  /** Makes all containers, and starts one service: only when it runs, docker-compose 1.29 lets others into its network. */
  async create(file: string, first: string): Promise<void> {
    await this.#run(file, ['up', '-d', first])
    await this.#run(file, ['up', '--no-start'])
  }

  /** Ends and removes all of it. */
  async down(file: string): Promise<void> {
    await this.#run(file, ['down', '--volumes', '--timeout', '5'])
  }

  /** Containers, by the service they are of. */
  async containers(): Promise<ReadonlyMap<string, string>> {
    const filter = `label=com.docker.compose.project=${this.#project}`
    const format = '{{.Label "com.docker.compose.service"}} {{.ID}}'
    const text = await docker('ps', '--all', '--filter', filter, '--format', format)
    const rows = text.split('\n').map((row) => row.split(' '))
    return new Map(rows.map(([service = '', id = '']) => [service, id]))
  }

  async #run(file: string, args: readonly string[]): Promise<void> {
    const [program = '', ...first] = this.#program
    await run(program, [...first, '-p', this.#project, '-f', file, ...args], NO_COMPOSE)
  }
}
