import type { Readable, Writable } from 'node:stream'

/** Exit codes of the command line. They are part of its contract, like the options. */
export const EXIT = { ok: 0, failed: 1, usage: 2, config: 3, unanswered: 4 } as const

/** The command line itself is wrong; the message says how. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A running node could not be asked, or would not answer. */
export class UnansweredError extends Error {
  override readonly name = 'UnansweredError'
}

/** One option of a command. */
export interface OptionSpec {
  readonly type: 'boolean' | 'string'
  /** What it does, one line. */
  readonly summary: string
  /** One letter. */
  readonly short?: string
  /** The option may be given several times. */
  readonly multiple?: boolean
  /** What its value is called in the help, for `string`. */
  readonly value?: string
}

/** The options given on the command line. A name that is not an option of the command is never there. */
export interface OptionValues {
  has(name: string): boolean
  /** The value; of several, the last. */
  text(name: string): string | undefined
  /** Every value, in the order given. */
  texts(name: string): readonly string[]
}

/** What a command works with, so that it never touches the process. */
export interface CommandContext {
  /** What is neither command nor option. */
  readonly args: readonly string[]
  /** The last of them: those behind `--`. */
  readonly rest: readonly string[]
  readonly options: OptionValues
  readonly stdin: Readable
  /** For results only. */
  readonly stdout: Writable
  /** For people: progress, warnings, errors. */
  readonly stderr: Writable
  /** Whether `stdout` is a terminal. */
  readonly isTTY: boolean
  /** Whether text on `stdout` may be coloured. */
  readonly colour: boolean
  /** Aborts when the user or the system asks to stop (SIGINT, SIGTERM). */
  readonly signal: AbortSignal
  /** Calls `listener` whenever the system asks to read the configuration again (SIGHUP), until the returned function is called. */
  onHangup(listener: () => void): () => void
}

/** One command of `banyan`, in a file `cli-<name>.ts`. */
export interface Command {
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** What follows the name, like `FILE... [--json]`. */
  readonly usage: string
  readonly options: Readonly<Record<string, OptionSpec>>
  /** Exit codes that are not those of everybody else. */
  readonly exits?: {
    readonly usage: number
    readonly failed: number
    /** All of them, one line for the help. */
    readonly help: string
  }
  /**
   * Does the work and gives the exit code, one of {@link EXIT}.
   *
   * @throws {UsageError} for a wrong command line, {@link ConfigError} for a bad configuration, any error for a failure:
   * each is printed and has its own exit code.
   */
  run(context: CommandContext): Promise<number>
}
