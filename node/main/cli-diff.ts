import { diffRequestOf } from '../control/admin-diff-models.ts'
import { diffFiles } from '../control/policy-diff-file.ts'
import { notesOf, type Changed, type ClassDiff, type PolicyDiff } from '../control/policy-diff.ts'
import { loadConfigFile } from '../core/config-file.ts'
import { asksNode, clientOf } from './admin-client.ts'
import { EXIT, UsageError, type CommandContext } from './cli-command.ts'
import { harmless, painter, type Paint } from './cli-nodes.ts'

/** Changes that are named, for each class at each endpoint and each direction. */
const NAMED = 200

/** A comparison, and what it was made over. */
interface Compared extends PolicyDiff {
  readonly source: 'file' | 'node'
  readonly words: string
}

async function compareFiles(file: string, other: string): Promise<Compared> {
  const [before, after] = await Promise.all([loadConfigFile(file), loadConfigFile(other)])
  const diff = await diffFiles(before.config, after.config, NAMED)
  const words = `${file}, if it were ${other}: over what the two name themselves; no server was asked`
  return { ...diff, source: 'file', words }
}

/** The node is sent what decides in the other file, and nothing that is secret. */
async function askNode(
  context: CommandContext,
  file: string | undefined,
  other: string,
): Promise<Compared> {
  const { config: next } = await loadConfigFile(other)
  const client = await clientOf(context, file)
  const diff = await client.post<PolicyDiff>('/policy/diff', {
    ...diffRequestOf(next),
    limit: NAMED,
  })
  // What a node cannot know without secrets, two files may tell.
  const known = file === undefined ? [] : notesOf((await loadConfigFile(file)).config, next)
  const notes = [...new Set([...diff.notes, ...known])]
  const words = `${client.url}, if ${other} were applied: over what the node lists now`
  return { ...diff, notes, source: 'node', words }
}

function lines(all: readonly Changed[], count: number, mark: string): readonly string[] {
  const width = Math.min(60, Math.max(0, ...all.map(({ name }) => name.length)))
  const named = all.map(({ kind, name, because }) => {
    return `    ${mark} ${harmless(name).padEnd(width)} ${kind.padEnd(9)} ${because}\n`
  })
  const more = count - all.length
  return more === 0 ? named : [...named, `    ${mark} and ${more} more\n`]
}

function changeText(change: ClassDiff, paint: Paint): string {
  const { class: name, appears, appearing, vanishes, vanishing } = change
  const who = name === '*' ? 'who is in no class' : name
  return [
    `  ${paint('bold', who)}\n`,
    ...lines(appears, appearing, paint('green', '+')),
    ...lines(vanishes, vanishing, paint('red', '-')),
  ].join('')
}

function textOf({ changes, notes }: PolicyDiff, paint: Paint): string {
  const sections = [...Map.groupBy(changes, ({ endpoint }) => endpoint)].map(([endpoint, all]) =>
    [`${paint('cyan', `/mcp/${endpoint}`)}\n`, ...all.map((one) => changeText(one, paint))].join(
      '',
    ),
  )
  const none = changes.length === 0 ? ['nothing changes for any class\n'] : []
  const remarks = notes.map((note) => `${paint('yellow', '·')} ${harmless(note)}\n`)
  return [...sections, ...none, ...remarks].join('')
}

/** `banyan explain --diff`: what each class would see, and would not see any more, by another file. */
export async function diffPolicies(context: CommandContext, other: string): Promise<number> {
  const { args, options, stdout, stderr, colour } = context
  const [file, ...rest] = options.has('url') ? [undefined, ...args] : args
  if (rest.length > 0) throw new UsageError('--diff takes no name')
  for (const option of ['as', 'scope', 'endpoint', 'kind']) {
    if (options.has(option)) throw new UsageError(`--diff and --${option}: one or the other`)
  }
  if (file === undefined && !options.has('url')) throw new UsageError('a file is missing')
  const { words, ...diff } = asksNode(context)
    ? await askNode(context, file, other)
    : await compareFiles(file ?? '', other)
  if (options.has('json')) stdout.write(`${JSON.stringify(diff, null, 2)}\n`)
  else {
    stderr.write(`${words}\n`)
    stdout.write(textOf(diff, painter(colour)))
  }
  return diff.changes.length === 0 ? EXIT.ok : EXIT.failed
}
