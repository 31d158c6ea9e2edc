// Runs the official conformance suite against a URL and reads what it found.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import type { Era } from '../fixtures/wire.ts'

/** One thing the suite looked at. */
export interface Check {
  readonly id: string
  readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO'
  readonly errorMessage?: string
}

/** All checks of one scenario. */
export interface ScenarioResult {
  readonly scenario: string
  readonly checks: readonly Check[]
}

const MANIFEST = '@modelcontextprotocol/conformance/package.json'
const PACKAGE = dirname(createRequire(import.meta.url).resolve(MANIFEST))
const PROGRAM = join(PACKAGE, 'dist', 'index.js')
/** Bound of one scenario, ms; a healthy one takes far less than a second. */
const SCENARIO_TIMEOUT_MS = 10_000
/** Bound of one process of the suite, ms. */
const PROCESS_TIMEOUT_MS = 180_000
/** Scenarios that no frozen requirement set names; they are of era 2026. */
const UNLISTED = ['directory', 'enumeration', 'manifest'].map((name) => `sep-2640-skills-${name}`)
const REVISION: Record<Era, string> = { '2025': '2025-11-25', '2026': '2026-07-28' }
const RESULT_FOLDER = /^server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/

const run = promisify(execFile)

/** Runs every server scenario of one era. @throws Error when the suite itself fails or leaves a scenario out. */
export async function runSuite(url: string, era: Era): Promise<ScenarioResult[]> {
  const output = await mkdtemp(join(tmpdir(), 'conformance-'))
  try {
    await runProcess(['--url', url, '--requirements', REVISION[era], '-o', output])
    const unlisted = era === '2026' ? UNLISTED : []
    await Promise.all(
      unlisted.map((name) => runProcess(['--url', url, '--scenario', name, '-o', output])),
    )
    const results = await readResults(output)
    const missing = [...(await requiredScenarios(era)), ...unlisted].filter(
      (name) => !results.some(({ scenario }) => scenario === name),
    )
    if (missing.length > 0) throw new Error(`the suite left out: ${missing.join(', ')}`)
    return results
  } finally {
    await rm(output, { recursive: true, force: true })
  }
}

/** The exit code only repeats what the results say, and knows nothing of our expectations: it is not looked at. */
async function runProcess(args: readonly string[]): Promise<void> {
  const command = [PROGRAM, 'server', '--timeout', String(SCENARIO_TIMEOUT_MS), ...args]
  try {
    await run(process.execPath, command, {
      timeout: PROCESS_TIMEOUT_MS,
      maxBuffer: Number.POSITIVE_INFINITY,
    })
  } catch (error) {
    const { code, killed } = error as { code?: unknown; killed?: boolean }
    if (killed === true || code !== 1) throw error
  }
}

async function readResults(output: string): Promise<ScenarioResult[]> {
  const folders = (await readdir(output)).toSorted()
  return Promise.all(
    folders.map(async (folder) => {
      const scenario = RESULT_FOLDER.exec(folder)?.[1]
      if (scenario === undefined) throw new Error(`not a result of the suite: ${folder}`)
      return { scenario, checks: await readChecks(join(output, folder, 'checks.json')) }
    }),
  )
}

/** A scenario that throws leaves a folder and nothing in it. */
async function readChecks(file: string): Promise<Check[]> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Check[]
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return [{ id: 'scenario-threw', status: 'FAILURE', errorMessage: 'no checks were written' }]
  }
}

/** What the suite's frozen set for that era names, scored or not. */
async function requiredScenarios(era: Era): Promise<string[]> {
  const file = join(PACKAGE, 'requirements', `${REVISION[era]}.yaml`)
  const set = parse(await readFile(file, 'utf8')) as {
    readonly server: readonly string[]
    readonly not_scored: readonly { readonly scenario: string; readonly leg: string }[]
  }
  const unscored = set.not_scored.filter(({ leg }) => leg === 'server')
  return [...set.server, ...unscored.map(({ scenario }) => scenario)]
}
