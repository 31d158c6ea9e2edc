import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { LabSummary } from '../../topology/lab/summary.ts'
import type { CheckResult } from '../../topology/lab/verdict.ts'
import { UsageError } from './cli-command.ts'
import type { LabWay } from './lab-outcome.ts'

/** `manifest.json`: what a run was. */
export interface Manifest {
  readonly versions: { readonly banyan: string; readonly node: string }
  readonly host: { readonly platform: string; readonly arch: string }
  readonly way: LabWay
  /** As it was named on the command line. */
  readonly file: string
  readonly fileSha256: string
  readonly seed: number
  /** ISO 8601. */
  readonly started: string
  /** Real time, ms. */
  readonly took: number
  /** Whether it was stopped before its time was over. */
  readonly cut: boolean
  readonly eventsSha256: string
  /** The command that does the same again. */
  readonly repeat: string
}

/** A run as its folder tells of it. */
export interface KeptRun {
  readonly folder: string
  readonly manifest: Manifest
  readonly checks: readonly CheckResult[]
  readonly summary: LabSummary
}

const MANIFEST = 'manifest.json'

/** @throws UsageError when the folder is not one of a run that is over */
export function readRun(folder: string): KeptRun {
  if (!existsSync(join(folder, MANIFEST))) {
    throw new UsageError(`${folder}: no folder of a run that is over; there is no ${MANIFEST}`)
  }
  const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'))
  return {
    folder,
    manifest: read(MANIFEST) as Manifest,
    checks: read('checks.json') as readonly CheckResult[],
    summary: read('summary.json') as LabSummary,
  }
}

/** The run in a folder, or all runs in the folders in it. @throws UsageError when there is none */
export function readRuns(folder: string): readonly KeptRun[] {
  if (existsSync(join(folder, MANIFEST))) return [readRun(folder)]
  if (!existsSync(folder)) throw new UsageError(`${folder}: there is no such folder`)
  // Without the link to the latest, which is there by its own name, too.
  const folders = readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((one) => existsSync(join(one, MANIFEST)))
  const runs = [...new Map(folders.map((one) => [realpathSync(one), one])).keys()].map(readRun)
  if (runs.length === 0) throw new UsageError(`${folder}: there is no run in it`)
  return runs
}
