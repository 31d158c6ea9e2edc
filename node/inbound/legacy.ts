import { Fault } from '../../protocol/errors.ts'
import { writeResult } from '../../protocol/hop-response.ts'
import {
  isObject,
  type JsonObject,
  type RpcMessage,
  type RpcNotification,
  type RpcRequest,
  type RpcResponse,
} from '../../protocol/jsonrpc.ts'
import { BATCH_REVISION, negotiate, type LegacyRevision } from '../../protocol/revisions.ts'
import type { CallScope } from '../core/call-scope.ts'
import type { Principal } from '../core/principal.ts'
import type { Caller, Reply, Watcher } from '../core/stages.ts'
import { initializeResult } from './answers.ts'
import type { Asks } from './asks.ts'
import type { QuestionMaker, Questions } from './http-reply.ts'
import type { Inflight } from './inflight.ts'
import { answer, describeEndpoint, fail, trailOf, type MethodParts } from './methods.ts'
import type { HeaderReader } from './modern.ts'
import type { Session } from './session.ts'

/** What serving sessions takes. */
export interface SessionParts extends MethodParts {
  readonly inflight: Inflight
  readonly asks: Asks
}

/** A session that is in use, and where its messages go. */
export interface SessionUse {
  readonly endpoint: string
  readonly session: Session
  readonly principal: Principal
  readonly header: HeaderReader
}

/** What `initialize` asks for and gets. */
export interface Handshake {
  readonly revision: LegacyRevision
  readonly capabilities: JsonObject
  readonly response: Buffer
}

/** Answers `initialize`; the transport makes the session. */
export function initialize(parts: MethodParts, caller: Watcher, request: RpcRequest): Handshake {
  const capabilities = request.param('capabilities')
  const revision = negotiate(request.param('protocolVersion'))
  const description = describeEndpoint(parts, caller)
  const result = initializeResult(description, parts.identity, revision)
  return {
    revision,
    capabilities: isObject(capabilities) ? capabilities : {},
    response: writeResult(request.id, JSON.stringify(result)),
  }
}

/** The caller of a session's requests. */
function sessionCaller({ key, revision, capabilities }: Session, { memory }: SessionParts): Caller {
  return { era: '2025', revision, session: key, capabilities, logLevel: memory.logLevel(key) }
}

/** Runs one request of a session: `reply.finish` is called unless the caller cancels. As `answer`, it never rejects. */
export function runSessionRequest(
  parts: SessionParts,
  use: SessionUse,
  { request, reply, scope }: { request: RpcRequest; reply: Reply; scope: CallScope },
): Promise<void> | undefined {
  const { endpoint, session, principal, header } = use
  parts.inflight.add(session.key, request.id, scope)
  try {
    const trail = trailOf(request, parts)
    const caller = sessionCaller(session, parts)
    const about = { endpoint, caller, request, trail, header, mirrored: false }
    return answer(parts, { ...about, reply, scope }, principal)
  } catch (error) {
    fail(parts, { endpoint, request, header, reply, scope }, { error, principal })
    return undefined
  }
}

/** Takes what a session says without asking for anything: nothing of it is answered. */
export function takeMessage(
  { inflight, asks }: Pick<SessionParts, 'inflight' | 'asks'>,
  session: string,
  message: RpcNotification | RpcResponse,
): void {
  if (message.kind === 'response') asks.takeResponse(session, message)
  else if (message.method === 'notifications/progress') asks.takeProgress(session, message)
  else if (message.method === 'notifications/cancelled') cancel(inflight, session, message)
}

/** A cancellation reaches its own request, in this session and no other. */
function cancel(inflight: Inflight, session: string, notification: RpcNotification): void {
  const requestId = notification.param('requestId')
  if (typeof requestId !== 'string' && typeof requestId !== 'number') return
  for (const scope of inflight.of(session, requestId)) {
    scope.stop(new Fault('cancelled', 'the caller cancelled the request'))
  }
}

/**
 * The messages of a batch (MCP 2025-03-26, basic/index).
 *
 * @throws Fault `batch_refused`
 */
export function checkBatch(
  messages: readonly RpcMessage[],
  session: Session,
  maxItems: number,
): void {
  if (session.revision !== BATCH_REVISION) {
    throw new Fault('batch_refused', `batches exist in MCP ${BATCH_REVISION} only`)
  }
  if (messages.length === 0) throw new Fault('batch_refused', 'the batch is empty')
  if (messages.length > maxItems) {
    const text = `the batch has more than ${maxItems} messages`
    throw new Fault('batch_refused', text, { limit: 'batchItems' })
  }
  if (messages.some((message) => message.kind === 'request' && message.method === 'initialize')) {
    throw new Fault('batch_refused', 'initialize must not be part of a batch')
  }
}

/** A reply that may also end without a response; where it holds nothing open, there is nothing to end. */
interface WholeReply extends Reply {
  abandon?(): void
}

/** What a batch asks for, and of whom its requests may ask something in turn. */
interface BatchPlan {
  readonly requests: number
  readonly session: string
  readonly asks: QuestionMaker
}

/**
 * The replies of a batch, gathered into one. Notifications go out as they come, each by itself; the responses together
 * when the last is there, or as one event where a stream has begun.
 */
export class BatchReply {
  readonly #reply: WholeReply
  readonly #newQuestions: () => Questions
  readonly #responses: (readonly Buffer[])[] = []
  #waiting: number

  constructor(reply: WholeReply, { requests, session, asks }: BatchPlan) {
    this.#reply = reply
    this.#newQuestions = () => asks.of(session, (text) => void reply.notify(text))
    this.#waiting = requests
  }

  /** The reply of one request. A cancelled one has no response, and is `skip`ped. */
  part(): Reply & { skip(): void } {
    let done = false
    let questions: Questions | undefined
    const settle = (text: readonly Buffer[] | undefined): void => {
      if (done) return
      done = true
      questions?.drop()
      if (text !== undefined) this.#responses.push(text)
      this.#waiting -= 1
      if (this.#waiting === 0) this.#finish()
    }
    return {
      notify: (text) => this.#reply.notify(text),
      onDrain: (listener) => this.#reply.onDrain(listener),
      ask: (question, sink) => {
        questions ??= this.#newQuestions()
        if (done) questions.drop()
        return questions.ask(question, sink)
      },
      finish: (text) => settle(text),
      skip: () => settle(undefined),
    }
  }

  #finish(): void {
    // All were cancelled; an empty array is no batch (JSON-RPC 2.0 §6).
    if (this.#responses.length === 0) {
      this.#reply.abandon?.()
      return
    }
    const parts: Buffer[] = [Buffer.from('[')]
    this.#responses.forEach((response, index) => {
      if (index > 0) parts.push(Buffer.from(','))
      parts.push(...response)
    })
    parts.push(Buffer.from(']'))
    this.#reply.finish(parts)
  }
}
