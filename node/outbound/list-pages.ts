import { LIST_RULES, type CapabilityKind } from '../../protocol/capability.ts'
import { Fault, RPC } from '../../protocol/errors.ts'
import { readPage, type ListedPage } from '../../protocol/listing.ts'
import { readError } from '../../protocol/upstream-message.ts'
import type { Authorization } from '../core/delegation.ts'
import { ask, ownFrame } from './ask.ts'
import type { Connection } from './connection.ts'

/** How to read a list. */
export interface ListPlan {
  readonly kind: CapabilityKind
  /** Members of `_meta` besides those of the link, as JSON text; may be empty. */
  readonly meta: string
  /** In whose name; undefined: in that of whoever the connection was opened for. */
  readonly authorization?: Authorization | undefined
  /** For all pages together, milliseconds. */
  readonly timeoutMs: number
  /** Pages taken at most; there may be more. */
  readonly maxPages: number
  /** The largest definition taken. */
  readonly itemBytes: number
}

/** Of a list the upstream does not have. */
const NO_PAGE: ListedPage = {
  items: [],
  dropped: [],
  nextCursor: undefined,
  ttlMs: undefined,
  cacheScope: 'public',
  view: undefined,
}

/**
 * Reads a list page by page.
 *
 * @throws Fault `upstream_timeout`, `upstream_unavailable` or `upstream_protocol`, the last also when a cursor comes
 *   twice
 */
export async function* listPages(
  connection: Connection,
  plan: ListPlan,
): AsyncGenerator<ListedPage, void, undefined> {
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
  { kind, meta, itemBytes, authorization }: ListPlan,
  { cursor, deadline }: { cursor: string | undefined; deadline: number },
): Promise<ListedPage> {
  const { method, of } = LIST_RULES[kind]
  // The node asks on its own account, and so offers nothing.
  const all = [connection.meta(''), meta].filter((text) => text !== '').join(',')
  const bare = ownFrame(method, cursor === undefined ? undefined : { cursor }, all)
  const frame = authorization === undefined ? bare : { ...bare, authorization }
  const timeoutMs = Math.max(1, deadline - Date.now())
  const message = await ask(connection.send.bind(connection), frame, timeoutMs)
  const error = readError(message)
  if (error === undefined) return readPage(message, kind, itemBytes)
  // One declaration stands for resources and templates; a server may have only one of the two.
  if (of === 'resources' && error.code === RPC.methodNotFound) return NO_PAGE
  throw new Fault('upstream_protocol', `the upstream answers ${method} with error ${error.code}`)
}
