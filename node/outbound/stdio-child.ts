import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { Fault } from '../../protocol/errors.ts'
import type { Logger } from '../core/logger.ts'
import { LineSplitter } from '../core/stdio-lines.ts'
import { StderrTail } from './stdio-stderr.ts'

/** What a process is started with. */
export interface ChildOptions {
  /** Names the upstream in the log. */
  readonly label: string
  readonly command: string
  readonly args: readonly string[]
  /** Its whole environment: nothing of this process is inherited. */
  readonly env: Readonly<Record<string, string>>
  /** Default: the working folder of this process. */
  readonly cwd?: string | undefined
  /** Between closing its stdin, SIGTERM and SIGKILL, milliseconds each. */
  readonly stopGraceMs: number
  /** The longest line taken from it. */
  readonly bodyBytes: number
  readonly log: Logger
}

/** What a process reports; nothing comes after `gone`, nor after `stop`. */
export interface ChildEvents {
  /** A line of its stdout. */
  line(line: Buffer): void
  /** It ended, or can no longer be talked to. */
  gone(fault: Fault): void
}

/** How a line for the process fared. `full`: it reads too slowly; `closed`: it reads no more. */
export type Written = 'taken' | 'full' | 'closed'

/** How long a process that closed its pipes may take to end, so that its exit code can be told, milliseconds. */
const EXIT_NEWS_MS = 250

/** How long output of a process that has ended is read, milliseconds: a child of its own may keep the pipes open. */
const DRAIN_MS = 250

/** Lines wait for a slow process as long as they are no more than this many of the largest messages. */
const QUEUED_MESSAGES = 4

const NEWLINE = Buffer.from('\n')

/** A child process that is talked to in lines. */
export class StdioChild {
  readonly #process: ChildProcessWithoutNullStreams
  readonly #options: ChildOptions
  readonly #events: ChildEvents
  readonly #stderr: StderrTail
  readonly #exited = Promise.withResolvers<void>()
  #over = false
  #timer: NodeJS.Timeout | undefined
  #stopping: Promise<void> | undefined

  private constructor(
    child: ChildProcessWithoutNullStreams,
    options: ChildOptions,
    events: ChildEvents,
  ) {
    this.#process = child
    this.#options = options
    this.#events = events
    this.#stderr = new StderrTail(options.log, options.label)
    this.#read()
    this.#mind()
  }

  /**
   * Starts a process, without a shell.
   *
   * @throws Fault `upstream_unavailable` when that fails; the message names the command, never arguments or environment
   */
  static start(options: ChildOptions, events: ChildEvents): Promise<StdioChild> {
    const { command, args, env, cwd } = options
    return new Promise((resolve, reject) => {
      const refuse = (error: unknown): void => reject(notStarted(command, error))
      try {
        const child = spawn(command, args, {
          env,
          ...(cwd === undefined ? {} : { cwd }),
          stdio: 'pipe',
          // A group of its own: Ctrl-C reaches the node alone, which then stops its children in good order.
          detached: process.platform !== 'win32',
          windowsHide: true,
        })
        child.on('error', refuse)
        // Without a pid the start has failed, `error` is on its way, and there may not even be pipes.
        if (child.pid !== undefined) resolve(new StdioChild(child, options, events))
      } catch (error) {
        refuse(error)
      }
    })
  }

  /** Sends one line, which must hold no line end. What is sent in one tick leaves in one write. */
  write(line: Buffer): Written {
    const { stdin } = this.#process
    if (this.#over || !stdin.writable) return 'closed'
    const waiting = stdin.writableLength
    const limit = QUEUED_MESSAGES * this.#options.bodyBytes
    if (waiting > 0 && waiting + line.length > limit) return 'full'
    stdin.cork()
    stdin.write(line)
    stdin.write(NEWLINE)
    process.nextTick(() => stdin.uncork())
    return 'taken'
  }

  /** Ends the process: closes its stdin, then SIGTERM, then SIGKILL. Resolves when it has gone; never rejects. */
  stop(): Promise<void> {
    this.#over = true
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    const { stdin, stdout, stderr } = this.#process
    stdin.end()
    let gone = await this.#gone()
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (gone) break
      this.#kill(signal)
      gone = await this.#gone()
    }
    for (const stream of [stdin, stdout, stderr]) stream.destroy()
    // One that even SIGKILL leaves alive hangs in the kernel; waiting for it would help nobody.
    if (!gone) this.#process.unref()
  }

  /** Signals the process and what it started itself, as `npx` does. */
  #kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    const { pid } = this.#process
    try {
      if (pid !== undefined && process.platform !== 'win32') process.kill(-pid, signal)
      else this.#process.kill(signal)
    } catch {
      // It has gone by itself.
    }
  }

  /** Whether the process ends within the grace period. */
  async #gone(): Promise<boolean> {
    const late = Promise.withResolvers<false>()
    const timer = setTimeout(() => late.resolve(false), this.#options.stopGraceMs)
    const gone = await Promise.race([this.#exited.promise.then(() => true), late.promise])
    clearTimeout(timer)
    return gone
  }

  #read(): void {
    const { stdout, stderr } = this.#process
    const lines = new LineSplitter(this.#options.bodyBytes, (line) => {
      if (!this.#over) this.#events.line(line)
    })
    stdout.on('data', (chunk: Buffer) => {
      if (this.#over) return
      try {
        lines.push(chunk)
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
        this.#end(
          new Fault(
            'upstream_protocol',
            `the upstream's process sent a message that is too large: ${error.message}`,
          ),
        )
      }
    })
    stderr.setEncoding('utf8').on('data', (text: string) => this.#stderr.push(text))
  }

  #mind(): void {
    const { stdin, stdout, stderr } = this.#process
    this.#process.once('exit', (code, signal) => {
      this.#exited.resolve()
      const how = code === null ? `was ended by ${signal}` : `exited with code ${code}`
      const end = (): void => this.#end(this.#fault(how))
      this.#process.once('close', end)
      this.#endSoon(end, DRAIN_MS)
    })
    // A pipe breaks just before the news of the exit, which says more.
    const broken = (): void => {
      if (this.#timer !== undefined || this.#over) return
      this.#endSoon(() => this.#end(this.#fault('closed its end of the pipe')), EXIT_NEWS_MS)
    }
    stdin.on('error', broken)
    stdout.on('error', broken)
    stdout.on('end', broken)
    stderr.on('error', () => undefined)
  }

  #endSoon(end: () => void, ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(end, ms)
  }

  #end(fault: Fault): void {
    clearTimeout(this.#timer)
    if (this.#over) return
    this.#over = true
    this.#events.gone(fault)
    void this.stop()
  }

  /** The last words of the process are for the log only: they may hold anything. */
  #fault(how: string): Fault {
    const last = this.#stderr.text()
    const cause = last === '' ? undefined : new Error(`its last words on stderr:\n${last}`)
    return new Fault('upstream_unavailable', `the upstream's process ${how}`, { cause })
  }
}

function notStarted(command: string, error: unknown): Fault {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
  // Node's own message may quote arguments and names the command even where the folder is missing.
  const why = code === 'ENOENT' ? 'ENOENT: no such command or working folder' : code
  return new Fault('upstream_unavailable', `the command ${command} cannot be started (${why})`)
}
