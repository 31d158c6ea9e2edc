import { CAPABILITY_KINDS, type CapabilityKind } from '../../protocol/capability.ts'
import { problemOf } from '../control/asked-about.ts'
import type { ExplainReport } from '../control/admin-explain-models.ts'
import type { Explanation, Explanations } from '../control/explain.ts'
import { explainFile, explainFileName } from '../control/explain-file.ts'
import { loadConfigFile } from '../core/config-file.ts'
import { didYouMean } from '../core/config-hints.ts'
import type { NodeConfig } from '../core/config-types.ts'
import { ADMIN_OPTIONS, asksNode, clientOf, type AdminClient } from './admin-client.ts'
import { AS_OPTIONS, somebodyOf, type Somebody } from './cli-as.ts'
import { EXIT, UsageError, type Command, type CommandContext } from './cli-command.ts'
import { diffPolicies } from './cli-diff.ts'
import { explanationText } from './cli-explain-text.ts'
import { painter } from './cli-nodes.ts'

/** Answers asked for at a time. */
const PAGE = 500

/** What is asked, besides about whom. */
interface Question {
  /** Undefined only with `--url`. */
  readonly file: string | undefined
  readonly name: string | undefined
  readonly endpoint: string | undefined
  readonly kind: CapabilityKind | undefined
}

function questionOf({ args, options }: CommandContext): Question {
  const [file, name, ...rest] = options.has('url') ? [undefined, ...args] : args
  if (rest.length > 0) throw new UsageError('explain takes one file, or --url, and one name')
  if (file === undefined && !options.has('url')) throw new UsageError('a file is missing')
  const given = options.text('kind')
  const kind = CAPABILITY_KINDS.find((one) => one === given)
  if (given !== undefined && kind === undefined) {
    throw new UsageError(`--kind takes one of ${CAPABILITY_KINDS.join(', ')}`)
  }
  return { file, name, kind, endpoint: options.text('endpoint') }
}

function endpointsOf({ endpoints }: NodeConfig, asked: string | undefined): readonly string[] {
  const names = Object.keys(endpoints)
  if (asked === undefined) return names
  if (names.includes(asked)) return [asked]
  const hint = didYouMean(asked, names)
  throw new UsageError(`there is no endpoint "${asked}"${hint === undefined ? '' : `, ${hint}`}`)
}

/** The answer of a file alone. */
function askFile(
  config: NodeConfig,
  { asked }: Somebody,
  { name, endpoint, kind }: Question,
): Explanations {
  const problem = problemOf(asked, config)
  if (problem !== undefined) throw new UsageError(problem)
  const plan = { asked, endpoints: endpointsOf(config, endpoint), ...(kind && { kinds: [kind] }) }
  return name === undefined ? explainFile(config, plan) : explainFileName(config, plan, name)
}

/** The answer of a running node, to the end. */
async function askNode(
  client: AdminClient,
  { asked }: Somebody,
  { name, endpoint, kind }: Question,
): Promise<Explanations> {
  const items: Explanation[] = []
  const plan = { as: asked, endpoint, kind, name, limit: PAGE }
  let report = await client.post<ExplainReport>('/explain', plan)
  items.push(...report.items)
  while (report.next !== undefined) {
    report = await client.post<ExplainReport>('/explain', { ...plan, cursor: report.next })
    items.push(...report.items)
  }
  const { unlisted, notes } = report
  return { items, unlisted, notes }
}

/** Answers, and what they are from. */
interface Answered {
  readonly source: 'file' | 'node'
  readonly words: string
  readonly told: Explanations
}

async function ask(context: CommandContext, question: Question): Promise<Answered> {
  const somebody = await somebodyOf(context)
  const as = `as ${somebody.called}`
  const { file = '' } = question
  if (!asksNode(context)) {
    const { config } = await loadConfigFile(file)
    const words = `${file}, ${as}: what the file itself names; no server was asked`
    return { source: 'file', words, told: askFile(config, somebody, question) }
  }
  const client = await clientOf(context, question.file)
  const told = await askNode(client, somebody, question)
  return { source: 'node', words: `${client.url}, ${as}: what the node lists now`, told }
}

async function explain(context: CommandContext): Promise<number> {
  const other = context.options.text('diff')
  if (other !== undefined) return diffPolicies(context, other)
  const question = questionOf(context)
  const { source, words, told } = await ask(context, question)
  const { options, stdout, stderr, colour } = context
  if (options.has('json')) stdout.write(`${JSON.stringify({ source, ...told }, null, 2)}\n`)
  else {
    stderr.write(`${words}\n`)
    stdout.write(explanationText(told, painter(colour)))
  }
  const isSeen = told.items.some(({ visible }) => visible)
  return question.name === undefined || isSeen ? EXIT.ok : EXIT.failed
}

/** `banyan explain`: what somebody sees, and which rule says so. */
export const explainCommand: Command = {
  name: 'explain',
  summary:
    'say what somebody sees, decided at which level and by which rule; ends with 1 when NAME is hidden, or OTHER changes anything',
  usage:
    '(FILE | --url URL) (--as WHO [NAME] [--endpoint E] [--kind KIND] [--scope SCOPE]... | --diff OTHER) [--key-file KEY] [--json]',
  options: {
    ...AS_OPTIONS,
    endpoint: { type: 'string', value: 'NAME', summary: 'only this endpoint; default: all' },
    kind: {
      type: 'string',
      value: 'KIND',
      summary: `what NAME is, or what to list: ${CAPABILITY_KINDS.join(', ')}`,
    },
    diff: {
      type: 'string',
      value: 'OTHER',
      summary: 'say what each class would see, and would not see any more, by this other file',
    },
    ...ADMIN_OPTIONS,
    json: { type: 'boolean', summary: 'print one JSON document' },
  },
  run: explain,
}
