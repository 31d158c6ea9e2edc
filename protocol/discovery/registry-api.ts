// The read part of the registry API, version 0.1: what servers there are, of each its latest version, which is the only one.
import type { JsonObject } from '../jsonrpc.ts'
import { serverDetail, type CardFacts } from './server-card.ts'

/** Where it is. */
export const REGISTRY_PATH = '/v0.1/servers'
const PAGE_DEFAULT = 30
const PAGE_MOST = 100
const VERSIONS = /^\/v0\.1\/servers\/([^/]+)\/versions(?:\/([^/]+))?$/

/** An answer, before it is written. */
export interface RegistryAnswer {
  readonly status: 200 | 400 | 404
  readonly body: JsonObject
}

const UNKNOWN: RegistryAnswer = { status: 404, body: { error: 'Server not found' } }

/** Answers a GET. @param path without the query */
export function answerRegistry(
  all: readonly CardFacts[],
  path: string,
  query: URLSearchParams,
): RegistryAnswer {
  if (path === REGISTRY_PATH) return list(all, query)
  const [, name, version] = VERSIONS.exec(path) ?? []
  const wanted = decoded(name)
  const found = all.find(({ card }) => card.name === wanted)
  if (found === undefined) return UNKNOWN
  if (version === undefined) return page([found])
  const known = decoded(version)
  if (known !== 'latest' && known !== found.version) return UNKNOWN
  return { status: 200, body: entryOf(found) }
}

/** Undefined where it is no percent-encoded text. */
function decoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function list(all: readonly CardFacts[], query: URLSearchParams): RegistryAnswer {
  const limit = query.get('limit') ?? String(PAGE_DEFAULT)
  if (!/^[1-9]\d{0,8}$/.test(limit)) return bad('limit must be a number from 1')
  const since = query.get('updated_since')
  if (since !== null && Number.isNaN(Date.parse(since))) return bad('updated_since must be a time')
  const [search, version] = [query.get('search')?.toLowerCase() ?? '', query.get('version')]
  const matching = all
    .filter(({ card }) => card.name.toLowerCase().includes(search))
    .filter((one) => version === null || version === 'latest' || version === one.version)
    .toSorted((a, b) => (a.card.name < b.card.name ? -1 : 1))
  const cursor = query.get('cursor')
  // The cursor is the last name of the page before: it means the same when servers have come or gone since.
  const left = cursor === null ? matching : matching.filter(({ card }) => card.name > cursor)
  const size = Math.min(Number(limit), PAGE_MOST)
  return page(left.slice(0, size), left.length > size)
}

function page(some: readonly CardFacts[], more = false): RegistryAnswer {
  const last = some.at(-1)?.card.name
  const nextCursor = more && last !== undefined ? { nextCursor: last } : {}
  return {
    status: 200,
    body: { servers: some.map(entryOf), metadata: { ...nextCursor, count: some.length } },
  }
}

function entryOf(facts: CardFacts): JsonObject {
  return { server: serverDetail(facts) }
}

function bad(error: string): RegistryAnswer {
  return { status: 400, body: { error } }
}
