// A mesh under faults for as long as there is time for: `npm run soak:mesh`.
import process from 'node:process'
import { parseArgs } from 'node:util'
import { trial, type TrialReport } from './mesh-trial.ts'

const USAGE = `node --expose-gc test/chaos/mesh-soak.ts [options]

  --minutes N  how long things break (default 10)
  --near       nodes in this process, closed and not killed, and all in a hurry
  --seed N     of what breaks, and of what is called (default: of the clock)
`

/** The heap of a run may grow by so much, bytes: caches fill, code is compiled. */
const MAX_GROWTH = 24 * 1024 * 1024
/** The same with sockets, servers and timers: links may go over one transport or the other. */
const MAX_HANDLES = 30
/** Idle connections of HTTP are closed after a little more than a minute. */
const PATIENCE_MS = 80_000

/** Resident memory of a process may grow by so much in a minute, mebibytes, if that was seen for so many minutes. */
const MAX_SLOPE = 1
const SEEN_MINUTES = 4

function problemsOf({ problems, before, after, memory }: TrialReport): readonly string[] {
  const grown = (after.heap ?? 0) - (before.heap ?? 0)
  const more = after.handles - before.handles
  return [
    ...problems,
    ...(grown > MAX_GROWTH ? [`the heap grew by ${grown} bytes`] : []),
    ...(more > MAX_HANDLES ? [`there are ${more} handles more`] : []),
    ...memory
      .filter(({ minutes, slope }) => minutes >= SEEN_MINUTES && slope > MAX_SLOPE)
      .map(({ name, slope }) => `the memory of ${name} grows by ${slope} MiB a minute`),
  ]
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(Date.now() % 100_000) },
      near: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
  let shown = 0
  const report = await trial({
    seed,
    apart: !values.near,
    duration: minutes * 60_000,
    patience: PATIENCE_MS,
    told: ({ problems }) => {
      for (; shown < problems.length; shown += 1) process.stdout.write(`${problems[shown]}\n`)
    },
  })
  const { problems: _, faultLog, ...figures } = report
  const problems = problemsOf(report)
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`)
  if (problems.length === 0) return 0
  process.stdout.write(`${faultLog.join('\n')}\n\n${problems.join('\n')}\n`)
  process.stdout.write(
    `repeat with: npm run soak:mesh -- --minutes ${minutes} --seed ${seed}${values.near ? ' --near' : ''}\n`,
  )
  return 1
}

process.exitCode = await main()
