// A `banyan` that runs until it is told to stop, as a process of its own.
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { until } from '../../fixtures/wait.ts'

const CLI = fileURLToPath(new URL('../../../node/main/cli.ts', import.meta.url))

/** How a process ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Processes that start together on a busy machine take their time, ms. */
const BOUND_MS = 25_000

/** A running command line. */
export class CliProcess {
  readonly child: ChildProcess
  /** Complete lines of its standard output so far. */
  readonly lines: string[] = []
  readonly #ended: Promise<Ended>
  #stderr = ''
  #over = false

  /** Starts `banyan` with these arguments; `cli` is another copy of the program. */
  constructor(args: readonly string[], cli: string = CLI) {
    this.child = spawn(process.execPath, [cli, ...args], { stdio: 'pipe' })
    const { stdout, stderr } = this.child
    if (stdout === null || stderr === null) throw new TypeError('there are no pipes')
    createInterface({ input: stdout }).on('line', (line) => this.lines.push(line))
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    this.#ended = new Promise((resolve) => {
      // Not `exit`: its output may still be on the way then.
      this.child.once('close', (code, signal) => {
        this.#over = true
        resolve({ code, signal })
      })
    })
  }

  get stderr(): string {
    return this.#stderr
  }

  /** The first line from index `from` that matches, waited for. */
  line(matches: (line: string) => boolean, what: string, from = 0): Promise<string> {
    return until(
      () => {
        const found = this.lines.slice(from).find(matches)
        if (found === undefined && this.#over) {
          throw new Error(`it ended: ${this.#stderr}`)
        }
        return found
      },
      what,
      BOUND_MS,
    )
  }

  /** The first JSON event of that name, waited for. */
  async event(name: string): Promise<Record<string, unknown>> {
    const text = await this.line((line) => line.startsWith(`{"event":"${name}"`), `event ${name}`)
    return JSON.parse(text) as Record<string, unknown>
  }

  send(text: string): void {
    this.child.stdin?.write(text)
  }

  /** Closes its standard input. */
  hangUp(): void {
    this.child.stdin?.end()
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  ended(): Promise<Ended> {
    return this.#ended
  }

  /** Ends it whatever it does; for the end of a test. */
  async destroy(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL')
    await this.#ended
  }
}
