import { unplayableIn } from '../../topology/lab/real-faults.ts'
import { ConfigError } from '../core/config-error.ts'
import { parseYamlText, readText } from '../core/config-file.ts'
import type { CommandContext } from './cli-command.ts'
import { readSeed, readTimeLimit } from './lab-options-read.ts'
import { parseLabText, type LoadedLab } from './lab-file.ts'
import { RunLog } from './lab-folder.ts'
import { labOption } from './lab-options.ts'
import { beginRun, keepRun, type LabOutcome, type LabWay } from './lab-outcome.ts'
import { formatOf, LAB_EXIT, printOutcomes } from './lab-report.ts'
import type { Housing } from './lab/housing.ts'
import { RealRun } from './lab/real-run.ts'

/** Between two looks at how far it is, ms. */
const TELL_MS = 250

/** @throws ConfigError with everything in the file that cannot be done with real nodes */
function refuseUnplayable({ lab, text, file }: LoadedLab): void {
  const problems = unplayableIn(lab)
  if (problems.length === 0) return
  parseYamlText(text, file, () => {
    throw new ConfigError(problems)
  })
}

/**
 * The lab a command line names, with its seed.
 *
 * @throws ConfigError when the file is bad, or asks for what real nodes cannot do
 */
export async function loadPlayable(context: CommandContext, file: string): Promise<LoadedLab> {
  const seed = labOption(context, 'seed')
  const number = seed === undefined ? seed : readSeed(seed)
  const loaded = parseLabText(await readText(file), file, number)
  refuseUnplayable(loaded)
  return loaded
}

/** How a lab is played with real nodes. */
export interface PlayWay {
  readonly way: LabWay
  /** What it runs in. @param folder of the run */
  readonly housing: (loaded: LoadedLab, folder: string) => Housing
  /** Hears of a run whose time was over, before everything is closed. */
  readonly over?: (outcome: { readonly folder: string }) => void
}

/** Plays a lab with real nodes, in real time, and prints what became of it. @returns the exit code */
export async function playLab(
  context: CommandContext,
  file: string,
  play: PlayWay,
): Promise<number> {
  const format = formatOf(context)
  const limit = readTimeLimit(context)
  const loaded = await loadPlayable(context, file)
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), limit)
  const stop = AbortSignal.any([context.signal, late.signal])
  const outcome = await playReal(loaded, { context, stop, play }).finally(() => clearTimeout(timer))
  printOutcomes(context, { file, outcomes: [outcome], format, many: false })
  return LAB_EXIT[outcome.verdict]
}

interface Playing {
  readonly context: CommandContext
  /** Cuts the run short. */
  readonly stop: AbortSignal
  readonly play: PlayWay
}

async function playReal(loaded: LoadedLab, { context, play, stop }: Playing): Promise<LabOutcome> {
  const begun = beginRun(play.way, loaded, labOption(context, 'out') ?? 'runs')
  const { folder } = begun
  const log = new RunLog(folder)
  const run = new RealRun(loaded.lab, { folder, housing: play.housing(loaded, folder) }, log)
  const progress = new Progress(context, loaded)
  const timer = setInterval(() => progress.tell(run.now), TELL_MS)
  try {
    await run.play({ started: (count) => (progress.started = count) }, stop)
    if (!stop.aborted) play.over?.({ folder })
  } finally {
    clearInterval(timer)
    progress.over()
    await run.close()
  }
  const [checks, summary, events] = [run.results(), run.summary(), log.close()]
  return keepRun(begun, { cut: stop.aborted, events, checks, summary })
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1)
}

/** Says on a terminal how far a run is. */
class Progress {
  readonly #context: CommandContext
  readonly #nodes: number
  readonly #duration: number
  started = 0

  constructor(context: CommandContext, { lab }: LoadedLab) {
    this.#context = context
    this.#nodes = lab.nodes.size
    this.#duration = lab.duration
  }

  tell(now: number): void {
    const text =
      now === 0
        ? `${this.started} of ${this.#nodes} nodes listen`
        : `${seconds(now)} s of ${seconds(this.#duration)} s`
    if (this.#context.isTTY) this.#context.stderr.write(`\r${text}\x1b[K`)
  }

  over(): void {
    if (this.#context.isTTY) this.#context.stderr.write('\r\x1b[K')
  }
}
