import type { Readable, Writable } from 'node:stream'
import { parseArgs } from 'node:util'
import { ConfigError, formatProblem } from '../core/config-error.ts'
import { didYouMean } from '../core/config-hints.ts'
import {
  EXIT,
  UnansweredError,
  UsageError,
  type Command,
  type CommandContext,
  type OptionValues,
} from './cli-command.ts'
import { commandHelp, programHelp, usageLine } from './cli-help.ts'
import { harmless } from './cli-nodes.ts'

/** A command by its name, read from its file only when it is wanted: most of a short command's time would go into that of the others. */
export interface CommandSource {
  readonly name: string
  load(): Promise<Command>
}

/** What the program is run with; in the real one, parts of `process`. */
export interface CliHost {
  readonly commands: readonly CommandSource[]
  readonly version: string
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  readonly isTTY: boolean
  readonly colour: boolean
  readonly signal: AbortSignal
  /** Default: nobody ever asks. */
  readonly onHangup?: CommandContext['onHangup']
}

const NEVER: CommandContext['onHangup'] = () => () => undefined

type ParsedValue = string | boolean | (string | boolean)[] | undefined

function optionValues(values: Readonly<Record<string, ParsedValue>>): OptionValues {
  const texts = (name: string): readonly string[] =>
    [values[name]].flat().filter((value) => typeof value === 'string')
  return {
    has: (name) => values[name] !== undefined && values[name] !== false,
    text: (name) => texts(name).at(-1),
    texts,
  }
}

function parseCommandLine(
  command: Command,
  argv: readonly string[],
): Pick<CommandContext, 'args' | 'rest' | 'options'> {
  const specs = Object.entries({
    ...command.options,
    help: { type: 'boolean', short: 'h' } as const,
  })
  const options = Object.fromEntries(
    specs.map(([name, { type, ...spec }]) => {
      const multiple = 'multiple' in spec && spec.multiple === true
      return [name, { type, multiple, ...(spec.short === undefined ? {} : { short: spec.short }) }]
    }),
  )
  try {
    const parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true })
    const end = argv.indexOf('--')
    const rest = end === -1 ? [] : argv.slice(end + 1)
    return { args: parsed.positionals, rest, options: optionValues(parsed.values) }
  } catch (error) {
    // The first sentence names the option; what follows is advice for programmers.
    const [message = 'wrong usage'] = error instanceof Error ? error.message.split('. ') : []
    throw new UsageError(message)
  }
}

function findCommand(name: string, host: CliHost): Promise<Command> {
  const found = host.commands.find((command) => command.name === name)
  if (found !== undefined) return found.load()
  const hint = didYouMean(name, ['help', ...host.commands.map((command) => command.name)])
  throw new UsageError(`unknown command "${name}"${hint === undefined ? '' : `, ${hint}`}`)
}

interface Run {
  readonly command: Command
  readonly options: OptionValues
}

/** The error as one JSON document, for a reader that asked for JSON and must not be left with nothing. */
function jsonError(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const body =
    error instanceof ConfigError
      ? { kind: 'config', file: error.file, problems: error.problems }
      : { kind: kindOf(error), message }
  return `${JSON.stringify({ error: body })}\n`
}

function kindOf(error: unknown): 'usage' | 'unanswered' | 'failure' {
  if (error instanceof UsageError) return 'usage'
  return error instanceof UnansweredError ? 'unanswered' : 'failure'
}

function printError(error: unknown, host: CliHost, run: Run | undefined): number {
  if (run?.options.has('json') === true) host.stdout.write(jsonError(error))
  if (error instanceof ConfigError) {
    const lines = error.problems.map((problem) => `${formatProblem(problem, error.file)}\n`)
    host.stderr.write(lines.join(''))
    return EXIT.config
  }
  const message = error instanceof Error ? error.message : String(error)
  // It may quote what a server said.
  host.stderr.write(`banyan: ${harmless(message)}\n`)
  if (error instanceof UnansweredError) return EXIT.unanswered
  const { failed, usage: misused } = run?.command.exits ?? { ...EXIT }
  if (!(error instanceof UsageError)) return failed
  const usage = run === undefined ? 'try: banyan --help' : usageLine(run.command)
  host.stderr.write(`${usage}\n`)
  return misused
}

async function runCommand(
  command: Command,
  argv: readonly string[],
  host: CliHost,
): Promise<number> {
  let run: Run = { command, options: optionValues({}) }
  try {
    const line = parseCommandLine(command, argv)
    run = { command, options: line.options }
    if (line.options.has('help')) {
      host.stdout.write(commandHelp(command))
      return EXIT.ok
    }
    const { stdin, stdout, stderr, isTTY, colour, signal, onHangup = NEVER } = host
    const io = { stdin, stdout, stderr, isTTY, colour }
    return await command.run({ ...line, ...io, signal, onHangup })
  } catch (error) {
    return printError(error, host, run)
  }
}

async function help(topic: string | undefined, host: CliHost): Promise<number> {
  const text =
    topic === undefined
      ? programHelp(await Promise.all(host.commands.map((command) => command.load())))
      : commandHelp(await findCommand(topic, host))
  host.stdout.write(text)
  return EXIT.ok
}

/** Runs one command line, without the program's name, and gives the exit code. Never throws. */
export async function runCli(argv: readonly string[], host: CliHost): Promise<number> {
  const [name, ...rest] = argv
  try {
    if (name === undefined) throw new UsageError('a command is missing')
    if (name === '--version' || name === '-v') {
      host.stdout.write(`${host.version}\n`)
      return EXIT.ok
    }
    if (name === 'help' || name === '--help' || name === '-h') return await help(rest[0], host)
    return await runCommand(await findCommand(name, host), rest, host)
  } catch (error) {
    return printError(error, host, undefined)
  }
}
