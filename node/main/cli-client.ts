import { declaresList, LIST_RULES, type CapabilityKind } from '../../protocol/capability.ts'
import type { Listed } from '../../protocol/listing.ts'
import type { Connection, ConnectionEvents } from '../outbound/connection.ts'
import { HttpConnector } from '../outbound/http-connector.ts'
import { listPages, type ListPlan } from '../outbound/list-pages.ts'
import { UsageError, type CommandContext, type OptionSpec } from './cli-command.ts'
import { keyOf } from './key-file.ts'
import { packageVersion } from './cli-version.ts'

/** Time for a connection, for each answer of the handshake, and for a whole list, milliseconds. */
const PATIENCE = { connect: 5_000, answer: 10_000, list: 60_000 }

/** The largest message taken, bytes. */
const MAX_BODY_BYTES = 64 * 1_024 ** 2

const MAX_PAGES = 10_000

const ERAS = ['auto', '2025', '2026'] as const

/** The option `--era` of commands that talk to an endpoint. */
export const ERA_OPTION: OptionSpec = {
  type: 'string',
  value: 'ERA',
  summary: 'protocol era: auto (ask the server), 2025 (sessions) or 2026 (stateless); default auto',
}

function eraOf({ options }: CommandContext): (typeof ERAS)[number] {
  const given = options.text('era') ?? 'auto'
  const era = ERAS.find((name) => name === given)
  if (era === undefined) throw new UsageError(`--era takes one of ${ERAS.join(', ')}`)
  return era
}

/** The option `--key-file` of commands that talk to an endpoint. */
export const KEY_OPTION: OptionSpec = {
  type: 'string',
  value: 'FILE',
  summary: 'file with a token or static key to come with, or - for standard input',
}

function checkUrl(text: string | undefined): string {
  if (text === undefined) throw new UsageError('a URL is missing')
  const url = URL.parse(text)
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return text
  throw new UsageError(`${text} is no http or https URL`)
}

/**
 * Connects to an MCP endpoint as a mere client, does the work, and frees what was opened there.
 *
 * @throws UsageError for a bad URL or era, Error with the whole chain of reasons when it cannot be reached
 */
export async function withConnection<T>(
  context: CommandContext,
  work: (connection: Connection, target: string) => Promise<T>,
): Promise<T> {
  const url = checkUrl(context.args[0])
  const key = await keyOf(context)
  const connector = new HttpConnector({
    url,
    headers: key === undefined ? [] : ['authorization', `Bearer ${key}`],
    era: eraOf(context),
    self: { clientInfo: { name: 'banyan', version: packageVersion() }, federation: undefined },
    connectTimeoutMs: PATIENCE.connect,
    answerTimeoutMs: PATIENCE.answer,
    bodyBytes: MAX_BODY_BYTES,
  })
  let connection: Connection | undefined
  try {
    connection = await connector.connect(UNHEARD, '')
    return await work(connection, connector.target)
  } catch (error) {
    throw explained(error)
  } finally {
    await connection?.close()
    await connector.close()
  }
}

/** What comes unasked is of no interest to one command. */
const UNHEARD: ConnectionEvents = {
  listChanged: () => undefined,
  updated: () => undefined,
  request: () => undefined,
  notification: () => undefined,
  lost: () => undefined,
}

/** The error with its innermost reason in the message. */
function explained(error: unknown): unknown {
  if (!(error instanceof Error) || !(error.cause instanceof Error)) return error
  return new Error(`${error.message} (${error.cause.message})`, { cause: error })
}

const WHOLE_LIST: Omit<ListPlan, 'kind'> = {
  meta: '',
  timeoutMs: PATIENCE.list,
  maxPages: MAX_PAGES,
  itemBytes: MAX_BODY_BYTES,
}

/** All the endpoint has of one kind; nothing where it does not say that it has any. */
export async function wholeList(
  connection: Connection,
  kind: CapabilityKind,
): Promise<readonly Listed[]> {
  if (!declaresList(connection.server.capabilities, LIST_RULES[kind])) return []
  const items: Listed[] = []
  for await (const page of listPages(connection, { kind, ...WHOLE_LIST })) items.push(...page.items)
  return items
}

/** One tool, its list read no further than it takes; undefined when it is not on it. */
export async function findTool(connection: Connection, name: string): Promise<Listed | undefined> {
  for await (const { items } of listPages(connection, { kind: 'tool', ...WHOLE_LIST })) {
    const found = items.find((tool) => tool.name === name)
    if (found !== undefined) return found
  }
  return undefined
}
