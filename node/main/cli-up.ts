import { once } from 'node:events'
import { ConfigError, formatProblem, type ConfigProblem } from '../core/config-error.ts'
import { loadConfigFile, type LoadedConfig } from '../core/config-file.ts'
import { EXIT, UsageError, type Command, type CommandContext } from './cli-command.ts'
import { closeFleet, fleetReady, startFleet, type Member } from './cli-fleet.ts'
import { LOG_OPTION, logLevel } from './cli-log.ts'
import { nodeReport, nodeText, painter } from './cli-nodes.ts'
import { watchFiles } from './cli-watch.ts'
import { releaseStartupMemory } from './startup-memory.ts'

/** Time before people are told what a start is waiting for, milliseconds. */
const PATIENCE_MS = 2_000

/** Says what happened: a line of JSON for programs, or text for people. */
type Tell = (event: Readonly<Record<string, unknown>>, text: string) => void

function teller({ options, stdout }: CommandContext): Tell {
  const json = options.has('json')
  return (event, text) => void stdout.write(json ? `${JSON.stringify(event)}\n` : text)
}

/** With the bus of the command line in place of that of the file. */
function load(file: string, { options }: CommandContext): Promise<LoadedConfig> {
  return loadConfigFile(file, undefined, options.text('join'))
}

/** Reads every file before anything starts, so that all problems of all files are told at once. */
async function loadAll(files: readonly string[], context: CommandContext): Promise<LoadedConfig[]> {
  const loaded = await Promise.allSettled(files.map((file) => load(file, context)))
  const bad = loaded.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
  for (const error of bad.slice(0, -1)) {
    if (error instanceof ConfigError) printProblems(error, context)
  }
  if (bad.length > 0) throw bad.at(-1)
  const good = loaded.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  for (const { file, warnings } of good) {
    for (const warning of warnings)
      context.stderr.write(`warning ${formatProblem(warning, file)}\n`)
  }
  return good
}

function printProblems({ problems, file }: ConfigError, { stderr }: CommandContext): void {
  for (const problem of problems) stderr.write(`${formatProblem(problem, file)}\n`)
}

/** Waits until every upstream was tried; tells people what it waits for when that takes long. */
async function allReady(running: readonly Member[], { stderr }: CommandContext): Promise<void> {
  const timer = setInterval(() => {
    const waiting = running.flatMap(({ node }) => {
      const { upstreams } = node.status()
      const open = upstreams.filter(({ phase }) => phase !== 'up' && phase !== 'down')
      return open.map(({ label }) => `${node.name}/${label}`)
    })
    if (waiting.length > 0) stderr.write(`waiting for ${waiting.join(', ')}\n`)
  }, PATIENCE_MS)
  try {
    await fleetReady(running)
  } finally {
    clearInterval(timer)
  }
}

/** Takes the file again; when it is bad, says why, leaves the node as it is, and throws. */
async function reload(
  { file, node }: Member,
  context: CommandContext,
  tell: Tell,
): Promise<readonly ConfigProblem[]> {
  try {
    const { config, warnings } = await load(file, context)
    await node.apply(config)
    tell({ event: 'reloaded', file, node: nodeReport(node) }, `reloaded ${file}\n`)
    return warnings
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const { problems } = error
    tell({ event: 'refused', file, problems }, `refused ${file}, nothing has changed:\n`)
    printProblems(new ConfigError(problems, file), context)
    throw error
  }
}

/** Reloads one at a time, in the order asked for. */
class Reloads {
  #last: Promise<unknown> = Promise.resolve()

  add<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined)
    return done
  }

  async idle(): Promise<void> {
    await this.#last
  }
}

/**
 * Reloads on SIGHUP, when an operator asks, and on change when wanted; the returned function ends that when what is under
 * way is done.
 */
function keepCurrent(
  running: readonly Member[],
  context: CommandContext,
  tell: Tell,
): () => Promise<void> {
  const reloads = new Reloads()
  const take = (one: Member): Promise<readonly ConfigProblem[]> =>
    reloads.add(() => reload(one, context, tell))
  const again = (one: Member): void => {
    take(one).catch((error: unknown) => {
      // Whose file is bad was told why.
      if (error instanceof ConfigError) return
      context.stderr.write(`banyan: reload failed: ${String(error)}\n`)
    })
  }
  for (const one of running) one.node.onReload(() => take(one))
  const forgetHangup = context.onHangup(() => running.forEach(again))
  const files = context.options.has('watch') ? running.map(({ file }) => file) : []
  const unwatch = watchFiles(files, (changed) => {
    running.filter(({ file }) => file === changed).forEach(again)
  })
  return async () => {
    forgetHangup()
    unwatch()
    for (const { node } of running) node.onReload(undefined)
    await reloads.idle()
  }
}

function interrupted({ signal }: CommandContext): Promise<unknown> {
  return signal.aborted ? Promise.resolve() : once(signal, 'abort')
}

/** Runs the nodes of some files until told to stop. */
async function up(context: CommandContext): Promise<number> {
  const { args, colour, options, signal } = context
  if (args.length === 0) throw new UsageError('a file is missing')
  const level = logLevel(context)
  const tell = teller(context)
  const running = await startFleet(await loadAll(args, context), level)
  try {
    const stop = interrupted(context)
    await Promise.race([allReady(running, context), stop])
    // Before anybody is told that it is ready, and so may ask for it.
    const settle = keepCurrent(running, context, tell)
    const nodes = running.map(({ node }) => node)
    const text = nodes.map((node) => `${nodeText(node, painter(colour))}\n`).join('')
    releaseStartupMemory()
    tell({ event: 'ready', nodes: nodes.map(nodeReport) }, `${text}ready, Ctrl-C stops\n`)
    await stop
    await settle()
  } finally {
    if (!options.has('json') && signal.aborted) context.stderr.write('stopping\n')
    if (options.has('leave')) for (const { node } of running) node.leave()
    await closeFleet(running)
  }
  return EXIT.ok
}

/** `banyan up`: the nodes of some files, in this process. */
export const upCommand: Command = {
  name: 'up',
  summary: 'run the nodes of configuration files in this process, until Ctrl-C',
  usage: 'FILE... [--json] [--join URL] [--leave] [--log LEVEL] [--watch]',
  options: {
    json: { type: 'boolean', summary: 'print one line of JSON for each event, "ready" first' },
    join: {
      type: 'string',
      value: 'URL',
      summary: 'NATS server to meet other nodes at, in place of gossip.nats of the file',
    },
    leave: { type: 'boolean', summary: 'say that the nodes are gone for good when they stop' },
    log: LOG_OPTION,
    watch: { type: 'boolean', summary: 'reload a file when it changes, as SIGHUP does' },
  },
  run: up,
}
