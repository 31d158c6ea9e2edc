import { writeFile } from 'node:fs/promises'
import { doubtfulLinks } from '../../topology/lab/check-lab.ts'
import { dotOf, readShape, shapeForms } from '../../topology/lab/describe.ts'
import { stringify } from 'yaml'
import { EXIT, UsageError, type Command, type CommandContext } from './cli-command.ts'
import { compareLabs, inspectLab, replayLab, reportLab } from './cli-lab-kept.ts'
import { runLab } from './cli-lab-run.ts'
import { holdLab } from './cli-lab-hold.ts'
import { simulateLab } from './cli-lab-sim.ts'
import { downLab, upLab } from './cli-lab-up.ts'
import { loadLab, parseLabText } from './lab-file.ts'
import { labOption } from './lab-options.ts'
import { formatOf } from './lab-report.ts'
import { expandedText } from './lab-outcome.ts'

/** Own errors are told from broken expectations (1) and unknown ones (2). */
const LAB_ERRORS = { usage: 4, failed: 5 } as const

/** What a mesh without faults may be expected to do. */
const CALM = [
  { always: 'no-loops' },
  { always: 'no-dead-routes' },
  { eventually: 'converged', within: '30s' },
]

async function generate(context: CommandContext, shape: string): Promise<number> {
  const seed = Number(labOption(context, 'seed') ?? '1')
  const out = labOption(context, 'out')
  const name = shape.split(':', 1)[0] ?? shape
  const data = { name, seed, generate: [entryOf(shape)], expect: CALM }
  const text = expandedText(parseLabText(stringify(data), shape))
  if (out === undefined) context.stdout.write(text)
  else await writeFile(out, text)
  return EXIT.ok
}

function entryOf(shape: string): object {
  try {
    return readShape(shape)
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error
  }
}

async function validate(context: CommandContext, file: string): Promise<number> {
  const { stdout, stderr } = context
  const { lab } = await loadLab(file)
  const warnings = doubtfulLinks(lab)
  const { clients, expect, faults, links, nodes, organisations } = lab
  const sizes = {
    organisations: organisations.size,
    nodes: nodes.size,
    links: links.length,
    clients: clients.size,
    faults: faults.length,
    expectations: expect.length,
  }
  if (formatOf(context) === 'json') {
    stdout.write(`${JSON.stringify({ file, name: lab.name, ...sizes, warnings })}\n`)
    return EXIT.ok
  }
  const words = Object.entries(sizes).map(([what, count]) => `${count} ${what}`)
  stdout.write(`${file}: ok, ${lab.name}: ${words.join(', ')}, ${lab.duration / 1_000} s\n`)
  for (const warning of warnings) stderr.write(`warning ${file}: ${warning}\n`)
  return EXIT.ok
}

async function graph({ stdout }: CommandContext, file: string): Promise<number> {
  const { lab } = await loadLab(file)
  stdout.write(dotOf(lab))
  return EXIT.ok
}

/** What can be done, by its word on the command line. */
const ACTIONS: Readonly<
  Record<string, (context: CommandContext, what: string, other?: string) => Promise<number>>
> = {
  sim: simulateLab,
  run: runLab,
  up: upLab,
  down: downLab,
  gen: generate,
  validate,
  graph,
  report: reportLab,
  inspect: inspectLab,
  compare: compareLabs,
  replay: replayLab,
}

/** What containers do, and nobody types. */
const HIDDEN: typeof ACTIONS = { hold: holdLab }

/** `banyan lab`: meshes tried out, in virtual time or with real processes. */
export const labCommand: Command = {
  name: 'lab',
  summary:
    'try out a mesh, and what may happen to it, simulated, with real processes or in containers',
  usage:
    'sim FILE [--seed N | --seeds A..B [--jobs N]] [--check-determinism] [--time-limit TIME] [--out DIR] [--format FORMAT] | run FILE [--seed N] [--time-limit TIME] [--out DIR] [--format FORMAT] | up FILE [--seed N] [--time-limit TIME] [--out DIR] [--image IMAGE] [--down] [--format FORMAT] | up FILE --print [--out DIR] [--image IMAGE] | down FILE|DIR [--out DIR] | gen SHAPE:PARAMETERS [--seed N] [--out FILE] | validate FILE | graph FILE | report DIR | inspect DIR [--json] | compare DIR DIR [--json] | replay DIR [--out DIR]',
  options: {
    seed: {
      type: 'string',
      value: 'N',
      summary: 'of all random numbers; default: that of the file',
    },
    seeds: { type: 'string', value: 'A..B', summary: 'one run with each of these seeds' },
    jobs: {
      type: 'string',
      value: 'N',
      summary: 'so many runs at a time, each in a process; default 1',
    },
    'check-determinism': { type: 'boolean', summary: 'run twice, and compare all events' },
    'time-limit': {
      type: 'string',
      value: 'TIME',
      summary: 'most real time of a run; default 10m',
    },
    out: {
      type: 'string',
      value: 'PATH',
      summary: 'parent folder of the folders of runs, default runs; of gen: the file to write',
    },
    image: {
      type: 'string',
      value: 'IMAGE',
      summary: 'of up: the image nodes are made from, default banyan-mcp',
    },
    print: {
      type: 'boolean',
      summary: 'of up: print the compose file and start nothing; with --out, write all it needs',
    },
    down: {
      type: 'boolean',
      summary: 'of up: end the containers when the time of the lab is over',
    },
    format: { type: 'string', value: 'FORMAT', summary: 'table (default), json or csv' },
    json: { type: 'boolean', summary: 'the same as --format json' },
  },
  exits: {
    ...LAB_ERRORS,
    help: `each option may also stand in the environment: --time-limit as BANYAN_LAB_TIME_LIMIT
shapes: ${shapeForms()}
exit codes: 0 ok, 1 an expectation broke, 2 unknown, as something never came about, 3 bad file, 4 wrong usage, 5 failed`,
  },
  async run(context) {
    const [what = '', subject, ...others] = context.args
    const [other, ...rest] = what === 'compare' ? others : [undefined, ...others]
    const all = { ...ACTIONS, ...HIDDEN }
    const action = Object.hasOwn(all, what) ? all[what] : undefined
    if (action === undefined) {
      throw new UsageError(`say what to do: ${Object.keys(ACTIONS).join(', ')}`)
    }
    if (subject === undefined) {
      throw new UsageError(
        what === 'gen' ? 'a shape is missing, like tree:3,2' : 'a file is missing',
      )
    }
    if (rest.length > 0) throw new UsageError(`one at a time: what is "${rest[0]}"?`)
    return action(context, subject, other)
  },
}
