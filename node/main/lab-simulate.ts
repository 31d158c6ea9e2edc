import { setImmediate as nextTurn } from 'node:timers/promises'
import { LabRun } from '../../topology/lab/lab-run.ts'
import type { LabSummary } from '../../topology/lab/summary.ts'
import type { CheckResult } from '../../topology/lab/verdict.ts'
import type { LoadedLab } from './lab-file.ts'
import { RunLog } from './lab-folder.ts'
import { beginRun, keepRun, type LabOutcome } from './lab-outcome.ts'

/** Between looks at the clock and the signal, in things that happen. */
const SLICE = 2_000

export interface SimulateOptions {
  /** Parent of the folders of runs. */
  readonly out: string
  /** Whether it is run twice, and must give the same both times. */
  readonly twice: boolean
  /** Most real time of one run, ms. */
  readonly timeLimit: number
  readonly signal: AbortSignal
  /** Hears of how far it is. Times in ms, both virtual. */
  readonly progress: (now: number, of: number) => void
}

/** Runs a lab once, or twice, and keeps what comes of it in a folder of its own. */
export async function simulate(loaded: LoadedLab, options: SimulateOptions): Promise<LabOutcome> {
  const run = beginRun('sim', loaded, options.out)
  const first = await play(loaded, new RunLog(run.folder), options)
  const again = options.twice && !first.cut ? await play(loaded, new RunLog(), options) : undefined
  const checks = [...first.checks, ...(again === undefined ? [] : [sameness(first, again)])]
  return keepRun(run, { ...first, checks })
}

interface Played {
  readonly cut: boolean
  readonly events: string
  readonly checks: readonly CheckResult[]
  readonly summary: LabSummary
}

async function play({ lab }: LoadedLab, log: RunLog, options: SimulateOptions): Promise<Played> {
  const { progress, signal, timeLimit } = options
  const until = Date.now() + timeLimit
  const run = new LabRun(lab, log)
  let cut = false
  while (run.advance(SLICE)) {
    progress(run.now, lab.duration)
    // Lets the signal in.
    await nextTurn()
    cut = signal.aborted || Date.now() > until
    if (cut) break
  }
  const [checks, summary] = [run.results(), run.summary()]
  return { cut, events: log.close(), checks, summary }
}

function sameness(one: Played, other: Played): CheckResult {
  const isSame = one.events === other.events
  const seen = { expect: 'the same events twice', looked: 1, disturbed: 0 }
  if (isSame) return { ...seen, verdict: 'ok' }
  return { ...seen, verdict: 'broken', at: 0, what: `${one.events} is not ${other.events}` }
}
