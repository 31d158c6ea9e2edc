import { hash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Fault } from '../../protocol/errors.ts'
import type { JsonObject } from '../../protocol/jsonrpc.ts'
import { answerRegistry, REGISTRY_PATH } from '../../protocol/discovery/registry-api.ts'
import {
  CARD_TYPE,
  CATALOG_PATH,
  CATALOG_TYPE,
  catalogOf,
  serverCard,
  type CardFacts,
  type PublicCard,
} from '../../protocol/discovery/server-card.ts'

/** What the operator publishes now. */
export interface Publishing {
  readonly version: string
  /** Cards by endpoint. */
  readonly cards: () => ReadonlyMap<string, PublicCard>
}

const CARD = /^\/mcp\/([a-z0-9][a-z0-9-]{0,31})\/server-card$/

/**
 * Anybody may read them, a page of any site too: they hold what their operator wrote to be read, and nothing else. For
 * how long they are kept is what the draft recommends.
 */
const HEADERS: readonly string[] = [
  'access-control-allow-origin',
  '*',
  'access-control-allow-methods',
  'GET',
  'access-control-allow-headers',
  'Content-Type, If-None-Match',
  'access-control-expose-headers',
  'ETag',
  'cache-control',
  'public, max-age=3600',
  'x-content-type-options',
  'nosniff',
]

interface Document {
  readonly type: string
  readonly status?: number
  readonly body: JsonObject
}

/**
 * What a node says in public before anybody connects: the card of each endpoint that has one, the catalogue of them, and
 * the same as a registry that can only be read. A node without cards has none of it.
 */
export class PublicCards {
  readonly #publishing: Publishing
  #base: string | undefined

  constructor(publishing: Publishing) {
    this.#publishing = publishing
  }

  /** @param base URL of the node, as clients know it */
  begin(base: string): void {
    this.#base = base
  }

  /**
   * Serves a path, if there is something public at it; gives whether there is.
   *
   * @throws Fault `http_method`
   */
  serve(path: string, request: IncomingMessage, response: ServerResponse): boolean {
    const document = this.#find(path, request.url ?? '')
    if (document === undefined) return false
    if (request.method === 'OPTIONS') response.writeHead(204, [...HEADERS]).end()
    else if (request.method === 'GET' || request.method === 'HEAD') {
      write(document, request, response)
    } else throw new Fault('http_method', 'only GET and HEAD are served here')
    return true
  }

  #find(path: string, url: string): Document | undefined {
    const endpoint = CARD.exec(path)?.[1]
    const isRegistry = path === REGISTRY_PATH || path.startsWith(`${REGISTRY_PATH}/`)
    // Looked at first: everything else that is asked of a node comes this way.
    if (endpoint === undefined && !isRegistry && path !== CATALOG_PATH) return undefined
    const all = this.#facts()
    if (endpoint !== undefined) {
      const facts = all.get(endpoint)
      return facts && { type: CARD_TYPE, body: serverCard(facts) }
    }
    if (all.size === 0) return undefined
    if (!isRegistry) return { type: CATALOG_TYPE, body: catalogOf([...all.values()]) }
    const query = new URLSearchParams(url.slice(path.length + 1))
    return { type: 'application/json', ...answerRegistry([...all.values()], path, query) }
  }

  #facts(): ReadonlyMap<string, CardFacts> {
    const base = this.#base
    if (base === undefined) return new Map()
    const { cards, version } = this.#publishing
    return new Map(
      Array.from(cards(), ([endpoint, card]) => [
        endpoint,
        { card, version, url: `${base}/mcp/${endpoint}` },
      ]),
    )
  }
}

function write(
  { type, status = 200, body }: Document,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const text = Buffer.from(`${JSON.stringify(body)}\n`)
  const tag = `"${hash('sha256', text, 'base64url')}"`
  const headers = [...HEADERS, 'etag', tag]
  if (status === 200 && knows(request.headers['if-none-match'], tag)) {
    response.writeHead(304, headers).end()
    return
  }
  response.writeHead(status, [
    ...headers,
    'content-type',
    type,
    'content-length',
    String(text.length),
  ])
  response.end(request.method === 'HEAD' ? undefined : text)
}

/** Whether the reader has that already (RFC 9110 §13.1.2, by weak comparison). */
function knows(tags: string | undefined, tag: string): boolean {
  if (tags === undefined) return false
  return tags.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === tag)
}
