import type { ListKind } from '../../protocol/capability.ts'
import { RPC, type Fault } from '../../protocol/errors.ts'
import { readSettings } from '../../protocol/federation.ts'
import { encodeHeaderValue, HEADER } from '../../protocol/headers.ts'
import type { LinkMeta } from '../../protocol/hop-request.ts'
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts'
import { MODERN_REVISION } from '../../protocol/revisions.ts'
import { readError, type UpstreamMessage } from '../../protocol/upstream-message.ts'
import type { Authorization } from '../core/delegation.ts'
import type { Logger } from '../core/logger.ts'
import type {
  Connection,
  ConnectionEvents,
  FrameSink,
  OutFrame,
  Sent,
  ServerFacts,
} from './connection.ts'
import { HttpCall, type CallRules } from './http-call.ts'
import type { HttpTarget } from './http-target.ts'
import { Listen } from './listen.ts'
import type { ModernMeta } from './modern-meta.ts'

/** Sends one request by the rules of 2026-07-28: all it needs is in its headers and `_meta`. */
export function sendModern(
  target: HttpTarget,
  { frame, sink, rules }: { frame: OutFrame; sink: FrameSink; rules: CallRules },
): Sent {
  const headers = [
    HEADER.protocolVersion,
    MODERN_REVISION,
    HEADER.method,
    frame.method,
    ...(frame.name === undefined ? [] : [HEADER.name, encodeHeaderValue(frame.name)]),
    ...frame.headers,
  ]
  const call = new HttpCall(frame, sink, rules)
  const { authorization } = frame
  const exchange = target.post(frame.body, headers, { sink: call, authorization })
  return {
    // Closing the response stream is the cancellation (MCP 2026-07-28, patterns/cancellation).
    cancel: () => {
      if (call.drop()) exchange.abort()
    },
    resume: () => exchange.resume(),
  }
}

/** The facts in a `server/discover` result. */
export function discoveredFacts(discovered: JsonObject): ServerFacts {
  const capabilities = isObject(discovered['capabilities']) ? discovered['capabilities'] : {}
  const meta = discovered['_meta']
  const info = isObject(meta) ? meta['io.modelcontextprotocol/serverInfo'] : undefined
  const name = isObject(info) && typeof info['name'] === 'string' ? info['name'] : ''
  return { capabilities, name, federation: readSettings(capabilities) }
}

/** What a connection to a 2026 upstream over HTTP is made with. */
export interface ModernOptions {
  readonly server: ServerFacts
  /** In whose name the node lists and listens. */
  readonly authorization: Authorization | undefined
  readonly meta: ModernMeta
  readonly events: ConnectionEvents
  readonly log: Logger
}

/** A 2026 upstream over HTTP: no session, one listen for changes. */
export class HttpModern implements Connection {
  readonly era = '2026'
  readonly revision: string = MODERN_REVISION
  readonly stateless = true
  readonly secluded = false
  readonly server: ServerFacts
  readonly #target: HttpTarget
  readonly #authorization: Authorization | undefined
  readonly #meta: ModernMeta
  readonly #events: ConnectionEvents
  readonly #rules: CallRules
  readonly #listen: Listen
  #closed = false

  constructor(target: HttpTarget, { server, authorization, meta, events, log }: ModernOptions) {
    this.#target = target
    this.#authorization = authorization
    this.#meta = meta
    this.#events = events
    this.server = server
    this.#rules = {
      disowned,
      request: ({ method }) => {
        // A server of this era may not ask (MCP 2026-07-28, basic/patterns), and waits for nothing here.
        const facts = { target: target.name, method: String(method).slice(0, 100) }
        log.debug(facts, 'the upstream sent a request, which its era does not allow')
      },
      lost: (fault) => this.#lost(fault),
    }
    this.#listen = new Listen({ send: this.send.bind(this), meta: meta.of(''), server, events })
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
    return sendModern(this.#target, { frame: named, sink, rules: this.#rules })
  }

  close(): Promise<void> {
    this.#stop()
    return Promise.resolve()
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

/** Answers a server that no longer speaks 2026-07-28 gives: it was replaced, and the era must be found out again. */
function disowned(status: number, message: UpstreamMessage | undefined): string | undefined {
  if (message === undefined) {
    const foreign = status === 400 || status === 404 || status === 405
    return foreign
      ? `the upstream no longer speaks MCP ${MODERN_REVISION} (HTTP ${status})`
      : undefined
  }
  if (status !== 400) return undefined
  const code = readError(message)?.code
  // What 2025 servers refuse a request without a session with; one of 2026 may not use that code.
  return code === -32_000 || code === RPC.unsupportedVersion
    ? `the upstream no longer speaks MCP ${MODERN_REVISION}`
    : undefined
}
