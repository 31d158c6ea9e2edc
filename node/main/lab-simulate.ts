import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { arch, platform } from 'node:os'
import { stringify } from 'yaml'
import { describeLab } from '../../topology/lab/describe.ts'
import { LabRun } from '../../topology/lab/lab-run.ts'
import type { LabSummary } from '../../topology/lab/summary.ts'
import type { CheckResult, Verdict } from '../../topology/lab/verdict.ts'
import { packageVersion } from './cli-version.ts'
import type { LoadedLab } from './lab-file.ts'
import { makeFolder, pointLatest, RunLog, writeJson } from './lab-folder.ts'

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

/** What became of one run. */
export interface LabOutcome {
  readonly seed: number
  readonly verdict: Verdict
  /** Whether it was stopped before its time was over. */
  readonly cut: boolean
  readonly folder: string
  /** Real time, ms. */
  readonly took: number
  /** SHA-256 of the events, hex. */
  readonly events: string
  readonly checks: readonly CheckResult[]
  readonly summary: LabSummary
}

/** The head of a file that was made by a program. */
export const SCHEMA_LINE =
  '# yaml-language-server: $schema=https://unpkg.com/banyan-mcp/dist/mesh.schema.json'

/** The expanded text of a lab. */
export function expandedText({ lab, data }: LoadedLab): string {
  return `${SCHEMA_LINE}\n${stringify(describeLab(lab, data), { lineWidth: 0 })}`
}

/** Runs a lab once, or twice, and keeps what comes of it in a folder of its own. */
export async function simulate(loaded: LoadedLab, options: SimulateOptions): Promise<LabOutcome> {
  const { lab, text, file } = loaded
  const started = new Date()
  const folder = makeFolder(options.out, lab.name, lab.seed)
  writeFileSync(join(folder, 'topology.expanded.yaml'), expandedText(loaded))
  const first = await play(loaded, new RunLog(folder), options)
  const again = options.twice && !first.cut ? await play(loaded, new RunLog(), options) : undefined
  const checks = [...first.checks, ...(again === undefined ? [] : [sameness(first, again)])]
  const took = Date.now() - started.getTime()
  const verdict = worst([
    ...checks.map((check) => check.verdict),
    ...(first.cut ? ['unknown' as const] : []),
  ])
  const { summary, events, cut } = first
  writeJson(join(folder, 'manifest.json'), {
    versions: { banyan: packageVersion(), node: process.versions.node },
    host: { platform: platform(), arch: arch() },
    file,
    fileSha256: createHash('sha256').update(text).digest('hex'),
    seed: lab.seed,
    started: started.toISOString(),
    took,
    cut,
    eventsSha256: events,
    repeat: repeatCommand(file, lab.seed),
  })
  writeJson(join(folder, 'summary.json'), summary)
  writeJson(join(folder, 'checks.json'), checks)
  pointLatest(options.out, lab.name, folder)
  return { seed: lab.seed, verdict, cut, folder, took, events, checks, summary }
}

/** The command that does the same again. */
export function repeatCommand(file: string, seed: number): string {
  return `banyan lab sim ${/^[\w./@:-]+$/.test(file) ? file : `'${file.replaceAll("'", String.raw`'\''`)}'`} --seed ${seed}`
}

const BAD: readonly Verdict[] = ['broken', 'unknown']

/** The verdict on all of them. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  return BAD.find((verdict) => verdicts.includes(verdict)) ?? 'ok'
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
