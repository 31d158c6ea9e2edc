import { randomBytes } from 'node:crypto'
import { text as readText } from 'node:stream/consumers'
import { mirrorArguments } from '../../protocol/headers.ts'
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts'
import { META } from '../../protocol/meta.ts'
import { readParams, readResult, type UpstreamMessage } from '../../protocol/upstream-message.ts'
import { ownFrame } from '../outbound/ask.ts'
import type { Connection, Sent } from '../outbound/connection.ts'
import { ERA_OPTION, findTool, KEY_OPTION, withConnection } from './cli-client.ts'
import { EXIT, UsageError, type Command, type CommandContext } from './cli-command.ts'
import { harmless } from './cli-nodes.ts'

/** One call, and what to do with what comes in between. */
interface Call {
  readonly name: string
  readonly args: JsonObject
  /** Members of `_meta` besides those of the link, as JSON text. */
  readonly meta: string
  readonly signal: AbortSignal
  heard(message: UpstreamMessage): void
}

type Outcome = ReturnType<typeof readResult>

/** Sends the call and waits for its answer as long as it takes; interrupting cancels it at the server. */
function send(connection: Connection, call: Call, headers: readonly string[]): Promise<Outcome> {
  const { name, args, signal } = call
  const meta = [connection.meta(''), call.meta].filter((part) => part !== '').join(',')
  const frame = { ...ownFrame('tools/call', { name, arguments: args }, meta), name, headers }
  return new Promise((resolve, reject) => {
    let sent: Sent | undefined
    const interrupt = (): void => {
      sent?.cancel('interrupted')
      reject(new Error('interrupted'))
    }
    const settled = (settle: () => void): void => {
      signal.removeEventListener('abort', interrupt)
      settle()
    }
    signal.addEventListener('abort', interrupt, { once: true })
    sent = connection.send(frame, {
      notification: (message) => {
        call.heard(message)
        return true
      },
      // The command declares that it can be asked nothing.
      request: () => undefined,
      response: (message) => settled(() => resolve(readResult(message))),
      failed: (fault) => settled(() => reject(fault)),
    })
    if (signal.aborted) interrupt()
  })
}

/** In era 2026 a caller mirrors the arguments that the tool's schema names (SEP-2243), so it has to know the schema. */
async function mirrored(connection: Connection, { name, args }: Call): Promise<readonly string[]> {
  if (connection.era !== '2026') return []
  const tool = await findTool(connection, name)
  return mirrorArguments(tool?.paramHeaders ?? [], args)
}

async function readArguments({ args, stdin }: CommandContext): Promise<JsonObject> {
  const [, , given = '{}', ...rest] = args
  if (rest.length > 0) throw new UsageError('call takes a URL, a tool and its arguments')
  const source = given === '-' ? await readText(stdin) : given
  let value: unknown
  try {
    value = JSON.parse(source)
  } catch {
    throw new UsageError('the arguments are not JSON')
  }
  if (!isObject(value)) throw new UsageError('the arguments must be a JSON object')
  return value
}

/** Progress and log messages for people. */
function noticeOf(message: UpstreamMessage): string {
  const params = readParams(message)
  if (message.method !== 'notifications/progress') return JSON.stringify(params['data'] ?? params)
  const { progress, total, message: words } = params
  const share = [progress, total].filter((part) => typeof part === 'number').join('/')
  return typeof words === 'string' ? `${share} ${words}` : share
}

/** One content item: text as it is, the rest by kind and size. */
function contentText(item: unknown): string {
  if (!isObject(item)) return JSON.stringify(item)
  if (item['type'] === 'text' && typeof item['text'] === 'string') return item['text']
  const { type, mimeType, data } = item
  if (typeof data !== 'string') return JSON.stringify(item)
  return `[${String(type)} ${String(mimeType)}, ${Buffer.byteLength(data, 'base64')} bytes]`
}

function resultText(result: JsonObject): string {
  const { content, structuredContent } = result
  const items = Array.isArray(content) ? content : []
  if (items.length > 0) return items.map((item) => `${contentText(item)}\n`).join('')
  return `${JSON.stringify(structuredContent ?? result, undefined, 2)}\n`
}

function print(outcome: Outcome, { options, isTTY, stdout, stderr }: CommandContext): number {
  if ('error' in outcome) {
    const { code, message, data } = outcome.error
    if (options.has('json')) stdout.write(`${JSON.stringify(outcome)}\n`)
    const more = data === undefined ? '' : ` ${JSON.stringify(data)}`
    stderr.write(harmless(`banyan: error ${code}: ${message}${more}\n`))
    return EXIT.failed
  }
  const { result } = outcome
  const failed = result['isError'] === true
  if (options.has('json')) stdout.write(`${JSON.stringify(result, undefined, 2)}\n`)
  else {
    const text = resultText(result)
    const target = failed ? stderr : stdout
    // A pipe gets it byte for byte.
    target.write(isTTY || failed ? harmless(text) : text)
  }
  return failed ? EXIT.failed : EXIT.ok
}

/** A new trace (W3C Trace Context): every node passes it on, so that their logs and spans can be told together. */
function newTrace(): string {
  return `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`
}

async function runCall(context: CommandContext): Promise<number> {
  const { args, options, stderr, signal } = context
  const [, name] = args
  if (args.length > 0 && name === undefined) throw new UsageError('the name of a tool is missing')
  const given = await readArguments(context)
  const trace = options.has('trace') ? newTrace() : undefined
  const meta = [
    ...(options.has('progress') ? [`"${META.progressToken}":1`] : []),
    ...(trace === undefined ? [] : [`"${META.traceparent}":"${trace}"`]),
  ]
  return withConnection(context, async (connection, target) => {
    const planned: Call = {
      name: name ?? '',
      args: given,
      meta: meta.join(','),
      signal,
      heard: (message) => {
        if (options.has('progress')) stderr.write(`${harmless(noticeOf(message))}\n`)
      },
    }
    const headers = await mirrored(connection, planned)
    const startedAt = performance.now()
    const outcome = await send(connection, planned, headers)
    const ms = (performance.now() - startedAt).toFixed(1)
    if (trace !== undefined) {
      const { server, revision } = connection
      const from = `${harmless(server.name)} at ${target}, MCP ${revision}`
      stderr.write(`${from}, ${ms} ms, traceparent ${trace}\n`)
    }
    return print(outcome, context)
  })
}

/** `banyan call`: one call of a tool of any MCP endpoint. */
export const callCommand: Command = {
  name: 'call',
  summary: 'call a tool of an MCP endpoint',
  usage: 'URL TOOL [JSON | -] [--json] [--progress] [--trace] [--key-file KEY] [--era ERA]',
  options: {
    json: { type: 'boolean', summary: 'print the whole result as JSON' },
    progress: { type: 'boolean', summary: 'print progress and log messages to standard error' },
    trace: {
      type: 'boolean',
      summary: 'start a trace; print its id and the time to standard error',
    },
    'key-file': KEY_OPTION,
    era: ERA_OPTION,
  },
  run: runCall,
}
