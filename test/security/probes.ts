// Everything a caller can ask a node for, about things it has seen at somebody else and may not know of itself.
import {
  callModern,
  legacySession,
  openStream,
  post,
  send,
  streamModern,
  type LegacySession,
  type RawReply,
  type RawStream,
} from '../fixtures/raw-client.ts'
import type { Era, JsonObject } from '../fixtures/wire.ts'
import { WITH_TASKS } from '../mesh/task-caller.ts'
import { NEVER, NODE, type Captures } from './captures.ts'
import { bareText, PEOPLE, type World } from './two-worlds.ts'

/** One thing to ask. */
export interface Probe {
  readonly era: Era | 'http'
  readonly endpoint: string
  readonly method: string
  readonly params: JsonObject
  readonly capabilities?: JsonObject
  /** Of the HTTP request. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Everything that can be told apart of an answer. */
export interface Seen {
  readonly status: number
  readonly headers: JsonObject
  readonly text: string
}

const RANDOM_HEADERS = new Set(['date', 'mcp-session-id', 'content-length'])

function seen({ status, headers, raw }: Pick<RawReply, 'status' | 'headers' | 'raw'>): Seen {
  const kept = Object.entries(headers).map(([name, value]) => [
    name,
    RANDOM_HEADERS.has(name) ? '' : bareText(String(value)),
  ])
  return { status, headers: Object.fromEntries(kept), text: bareText(raw) }
}

/** Somebody who tries things at one world. */
export class Prober {
  readonly #world: World
  readonly #name: string
  readonly #sessions = new Map<string, LegacySession>()

  constructor(world: World, name: string) {
    this.#world = world
    this.#name = name
  }

  async ask(probe: Probe): Promise<Seen> {
    const { era, endpoint } = probe
    if (era === 'http') return this.#bare(probe)
    const url = this.#world.url(endpoint)
    return era === '2026' ? this.#modern(url, probe) : this.#legacy(url, probe)
  }

  async #modern(url: string, { method, params, ...more }: Probe): Promise<Seen> {
    const { capabilities = WITH_TASKS } = more
    const headers = { ...PEOPLE.headers(this.#name), ...more.headers }
    const options = { id: 7, capabilities, headers }
    if (method !== 'subscriptions/listen') {
      return seen(await callModern(url, method, params, options))
    }
    return firstOf(await streamModern(url, method, params, options))
  }

  async #legacy(url: string, { method, params, endpoint, headers = {} }: Probe): Promise<Seen> {
    const session = await this.#session(url, endpoint)
    const sent = { ...session.headers, ...headers }
    if (method === 'DELETE') return seen(await send(url, { method, headers: sent }))
    if (method === 'GET') {
      const accept = { accept: 'text/event-stream' }
      return firstOf(await openStream(url, { headers: { ...sent, ...accept } }))
    }
    const id = method.startsWith('notifications/') ? {} : { id: 7 }
    return seen(await post(url, { jsonrpc: '2.0', ...id, method, params }, sent))
  }

  async #session(url: string, endpoint: string): Promise<LegacySession> {
    const known = this.#sessions.get(endpoint)
    if (known !== undefined) return known
    const opened = await legacySession(url, { headers: PEOPLE.headers(this.#name) })
    this.#sessions.set(endpoint, opened)
    return opened
  }

  /** A request that is none of MCP. */
  async #bare({ endpoint, method, headers = {} }: Probe): Promise<Seen> {
    const { origin } = new URL(this.#world.url())
    const body = method === 'POST' ? { body: '{}' } : {}
    return seen(await send(`${origin}${endpoint}`, { method, headers, ...body }))
  }
}

/** The first that comes on a stream, or all of it where it ends at once. */
async function firstOf(stream: RawStream): Promise<Seen> {
  const begun = stream.status === 200 ? beginning(stream) : stream.next()
  const first = await begun
  stream.close()
  return seen({ ...stream, raw: stream.raw === '' ? JSON.stringify(first ?? null) : stream.raw })
}

/** A GET stream begins without a message. */
async function beginning(stream: RawStream): Promise<JsonObject | undefined> {
  const nothing = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 50))
  return Promise.race([stream.next(), nothing])
}

type Part = Pick<Probe, 'method' | 'params'> & Partial<Probe>

const REQUEST_STATE = (state: string): JsonObject => ({ requestState: state, inputResponses: {} })

/** About each name, URI and id: all that can be asked with it. */
function aboutThings(found: Captures): readonly Part[] {
  const tools = [...found.tools, ...NEVER.tools]
  const prompts = [...found.prompts, ...NEVER.prompts]
  const uris = [...found.uris, ...found.templates, ...found.skills, ...NEVER.uris]
  const argument = { name: 'id', value: '' }
  return [
    ...tools.flatMap((name): Part[] => [
      { method: 'tools/call', params: { name, arguments: {} } },
      { method: 'tools/call', params: { name, arguments: {}, task: { ttl: 1_000 } } },
      { method: 'tools/call', params: { name, arguments: {}, ...REQUEST_STATE(found.state) } },
    ]),
    ...prompts.flatMap((name): Part[] => [
      { method: 'prompts/get', params: { name } },
      { method: 'completion/complete', params: { ref: { type: 'ref/prompt', name }, argument } },
    ]),
    ...uris.flatMap((uri): Part[] => [
      { method: 'resources/read', params: { uri } },
      { method: 'completion/complete', params: { ref: { type: 'ref/resource', uri }, argument } },
      { method: 'skills/get', params: { uri } },
      { method: 'resources/directory/read', params: { uri } },
      { method: 'resources/subscribe', params: { uri } },
      { method: 'resources/unsubscribe', params: { uri } },
      {
        method: 'subscriptions/listen',
        params: { notifications: { resourceSubscriptions: [uri] } },
      },
    ]),
    ...[...found.tasks, ...NEVER.tasks].flatMap((taskId): Part[] => [
      ...['get', 'cancel', 'result', 'update'].map((act): Part => {
        return {
          method: `tasks/${act}`,
          params: { taskId, inputResponses: {} },
          headers: { 'mcp-name': taskId },
        }
      }),
      { method: 'subscriptions/listen', params: { notifications: { taskIds: [taskId] } } },
    ]),
  ]
}

const LISTS = ['tools', 'prompts', 'resources', 'resources/templates', 'skills', 'tasks']

/** What is about nothing in particular. */
function aboutAll(found: Captures): readonly Part[] {
  const lists = LISTS.flatMap((of) => {
    const method = `${of}/list`
    const cursors = [...found.cursors, ...NEVER.cursors]
    return [
      { method, params: {} },
      ...cursors.map((cursor): Part => ({ method, params: { cursor } })),
    ]
  })
  return [
    ...lists,
    ...['server/discover', 'initialize', 'ping', 'no/such'].map((method): Part => {
      return { method, params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: {} } }
    }),
    { method: 'logging/setLevel', params: { level: 'debug' } },
    { method: 'tools/call', params: { name: 'fx__echo', arguments: { message: 'x' } } },
    { method: 'tools/call', params: { name: 'fx__link_secret', arguments: {} } },
    { method: 'prompts/get', params: { name: 'fx__with_secret' } },
    ...['cancelled', 'progress'].map((of): Part => {
      return { method: `notifications/${of}`, params: { requestId: 1, progressToken: 1 } }
    }),
  ]
}

