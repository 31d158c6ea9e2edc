import { existsSync } from 'node:fs'
import { basename, extname } from 'node:path'
import { matchesGlob } from '../../protocol/glob.ts'
import { loadConfigFile } from '../core/config-file.ts'
import type { NodeConfig } from '../core/config-types.ts'
import { hostEnvironment } from '../core/environment.ts'
import { Networks } from '../identity/verifier/networks.ts'
import { planFor, slugOf, type AddPlan } from './add-plan.ts'
import { findTarget, type Finder, type Target } from './add-target.ts'
import { EXIT, UsageError, type Command, type CommandContext } from './cli-command.ts'
import { harmless } from './cli-nodes.ts'
import { putInto } from './config-edit.ts'
import { fragment, type Insertion } from './yaml-insert.ts'

const REGISTRY = 'https://registry.modelcontextprotocol.io'
/** For a registry, or a server somebody waits for, ms. */
const TIMEOUT_MS = 10_000

/** `banyan add`: puts a server or a node into a configuration file. */
export const addCommand: Command = {
  name: 'add',
  summary: 'add a server to a configuration: by URL, name in a registry, server.json, or command',
  usage:
    'FILE (URL | NAME | SERVER.json) [--as LABEL] [--set NAME=VALUE]... [--use KIND] [--node] [--dry-run] [--json] | FILE [--as LABEL] -- COMMAND [ARGUMENT...]',
  options: {
    as: { type: 'string', value: 'LABEL', summary: 'what it is called here; default: by its name' },
    set: {
      type: 'string',
      value: 'NAME=VALUE',
      multiple: true,
      summary:
        'a value the server asks for; secrets are read from the environment when a node runs',
    },
    use: {
      type: 'string',
      value: 'KIND',
      summary: 'which of several ways to it: remote, npm, pypi, oci or nuget; default: the first',
    },
    registry: {
      type: 'string',
      value: 'URL',
      summary: `where names are looked up; default ${REGISTRY}`,
    },
    node: {
      type: 'boolean',
      summary: 'the URL is an endpoint of another node, even if it does not say so',
    },
    'dry-run': { type: 'boolean', summary: 'print what would be written, and write nothing' },
    json: { type: 'boolean', summary: 'print one JSON document' },
  },
  run: add,
}

async function add(context: CommandContext): Promise<number> {
  const { args, rest, options } = context
  const [file, word, ...more] = args.slice(0, args.length - rest.length)
  if (file === undefined) throw new UsageError('a file is missing')
  if (more.length > 0) throw new UsageError(`too many arguments: ${more.join(' ')}`)
  const current = await configIn(file)
  const target = await targetOf(context, word)
  const plan = planFor(target, context, current)
  const insertions = insertionsOf(plan)
  const env = {
    ...Object.fromEntries(plan.environment.map(({ name }) => [name, 'x'])),
    ...hostEnvironment(),
  }
  const isDry = options.has('dry-run')
  if (!isDry) await putInto(file, insertions, { fresh: freshConfig(file), env })
  report(plan, { context, file, insertions, current })
  return EXIT.ok
}

/** Undefined where there is no file yet. */
async function configIn(file: string): Promise<NodeConfig | undefined> {
  return existsSync(file) ? (await loadConfigFile(file)).config : undefined
}

/** The least a node needs; it offers all it has to whoever is on this machine. */
function freshConfig(file: string): string {
  const name = slugOf(basename(file, extname(file))) || 'node'
  return `node:\n  name: ${name}\n  organisation: local\n  listen: 127.0.0.1:7400\nendpoints:\n  main:\n    namespaces: ['*']\n`
}

async function targetOf(
  { rest, options }: CommandContext,
  word: string | undefined,
): Promise<Target> {
  const [command, ...args] = rest
  if (command !== undefined) {
    if (word !== undefined) throw new UsageError(`say ${word} or a command, not both`)
    return { kind: 'command', command, args }
  }
  if (word === undefined)
    throw new UsageError('say what to add: a URL, a name, a .json file, or a command behind --')
  if (options.has('node') && URL.canParse(word)) return { kind: 'url', url: word, answers: 'node' }
  const networks = new Networks({ timeoutMs: TIMEOUT_MS })
  const finder: Finder = {
    registry: options.text('registry') ?? REGISTRY,
    network: (allowPrivate) => networks.of({ allowPrivate }),
  }
  try {
    return await findTarget(word, finder)
  } finally {
    await networks.close()
  }
}

function insertionsOf({ label, upstream, isNode }: AddPlan): readonly Insertion[] {
  const own: Insertion = { part: 'upstreams', key: label, value: upstream }
  if (isNode) return [own]
  return [own, { part: 'namespaces', key: label, value: { from: [label] } }]
}

interface Written {
  readonly context: CommandContext
  readonly file: string
  readonly insertions: readonly Insertion[]
  readonly current: NodeConfig | undefined
}

function report(plan: AddPlan, { context, file, insertions, current }: Written): void {
  const { options, stdout } = context
  const { label, told, environment, upstream } = plan
  const written = !options.has('dry-run')
  const notes = notesOf(plan, current, file)
  if (options.has('json')) {
    const names = environment.map(({ name }) => name)
    stdout.write(`${JSON.stringify({ label, upstream, environment: names, notes, written })}\n`)
    return
  }
  const lines = [...told, '', ...insertions.map((one) => fragment(one).trimEnd()), '', ...notes]
  const last = written
    ? `written to ${file}; a running node takes it on SIGHUP`
    : 'nothing was written'
  stdout.write(`${harmless([...lines, last].join('\n'))}\n`)
}

/** What a person has to do yet. */
function notesOf(
  { label, environment, isNode, upstream }: AddPlan,
  current: NodeConfig | undefined,
  file: string,
): readonly string[] {
  const variables = environment.map(
    ({ name, description }) =>
      `set ${name} before the node starts${description === undefined ? '' : `: ${description}`}`,
  )
  const endpoints = Object.entries(current?.endpoints ?? {})
  const offers = endpoints.some(([, { namespaces }]) =>
    namespaces.some((glob) => matchesGlob(glob, isNode ? `${label}-` : label)),
  )
  const unseen =
    current === undefined || offers
      ? []
      : [
          `no endpoint offers it yet: add ${isNode ? `'${label}-*'` : label} to the namespaces of one`,
        ]
  const code = 'stdio' in upstream ? ['it runs with your rights: add what you trust'] : []
  const first = current === undefined ? [`${file} is new: banyan up ${file}`] : []
  return [...variables, ...unseen, ...code, ...first]
}
