// Runs what a README tells its readers to type: `banyan` in this process, on a copy of the example.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { PassThrough } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { placeOf, type Place } from '../../examples/shared/place.ts'
import type { Command } from '../../node/main/cli-command.ts'
import { runCli, type CommandSource } from '../../node/main/cli-frame.ts'
import { until } from '../fixtures/wait.ts'

/** The folder of the examples. */
export const EXAMPLES: string = fileURLToPath(new URL('../../examples/', import.meta.url))

const COMMANDS: readonly CommandSource[] = [
  source('up', async () => (await import('../../node/main/cli-up.ts')).upCommand),
  source('list', async () => (await import('../../node/main/cli-list.ts')).listCommand),
  source('call', async () => (await import('../../node/main/cli-call.ts')).callCommand),
  source('check', async () => (await import('../../node/main/cli-check.ts')).checkCommand),
  source('explain', async () => (await import('../../node/main/cli-explain.ts')).explainCommand),
  source('trust', async () => (await import('../../node/main/cli-trust.ts')).trustCommand),
  source('trace', async () => (await import('../../node/main/cli-trace.ts')).traceCommand),
  source('routes', async () => (await import('../../node/main/cli-topology.ts')).routesCommand),
  source('lab', async () => (await import('../../node/main/cli-lab.ts')).labCommand),
]

function source(name: string, load: () => Promise<Command>): CommandSource {
  return { name, load }
}

/** What a command came to. */
export interface Typed {
  readonly line: string
  readonly code: number
  readonly out: string
  readonly err: string
}

/** A line that somebody is told to type. */
export interface Told {
  readonly line: string
  /** What it ends with: 0, or what the comment behind it says. */
  readonly code: number
}

/** Lines of the `sh` blocks of a README. */
export function commandsOf(file: string): readonly Told[] {
  const blocks = [...readFileSync(file, 'utf8').matchAll(/^```sh\n([^]*?)^```$/gm)]
  return blocks
    .flatMap((block) => (block[1] ?? '').split('\n'))
    .map((typed) => /^(.*?)(?:\s+#(.*))?$/.exec(typed) ?? [])
    .map(([, line = '', comment = '']) => {
      return { line, code: Number(/exit code (\d+)/.exec(comment)?.[1] ?? 0) }
    })
    .filter(({ line }) => line !== '' && !line.startsWith('#'))
}

/** Words of a line as a shell would take them: blanks part them, single quotes hold them together. */
function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '')
}

/** A shell in which the nodes of `up` run until it is closed. */
export class Shell {
  readonly #place: Place
  readonly #example: string
  readonly #interrupt = new AbortController()
  readonly #running: Promise<Typed>[] = []
  /** What nodes that are up have said so far. */
  readonly #said: string[] = []

  private constructor(example: string, place: Place) {
    this.#example = example
    this.#place = place
  }

  /** @param example name of its folder */
  static async open(example: string): Promise<Shell> {
    const here = pathToFileURL(join(EXAMPLES, example, 'README.md')).href
    return new Shell(example, await placeOf(here))
  }

  /** A file of the copy, as it is now. */
  read(name: string): string {
    return readFileSync(this.#place.file(name), 'utf8')
  }

  /** Runs a line; `up` is left running when it is ready. @throws Error for what it cannot run */
  async type(line: string): Promise<Typed> {
    const words = wordsOf(line)
    const [first, second, third] = words
    if (first === 'npm' && second === 'run' && third === 'banyan') {
      return this.#banyan(line, words.slice(words[3] === '--' ? 4 : 3))
    }
    if (first === 'npm' && second === 'run' && third === 'example') return checked(line, words)
    throw new Error(`nobody runs this line of a README: ${line}`)
  }

  async close(): Promise<void> {
    this.#interrupt.abort()
    await Promise.all(this.#running)
    await this.#place.remove()
  }

  async #banyan(line: string, words: readonly string[]): Promise<Typed> {
    const own = `examples/${this.#example}/`
    const argv = words.map((word) => this.#place.moved(word).replace(own, `${this.#place.folder}/`))
    if (argv[0] === 'up') return this.#up(line, argv)
    // Not beside the tests, where it would stay.
    if (argv[1] === 'sim') argv.push('--out', `${this.#place.folder}/runs`)
    const reloads = this.#reloads()
    const typed = await run(line, argv, new AbortController().signal).done
    // Nodes that watch their files take the new one.
    if (argv[0] === 'trust') await until(() => this.#reloads() > reloads, `a reload after ${line}`)
    return typed
  }

  #reloads(): number {
    return this.#said.filter((one) => one.startsWith('reloaded ')).length
  }

  async #up(line: string, argv: readonly string[]): Promise<Typed> {
    const { done, stdout } = run(line, argv, this.#interrupt.signal)
    this.#running.push(done)
    let own = ''
    stdout.on('data', (chunk: unknown) => {
      own += String(chunk)
      this.#said.push(String(chunk))
    })
    const ended = done.then(({ err }) => Promise.reject(new Error(`it ended: ${err}`)))
    // Also when it ends later, as it is meant to.
    ended.catch(() => undefined)
    await Promise.race([until(() => own.includes('ready, Ctrl-C stops'), line), ended])
    return { line, code: 0, out: own, err: '' }
  }
}

/** Runs `banyan` in this process. */
function run(
  line: string,
  argv: readonly string[],
  signal: AbortSignal,
): { readonly done: Promise<Typed>; readonly stdout: PassThrough } {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  stdin.end()
  const streams = { stdin, stdout, stderr, isTTY: false, colour: false }
  const [out, err] = [textOf(stdout), textOf(stderr)]
  const done = runCli(argv, { commands: COMMANDS, version: '1', ...streams, signal }).then(
    async (code) => {
      stdout.end()
      stderr.end()
      return { line, code, out: await out, err: await err }
    },
  )
  return { done, stdout }
}

async function textOf(stream: PassThrough): Promise<string> {
  let text = ''
  stream.on('data', (chunk: unknown) => (text += String(chunk)))
  await once(stream, 'end')
  return text
}

/** Runs the check of an example, as a process. */
function checked(line: string, words: readonly string[]): Promise<Typed> {
  const script = join(EXAMPLES, 'shared/run.ts')
  // As npm has it: the Node of the checkout is the first on the path.
  const path = `PATH=${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin:/usr/sbin`
  return new Promise((resolve) => {
    const args = [path, process.execPath, script, ...words.slice(words[3] === '--' ? 4 : 3)]
    execFile('env', args, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
      resolve({ line, code, out, err })
    })
  })
}

/** The compose file a line of a README is about. @throws Error when it is not there */
export function composeFileOf(line: string): string | undefined {
  const match = /^docker compose -f examples\/(\S+\.yaml) /.exec(line)
  if (match === null) return undefined
  const file = join(EXAMPLES, match[1] ?? '')
  if (!existsSync(file)) throw new Error(`there is no ${file}`)
  return file
}
