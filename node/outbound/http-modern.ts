import { RPC, type Fault } from '../../protocol/errors.ts'
import { readSettings } from '../../protocol/federation.ts'
import { encodeHeaderValue, HEADER } from '../../protocol/headers.ts'
import { linkMeta } from '../../protocol/hop-request.ts'
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts'
import { MODERN_REVISION } from '../../protocol/revisions.ts'
import { readError, type UpstreamMessage } from '../../protocol/upstream-message.ts'
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
import type { HttpTarget } from './http-target.ts'
import { Listen, reportsChanges } from './listen.ts'
import { selfCapabilities } from './self.ts'

/** `_meta` of every request to a 2026 upstream. */
export function modernMeta(self: Self): string {
  return linkMeta('2026', self.clientInfo, selfCapabilities(self, '2026'), MODERN_REVISION)
}

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
  const exchange = target.post(frame.body, headers, call)
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

/** A 2026 upstream over HTTP: no session, one listen for changes of its tools. */
export class HttpModern implements Connection {
  readonly era = '2026'
  readonly revision: string = MODERN_REVISION
  readonly stateless = true
  readonly server: ServerFacts
  readonly meta: string
  readonly #target: HttpTarget
  readonly #events: ConnectionEvents
  readonly #rules: CallRules
  readonly #listen: Listen
  #closed = false

  constructor(
    target: HttpTarget,
    { server, self, events }: { server: ServerFacts; self: Self; events: ConnectionEvents },
  ) {
    this.#target = target
    this.#events = events
    this.server = server
    this.meta = modernMeta(self)
    this.#rules = {
      disowned,
      request: () => undefined,
      lost: (fault) => this.#lost(fault),
    }
    this.#listen = new Listen(this.send.bind(this), this.meta, events)
  }

  get watching(): boolean {
    return this.#listen.active
  }

  send(frame: OutFrame, sink: FrameSink): Sent {
    return sendModern(this.#target, { frame, sink, rules: this.#rules })
  }

  close(): Promise<void> {
    this.#stop()
    return Promise.resolve()
  }

  /** Asks to be told of changes. Resolves when that is granted, refused, or takes too long. */
  watch(): Promise<void> {
    return reportsChanges(this.server) ? this.#listen.start() : Promise.resolve()
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
