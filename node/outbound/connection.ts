import type { ListKind } from '../../protocol/capability.ts'
import type { Fault } from '../../protocol/errors.ts'
import type { FederationSettings, HopTrail } from '../../protocol/federation.ts'
import type { LinkMeta } from '../../protocol/hop-request.ts'
import type { JsonObject } from '../../protocol/jsonrpc.ts'
import type { Body } from '../../protocol/link/body.ts'
import type { Told } from '../../protocol/link/frames.ts'
import type { LogSeverity } from '../../protocol/log-level.ts'
import type { Era } from '../../protocol/revisions.ts'
import type { Authorization } from '../core/delegation.ts'
import type { UpstreamMessage } from '../../protocol/upstream-message.ts'

/** One request for an upstream, ready to send. */
export interface OutFrame {
  /** Unique among the requests this node sends; responses and progress come back under it. */
  readonly id: number
  readonly method: string
  /** What `Mcp-Name` mirrors: the name, URI or task id upstream. */
  readonly name?: string | undefined
  /** Further headers, names and values in turn; transports without headers ignore them. */
  readonly headers: readonly string[]
  /** In whose name; undefined: in that of whoever the connection was opened for. Transports without headers ignore it. */
  readonly authorization?: Authorization | undefined
  /** How far it may still go, as its `_meta` says; for transports that say it besides. */
  readonly trail?: HopTrail | undefined
  /** What else need not be read of the body, for transports that say it besides; undefined where it has to be. */
  readonly told?: Told | undefined
  /**
   * The caller's own text, id and all, in place of `body`: an answer to it can be handed back unread. Only for transports
   * that say what `told` does.
   */
  readonly unread?: Body
  readonly body: Buffer
}

/**
 * Takes what comes back for one request, in order: notifications, then exactly one of `response` and `failed`. Nothing
 * is called after that, nor after the request was cancelled.
 */
export interface FrameSink {
  /** False asks the connection to wait until `resume`. */
  notification(message: UpstreamMessage): boolean
  /**
   * The same for progress that nobody has read: the text, and how far it is by the word of the node that sent it.
   * Undefined: it has to be read.
   */
  progressed?(text: Buffer, progress: number): boolean | undefined
  /**
   * A result that nobody has read, and that ends the call by the word of the node that sent it. False: it has to be read,
   * and comes once more as `response`.
   */
  completed?(text: Body): boolean
  /**
   * A request of the upstream that belongs to this one (era 2025): a question to whoever called. `respond` takes the
   * response, id and all; it may be called late or never.
   */
  request(message: UpstreamMessage, respond: Respond): void
  response(message: UpstreamMessage): void
  /** `unsent`: the upstream did not take the request, so that it may be sent again. */
  failed(fault: Fault, unsent: boolean): void
}

/** Sends the response to a request of the upstream. */
export type Respond = (text: Buffer) => void

/** A request under way. */
export interface Sent {
  /** Tells the upstream, in the way of its era, that nobody waits any more. */
  cancel(reason: string): void
  /** Lets notifications flow again. */
  resume(): void
}

/** What an upstream says of itself. */
export interface ServerFacts {
  readonly capabilities: JsonObject
  readonly name: string
  /** Undefined when it is no node. */
  readonly federation: FederationSettings | undefined
}

/**
 * An open conversation with one upstream in one era: a process, a session, or just the knowledge that the URL speaks
 * 2026. `send` never throws and may be called concurrently.
 */
export interface Connection {
  readonly era: Era
  readonly revision: string
  readonly server: ServerFacts
  /** How it gets there, where there is a choice. */
  readonly transport?: 'http' | 'websocket'
  /** The part of `_meta` all requests on it share that offer the same; `offered` as in `ClientCapabilities`. */
  meta(offered: string): LinkMeta
  /** No state is kept for one caller: all contexts may use this one. */
  readonly stateless: boolean
  /** The server's state is in a process that only this connection talks to: what is changed here shows nowhere else. */
  readonly secluded: boolean
  /** Whether changes of its lists are being reported; otherwise they must be polled. */
  watching(of: ListKind): boolean
  /**
   * Asks to be told of changes of a resource, once for each URI however often it is called. Resolves with whether that
   * is granted, false also when the upstream takes too long; never rejects. Ends with the connection.
   */
  subscribe(uri: string): Promise<boolean>
  unsubscribe(uri: string): void
  /**
   * Makes sure that log messages of this severity and above are sent (era 2025; in 2026 each request says it).
   * Resolves when the upstream has taken it, refused, or takes too long; never rejects.
   */
  wantLogs(level: LogSeverity): Promise<void> | undefined
  send(frame: OutFrame, sink: FrameSink): Sent
  /** Frees it, at the upstream too. Resolves when that is done or given up; never rejects. */
  close(): Promise<void>
}

/** What a connection reports on its own account. */
export interface ConnectionEvents {
  /** The upstream said that a list changed, or that may have been missed. */
  listChanged(of: ListKind): void
  /** A subscribed resource or a part of it changed, or that may have been missed; `uri` as the upstream gives it. */
  updated(uri: string): void
  /** A request that names none of ours (era 2025). */
  request(message: UpstreamMessage, respond: Respond): void
  /** A notification that names no request and is none of the above. */
  notification(message: UpstreamMessage): void
  /** It is of no use any more; called once, not after `close`. */
  lost(fault: Fault): void
}

/** Makes connections to one upstream. */
export interface Connector {
  /** How it is called in messages to the operator: a URL or a command, without secrets. */
  readonly target: string
  /** Delay before the next attempt, milliseconds, doubling from min to max. */
  readonly backoff: { readonly min: number; readonly max: number }
  /**
   * Finds the era out and opens a connection that offers an upstream of era 2025 what `offered` says (as in
   * `ClientCapabilities`), in the name of whoever `authorization` stands for; undefined: of the node itself.
   *
   * @throws Fault `upstream_unavailable`, `upstream_protocol` or `upstream_timeout`, and what `Authorization.lines` throws
   */
  connect(
    events: ConnectionEvents,
    offered: string,
    authorization?: Authorization,
  ): Promise<Connection>
  /**
   * Probes say that nobody answers there: what is under way, and of which nothing has come since then, ends as if its
   * connection had broken. Left out where connections notice silence themselves.
   *
   * @param since by `performance.now()`
   */
  breakOff?(since: number): void
  close(): Promise<void>
}

/** What every connector needs to know of who connects. */
export interface Self {
  readonly clientInfo: { readonly name: string; readonly version: string }
  /** Undefined for a mere client. */
  readonly federation: FederationSettings | undefined
}
