import { LIST_RULES, type CapabilityKind } from '../../protocol/capability.ts'
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts'
import { ERA_OPTION, KEY_OPTION, wholeList, withConnection } from './cli-client.ts'
import { EXIT, UsageError, type Command, type CommandContext } from './cli-command.ts'
import { count, harmless, painter } from './cli-nodes.ts'

/** Width of a line where the terminal does not say; output that is not for a terminal is not cut. */
const DEFAULT_WIDTH = 100

/** The arguments of a prompt, the optional ones with a question mark. */
function argumentsOf({ arguments: listed }: JsonObject): string {
  if (!Array.isArray(listed)) return ''
  return listed
    .filter(isObject)
    .map(({ name, required }) => `${String(name)}${required === true ? '' : '?'}`)
    .join(', ')
}

/** How something is named, and what it takes. */
function titleOf(kind: CapabilityKind, item: JsonObject): string {
  const name = String(item[LIST_RULES[kind].key])
  if (kind === 'tool') return `${name}(${parametersOf(item)})`
  return kind === 'prompt' ? `${name}(${argumentsOf(item)})` : name
}

/** The parameters of a tool, the optional ones with a question mark. */
function parametersOf({ inputSchema }: JsonObject): string {
  if (!isObject(inputSchema)) return ''
  const { properties, required } = inputSchema
  if (!isObject(properties)) return ''
  const needed = new Set(Array.isArray(required) ? required : [])
  return Object.keys(properties)
    .map((name) => (needed.has(name) ? name : `${name}?`))
    .join(', ')
}

function summaryOf(kind: CapabilityKind, item: JsonObject): string {
  const { name, title, description, annotations } = item
  const hinted = isObject(annotations) ? annotations['title'] : undefined
  // What goes by a URI has a name besides.
  const besides = LIST_RULES[kind].key === 'name' ? undefined : name
  const words = [description, title, hinted, besides]
  const text = words.find((one) => typeof one === 'string' && one !== '')
  return typeof text === 'string' ? (text.trim().split('\n')[0] ?? '') : ''
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(1, width - 1))}…`
}

/** What is listed as a table: name and parameters, and what each does. */
function tableOf(
  kind: CapabilityKind,
  items: readonly JsonObject[],
  { colour, isTTY, stdout }: CommandContext,
): string {
  const paint = painter(colour)
  const columns = 'columns' in stdout ? Number(stdout.columns) : DEFAULT_WIDTH
  const names = items.map((item) => harmless(titleOf(kind, item)))
  const limit = isTTY ? Math.floor(columns / 2) : Number.POSITIVE_INFINITY
  const width = Math.max(0, ...names.map((name) => Math.min(name.length, limit)))
  const room = isTTY ? columns - width - 2 : Number.POSITIVE_INFINITY
  const lines = items.map((item, index) => {
    const name = cut(names[index] ?? '', width).padEnd(width)
    return `${paint('bold', name)}  ${cut(harmless(summaryOf(kind, item)), room)}`.trimEnd()
  })
  return lines.map((line) => `${line}\n`).join('')
}

/** The lists one can ask for instead of the tools, by option. */
const OTHERS: Readonly<Record<string, CapabilityKind>> = {
  prompts: 'prompt',
  resources: 'resource',
  templates: 'template',
}

function kindOf({ options }: CommandContext): CapabilityKind {
  const given = Object.keys(OTHERS).filter((name) => options.has(name))
  const [name = '', ...more] = given
  if (more.length > 0) throw new UsageError(`--${name} and --${more.join(', --')}: one at a time`)
  return OTHERS[name] ?? 'tool'
}

/** `banyan list`: the tools of any MCP endpoint, or its prompts, resources or templates. */
export const listCommand: Command = {
  name: 'list',
  summary: 'list the tools, prompts or resources of an MCP endpoint',
  usage: 'URL [--prompts | --resources | --templates] [--json] [--key-file KEY] [--era ERA]',
  options: {
    prompts: { type: 'boolean', summary: 'list prompts instead of tools' },
    resources: { type: 'boolean', summary: 'list resources instead of tools' },
    templates: { type: 'boolean', summary: 'list resource templates instead of tools' },
    json: { type: 'boolean', summary: 'print one JSON document, every definition as it came' },
    'key-file': KEY_OPTION,
    era: ERA_OPTION,
  },
  async run(context) {
    if (context.args.length > 1) throw new UsageError('list takes one URL')
    const kind = kindOf(context)
    await withConnection(context, async (connection, target) => {
      const listed = await wholeList(connection, kind)
      const items = listed.map(({ text }) => JSON.parse(text.toString('utf8')) as JsonObject)
      const { era, revision, server } = connection
      if (context.options.has('json')) {
        const facts = { url: target, era, revision, server: server.name }
        const document = { ...facts, [LIST_RULES[kind].items]: items }
        context.stdout.write(`${JSON.stringify(document, undefined, 2)}\n`)
        return
      }
      context.stdout.write(tableOf(kind, items, context))
      const from = `${harmless(server.name) || target}, MCP ${revision}`
      context.stderr.write(`${count(items.length, kind)} from ${from}\n`)
    })
    return EXIT.ok
  },
}
