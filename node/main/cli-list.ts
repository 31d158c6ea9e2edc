import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts'
import { allTools, ERA_OPTION, withConnection } from './cli-client.ts'
import { EXIT, UsageError, type Command, type CommandContext } from './cli-command.ts'
import { count, harmless, painter } from './cli-nodes.ts'

/** Width of a line where the terminal does not say; output that is not for a terminal is not cut. */
const DEFAULT_WIDTH = 100

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

function summaryOf({ title, description, annotations }: JsonObject): string {
  const hinted = isObject(annotations) ? annotations['title'] : undefined
  const text = [description, title, hinted].find((one) => typeof one === 'string' && one !== '')
  return typeof text === 'string' ? (text.trim().split('\n')[0] ?? '') : ''
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(1, width - 1))}…`
}

/** The tools as a table: name and parameters, and what each does. */
function tableOf(tools: readonly JsonObject[], { colour, isTTY, stdout }: CommandContext): string {
  const paint = painter(colour)
  const columns = 'columns' in stdout ? Number(stdout.columns) : DEFAULT_WIDTH
  const names = tools.map((tool) => harmless(`${String(tool['name'])}(${parametersOf(tool)})`))
  const limit = isTTY ? Math.floor(columns / 2) : Number.POSITIVE_INFINITY
  const width = Math.max(0, ...names.map((name) => Math.min(name.length, limit)))
  const room = isTTY ? columns - width - 2 : Number.POSITIVE_INFINITY
  const lines = tools.map((tool, index) => {
    const name = cut(names[index] ?? '', width).padEnd(width)
    return `${paint('bold', name)}  ${cut(harmless(summaryOf(tool)), room)}`.trimEnd()
  })
  return lines.map((line) => `${line}\n`).join('')
}

/** `banyan list`: the tools of any MCP endpoint. */
export const listCommand: Command = {
  name: 'list',
  summary: 'list the tools of an MCP endpoint',
  usage: 'URL [--json] [--era ERA]',
  options: {
    json: { type: 'boolean', summary: 'print one JSON document, every definition as it came' },
    era: ERA_OPTION,
  },
  async run(context) {
    if (context.args.length > 1) throw new UsageError('list takes one URL')
    await withConnection(context, async (connection, target) => {
      const listed = await allTools(connection)
      const tools = listed.map(({ text }) => JSON.parse(text.toString('utf8')) as JsonObject)
      const { era, revision, server } = connection
      if (context.options.has('json')) {
        const facts = { url: target, era, revision, server: server.name }
        context.stdout.write(`${JSON.stringify({ ...facts, tools }, undefined, 2)}\n`)
        return
      }
      context.stdout.write(tableOf(tools, context))
      const from = `${harmless(server.name) || target}, MCP ${revision}`
      context.stderr.write(`${count(tools.length, 'tool')} from ${from}\n`)
    })
    return EXIT.ok
  },
}
