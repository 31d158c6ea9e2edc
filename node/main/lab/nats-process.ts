import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, openSync, closeSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { hostEnvironment } from '../../core/environment.ts'
import type { HousedBus } from './housing.ts'

const LOOK_MS = 20
const PATIENCE_MS = 10_000

/** Why there is no bus, and how there would be one. */
export const NO_NATS =
  'nats-server is not on the PATH, and the file has buses: install it (Debian: apt-get install nats-server; https://nats.io/download), or write "gossip: off" for each organisation'

/** A `nats-server` of a lab's own on a free port of the loopback. */
export class NatsProcess implements HousedBus {
  readonly #folder: string
  #child: ChildProcess | undefined

  /** @param folder for its log and what it says of its port; is made */
  constructor(folder: string) {
    this.#folder = folder
    mkdirSync(folder, { recursive: true })
  }

  /** Starts it. @returns its port @throws Error when there is no such program, or it does not start */
  async start(): Promise<number> {
    await this.#forget()
    const log = openSync(join(this.#folder, 'nats.log'), 'a')
    const args = ['-a', '127.0.0.1', '-p', '-1', '--ports_file_dir', this.#folder]
    const child = spawn('nats-server', args, {
      stdio: ['ignore', log, log],
      env: { PATH: hostEnvironment()['PATH'] },
    })
    closeSync(log)
    this.#child = child
    const failed = Promise.withResolvers<never>()
    child.once('error', (error: NodeJS.ErrnoException) => {
      failed.reject(error.code === 'ENOENT' ? new Error(NO_NATS, { cause: error }) : error)
    })
    return Promise.race([this.#port(child), failed.promise])
  }

  /** Ends it without a word. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  close(): Promise<void> {
    return this.kill()
  }

  /** At once, where nothing can be waited for. */
  abandon(): void {
    this.#child?.kill('SIGKILL')
  }

  async #port(child: ChildProcess): Promise<number> {
    const until = performance.now() + PATIENCE_MS
    while (performance.now() < until && child.exitCode === null) {
      const port = await this.#written(child.pid)
      if (port !== undefined) return port
      await pause(LOOK_MS)
    }
    throw new Error(`nats-server did not start: see ${join(this.#folder, 'nats.log')}`)
  }

  async #written(pid: number | undefined): Promise<number | undefined> {
    try {
      const text = await readFile(join(this.#folder, `nats-server_${pid}.ports`), 'utf8')
      const { nats = [] } = JSON.parse(text) as { readonly nats?: readonly string[] }
      return nats[0] === undefined ? undefined : Number(new URL(nats[0]).port)
    } catch {
      // Not written yet, or not whole.
      return undefined
    }
  }

  async #forget(): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      if (name.endsWith('.ports')) await rm(join(this.#folder, name), { force: true })
    }
  }
}
