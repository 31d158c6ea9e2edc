// Runs the official conformance suite and reads what it found.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'yaml'

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

/** The revisions the suite has scenarios for, oldest first. */
export const REVISIONS = ['2025-03-26', '2025-06-18', '2025-11-25', '2026-07-28'] as const
export type Revision = (typeof REVISIONS)[number]

const MANIFEST = '@modelcontextprotocol/conformance/package.json'
const PACKAGE = dirname(createRequire(import.meta.url).resolve(MANIFEST))
const PROGRAM = join(PACKAGE, 'dist', 'index.js')
/** Bound of one scenario, ms; a healthy one takes far less than a second, where no client has to be started. */
const SCENARIO_TIMEOUT_MS = 60_000
/** Bound of one process of the suite, ms. */
const PROCESS_TIMEOUT_MS = 180_000
/** Scenarios that no frozen requirement set names; they are of the newest revision. */
const UNLISTED = ['directory', 'enumeration', 'manifest'].map((name) => `sep-2640-skills-${name}`)
/** The older revisions have no frozen set: the suite knows which scenarios apply. */
const FROZEN: ReadonlySet<Revision> = new Set(['2025-11-25', '2026-07-28'])
const RESULT_FOLDER = /^(?:server-)?(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/

const run = promisify(execFile)

/**
 * Runs every server scenario of one revision.
 *
 * @throws Error when the suite itself fails or leaves a scenario out
 */
export async function runSuite(url: string, revision: Revision): Promise<ScenarioResult[]> {
  const unlisted = revision === '2026-07-28' ? UNLISTED : []
  const set = FROZEN.has(revision)
    ? ['--requirements', revision]
    : ['--suite', 'all', '--spec-version', revision]
  const runs = [set, ...unlisted.map((name) => ['--scenario', name])]
  const results = await collect(
    'server',
    runs.map((args) => ['--url', url, ...args]),
  )
  const wanted = FROZEN.has(revision) ? await frozenScenarios(revision) : []
  const missing = [...wanted, ...unlisted].filter(
    (name) => !results.some(({ scenario }) => scenario === name),
  )
  if (missing.length > 0) throw new Error(`the suite left out: ${missing.join(', ')}`)
  if (results.length === 0) throw new Error('the suite ran nothing')
  return results
}

/** A client scenario, which starts a server for `command` to connect to. */
export interface ClientRun {
  readonly scenario: string
  /** Undefined for scenarios of extensions, which belong to none. */
  readonly revision: Revision | undefined
  /** Words of the command line; the suite adds the server's URL and splits at spaces. */
  readonly command: readonly string[]
}

/** Runs one client scenario. @throws Error when the suite itself fails */
export async function runClient({
  scenario,
  revision,
  command,
}: ClientRun): Promise<ScenarioResult> {
  const of = revision === undefined ? [] : ['--spec-version', revision]
  const args = ['--command', command.join(' '), '--scenario', scenario, ...of]
  const [result] = await collect('client', [args])
  if (result === undefined) throw new Error(`the suite has no ${scenario} for ${revision}`)
  return result
}

/** Runs the suite with each of these arguments and gathers the results. */
async function collect(
  mode: 'server' | 'client',
  runs: readonly (readonly string[])[],
): Promise<ScenarioResult[]> {
  const output = await mkdtemp(join(tmpdir(), 'conformance-'))
  try {
    await Promise.all(runs.map((args) => runProcess([mode, ...args, '-o', output])))
    return await readResults(output)
  } finally {
    await rm(output, { recursive: true, force: true })
  }
}

/** The exit code only repeats what the results say, and knows nothing of our expectations: it is not looked at. */
async function runProcess(args: readonly string[]): Promise<void> {
  const command = [PROGRAM, ...args, '--timeout', String(SCENARIO_TIMEOUT_MS)]
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
  const folders = await resultFolders(output)
  return Promise.all(
    folders.map(async (folder) => {
      const scenario = RESULT_FOLDER.exec(folder)?.[1]
      if (scenario === undefined) throw new Error(`not a result of the suite: ${folder}`)
      const checks = await readChecks(join(output, folder, 'checks.json'))
      return { scenario, checks: [...checks, ...(await complaints(join(output, folder)))] }
    }),
  )
}

/** A scenario with a slash in its name has a folder in a folder. */
async function resultFolders(output: string): Promise<string[]> {
  const names = (await readdir(output)).toSorted()
  const found = names.map(async (name) => {
    if (RESULT_FOLDER.test(name)) return [name]
    const inside = (await readdir(join(output, name))).toSorted()
    return inside.map((inner) => `${name}/${inner}`)
  })
  return (await Promise.all(found)).flat()
}

/** A client that fails says so on standard error; the suite's own checks may not notice. */
async function complaints(folder: string): Promise<Check[]> {
  const file = join(folder, 'stderr.txt')
  const text = (await readIfThere(file)) ?? ''
  return text === '' ? [] : [{ id: 'client-failed', status: 'FAILURE', errorMessage: text }]
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    return undefined
  }
}

/** A scenario that throws leaves a folder and nothing in it. */
async function readChecks(file: string): Promise<Check[]> {
  const text = await readIfThere(file)
  if (text !== undefined) return JSON.parse(text) as Check[]
  return [{ id: 'scenario-threw', status: 'FAILURE', errorMessage: 'no checks were written' }]
}

/** What the suite's frozen set for that revision names, scored or not. */
async function frozenScenarios(revision: Revision): Promise<string[]> {
  const file = join(PACKAGE, 'requirements', `${revision}.yaml`)
  const set = parse(await readFile(file, 'utf8')) as {
    readonly server: readonly string[]
    readonly not_scored: readonly { readonly scenario: string; readonly leg: string }[]
  }
  const unscored = set.not_scored.filter(({ leg }) => leg === 'server')
  return [...set.server, ...unscored.map(({ scenario }) => scenario)]
}

/** The client scenarios of that revision whose names begin so, and which count. */
export async function scoredClientScenarios(
  revision: Revision,
  prefix: string,
): Promise<readonly string[]> {
  const file = join(PACKAGE, 'requirements', `${revision}.yaml`)
  const { client } = parse(await readFile(file, 'utf8')) as { readonly client: readonly string[] }
  return client.filter((name) => name.startsWith(prefix))
}
