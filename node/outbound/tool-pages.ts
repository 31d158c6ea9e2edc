import { Fault } from '../../protocol/errors.ts'
import { readToolPage, type ToolPage } from '../../protocol/listing.ts'
import { readError } from '../../protocol/upstream-message.ts'
import { ask, ownFrame } from './ask.ts'
import type { Connection } from './connection.ts'

/** How to read a list of tools. */
export interface ListPlan {
  /** Members of `_meta` besides those of the link, as JSON text; may be empty. */
  readonly meta: string
  /** For all pages together, milliseconds. */
  readonly timeoutMs: number
  /** Pages taken at most; there may be more. */
  readonly maxPages: number
  /** The largest definition taken. */
  readonly toolBytes: number
}

/**
 * Reads `tools/list` page by page.
 *
 * @throws Fault `upstream_timeout`, `upstream_unavailable` or `upstream_protocol`, the last also when a cursor comes
 *   twice
 */
export async function* toolPages(
  connection: Connection,
  plan: ListPlan,
): AsyncGenerator<ToolPage, void, undefined> {
  const deadline = Date.now() + plan.timeoutMs
  const seen = new Set<string>()
  let cursor: string | undefined
  for (let count = 0; count < plan.maxPages; count += 1) {
    const page = await askPage(connection, plan, { cursor, deadline })
    yield page
    cursor = page.nextCursor
    if (cursor === undefined) return
    if (seen.has(cursor)) throw new Fault('upstream_protocol', 'its list goes round in circles')
    seen.add(cursor)
  }
}

async function askPage(
  connection: Connection,
  { meta, toolBytes }: ListPlan,
  { cursor, deadline }: { cursor: string | undefined; deadline: number },
): Promise<ToolPage> {
  const all = [connection.meta, meta].filter((text) => text !== '').join(',')
  const frame = ownFrame('tools/list', cursor === undefined ? undefined : { cursor }, all)
  const timeoutMs = Math.max(1, deadline - Date.now())
  const message = await ask(connection.send.bind(connection), frame, timeoutMs)
  const error = readError(message)
  if (error === undefined) return readToolPage(message, toolBytes)
  throw new Fault('upstream_protocol', `the upstream answers tools/list with error ${error.code}`)
}
