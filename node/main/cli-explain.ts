import { CAPABILITY_KINDS, type CapabilityKind } from '../../protocol/capability.ts'
import { problemOf } from '../control/asked-about.ts'
import type { Explanations } from '../control/explain.ts'
import { explainFile, explainFileName } from '../control/explain-file.ts'
import { loadConfigFile } from '../core/config-file.ts'
import { didYouMean } from '../core/config-hints.ts'
import type { NodeConfig } from '../core/config-types.ts'
import { AS_OPTIONS, somebodyOf, type Somebody } from './cli-as.ts'
import { EXIT, UsageError, type Command, type CommandContext } from './cli-command.ts'
import { explanationText } from './cli-explain-text.ts'
import { painter } from './cli-nodes.ts'

/** What is asked, besides about whom. */
interface Question {
  readonly endpoint: string | undefined
  readonly kinds: readonly CapabilityKind[] | undefined
  readonly name: string | undefined
}

function questionOf({ args, options }: CommandContext): Question {
  const [, name, ...rest] = args
  if (rest.length > 0) throw new UsageError('explain takes a file and one name')
  const given = options.text('kind')
  const kind = CAPABILITY_KINDS.find((one) => one === given)
  if (given !== undefined && kind === undefined) {
    throw new UsageError(`--kind takes one of ${CAPABILITY_KINDS.join(', ')}`)
  }
  return { name, kinds: kind && [kind], endpoint: options.text('endpoint') }
}

function endpointsOf({ endpoints }: NodeConfig, asked: string | undefined): readonly string[] {
  const names = Object.keys(endpoints)
  if (asked === undefined) return names
  if (names.includes(asked)) return [asked]
  const hint = didYouMean(asked, names)
  throw new UsageError(`there is no endpoint "${asked}"${hint === undefined ? '' : `, ${hint}`}`)
}

/** The answer of a file alone. */
function askFile(config: NodeConfig, { asked }: Somebody, question: Question): Explanations {
  const problem = problemOf(asked, config)
  if (problem !== undefined) throw new UsageError(problem)
  const { name, kinds } = question
  const plan = { asked, endpoints: endpointsOf(config, question.endpoint), ...(kinds && { kinds }) }
  return name === undefined ? explainFile(config, plan) : explainFileName(config, plan, name)
}

function print(
  told: Explanations,
  context: CommandContext,
  head: { source: string; words: string },
): void {
  const { options, stdout, stderr, colour } = context
  if (options.has('json')) {
    const { source } = head
    stdout.write(`${JSON.stringify({ source, ...told }, null, 2)}\n`)
    return
  }
  stderr.write(`${head.words}\n`)
  stdout.write(explanationText(told, painter(colour)))
}

async function explain(context: CommandContext): Promise<number> {
  const [file] = context.args
  if (file === undefined) throw new UsageError('a file is missing')
  const question = questionOf(context)
  const somebody = await somebodyOf(context)
  const { config } = await loadConfigFile(file)
  const told = askFile(config, somebody, question)
  const words = `${file}, as ${somebody.called}: what the file itself names, no server was asked`
  print(told, context, { source: 'file', words })
  if (question.name === undefined) return EXIT.ok
  return told.items.some(({ visible }) => visible) ? EXIT.ok : EXIT.failed
}

/** `banyan explain`: what somebody sees, and which rule says so. */
export const explainCommand: Command = {
  name: 'explain',
  summary:
    'say what somebody sees, decided at which level and by which rule; 1 when NAME is hidden',
  usage: 'FILE --as WHO [NAME] [--endpoint E] [--kind KIND] [--scope SCOPE]... [--json]',
  options: {
    ...AS_OPTIONS,
    endpoint: { type: 'string', value: 'NAME', summary: 'only this endpoint; default: all' },
    kind: {
      type: 'string',
      value: 'KIND',
      summary: `what NAME is, or what to list: ${CAPABILITY_KINDS.join(', ')}`,
    },
    json: { type: 'boolean', summary: 'print one JSON document' },
  },
  run: explain,
}
