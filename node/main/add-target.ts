// What somebody wants to add: a command, a document, an entry of a registry, or something at a URL.
import { readFile } from 'node:fs/promises'
import {
  CARD_SUFFIX,
  CARD_TYPE,
  CATALOG_PATH,
  CATALOG_TYPE,
  SERVER_NAME,
} from '../../protocol/discovery/server-card.ts'
import {
  readServer,
  UnreadableServer,
  type PublishedServer,
} from '../../protocol/discovery/server-json.ts'
import { readSettings } from '../../protocol/federation.ts'
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts'
import { META } from '../../protocol/meta.ts'
import { MODERN_REVISION } from '../../protocol/revisions.ts'
import { privateByName } from '../core/config-private-hosts.ts'
import { FetchFault } from '../identity/fetch-fault.ts'
import type { Network } from '../identity/verifier/networks.ts'
import { UsageError } from './cli-command.ts'

/** What was found. */
export type Target =
  /** A command to run. */
  | { readonly kind: 'command'; readonly command: string; readonly args: readonly string[] }
  /** A published server, with one or several ways to it. */
  | { readonly kind: 'published'; readonly server: PublishedServer }
  /** A URL, and what answered there. */
  | { readonly kind: 'url'; readonly url: string; readonly answers: 'node' | 'server' | 'nothing' }

/** How things are found. */
export interface Finder {
  /** Base URL of a registry. */
  readonly registry: string
  readonly network: (allowPrivate: boolean) => Network
}

const JSON_TYPES = ['application/json', CARD_TYPE, CATALOG_TYPE]
/** Of a list of cards, bytes. */
const DOCUMENT_BYTES = 1_048_576

/**
 * Finds out what a word of a person means.
 *
 * @throws UsageError where it means nothing, or several things; UnreadableServer, FetchFault
 */
export async function findTarget(word: string, finder: Finder): Promise<Target> {
  if (/^https?:\/\//i.test(word)) return atUrl(word, finder)
  if (word.endsWith('.json')) return published(parsed(await readFile(word, 'utf8'), word))
  if (SERVER_NAME.test(word)) return published(await inRegistry(word, finder))
  throw new UsageError(
    `${word} is no URL, no name in a registry like com.example/weather and no .json file; a command goes behind --`,
  )
}

function published(json: unknown): Target {
  return { kind: 'published', server: readServer(json) }
}

function parsed(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UnreadableServer(`${file} is no JSON: ${error instanceof Error ? error.message : ''}`)
  }
}

async function inRegistry(name: string, { registry, network }: Finder): Promise<unknown> {
  const base = registry.replace(/\/+$/, '')
  if (!URL.canParse(base)) throw new UsageError(`--registry ${registry} is no URL`)
  const url = `${base}/v0.1/servers/${encodeURIComponent(name)}/versions/latest`
  const { json } = await networkFor(url, network).fetch.getJson(url, { maxBytes: DOCUMENT_BYTES })
  return json['server']
}

function networkFor(url: string, network: Finder['network']): Network {
  return network(privateByName(new URL(url).hostname))
}

async function atUrl(word: string, finder: Finder): Promise<Target> {
  if (!URL.canParse(word)) throw new UsageError(`${word} is no URL`)
  const { pathname, href } = new URL(word)
  const network = networkFor(href, finder.network)
  if (pathname === '/') {
    const listed = await listedAt(href, network)
    if (listed !== undefined) return published(listed)
  }
  const url = pathname === '/' ? href.replace(/\/$/, '') : href
  const answers = await whoAnswers(url, network)
  if (answers === 'node') return { kind: 'url', url, answers }
  const card = await cardOf(url, network)
  return card === undefined ? { kind: 'url', url, answers } : { kind: 'published', server: card }
}

/** The only card a host lists. @throws UsageError where it lists several */
async function listedAt(href: string, network: Network): Promise<unknown> {
  const catalog = await documentAt(new URL(CATALOG_PATH, href).href, network)
  const entries = Array.isArray(catalog?.['entries']) ? catalog['entries'] : []
  const cards = entries.filter(isObject).filter(({ type }) => type === CARD_TYPE)
  const [card] = cards
  if (card === undefined) return undefined
  if (cards.length > 1) {
    const urls = cards.map(({ url, identifier }) => `\n  ${String(url ?? identifier)}`)
    throw new UsageError(`${href} lists ${cards.length} servers, say which:${urls.join('')}`)
  }
  if (isObject(card['data'])) return card['data']
  const { url } = card
  return typeof url === 'string' && URL.canParse(url) ? documentAt(url, network) : undefined
}

/** What a server says of the URL it was asked for at; of others it has nothing to say. */
async function cardOf(url: string, network: Network): Promise<PublishedServer | undefined> {
  const json = await documentAt(`${url.replace(/\/+$/, '')}${CARD_SUFFIX}`, network)
  if (json === undefined) return undefined
  try {
    const server = readServer(json)
    const remotes = server.remotes.filter((remote) => remote.url === url)
    return remotes.length === 0 ? undefined : { ...server, remotes, packages: [] }
  } catch (error) {
    if (error instanceof UnreadableServer) return undefined
    throw error
  }
}

/** Undefined where there is none. */
async function documentAt(url: string, network: Network): Promise<JsonObject | undefined> {
  try {
    const request = { types: JSON_TYPES, maxBytes: DOCUMENT_BYTES }
    return (await network.fetch.getJson(url, request)).json
  } catch (error) {
    if (error instanceof FetchFault) return undefined
    throw error
  }
}

/** Asks what a client of 2026 asks first; who is of 2025 answers with an error, and who wants a token with 401. */
async function whoAnswers(url: string, { fetch }: Network): Promise<'node' | 'server' | 'nothing'> {
  const method = 'server/discover'
  const meta = {
    [META.protocolVersion]: MODERN_REVISION,
    [META.clientInfo]: CLIENT,
    [META.clientCapabilities]: {},
  }
  const headers = ['mcp-protocol-version', MODERN_REVISION, 'mcp-method', method]
  try {
    const { status, json } = await fetch.postJson(
      url,
      { jsonrpc: '2.0', id: 1, method, params: { _meta: meta } },
      { headers, types: ['application/json', 'text/event-stream'] },
    )
    const result = isObject(json?.['result']) ? json['result'] : {}
    if (readSettings(result['capabilities']) !== undefined) return 'node'
    return status < 500 ? 'server' : 'nothing'
  } catch (error) {
    if (!(error instanceof FetchFault)) throw error
    if (error.problem === 'url' || error.problem === 'address') throw error
    return error.problem === 'network' || error.problem === 'timeout' ? 'nothing' : 'server'
  }
}

const CLIENT = { name: 'banyan', version: '1' }
