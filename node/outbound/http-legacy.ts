import { Fault, RPC } from '../../protocol/errors.ts'
import { readSettings } from '../../protocol/federation.ts'
import { HEADER } from '../../protocol/headers.ts'
import { writeNotification } from '../../protocol/hop-response.ts'
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts'
import { isLegacyRevision, LEGACY_REVISIONS } from '../../protocol/revisions.ts'
import { readError, type UpstreamMessage } from '../../protocol/upstream-message.ts'
import { ask, expectResult, ownFrame } from './ask.ts'
import type {
  Connection,
  ConnectionEvents,
  FrameSink,
  OutFrame,
  Self,
  Sent,
  ServerFacts,
} from './connection.ts'
import { HttpCall, type CallRules } from './http-call.ts'
import type { Exchange, HttpTarget, Outcome, ResponseHeaders } from './http-target.ts'
import { reportsChanges } from './listen.ts'
import { selfCapabilities } from './self.ts'
import { answerServerRequest } from './server-request.ts'

/** Delay before a dropped GET stream is opened again, milliseconds, doubling from min to max. */
const REOPEN = { min: 100, max: 2_000 }

/** How long the upstream may take to confirm what has no answer of its own, milliseconds. */
const CONFIRM_MS = 1_000

/** What `initialize` is asked with, whatever the transport. */
export function initializeFrame(self: Self): OutFrame {
  return ownFrame(
    'initialize',
    {
      protocolVersion: LEGACY_REVISIONS[0],
      capabilities: selfCapabilities(self, '2025'),
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

/** A session with a 2025 upstream over HTTP, and its GET stream where there is one. */
export class HttpLegacy implements Connection {
  readonly era = '2025'
  readonly meta = ''
  readonly stateless = false
  readonly #target: HttpTarget
  readonly #events: ConnectionEvents
  readonly #rules: CallRules
  #server: ServerFacts = { capabilities: {}, name: '', federation: undefined }
  #revision: string = LEGACY_REVISIONS[0]
  #headers: string[] = []
  #stream: Exchange | undefined
  #timer: NodeJS.Timeout | undefined
  #delay = REOPEN.min
  #since = 0
  #settled: (() => void) | undefined
  #watching = false
  #closed = false
  #open = false
  /** What happened while the stream was not open is unknown, so it counts as a change, once no other attempt follows. */
  readonly #changed = (): void => {
    if (!this.#closed && this.#timer === undefined) this.#events.listChanged()
  }

  private constructor(target: HttpTarget, events: ConnectionEvents) {
    this.#target = target
    this.#events = events
    this.#rules = {
      disowned: (status, message) => (this.#open ? disowned(status, message) : undefined),
      changed: () => this.#events.listChanged(),
      request: (message) => this.#refuse(message),
      lost: (fault) => this.#lost(fault),
      started: (headers) => this.#started(headers),
    }
  }

  /** Opens a session: `initialize`, `initialized`, and the GET stream. */
  static async open(
    target: HttpTarget,
    { self, events, timeoutMs }: { self: Self; events: ConnectionEvents; timeoutMs: number },
  ): Promise<HttpLegacy> {
    const session = new HttpLegacy(target, events)
    try {
      await session.#initialize(self, timeoutMs)
    } catch (error) {
      await session.close()
      throw error
    }
    await session.#initialized()
    await session.#watch()
    return session
  }

  get server(): ServerFacts {
    return this.#server
  }

  get revision(): string {
    return this.#revision
  }

  get watching(): boolean {
    return this.#watching
  }

  send(frame: OutFrame, sink: FrameSink): Sent {
    const call = new HttpCall(frame, sink, this.#rules)
    const exchange = this.#target.post(frame.body, this.#headers, call)
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
    await new Promise<void>((resolve) => {
      const giveUp = setTimeout(resolve, CONFIRM_MS)
      this.#target.delete(this.#headers, {
        message: () => true,
        end: () => {
          clearTimeout(giveUp)
          resolve()
        },
      })
    })
  }

  async #initialize(self: Self, timeoutMs: number): Promise<void> {
    const answer = await ask(this.send.bind(this), initializeFrame(self), timeoutMs)
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
    return new Promise((resolve) => {
      const giveUp = setTimeout(resolve, CONFIRM_MS)
      this.#target.post(writeNotification('notifications/initialized'), this.#headers, {
        message: () => true,
        end: () => {
          clearTimeout(giveUp)
          resolve()
        },
      })
    })
  }

  /** The GET stream carries list changes. Resolves when it is open or refused. */
  #watch(): Promise<void> {
    if (!reportsChanges(this.#server)) return Promise.resolve()
    return new Promise((resolve) => {
      this.#settled = resolve
      this.#openStream()
    })
  }

  #openStream(): void {
    if (this.#closed) return
    const giveUp = setTimeout(() => {
      this.#settle()
      this.#settled = this.#changed
    }, CONFIRM_MS)
    this.#stream = this.#target.get(this.#headers, {
      started: (status, headers) => {
        const type = String(headers['content-type'] ?? '').toLowerCase()
        this.#watching = status === 200 && type.startsWith('text/event-stream')
        // What a refusal means is decided at its end.
        if (!this.#watching) return
        clearTimeout(giveUp)
        this.#since = performance.now()
        this.#settle()
      },
      message: (message) => this.#heard(message),
      end: (outcome) => {
        clearTimeout(giveUp)
        this.#streamEnded(outcome)
        this.#settle()
      },
    })
  }

  #heard(message: UpstreamMessage): boolean {
    if (message.method === 'notifications/tools/list_changed') this.#events.listChanged()
    else if (message.method !== undefined && message.id !== undefined) this.#refuse(message)
    return true
  }

  #streamEnded(outcome: Outcome): void {
    if (this.#closed) return
    const wasOpen = this.#watching
    this.#watching = false
    if (outcome.kind === 'failed') {
      if (outcome.unsent) this.#lost(outcome.fault)
      else this.#reopen(wasOpen)
      return
    }
    const { status } = outcome
    // 405 means that there is no such stream; who is merely overloaded may have one later.
    if (status === 404) this.#lost(sessionEnded())
    else if (wasOpen || status === 429 || status >= 500) this.#reopen(wasOpen)
  }

  #reopen(wasOpen: boolean): void {
    // A stream that never lasts must not make the node hammer its upstream.
    if (wasOpen && performance.now() - this.#since > REOPEN.max) this.#delay = REOPEN.min
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#settled = this.#changed
      this.#openStream()
    }, this.#delay)
    this.#delay = Math.min(this.#delay * 2, REOPEN.max)
  }

  /** The attempt to open the stream is decided; told once. */
  #settle(): void {
    const settled = this.#settled
    this.#settled = undefined
    settled?.()
  }

  #refuse(message: UpstreamMessage): void {
    const answer = answerServerRequest(message)
    if (answer !== undefined) this.#post(answer)
  }

  /** Sends a message that has no answer; a failure shows in the next request. */
  #post(text: Buffer): void {
    this.#target.post(text, this.#headers, { message: () => true, end: () => undefined })
  }

  #lost(fault: Fault): void {
    if (this.#closed) return
    this.#stop()
    this.#events.lost(fault)
  }

  #stop(): void {
    this.#closed = true
    this.#watching = false
    clearTimeout(this.#timer)
    this.#stream?.abort()
    this.#settle()
  }
}

function sessionEnded(): Fault {
  return new Fault('upstream_unavailable', 'the upstream ended the session')
}

/**
 * 404 says that the session is gone (MCP 2025-11-25, transports); several servers say it with 400 and an error without
 * id. A code of 2026 comes from a server that has replaced this one. Nothing was executed either way.
 */
function disowned(status: number, message: UpstreamMessage | undefined): string | undefined {
  const gone = 'the upstream ended the session'
  if (status === 404) return gone
  if (status !== 400) return undefined
  if (message === undefined) return gone
  const code = readError(message)?.code
  const modern = code === RPC.unsupportedVersion || code === RPC.headerMismatch
  if (modern) return 'the upstream no longer speaks the revision of the session'
  return message.id === null && code === -32_000 ? gone : undefined
}
