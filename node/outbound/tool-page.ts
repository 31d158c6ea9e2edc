import { Fault } from '../../protocol/errors.ts'
import { readToolPage, type ToolPage } from '../../protocol/listing.ts'
import { readError } from '../../protocol/upstream-message.ts'
import { ask, ownFrame } from './ask.ts'
import type { Connection } from './connection.ts'

/** What is asked for in one page. */
export interface PageRequest {
  /** Undefined for the first page. */
  readonly cursor: string | undefined
  /** Members of `_meta` besides those of the link, as JSON text; may be empty. */
  readonly meta: string
  readonly timeoutMs: number
  /** The largest definition taken. */
  readonly toolBytes: number
}

/**
 * Fetches one page of `tools/list`.
 *
 * @throws Fault `upstream_timeout`, `upstream_unavailable` or `upstream_protocol`
 */
export async function askToolPage(connection: Connection, page: PageRequest): Promise<ToolPage> {
  const { cursor, timeoutMs, toolBytes } = page
  const meta = [connection.meta, page.meta].filter((text) => text !== '').join(',')
  const frame = ownFrame('tools/list', cursor === undefined ? undefined : { cursor }, meta)
  const message = await ask(connection.send.bind(connection), frame, Math.max(1, timeoutMs))
  const error = readError(message)
  if (error === undefined) return readToolPage(message, toolBytes)
  throw new Fault('upstream_protocol', `the upstream answers tools/list with error ${error.code}`)
}
