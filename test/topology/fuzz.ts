// The laws of a mesh over as many seeds as there is time for: `npm run fuzz:topology`.
import process from 'node:process'
import { parseArgs } from 'node:util'
import * as fc from 'fast-check'
import { LAWS, propertyOf } from './laws.ts'
import type { Scenario } from './scenario.ts'

const USAGE = `node test/topology/fuzz.ts [options]

  --seeds N    how many seeds, one after the other (default 300)
  --seed N     the first (default 1)
  --runs N     scenarios of each seed (default 20)
  --law NAME   one law only: ${Object.keys(LAWS).join(', ')}
  --path P     of one failure, as it was printed: repeats just that
`

interface Failure {
  readonly law: string
  readonly seed: number
  readonly path: string | null
  readonly report: string
}

/** The first seed that breaks a law; undefined when none does. */
function broken(
  law: string,
  seed: number,
  options: fc.Parameters<[Scenario]>,
): Failure | undefined {
  const found = LAWS[law]
  if (found === undefined) throw new RangeError(`no law is called ${law}`)
  const details = fc.check(propertyOf(found), { ...options, seed })
  if (!details.failed) return undefined
  const report = fc.defaultReportMessage(details) ?? ''
  return { law, seed, path: details.counterexamplePath, report }
}

function main(): number {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '300' },
      seed: { type: 'string', default: '1' },
      runs: { type: 'string', default: '20' },
      law: { type: 'string' },
      path: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const laws = values.law === undefined ? Object.keys(LAWS) : [values.law]
  const [first, count] = [Number(values.seed), values.path === undefined ? Number(values.seeds) : 1]
  const path = values.path === undefined ? {} : { path: values.path }
  for (let seed = first; seed < first + count; seed += 1) {
    for (const law of laws) {
      const failure = broken(law, seed, { numRuns: Number(values.runs), ...path })
      if (failure === undefined) continue
      const repeat = `npm run fuzz:topology -- --law ${law} --seed ${seed} --path ${failure.path ?? '0'}`
      process.stdout.write(`${failure.report}\n\nlaw ${law} does not hold; again:\n  ${repeat}\n`)
      return 1
    }
    if (seed % 10 === 0) process.stderr.write(`seed ${seed}\n`)
  }
  process.stdout.write(`${laws.length} laws hold over ${count} seeds\n`)
  return 0
}

process.exitCode = main()
