import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { JsonObject } from '../../../protocol/jsonrpc.ts'
import { inheritedEnvironment } from '../../core/environment.ts'
import type { HousedNode, NodeFiles, NodePorts } from './housing.ts'
import { parseLine } from './log-line.ts'
import { LOG_WORDS } from './log-words.ts'

/** The command line, beside the folder of this file, as source or compiled. */
const CLI = fileURLToPath(new URL(`../cli${extname(import.meta.filename)}`, import.meta.url))
const PATIENCE_MS = 60_000

/** The name of the file in the state folder that holds the incarnation. */
export const INCARNATION = 'incarnation'

/** A `banyan up` of a lab: one node, one process. */
export class NodeProcess implements HousedNode {
  readonly #files: NodeFiles
  readonly #onLine: (line: JsonObject) => void
  readonly #log: WriteStream
  #child: ChildProcess | undefined
  #last = ''
  /** Resolves with what is wrong when it ends though nobody ended it. */
  readonly failure: Promise<Error>
  readonly #fail: (error: Error) => void

  /** @param onLine hears each line of its log */
  constructor(files: NodeFiles, onLine: (line: JsonObject) => void) {
    this.#files = files
    this.#onLine = onLine
    this.#log = createWriteStream(files.log, { flags: 'a' })
    const { promise, resolve } = Promise.withResolvers<Error>()
    this.failure = promise
    this.#fail = resolve
  }

  /**
   * Starts it. Resolves when it listens; its upstreams are still looked for.
   *
   * @throws Error with the last it said when it does not come to that
   */
  async start(): Promise<NodePorts> {
    const { name, config } = this.#files
    const args = [CLI, 'up', config, '--json', '--log', 'info']
    const env = inheritedEnvironment()
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'], env })
    this.#child = child
    const ports = Promise.withResolvers<NodePorts>()
    let port = 0
    createInterface({ input: child.stderr }).on('line', (text) => {
      this.#log.write(`${text}\n`)
      this.#last = text
      const line = parseLine(text)
      if (line === undefined) return
      const { msg, url } = line
      if (msg === LOG_WORDS.listening) port = Number(new URL(String(url)).port)
      if (msg === LOG_WORDS.operators) {
        ports.resolve({ port, url: `http://127.0.0.1:${port}`, admin: String(url) })
      }
      if (this.#child === child) this.#onLine(line)
    })
    child.once('exit', (code, signal) => {
      const error = new Error(`node ${name} ended with ${signal ?? code}: ${this.#last}`)
      // Whoever waits for it to listen need not wait any longer, whoever ended it.
      ports.reject(error)
      if (this.#child !== child) return
      this.#child = undefined
      this.#fail(error)
    })
    child.once('error', (error) => ports.reject(error))
    const timer = setTimeout(
      () => ports.reject(new Error(`node ${name} does not listen: ${this.#last}`)),
      PATIENCE_MS,
    )
    return ports.promise.finally(() => clearTimeout(timer))
  }

  /** Ends it without a word. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  /** It remembers nothing but its key when it starts again. */
  async forget(): Promise<void> {
    await rm(join(this.#files.state, INCARNATION), { force: true })
  }

  /** At once, where nothing can be waited for. */
  abandon(): void {
    this.#child?.kill('SIGKILL')
  }

  async close(): Promise<void> {
    await this.kill()
    this.#log.end()
  }
}
