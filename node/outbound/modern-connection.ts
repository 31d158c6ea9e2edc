import type { ListKind } from '../../protocol/capability.ts'
import type { Fault } from '../../protocol/errors.ts'
import { readSettings } from '../../protocol/federation.ts'
import type { LinkMeta } from '../../protocol/hop-request.ts'
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts'
import { MODERN_REVISION } from '../../protocol/revisions.ts'
import type { Authorization } from '../core/delegation.ts'
import type {
  Connection,
  ConnectionEvents,
  FrameSink,
  OutFrame,
  Sent,
  ServerFacts,
} from './connection.ts'
import { Listen } from './listen.ts'
import type { ModernMeta } from './modern-meta.ts'

/** The facts in a `server/discover` result. */
export function discoveredFacts(discovered: JsonObject): ServerFacts {
  const capabilities = isObject(discovered['capabilities']) ? discovered['capabilities'] : {}
  const meta = discovered['_meta']
  const info = isObject(meta) ? meta['io.modelcontextprotocol/serverInfo'] : undefined
  const name = isObject(info) && typeof info['name'] === 'string' ? info['name'] : ''
  return { capabilities, name, federation: readSettings(capabilities) }
}

/** What requests of one connection go out on. */
export interface ModernChannel {
  readonly transport: 'http' | 'websocket'
  /** As `Connection.send`, with the authorization settled. */
  send(frame: OutFrame, sink: FrameSink): Sent
  /** The connection is closed, or lost. */
  close(): Promise<void>
}

/** What a connection to a 2026 upstream is made with. */
export interface ModernOptions {
  readonly server: ServerFacts
  /** In whose name the node lists and listens. */
  readonly authorization: Authorization | undefined
  readonly meta: ModernMeta
  readonly events: ConnectionEvents
  /** Makes the channel, which calls `lost` when it is of no use any more. */
  readonly channel: (lost: (fault: Fault) => void) => ModernChannel
}

/** A 2026 upstream on a network: no session, one listen for changes, and any number of callers. */
export class ModernConnection implements Connection {
  readonly era = '2026'
  readonly revision: string = MODERN_REVISION
  readonly stateless = true
  readonly secluded = false
  readonly server: ServerFacts
  readonly #authorization: Authorization | undefined
  readonly #meta: ModernMeta
  readonly #events: ConnectionEvents
  readonly #channel: ModernChannel
  readonly #listen: Listen
  #closed = false

  constructor({ server, authorization, meta, events, channel }: ModernOptions) {
    this.#authorization = authorization
    this.#meta = meta
    this.#events = events
    this.server = server
    this.#channel = channel((fault) => this.#lost(fault))
    this.#listen = new Listen({ send: this.send.bind(this), meta: meta.of(''), server, events })
  }

  get transport(): 'http' | 'websocket' {
    return this.#channel.transport
  }

  meta(offered: string): LinkMeta {
    return this.#meta.of(offered)
  }

  watching(of: ListKind): boolean {
    return this.#listen.watching(of)
  }

  subscribe(uri: string): Promise<boolean> {
    return this.#listen.subscribe(uri)
  }

  unsubscribe(uri: string): void {
    this.#listen.unsubscribe(uri)
  }

  wantLogs(): undefined {
    return undefined
  }

  send(frame: OutFrame, sink: FrameSink): Sent {
    const { authorization = this.#authorization } = frame
    const named = authorization === frame.authorization ? frame : { ...frame, authorization }
    return this.#channel.send(named, sink)
  }

  async close(): Promise<void> {
    this.#stop()
    await this.#channel.close()
  }

  /** Asks to be told of changes. Resolves when that is granted, refused, or takes too long. */
  watch(): Promise<void> {
    return this.#listen.start()
  }

  #lost(fault: Fault): void {
    if (this.#closed) return
    this.#stop()
    this.#events.lost(fault)
  }

  #stop(): void {
    this.#closed = true
    this.#listen.stop()
  }
}
