import { LIST_KINDS, type ListKind } from '../../protocol/capability.ts'
import { Fault, RPC } from '../../protocol/errors.ts'
import { readSettings } from '../../protocol/federation.ts'
import { HEADER } from '../../protocol/headers.ts'
import type { LinkMeta } from '../../protocol/hop-request.ts'
import { writeNotification } from '../../protocol/hop-response.ts'
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts'
import type { LogSeverity } from '../../protocol/log-level.ts'
import type { Authorization } from '../core/delegation.ts'
import { isLegacyRevision, LEGACY_REVISIONS } from '../../protocol/revisions.ts'
import { readError, type UpstreamMessage } from '../../protocol/upstream-message.ts'
import { ask, expectResult, ownFrame } from './ask.ts'
import type {
  Connection,
  ConnectionEvents,
  FrameSink,
  OutFrame,
  Respond,
  Self,
  Sent,
  ServerFacts,
} from './connection.ts'
import { reportedKinds, reportsChanges, sendsLogs, takesSubscriptions } from './declared.ts'
import { HttpCall, type CallRules } from './http-call.ts'
import type { Delivery, ExchangeSink, HttpTarget, ResponseHeaders } from './http-target.ts'
import { ResumableCall, type ResumableSession } from './resumable-call.ts'
import { selfCapabilities } from './self.ts'
import { answerPing } from './server-request.ts'
import { SessionLogs } from './session-logs.ts'
import { SESSION_ENDED, sessionEnded, SessionStream } from './session-stream.ts'
import { SessionSubscriptions } from './session-subscriptions.ts'
import { hearUnasked, reportNews } from './unasked.ts'

/** How long the upstream may take to confirm what has no answer of its own, milliseconds. */
const CONFIRM_MS = 1_000

/** What `initialize` is asked with, whatever the transport. */
export function initializeFrame(self: Self, offered: string): OutFrame {
  return ownFrame(
    'initialize',
    {
      protocolVersion: LEGACY_REVISIONS[0],
      capabilities: selfCapabilities(self, '2025', offered),
      clientInfo: self.clientInfo,
    },
    '',
  )
}

/**
 * The facts in an `initialize` result.
 *
 * @throws Fault `upstream_protocol` when it answers with a revision not served here
 */
export function initializedFacts(result: JsonObject): { server: ServerFacts; revision: string } {
  const { protocolVersion: revision, serverInfo } = result
  if (typeof revision !== 'string' || !isLegacyRevision(revision)) {
    const text = `the upstream wants MCP revision ${String(revision).slice(0, 20)}, which is not served here`
    throw new Fault('upstream_protocol', text)
  }
  const capabilities = isObject(result['capabilities']) ? result['capabilities'] : {}
  const name =
    isObject(serverInfo) && typeof serverInfo['name'] === 'string' ? serverInfo['name'] : ''
  return { server: { capabilities, name, federation: readSettings(capabilities) }, revision }
}

/** What a session over HTTP is opened with. */
export interface LegacyOptions {
  readonly self: Self
  /** As in `ClientCapabilities`. */
  readonly offered: string
  /** In whose name the session is; undefined: in nobody's. */
  readonly authorization: Authorization | undefined
  readonly events: ConnectionEvents
  /** For `initialize`. */
  readonly timeoutMs: number
}

/** A session with a 2025 upstream over HTTP, and its GET stream where there is one. */
export class HttpLegacy implements Connection {
  readonly era = '2025'
  readonly stateless = false
  readonly secluded = false
  readonly #target: HttpTarget
  readonly #events: ConnectionEvents
  readonly #rules: CallRules
  readonly #session: ResumableSession
  readonly #stream: SessionStream
  readonly #subscriptions: SessionSubscriptions
  readonly #logs: SessionLogs
  #server: ServerFacts = { capabilities: {}, name: '', federation: undefined }
  #revision: string = LEGACY_REVISIONS[0]
  #headers: string[] = []
  /** That of the last call: what is sent besides calls is of the same caller, and an older one may be over. */
  #authorization: Authorization | undefined
  #closed = false
  #open = false

