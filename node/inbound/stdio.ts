import type { Readable, Writable } from 'node:stream'
import { changedMethod } from '../../protocol/capability.ts'
import { readSessionCapabilities } from '../../protocol/client-capabilities.ts'
import { asFault, Fault } from '../../protocol/errors.ts'
import { writeError, writeNotification, writeResult } from '../../protocol/hop-response.ts'
import { readBody, type RpcId, type RpcMessage, type RpcRequest } from '../../protocol/jsonrpc.ts'
import { CallScope } from '../core/call-scope.ts'
import { LOCAL_CALLER } from '../core/principal.ts'
import { rescue } from '../core/rescue.ts'
import { LineSplitter } from '../core/stdio-lines.ts'
import { Announcements } from './announcements.ts'
import { Asks } from './asks.ts'
import type { Questions } from './http-reply.ts'
import { Inflight } from './inflight.ts'
import {
  BatchReply,
  checkBatch,
  initialize,
  runSessionRequest,
  takeMessage,
  type SessionParts,
  type SessionUse,
} from './legacy.ts'
import { answer, describeEndpoint, trailOf, type MethodParts } from './methods.ts'
import { isModern, modernCaller } from './modern.ts'
import { LocalSessionMemory } from './session-memory.ts'
import type { Session } from './session.ts'
import { StdioOutput } from './stdio-output.ts'
import { StdioReply } from './stdio-reply.ts'

/** What serving a pipe takes; what sessions hold is its own. */
export type StdioParts = Omit<MethodParts, 'memory' | 'tell'>

/** A pipe and what is served on it. */
export interface StdioPlan {
  readonly endpoint: string
  readonly input: Readable
  readonly output: Writable
}

/** A pipe has one caller, and so one space of ids and at most one session. */
const PIPE = 'stdio'

/** How long a caller may take to read the last answers, milliseconds. */
const FLUSH_MS = 1_000

const NO_HEADER = (): undefined => undefined

/**
 * Serves one endpoint over a pipe in both eras (MCP 2026-07-28 and 2025-11-25, transports): one message a line.
 * `initialize` opens the one session of the pipe; requests of 2026 need none.
 */
export class StdioServer {
  readonly #parts: SessionParts
  readonly #plan: StdioPlan
  readonly #output: StdioOutput
  readonly #ended = Promise.withResolvers<void>()
  readonly #scopes = new Set<CallScope>()
  readonly #runs = new Set<Promise<void>>()
  /** What is told unasked. */
  readonly #announcements: Announcements
  #use: SessionUse | undefined
  #closing = false
  #unwatch: () => void = () => undefined

