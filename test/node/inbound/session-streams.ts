// Streams of sessions over real connections, for tests that say themselves what is sent on them.
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { EventStore } from '../../../node/inbound/event-store.ts'
import { KeepAlive } from '../../../node/inbound/event-stream.ts'
import { HttpReply, type QuestionMaker } from '../../../node/inbound/http-reply.ts'
import {
  MemoryEventStore,
  type MemoryEventStoreOptions,
} from '../../../node/inbound/memory-event-store.ts'
import { Streams } from '../../../node/inbound/streams.ts'
import type { ListKind } from '../../../protocol/capability.ts'
import { LOCAL_CALLER } from '../../../node/core/principal.ts'
import { asFault } from '../../../protocol/errors.ts'
import type { LegacyRevision } from '../../../protocol/revisions.ts'
import { openStream, send, type RawReply, type RawStream } from '../../fixtures/raw-client.ts'
import { until } from '../../fixtures/wait.ts'
import type { JsonObject } from '../../fixtures/wire.ts'

const asks: QuestionMaker = {
  of: () => {
    throw new TypeError('nobody is asked here')
  },
}

/** What may differ from test to test. */
export interface SessionStreamsOptions extends Partial<MemoryEventStoreOptions> {
  readonly keepAliveMs?: number
  /** Puts something between the streams and the store. */
  readonly wrap?: (store: EventStore) => EventStore
}

/** A POST that is being answered. */
export interface Posted {
  readonly reply: HttpReply
  /** The client's side, once the stream has begun. */
  readonly stream: Promise<RawStream>
  /** The node's side. */
  readonly response: ServerResponse
}

/** A server with the streams of sessions, which are known by name. */
export class SessionStreams {
  readonly store: MemoryEventStore
  readonly streams: Streams
  /** Those who hear of changes now. */
  readonly watchers: Set<(of: ListKind) => void> = new Set()
  /** The node's side of every GET so far. */
  readonly gets: ServerResponse[] = []
  revision: LegacyRevision = '2025-11-25'
  isValid = true
  hasRoom = true
  readonly #keepAlive: KeepAlive
  readonly #server: Server
  readonly #posts: { reply: HttpReply; response: ServerResponse }[] = []

  private constructor(server: Server, options: SessionStreamsOptions) {
    const { keepAliveMs = 60_000, wrap = (store) => store, ...bounds } = options
    this.#server = server
    this.#keepAlive = new KeepAlive(keepAliveMs)
    this.store = new MemoryEventStore({ streamBytes: 1_000_000, lifetimeMs: 60_000, ...bounds })
    this.streams = new Streams({ keepAlive: this.#keepAlive, store: wrap(this.store) })
  }

  static async start(options: SessionStreamsOptions = {}): Promise<SessionStreams> {
    const server = createServer()
    const made = new SessionStreams(server, options)
    server.on('request', (request, response) => {
      const key = String(request.headers['mcp-session-id'])
      if (request.method === 'POST') made.#answer(key, response, request.url === '/at-once')
      else made.#open(key, response, request.headers['last-event-id'])
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return made
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  #answer(key: string, response: ServerResponse, atOnce: boolean): void {
    const { streams, revision } = this
    const session = { key, revision, streams, asks, atOnce }
    const about = { keepAlive: this.#keepAlive, headers: [], challenge: () => [] }
    const options = { era: '2025', ...about, session } as const
    this.#posts.push({ reply: new HttpReply(response, options), response })
  }

  #open(key: string, response: ServerResponse, last: string | string[] | undefined): void {
    this.gets.push(response)
    const plan = {
      session: key,
      response,
      headers: [],
      revision: this.revision,
      lastEventId: typeof last === 'string' ? last : undefined,
      hasRoom: () => this.hasRoom,
      watch: (listener: (of: ListKind) => void) => {
        this.watchers.add(listener)
        return () => void this.watchers.delete(listener)
      },
      watcher: { endpoint: 'main', principal: LOCAL_CALLER },
      isValid: () => this.isValid,
    }
    this.streams.open(plan).catch((error: unknown) => {
      response.writeHead(400).end(asFault(error).code)
    })
  }

  async post(key: string, path = '/'): Promise<Posted> {
    const at = this.#posts.length
    const headers = { 'mcp-session-id': key }
    const stream = openStream(`${this.url}${path}`, { method: 'POST', headers, body: '{}' })
    // A caller that hangs up at once would be told so here.
    stream.catch(() => undefined)
    const posted = await until(() => this.#posts[at], 'the POST arrives')
    return { ...posted, stream }
  }

  get(key: string, last?: string): Promise<RawStream> {
    return openStream(this.url, { headers: headersOf(key, last) })
  }

  /** GET where no stream is expected. */
  refusal(key: string, last?: string): Promise<RawReply> {
    return send(this.url, { headers: headersOf(key, last) })
  }

  change(of: ListKind): void {
    for (const watcher of this.watchers) watcher(of)
  }

  async close(): Promise<void> {
    this.streams.close()
    this.#keepAlive.close()
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

function headersOf(key: string, last: string | undefined): Record<string, string | undefined> {
  return { 'mcp-session-id': key, 'last-event-id': last }
}

/** The ids a client has been given on a stream. */
export function eventIds(stream: RawStream): string[] {
  return stream.raw.match(/(?<=^id: ).*$/gm) ?? []
}

export function lastEventId(stream: RawStream): string {
  return eventIds(stream).at(-1) ?? ''
}

/** Long enough to do something in, short enough to wait for, ms. */
export const SHORT_MS = 60

/** A message that can be told from others. */
export function note(of: number): Buffer {
  return Buffer.from(JSON.stringify({ note: of }))
}

/** All that comes until the stream ends. */
export async function rest(stream: RawStream): Promise<JsonObject[]> {
  const messages: JsonObject[] = []
  for (let next = await stream.next(); next !== undefined; next = await stream.next()) {
    messages.push(next)
  }
  return messages
}
