// The relay's cost: `npm run bench`, see --help. Goals that are missed are reported, never asserted.
import { writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, platform, release } from 'node:os'
import process from 'node:process'
import { compile } from './build.ts'
import { caller } from './ipc.ts'
import { Lab } from './lab.ts'
import type { LoadCommands } from './load.ts'
import { measureGroup, type Bench } from './measure.ts'
import { measureMemory } from './memory.ts'
import { parseOptions, USAGE, type Options } from './options.ts'
import { allGroups, choose, groupName } from './plan.ts'
import { tickMicroseconds } from './proc.ts'
import { report } from './report.ts'
import type { CellResult, Results } from './results.ts'

const MEMORY = 'memory'

function progress(words: string): void {
  const seconds = (performance.now() / 1_000).toFixed(0).padStart(4)
  process.stderr.write(`${seconds} s  ${words}\n`)
}

/** Taken before the run, so that the load is that of others. */
function machine(options: Options): Results['machine'] {
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    system: `${platform()} ${release()}`,
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    'in flight': options.inFlight,
    rounds: options.rounds,
    'load before': (loadavg()[0] ?? Number.NaN).toFixed(2),
    'tick, ms': (tickMicroseconds() ?? Number.NaN) / 1_000,
  }
}

async function measure(lab: Lab, options: Options): Promise<Omit<Results, 'machine'>> {
  const load = await lab.load()
  const bench: Bench = {
    lab,
    load,
    call: caller<LoadCommands>(load.child),
    options,
    warm: new Set(),
  }
  // Memory first: the floor proxy is idle only once.
  const weigh = MEMORY.includes(options.only)
  if (weigh) progress(MEMORY)
  const memory = weigh ? await measureMemory(lab, bench.call) : undefined
  const cells: CellResult[] = []
  for (const group of choose(allGroups(options.withSdk), options.only)) {
    progress(`${groupName(group)}: ${group.routes.join(' ')}`)
    cells.push(...(await measureGroup(bench, group)))
  }
  return { cells, memory }
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2))
  if (options === undefined) {
    process.stdout.write(USAGE)
    return
  }
  const about = machine(options)
  const build = await compile()
  const lab = new Lab(build)
  try {
    const results = { machine: about, ...(await measure(lab, options)) }
    process.stdout.write(report(results))
    if (options.json !== undefined) {
      await writeFile(options.json, `${JSON.stringify(results, undefined, 2)}\n`)
    }
    progress('done')
  } catch (cause) {
    process.stderr.write(await lab.complaints())
    throw cause
  } finally {
    await lab.stop()
    await build.discard()
  }
}

await main()
