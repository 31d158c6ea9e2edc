import { join } from 'node:path'
import { compareRuns, type ComparedFigure } from '../../topology/lab/compare.ts'
import { EXIT, UsageError, type CommandContext } from './cli-command.ts'
import { loadLab } from './lab-file.ts'
import { labOption } from './lab-options.ts'
import { readTimeLimit } from './lab-options-read.ts'
import { EXPANDED, worst } from './lab-outcome.ts'
import { eventLines, writePictures } from './lab-pictures.ts'
import { readRun, readRuns, type KeptRun } from './lab-read.ts'
import { columns, formatOf, LAB_EXIT, remark } from './lab-report.ts'
import { simulate } from './lab-simulate.ts'

/** `banyan lab report`: makes the pictures and the report of a run, again. */
export async function reportLab({ stdout }: CommandContext, folder: string): Promise<number> {
  const { lab } = await loadLab(join(folder, EXPANDED))
  stdout.write(`${writePictures(lab, readRun(folder))}\n`)
  return EXIT.ok
}

/** `banyan lab inspect`: says what a run was, and what broke. */
export async function inspectLab(context: CommandContext, folder: string): Promise<number> {
  const run = readRun(folder)
  const verdict = worst(run.checks.map((check) => check.verdict))
  if (formatOf(context) === 'json') {
    const { checks, manifest, summary } = run
    context.stdout.write(`${JSON.stringify({ folder, verdict, manifest, checks, summary })}\n`)
    return EXIT.ok
  }
  context.stdout.write(storyOf(run, verdict))
  return EXIT.ok
}

function storyOf({ checks, manifest, summary }: KeptRun, verdict: string): string {
  const { cut, repeat, seed, started, took, versions, way } = manifest
  const bad = checks.filter((check) => check.verdict !== 'ok')
  const rows = bad.map((check) => [check.verdict, check.expect, remark(check)])
  const faults = summary.faults.map(({ at, fault, what }) => [
    `${(at / 1_000).toFixed(3)} s`,
    fault,
    what,
  ])
  return `${summary.name}, seed ${seed}: ${verdict}${cut ? ', cut short' : ''}
banyan lab ${way}, ${started}, took ${(took / 1_000).toFixed(1)} s, banyan ${versions.banyan}, Node ${versions.node}
${summary.nodes} nodes, ${summary.links} links, ${checks.length} expectations, ${summary.events} events
${columns(faults)}${bad.length === 0 ? 'nothing broke\n' : columns(rows)}again: ${repeat}
`
}

/** `banyan lab compare`: holds the figures of two runs, or of two folders of runs, against each other. */
export async function compareLabs(
  context: CommandContext,
  first: string,
  second: string | undefined,
): Promise<number> {
  if (second === undefined) throw new UsageError('say with what to compare: a second folder')
  const [a, b] = [first, second].map((folder) => readRuns(folder).map(comparable))
  const figures = compareRuns(a ?? [], b ?? [])
  const runs = { a: a?.length ?? 0, b: b?.length ?? 0 }
  if (formatOf(context) === 'json') context.stdout.write(`${JSON.stringify({ runs, figures })}\n`)
  else {
    const head = ['', `a (${runs.a} runs)`, `b (${runs.b} runs)`, 'b - a', '95 %']
    context.stdout.write(columns([head, ...figures.map(rowOf)]))
  }
  return EXIT.ok
}

function comparable({ checks, manifest, summary }: KeptRun): Parameters<typeof compareRuns>[0][0] {
  return { seed: manifest.seed, checks, summary }
}

function rowOf({ a, b, difference, figure, interval }: ComparedFigure): string[] {
  const within = interval === undefined ? '' : `${short(interval.low)} to ${short(interval.high)}`
  return [figure, short(a), short(b), short(difference), within]
}

function short(value: number): string {
  return String(Number(value.toPrecision(5)))
}

/** `banyan lab replay`: simulates again what was simulated, and says whether all events are the same. */
export async function replayLab(context: CommandContext, folder: string): Promise<number> {
  const { manifest } = readRun(folder)
  if (manifest.way !== 'sim') {
    const message = `${folder}: only what was simulated repeats event by event; this was run in real time: ${manifest.repeat}`
    throw new UsageError(message)
  }
  const loaded = await loadLab(join(folder, EXPANDED), manifest.seed)
  const outcome = await simulate(loaded, {
    out: labOption(context, 'out') ?? 'runs',
    twice: false,
    timeLimit: readTimeLimit(context),
    signal: context.signal,
    progress: () => undefined,
  })
  const isSame = outcome.events === manifest.eventsSha256
  const at = isSame ? undefined : firstOther(folder, outcome.folder)
  const result = { same: isSame, folder: outcome.folder, events: outcome.events, line: at }
  if (formatOf(context) === 'json') context.stdout.write(`${JSON.stringify(result)}\n`)
  else {
    const words = isSame ? 'the same events' : `other events, from line ${at} of events.ndjson on`
    context.stdout.write(`${words}\n${outcome.folder}\n`)
  }
  return isSame ? LAB_EXIT.ok : LAB_EXIT.broken
}

/** The first line that two event logs do not have in common, from 1. */
function firstOther(one: string, other: string): number {
  const [ours, theirs] = [eventLines(one), eventLines(other)]
  return ours.findIndex((line, at) => line !== theirs[at]) + 1
}
