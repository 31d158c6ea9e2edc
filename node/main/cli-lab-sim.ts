import { execFile } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EXIT, UsageError, type CommandContext } from './cli-command.ts'
import { labOption } from './lab-options.ts'
import { readSeed, readTimeLimit } from './lab-options-read.ts'
import { parseLabText } from './lab-file.ts'
import { readText } from '../core/config-file.ts'
import { LAB_EXIT, printOutcomes, formatOf } from './lab-report.ts'
import { worst, type LabOutcome } from './lab-outcome.ts'
import { simulate, type SimulateOptions } from './lab-simulate.ts'

const MOST_SEEDS = 100_000
const MOST_JOBS = 64
/** A report of one run, read from another process, has at most so many bytes. */
const MOST_REPORT = 64 * 1_024 ** 2

/** The seeds to run with; none for the one of the file. */
function seedsOf(context: CommandContext): readonly (number | undefined)[] {
  const [one, many] = [labOption(context, 'seed'), labOption(context, 'seeds')]
  if (many === undefined) return [one === undefined ? undefined : readSeed(one)]
  const [, from, to] = /^([0-9]+)\.\.([0-9]+)$/.exec(many) ?? []
  const [first, last] = [Number(from), Number(to)]
  if (!(first <= last) || last - first >= MOST_SEEDS) {
    throw new UsageError(`--seeds ${many}: write FIRST..LAST, like 1..200`)
  }
  return Array.from({ length: last - first + 1 }, (_, at) => first + at)
}

function jobsOf(context: CommandContext): number {
  const jobs = Number(labOption(context, 'jobs') ?? '1')
  if (!Number.isInteger(jobs) || jobs < 1 || jobs > MOST_JOBS) {
    throw new UsageError(`--jobs: write a whole number from 1 to ${MOST_JOBS}`)
  }
  return jobs
}

/** Writes how far it is, on a terminal, a few times a second. */
function progressOf({ isTTY, stderr }: CommandContext, label: string): SimulateOptions['progress'] {
  let said = 0
  return (now, of) => {
    if (!isTTY || Date.now() - said < 250) return
    said = Date.now()
    stderr.write(`\r${label}${(now / 1_000).toFixed(1)} s of ${(of / 1_000).toFixed(1)} s\x1b[K`)
  }
}

/** `banyan lab sim`: runs a lab in virtual time, with one seed or many. */
export async function simulateLab(context: CommandContext, file: string): Promise<number> {
  const seeds = seedsOf(context)
  const jobs = jobsOf(context)
  const format = formatOf(context)
  const out = labOption(context, 'out') ?? 'runs'
  const twice = labOption(context, 'check-determinism') !== undefined
  const base = { out, twice, timeLimit: readTimeLimit(context), signal: context.signal }
  const text = await readText(file)
  // Also before processes are started for it: a bad file is to be complained of once.
  parseLabText(text, file, seeds[0])
  const one = async (seed: number | undefined, at: number): Promise<LabOutcome> => {
    const label = seeds.length > 1 ? `seed ${seed} (${at + 1} of ${seeds.length}): ` : ''
    return simulate(parseLabText(text, file, seed), {
      ...base,
      progress: progressOf(context, label),
    })
  }
  const elsewhere = (seed: number | undefined): Promise<LabOutcome> =>
    inProcess(file, seed ?? 0, { ...base, progress: () => undefined })
  const outcomes = await pool(seeds, jobs, jobs > 1 && seeds.length > 1 ? elsewhere : one)
  if (context.isTTY) context.stderr.write('\r\x1b[K')
  printOutcomes(context, { file, outcomes, format, many: seeds.length > 1 })
  return LAB_EXIT[worst(outcomes.map(({ verdict }) => verdict))]
}

/** Runs something for each of them, so many at a time; gives the results in their order. */
async function pool<T, R>(
  items: readonly T[],
  jobs: number,
  run: (item: T, at: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next
      next += 1
      const item = items[at] as T
      results[at] = await run(item, at)
    }
  }
  await Promise.all(Array.from({ length: Math.min(jobs, items.length) }, worker))
  return results
}

/** One run in a process of its own. */
function inProcess(file: string, seed: number, options: SimulateOptions): Promise<LabOutcome> {
  const program = fileURLToPath(new URL(`./cli${extname(import.meta.filename)}`, import.meta.url))
  const { out, signal, timeLimit, twice } = options
  const flags = ['--out', out, '--time-limit', `${timeLimit}ms`, '--format', 'json']
  if (twice) flags.push('--check-determinism')
  const args = [program, 'lab', 'sim', file, '--seed', String(seed), ...flags]
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      args,
      { signal, maxBuffer: MOST_REPORT },
      (error, stdout, stderr) => {
        const code = error === null ? EXIT.ok : error.code
        if (code === EXIT.ok || code === LAB_EXIT.broken || code === LAB_EXIT.unknown) {
          resolve(JSON.parse(stdout) as LabOutcome)
        } else reject(new Error(`seed ${seed}: ${stderr.trim()}`))
      },
    )
  })
}