/** As another node, which is told more of what it sees. */
function asNode(found: Captures): readonly Probe[] {
  const meta = { _meta: { 'io.github.banyan-mcp/view': found.view } }
  const lists = LISTS.flatMap((of): JsonObject[] => [{}, meta].map((params) => ({ of, params })))
  const parts = lists.map(({ of, params }): Part => {
    return { method: `${String(of)}/list`, params: params as JsonObject }
  })
  const calls = found.tools.map((name): Part => ({ method: 'tools/call', params: { name } }))
  return [...parts, ...calls, { method: 'server/discover', params: {} }].map((part) => {
    return { era: '2026', endpoint: 'main', capabilities: NODE, ...part }
  })
}

function call(name: string, args: JsonObject): Part {
  return { method: 'tools/call', params: { name, arguments: args } }
}

function searching(found: Captures): readonly Probe[] {
  const tools = [...found.tools, ...NEVER.tools]
  const parts = tools.flatMap((name) => [
    call('search_tools', { query: name.replaceAll('_', ' '), limit: 50 }),
    call('describe_tools', { names: [name] }),
    call('call_tool', { name, arguments: {} }),
  ])
  return [...parts, { method: 'tools/list', params: {} }].map((part) => {
    return { era: '2026', endpoint: 'search', ...part }
  })
}

/** With what belongs to a session of somebody else. */
function ofSessions({ session, events }: Captures): readonly Probe[] {
  const foreign = { 'mcp-session-id': session }
  const parts: Part[] = [
    { method: 'tools/list', params: {}, headers: foreign },
    { method: 'GET', params: {}, headers: foreign },
    { method: 'DELETE', params: {}, headers: foreign },
    { method: 'GET', params: {} },
    ...[...events, 'sAAAAAAAAAAAA-1', 'aAAAAAAAAAAAA-1', 'x'].map((id): Part => {
      return { method: 'GET', params: {}, headers: { 'last-event-id': id } }
    }),
  ]
  return parts.map((part) => ({ era: '2025', endpoint: 'main', ...part }))
}

const METADATA = '/.well-known/oauth-protected-resource/mcp'

/** Every HTTP method of a path, by somebody who shows no credential. */
function at(endpoint: string): readonly Probe[] {
  return ['GET', 'POST', 'DELETE', 'OPTIONS', 'PUT'].map((method) => {
    const headers = { 'content-type': 'application/json' }
    return { era: 'http', endpoint, method, params: {}, headers }
  })
}

function overHttp(): readonly Probe[] {
  const paths = ['/healthz', '/readyz', '/.well-known/oauth-authorization-server', '/mcp/main']
  return [...paths, `${METADATA}/main`, `${METADATA}/search`].flatMap(at)
}

/** Everything there is to try. */
export function probesOf(found: Captures): readonly Probe[] {
  const both = [...aboutThings(found), ...aboutAll(found)].flatMap((part): Probe[] =>
    (['2025', '2026'] as const).map((era) => ({ era, endpoint: 'main', ...part })),
  )
  const hidden = ['tools/list', 'initialize'].flatMap((method): Probe[] => [
    { era: '2026', endpoint: 'closed', method, params: {} },
  ])
  return [
    ...both,
    ...hidden,
    ...asNode(found),
    ...searching(found),
    ...ofSessions(found),
    ...overHttp(),
  ]
}

/** A probe in one line. */
export function titleOf({ era, endpoint, method, params, headers, capabilities }: Probe): string {
  const more = JSON.stringify({ params, headers, node: capabilities === NODE })
  return `${era} ${endpoint} ${method} ${more}`.replaceAll(/Bearer [^"]+/g, 'Bearer')
}
