// A real nats-server of the test's own, on a free port of the loopback.
import { spawn, type ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { programEnvironment } from '../needs.ts'

/** Steps of looking whether it is there, ms. */
const LOOK_MS = 20
const PATIENCE_MS = 10_000

/** A server, and what can be done to it. */
export class NatsServer {
  readonly #folder: string
  #config: string
  #child: ChildProcess | undefined
  port = -1

  private constructor(folder: string, config: string) {
    this.#folder = folder
    this.#config = config
  }

  /** @param config more of its configuration, in its own language */
  static async start(config = ''): Promise<NatsServer> {
    const folder = await mkdtemp(join(tmpdir(), 'banyan-nats-'))
    const server = new NatsServer(folder, config)
    await server.restart()
    return server
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`
  }

  /** Starts it again, on the port it had. */
  async restart(config: string = this.#config): Promise<void> {
    await this.kill()
    this.#config = config
    const file = join(this.#folder, 'nats.conf')
    const ports = join(this.#folder, 'ports')
    await rm(ports, { recursive: true, force: true })
    const text = `host: 127.0.0.1\nport: ${this.port}\nports_file_dir: "${this.#folder}"\n${config}\n`
    await writeFile(file, text)
    const args = ['-c', file, '-l', join(this.#folder, 'log')]
    const env = programEnvironment()
    const child = spawn('nats-server', args, { stdio: 'ignore', env })
    this.#child = child
    this.port = await this.#ready(child)
  }

  /** Ends it without a word. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGCONT')
    child.kill(signal)
    await ended
    await this.#forgetPorts()
  }

  /** Lets it hang: it is there, and answers nothing. */
  hang(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  async stop(): Promise<void> {
    await this.kill()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #forgetPorts(): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      if (name.endsWith('.ports')) await rm(join(this.#folder, name), { force: true })
    }
  }

  async #ready(child: ChildProcess): Promise<number> {
    const patience = performance.now() + PATIENCE_MS
    while (performance.now() < patience) {
      if (child.exitCode !== null) throw new Error(`nats-server: ${await this.#log()}`)
      const port = await this.#portOf(child.pid)
      if (port !== undefined) return port
      await pause(LOOK_MS)
    }
    throw new Error(`nats-server did not start: ${await this.#log()}`)
  }

  async #portOf(pid: number | undefined): Promise<number | undefined> {
    try {
      const text = await readFile(join(this.#folder, `nats-server_${pid}.ports`), 'utf8')
      const { nats = [] } = JSON.parse(text) as { nats?: string[] }
      return nats[0] === undefined ? undefined : Number(new URL(nats[0]).port)
    } catch {
      // Not written yet, or not whole.
      return undefined
    }
  }

  async #log(): Promise<string> {
    return readFile(join(this.#folder, 'log'), 'utf8').catch(() => 'no log')
  }
}

/** Below the ports that systems give out by themselves, so that no connection takes one before it is listened on. */
const FIRST_PORT = 20_000
const PORTS = 12_000
const TRIES = 100

/** Ports this process gave out already. */
const given = new Set<number>()

/** A port that was free a moment ago: routes between servers must be written down before they start. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const port = FIRST_PORT + randomInt(PORTS)
    if (given.has(port)) continue
    given.add(port)
    if (await isFree(port)) return port
  }
  throw new Error(`no port of ${TRIES} from ${FIRST_PORT} up was free`)
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer().listen(port, '127.0.0.1')
  try {
    await once(probe, 'listening')
  } catch {
    return false
  }
  probe.close()
  await once(probe, 'close')
  return true
}

/** Servers that pass on to each other what their clients say. */
export async function natsCluster(count: number): Promise<NatsServer[]> {
  const ports = await Promise.all(Array.from({ length: count }, freePort))
  const routes = ports.map((port) => `"nats://127.0.0.1:${port}"`).join(', ')
  return Promise.all(
    ports.map((port, at) =>
      NatsServer.start(
        `server_name: s${at}\ncluster: { name: c, host: 127.0.0.1, port: ${port}, routes: [${routes}], no_advertise: true }`,
      ),
    ),
  )
}