  private constructor(
    target: HttpTarget,
    { events, authorization }: Pick<LegacyOptions, 'events' | 'authorization'>,
  ) {
    this.#target = target
    this.#authorization = authorization
    this.#events = events
    this.#rules = this.#callRules()
    this.#session = this.#resumable()
    this.#stream = new SessionStream((headers, sink) => this.#get(headers, sink), {
      message: (message) => hearUnasked(message, events, this.#respond),
      missed: () => this.#missed(),
      lost: (fault) => this.#lost(fault),
    })
    const send = this.send.bind(this)
    this.#subscriptions = new SessionSubscriptions(
      send,
      () => this.#stream.isOpen && takesSubscriptions(this.#server),
    )
    this.#logs = new SessionLogs(send, () => sendsLogs(this.#server))
  }

  /** Opens a session: `initialize`, `initialized`, and the GET stream. */
  static async open(
    target: HttpTarget,
    { self, offered, timeoutMs, ...whose }: LegacyOptions,
  ): Promise<HttpLegacy> {
    const session = new HttpLegacy(target, whose)
    try {
      const frame = initializeFrame(self, offered)
      session.#initialize(await ask(session.send.bind(session), frame, timeoutMs))
    } catch (error) {
      await session.close()
      throw error
    }
    await session.#initialized()
    if (session.#expectsMore(offered)) await session.#stream.start()
    return session
  }

  get server(): ServerFacts {
    return this.#server
  }

  get revision(): string {
    return this.#revision
  }

  meta(): LinkMeta {
    return ''
  }

  watching(of: ListKind): boolean {
    return this.#stream.isOpen && reportsChanges(this.#server, of)
  }

  subscribe(uri: string): Promise<boolean> {
    return this.#subscriptions.subscribe(uri)
  }

  unsubscribe(uri: string): void {
    this.#subscriptions.unsubscribe(uri)
  }

  wantLogs(level: LogSeverity): Promise<void> | undefined {
    return this.#logs.want(level)
  }

  send(frame: OutFrame, sink: FrameSink): Sent {
    if (frame.authorization !== undefined) this.#authorization = frame.authorization
    const call = new HttpCall(frame, sink, this.#rules)
    const exchange = new ResumableCall(call, this.#session)
    exchange.post(frame.body)
    return {
      // A closed stream is no cancellation in this era (MCP 2025-11-25, transports).
      cancel: (reason) => {
        if (!call.drop()) return
        const params = { requestId: frame.id, reason }
        // `initialize` must not be cancelled (MCP 2025-11-25, utilities/cancellation).
        if (this.#open) this.#post(writeNotification('notifications/cancelled', params))
        exchange.abort()
      },
      resume: () => exchange.resume(),
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#stop()
    if (!this.#headers.includes(HEADER.sessionId)) return
    await this.#confirmed((sink) => this.#target.delete(this.#headers, this.#delivery(sink)))
  }

  #callRules(): CallRules {
    return {
      disowned: (status, message) => (this.#open ? disowned(status, message) : undefined),
      news: (message) => reportNews(message, this.#events),
      request: (message, sink) => {
        if (!answerPing(message, this.#respond)) sink.request(message, this.#respond)
      },
      lost: (fault) => this.#lost(fault),
      started: (headers) => this.#started(headers),
    }
  }

  #resumable(): ResumableSession {
    const isOpen = (): boolean => this.#open && !this.#closed
    return {
      get isOpen() {
        return isOpen()
      },
      resuming: new Set(),
      post: (body, sink) => this.#target.post(body, this.#headers, this.#delivery(sink)),
      get: (headers, sink) => this.#get(headers, sink),
      // Where there is no session, the path is unknown.
      unknown: () => {
        if (this.#headers.includes(HEADER.sessionId)) this.#lost(sessionEnded())
      },
    }
  }

  #initialize(answer: UpstreamMessage): void {
    const { server, revision } = initializedFacts(expectResult('initialize', answer))
    this.#server = server
    this.#revision = revision
    this.#headers.push(HEADER.protocolVersion, revision)
    this.#open = true
  }

  #started(headers: ResponseHeaders): void {
    const id = headers[HEADER.sessionId]
    if (this.#open || typeof id !== 'string') return
    this.#headers = [HEADER.sessionId, id]
  }

  /** A server may refuse requests until it has taken this; one that hangs is met again by the first request. */
  #initialized(): Promise<void> {
    const text = writeNotification('notifications/initialized')
    return this.#confirmed((sink) => this.#target.post(text, this.#headers, this.#delivery(sink)))
  }

  /** Whether there is anything the GET stream could bring. */
  #expectsMore(offered: string): boolean {
    const server = this.#server
    const news = reportedKinds(server).length > 0 || takesSubscriptions(server)
    return news || sendsLogs(server) || offered !== ''
  }

  #get(headers: readonly string[], sink: ExchangeSink): ReturnType<HttpTarget['get']> {
    return this.#target.get(this.#headers.concat(headers), this.#delivery(sink))
  }

  #delivery(sink: ExchangeSink): Delivery {
    return { sink, authorization: this.#authorization }
  }

  /** What happened while the stream was not open is unknown, so it counts as a change of all it reports. */
  #missed(): void {
    for (const of of LIST_KINDS) {
      if (reportsChanges(this.#server, of)) this.#events.listChanged(of)
    }
    const { granted } = this.#subscriptions
    if (this.#stream.isOpen) {
      for (const { uri, stands } of this.#subscriptions.renew()) void this.#renewed(uri, stands)
      return
    }
    if (granted.length === 0) return
    for (const uri of granted) this.#events.updated(uri)
    // What was granted cannot be kept any more; a session that comes after this one is asked anew.
    this.#lost(new Fault('upstream_unavailable', 'the upstream has no event stream any more'))
  }

  /** Told only when it stands again: a change after that is reported. */
  async #renewed(uri: string, stands: Promise<boolean>): Promise<void> {
    if (await stands) this.#events.updated(uri)
    else this.#lost(new Fault('upstream_unavailable', 'the upstream does not renew a subscription'))
  }

  readonly #respond: Respond = (text) => {
    if (!this.#closed) this.#post(text)
  }

  /** Sends a message that has no answer; a failure shows in the next request. */
  #post(text: Buffer): void {
    const sink = { message: () => true, end: () => undefined }
    this.#target.post(text, this.#headers, this.#delivery(sink))
  }

  /** Resolves at the end of an exchange whose outcome does not matter, or when it takes too long. */
  #confirmed(start: (sink: ExchangeSink) => unknown): Promise<void> {
    return new Promise((resolve) => {
      const giveUp = setTimeout(resolve, CONFIRM_MS)
      start({
        message: () => true,
        end: () => {
          clearTimeout(giveUp)
          resolve()
        },
      })
    })
  }

  #lost(fault: Fault): void {
    if (this.#closed) return
    this.#stop()
    this.#events.lost(fault)
  }

  #stop(): void {
    this.#closed = true
    this.#stream.stop()
    for (const call of this.#session.resuming) call.giveUp()
  }
}

/**
 * 404 says that the session is gone (MCP 2025-11-25, transports); several servers say it with 400 and an error without
 * id. A code of 2026 comes from a server that has replaced this one. Nothing was executed either way.
 */
function disowned(status: number, message: UpstreamMessage | undefined): string | undefined {
  const gone = SESSION_ENDED
  if (status === 404) return gone
  if (status !== 400) return undefined
  if (message === undefined) return gone
  const code = readError(message)?.code
  const modern = code === RPC.unsupportedVersion || code === RPC.headerMismatch
  if (modern) return 'the upstream no longer speaks the revision of the session'
  return message.id === null && code === -32_000 ? gone : undefined
}
