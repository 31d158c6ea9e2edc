import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { arch, platform } from 'node:os'
import { stringify } from 'yaml'
import { describeLab } from '../../topology/lab/describe.ts'
import type { LabSummary } from '../../topology/lab/summary.ts'
import type { CheckResult, Verdict } from '../../topology/lab/verdict.ts'
import { packageVersion } from './cli-version.ts'
import type { LoadedLab } from './lab-file.ts'
import { writePictures } from './lab-pictures.ts'
import type { Manifest } from './lab-read.ts'
import { makeFolder, pointLatest, writeJson } from './lab-folder.ts'

/** How a lab is run: in virtual time in one process, or in real time with processes or containers. */
export type LabWay = 'sim' | 'run' | 'up'

/** In the folder of a run: the mesh as it was run, with nothing left to be generated. */
export const EXPANDED = 'topology.expanded.yaml'

/** What became of one run. */
export interface LabOutcome {
  readonly way: LabWay
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
const SCHEMA_LINE =
  '# yaml-language-server: $schema=https://unpkg.com/banyan-mcp/dist/mesh.schema.json'

/** The expanded text of a lab. */
export function expandedText({ lab, data }: LoadedLab): string {
  return `${SCHEMA_LINE}\n${stringify(describeLab(lab, data), { lineWidth: 0 })}`
}

/** A run that has begun, and where what it leaves behind goes. */
export interface BegunRun {
  readonly way: LabWay
  readonly loaded: LoadedLab
  readonly folder: string
  /** Parent of the folders of runs. */
  readonly out: string
  readonly started: Date
}

/** Makes the folder of a run. */
export function beginRun(way: LabWay, loaded: LoadedLab, out: string): BegunRun {
  const { lab } = loaded
  const started = new Date()
  const folder = makeFolder(out, lab.name, lab.seed)
  writeFileSync(join(folder, EXPANDED), expandedText(loaded))
  return { way, loaded, folder, out, started }
}

type Ended = Pick<LabOutcome, 'cut' | 'events' | 'checks' | 'summary'>

/** Writes down what became of a run, and gives the verdict on it. */
export function keepRun(run: BegunRun, { cut, events, checks, summary }: Ended): LabOutcome {
  const { way, loaded, folder, out, started } = run
  const { lab, text, file } = loaded
  const took = Date.now() - started.getTime()
  const verdicts = checks.map((check) => check.verdict)
  const verdict = worst(cut ? [...verdicts, 'unknown'] : verdicts)
  const manifest: Manifest = {
    versions: { banyan: packageVersion(), node: process.versions.node },
    host: { platform: platform(), arch: arch() },
    way,
    file,
    fileSha256: createHash('sha256').update(text).digest('hex'),
    seed: lab.seed,
    started: started.toISOString(),
    took,
    cut,
    eventsSha256: events,
    repeat: repeatCommand(way, file, lab.seed),
  }
  writeJson(join(folder, 'manifest.json'), manifest)
  writeJson(join(folder, 'summary.json'), summary)
  writeJson(join(folder, 'checks.json'), checks)
  writePictures(lab, { folder, manifest, checks, summary })
  pointLatest(out, lab.name, folder)
  return { way, seed: lab.seed, verdict, cut, folder, took, events, checks, summary }
}

/** The command that does the same again. */
export function repeatCommand(way: LabWay, file: string, seed: number): string {
  const quoted = /^[\w./@:-]+$/.test(file) ? file : `'${file.replaceAll("'", String.raw`'\''`)}'`
  return `banyan lab ${way} ${quoted} --seed ${seed}`
}

const BAD: readonly Verdict[] = ['broken', 'unknown']

/** The verdict on all of them. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  return BAD.find((verdict) => verdicts.includes(verdict)) ?? 'ok'
}