  /** @throws Fault `unknown_endpoint` */
  constructor(parts: StdioParts, plan: StdioPlan) {
    describeEndpoint(parts, { ...plan, principal: LOCAL_CALLER })
    this.#plan = plan
    this.#output = new StdioOutput(plan.output, parts.limits.bodyBytes, {
      gone: () => this.#ended.resolve(),
      // A caller that does not read is not read either.
      crowded: () => plan.input.pause(),
      caughtUp: () => {
        if (!this.#closing) plan.input.resume()
      },
    })
    this.#announcements = new Announcements(new StdioReply(this.#output), true)
    this.#parts = this.#ownParts(parts)
  }

  /** Serves until the caller closes its end of the pipe, or stops reading ours. Never rejects. */
  run(): Promise<void> {
    const { input } = this.#plan
    const { bodyBytes } = this.#parts.limits
    const lines = new LineSplitter(
      bodyBytes,
      (line) => this.#line(line),
      () => {
        const text = `a message is longer than ${bodyBytes} bytes`
        this.#refuse(null, new Fault('body_too_large', text))
      },
    )
    input.on('data', (chunk: Buffer) => lines.push(chunk))
    input.on('end', () => {
      lines.end()
      this.#ended.resolve()
    })
    for (const event of ['error', 'close']) input.on(event, () => this.#ended.resolve())
    return this.#ended.promise
  }

  /**
   * Takes nothing more, lets calls finish for `graceMs` at most, ends the others and listens, and resolves when the
   * caller has all answers or has gone.
   */
  async close(graceMs: number): Promise<void> {
    this.#closing = true
    this.#plan.input.pause()
    this.#unwatch()
    this.#parts.memory.end(PIPE)
    if (!this.#output.broken) await within(graceMs, Promise.all(this.#runs))
    for (const scope of this.#scopes) {
      scope.stop(new Fault('shutting_down', 'this node is shutting down'))
    }
    const answered = Promise.all(this.#runs).then(() => this.#output.flushed())
    await within(FLUSH_MS, answered)
  }

  #ownParts(parts: StdioParts): SessionParts {
    const { subscriptions } = parts.limits
    return {
      ...parts,
      inflight: new Inflight(),
      asks: new Asks(),
      // Updates go where everything goes, and are heard as long as the pipe is.
      memory: new LocalSessionMemory({ subscriptions, idleMs: Infinity, isHeard: () => true }),
      tell: (_session, message) => this.#announcements.announce(message.toString(), message),
    }
  }

  #line(line: Buffer): void {
    if (line.length === 0) return
    try {
      const body = readBody(line, this.#parts.limits)
      if (body.batch) this.#batch(body.messages)
      else this.#message(body.message)
    } catch (error) {
      this.#refuse(null, error)
    }
  }

  #message(message: RpcMessage): void {
    if (message.kind === 'request') this.#request(message)
    else takeMessage(this.#parts, PIPE, message)
  }

  #request(request: RpcRequest): void {
    // Answered under the id, the refusal would pass for the answer to the first.
    if (this.#parts.inflight.has(PIPE, request.id)) throw duplicate(request.id)
    try {
      const { method } = request
      if (isModern(request, undefined)) this.#modern(request)
      else if (method === 'initialize') this.#open(request)
      else if (method === 'ping') this.#output.write([writeResult(request.id, '{}')])
      else this.#single(request, this.#session())
    } catch (error) {
      this.#refuse(request.id, error)
    }
  }

  #modern(request: RpcRequest): void {
    const { endpoint } = this.#plan
    const caller = modernCaller(request)
    const trail = trailOf(request, this.#parts)
    const reply = new StdioReply(this.#output)
    const scope = this.#scope(request, () => reply.abandon())
    this.#parts.inflight.add(PIPE, request.id, scope)
    const header = NO_HEADER
    const received = { endpoint, caller, request, trail, header, mirrored: false, reply, scope }
    // Whoever starts the node and holds its pipe is its one caller (MCP, basic/authorization: stdio).
    this.#track(answer(this.#parts, received, LOCAL_CALLER))
  }

  #open(request: RpcRequest): void {
    const { endpoint } = this.#plan
    if (this.#use !== undefined) throw new Fault('invalid_request', 'the session is already open')
    const { revision, capabilities, response } = initialize(
      this.#parts,
      { endpoint, principal: LOCAL_CALLER },
      request,
    )
    const session: Session = {
      key: PIPE,
      revision,
      capabilities: readSessionCapabilities(capabilities),
    }
    this.#use = { endpoint, session, principal: LOCAL_CALLER, header: NO_HEADER }
    this.#output.write([response])
    this.#parts.watch?.opened(endpoint)
    // In this era changes are told unasked, wherever the pipe is open.
    const federated = session.capabilities.federation !== undefined
    const watcher = { endpoint, principal: LOCAL_CALLER, federated }
    this.#unwatch = this.#parts.serving.watch(watcher, (of) => {
      this.#announcements.announce(of, writeNotification(changedMethod(of)))
    })
  }

  #session(): SessionUse {
    if (this.#use !== undefined) return this.#use
    throw new Fault('session_required', 'there is no session; initialize first')
  }

  #single(request: RpcRequest, use: SessionUse): void {
    const reply = new StdioReply(this.#output, () => this.#questions())
    const scope = this.#scope(request, () => reply.abandon())
    this.#track(runSessionRequest(this.#parts, use, { request, reply, scope }))
  }

  #batch(messages: readonly RpcMessage[]): void {
    const use = this.#session()
    checkBatch(messages, use.session, this.#parts.limits.batchItems)
    for (const message of messages) if (message.kind !== 'request') this.#message(message)
    const requests = messages.filter((message) => message.kind === 'request')
    this.#refuseDuplicates(requests)
    const batch = new BatchReply(new StdioReply(this.#output), {
      requests: requests.length,
      session: PIPE,
      asks: this.#parts.asks,
    })
    for (const request of requests) {
      const reply = batch.part()
      const scope = this.#scope(request, () => reply.skip())
      this.#track(runSessionRequest(this.#parts, use, { request, reply, scope }))
    }
  }

  #questions(): Questions {
    return this.#parts.asks.of(PIPE, (text) => void this.#output.write([text]))
  }

  #refuseDuplicates(requests: readonly RpcRequest[]): void {
    const seen = new Set<RpcId>()
    for (const { id } of requests) {
      if (seen.has(id) || this.#parts.inflight.has(PIPE, id)) throw duplicate(id)
      seen.add(id)
    }
  }

  /** The life of a request. `withdrawn` is told when its caller cancels it: then it has no response. */
  #scope({ id, method }: RpcRequest, withdrawn: () => void): CallScope {
    const scope = new CallScope('stdio')
    this.#scopes.add(scope)
    scope.onEnd((reason) => {
      this.#scopes.delete(scope)
      if (reason?.code === 'cancelled') withdrawn()
      if (reason?.code === 'shutting_down' && method === 'subscriptions/listen') {
        // Two texts of the specification ask for this and for the result; callers accept either.
        const params = { requestId: id, reason: reason.message }
        this.#output.write([writeNotification('notifications/cancelled', params)])
      }
    })
    return scope
  }

  #track(run: Promise<void> | undefined): void {
    if (run === undefined) return
    this.#runs.add(run)
    void run.finally(() => this.#runs.delete(run))
  }

  #refuse(id: RpcId | null, error: unknown): void {
    const fault = asFault(error)
    if (fault.code === 'internal') {
      this.#parts.log.error({ cause: fault.cause }, 'a request failed')
    }
    this.#output.write([writeError(id, rescue(fault))])
    const { audit, watch } = this.#parts
    audit?.call({ endpoint: this.#plan.endpoint, fault })
    watch?.refused(fault, this.#plan.endpoint)
  }
}

function duplicate(id: RpcId): Fault {
  return new Fault('invalid_request', 'the id is that of a request still in flight', {
    data: { id },
  })
}

/** Resolves when the work is done or the time is over. */
async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, milliseconds)
  await Promise.race([work, late.promise])
  clearTimeout(timer)
}
