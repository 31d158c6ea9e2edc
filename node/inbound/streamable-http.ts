import { asFault, Fault } from '../../protocol/errors.ts'
import { HEADER } from '../../protocol/headers.ts'
import { writeError } from '../../protocol/hop-response.ts'
import { readBody, type RpcBody, type RpcMessage, type RpcRequest } from '../../protocol/jsonrpc.ts'
import { isLegacyRevision, MODERN_REVISION, SERVED_REVISIONS } from '../../protocol/revisions.ts'
import { CallScope } from '../core/call-scope.ts'
import type { Authenticator } from '../core/authentication.ts'
import type { Principal } from '../core/principal.ts'
import { refusalStatus, rescue } from '../core/rescue.ts'
import { accepts, checkPost } from './admission.ts'
import { credentialFacts } from './credential-facts.ts'
import { readRequestBody } from './body.ts'
import type { KeepAlive } from './event-stream.ts'
import type { HttpExchange } from './http.ts'
import { HttpReply, writeJson } from './http-reply.ts'
import {
  BatchReply,
  checkBatch,
  initialize,
  runSessionRequest,
  takeMessage,
  type SessionParts,
  type SessionUse,
} from './legacy.ts'
import { answer, trailOf } from './methods.ts'
import { checkHeaders, isModern, modernCaller, type HeaderReader } from './modern.ts'
import { isPrimed } from './resumable-stream.ts'
import type { Binding, Session, Sessions } from './session.ts'
import type { Streams } from './streams.ts'

/** What the Streamable HTTP edge is made of. */
export interface StreamableParts extends SessionParts {
  readonly sessions: Sessions
  readonly streams: Streams
  readonly keepAlive: KeepAlive
  readonly authenticator: Authenticator
}

/** An exchange whose caller is known. */
interface KnownExchange extends HttpExchange {
  readonly principal: Principal
}

/** Serves `/mcp/<endpoint>` in both eras on one URL (MCP 2026-07-28 and 2025-11-25, transports). */
export function serveStreamable(
  parts: StreamableParts,
  exchange: HttpExchange,
): Promise<void> | undefined {
  if (!parts.serving.has(exchange.endpoint)) {
    throw new Fault('unknown_endpoint', 'there is no such endpoint')
  }
  // Before the body is read: whoever is nobody here costs no memory.
  const principal = parts.authenticator.authenticate(credentialFacts(exchange))
  return principal instanceof Promise
    ? principal.then((known) => serveKnown(parts, { ...exchange, principal: known }))
    : serveKnown(parts, { ...exchange, principal })
}

function serveKnown(parts: StreamableParts, exchange: KnownExchange): Promise<void> | undefined {
  const { request, endpoint, principal } = exchange
  if (!parts.serving.admits(endpoint, principal)) {
    throw new Fault('unknown_endpoint', 'there is no such endpoint')
  }
  if (request.method === 'POST') {
    checkPost(request)
    readRequestBody(exchange, parts.limits.bodyBytes, (bytes) => post(parts, exchange, bytes))
    return undefined
  }
  if (request.method === 'GET') return openStream(parts, exchange)
  if (request.method === 'DELETE') endSession(parts, exchange)
  else throw new Fault('http_method', 'only POST, GET and DELETE are served here')
  return undefined
}

function post(parts: StreamableParts, exchange: KnownExchange, bytes: Buffer): void {
  const body = readBody(bytes, parts.limits)
  const header = headerReader(exchange)
  const version = header(HEADER.protocolVersion)?.trim()
  if (!body.batch && isOfModernEra(body.message, version)) {
    modern(parts, exchange, { message: body.message, header })
  } else legacy(parts, exchange, { body, header, version })
}

/** Headers come joined where a client sent them twice; those that mirror the body are single by rule. */
function headerReader({ request }: HttpExchange): HeaderReader {
  const { headers } = request
  return (name) => {
    const value = headers[name]
    return typeof value === 'string' ? value : undefined
  }
}

function isOfModernEra(message: RpcMessage, version: string | undefined): boolean {
  return message.kind !== 'response' && isModern(message, version)
}

interface Post<T> {
  readonly message: T
  readonly header: HeaderReader
}

function modern(
  parts: StreamableParts,
  exchange: KnownExchange,
  { message, header }: Post<RpcMessage>,
): void {
  if (message.kind !== 'request') {
    accepted(exchange)
    return
  }
  try {
    start(parts, exchange, { message, header })
  } catch (error) {
    refuse(parts, exchange, { message, header, error })
  }
}

function start(
  parts: StreamableParts,
  exchange: KnownExchange,
  { message: request, header }: Post<RpcRequest>,
): void {
  const { endpoint, principal } = exchange
  checkHeaders(request, header)
  const caller = modernCaller(request)
  const trail = trailOf(request, parts)
  const scope = new CallScope()
  const { response, headers } = exchange
  // Leaving is how a caller of this era cancels (patterns/cancellation).
  const left = (): void => scope.stop(new Fault('cancelled', 'the caller closed the stream'))
  const { keepAlive } = parts
  const challenge = challengeOf(parts, endpoint)
  const reply = new HttpReply(response, { era: '2026', keepAlive, headers, challenge, left })
  const about = { endpoint, caller, request, trail, header, mirrored: true }
  void answer(parts, { ...about, reply, scope }, principal)
}

/** A refusal before anything was started, under the id of the request. */
function refuse(
  { audit, watch }: StreamableParts,
  exchange: KnownExchange,
  { message: request, header, error }: Post<RpcRequest> & { readonly error: unknown },
): void {
  const fault = asFault(error)
  if (fault.code === 'internal') throw fault
  const { endpoint, principal } = exchange
  const received = { endpoint, request, header, scope: new CallScope() }
  audit?.call({ received, principal, fault })
  watch?.refused(fault, endpoint)
  writeJson(exchange.response, {
    status: refusalStatus(fault),
    headers: exchange.headers,
    text: [writeError(request.id, rescue(fault))],
  })
}

interface LegacyPost {
  readonly body: RpcBody
  readonly header: HeaderReader
  readonly version: string | undefined
}

function legacy(
  parts: StreamableParts,
  exchange: KnownExchange,
  { body, header, version }: LegacyPost,
): void {
  const use = (): SessionUse => {
    const session = sessionOf(parts, exchange, { header, version })
    const { endpoint, principal } = exchange
    return { endpoint, session, principal, header }
  }
  if (body.batch) {
    runBatch(parts, exchange, { messages: body.messages, use: use() })
    return
  }
  const { message } = body
  if (message.kind !== 'request') {
    takeMessage(parts, use().session.key, message)
    accepted(exchange)
    return
  }
  try {
    if (message.method === 'initialize') openSession(parts, exchange, message)
    else runOne(parts, exchange, { request: message, use: use() })
  } catch (error) {
    refuse(parts, exchange, { message, header, error })
  }
}

function openSession(parts: StreamableParts, exchange: KnownExchange, request: RpcRequest): void {
  if (!parts.open()) throw new Fault('shutting_down', 'this node is shutting down')
  const { revision, capabilities, response } = initialize(parts, exchange, request)
  const { id } = parts.sessions.open(binding(exchange), revision, capabilities)
  parts.watch?.opened(exchange.endpoint)
  const headers = [...exchange.headers, HEADER.sessionId, id]
  writeJson(exchange.response, { status: 200, headers, text: [response] })
}

function runOne(
  parts: StreamableParts,
  exchange: KnownExchange,
  { request, use }: { request: RpcRequest; use: SessionUse },
): void {
  const scope = new CallScope()
  const reply = sessionReply(parts, exchange, use.session)
  // A withdrawn request has no response, but its stream must end. A caller that merely leaves has not cancelled.
  scope.onEnd((reason) => {
    if (reason?.code === 'cancelled') reply.abandon()
  })
  void runSessionRequest(parts, use, { request, reply, scope })
}

function runBatch(
  parts: StreamableParts,
  exchange: KnownExchange,
  { messages, use }: { messages: readonly RpcMessage[]; use: SessionUse },
): void {
  checkBatch(messages, use.session, parts.limits.batchItems)
  const requests: RpcRequest[] = []
  for (const message of messages) {
    if (message.kind === 'request') requests.push(message)
    else takeMessage(parts, use.session.key, message)
  }
  if (requests.length === 0) {
    accepted(exchange)
    return
  }
  const batch = new BatchReply(sessionReply(parts, exchange, use.session), {
    requests: requests.length,
    session: use.session.key,
    asks: parts.asks,
  })
  for (const request of requests) {
    const scope = new CallScope()
    const reply = batch.part()
    scope.onEnd((reason) => {
      if (reason?.code === 'cancelled') reply.skip()
    })
    void runSessionRequest(parts, use, { request, reply, scope })
  }
}

/** The reply to a session: a caller that merely leaves has not cancelled, and can come back. */
function sessionReply(
  parts: StreamableParts,
  { endpoint, request, response, headers }: HttpExchange,
  { key, revision }: Session,
): HttpReply {
  const { keepAlive, streams, asks } = parts
  const atOnce = isPrimed(revision) && prefersStream(request.headers.accept)
  const session = { key, revision, streams, asks, atOnce }
  const challenge = challengeOf(parts, endpoint)
  return new HttpReply(response, { era: '2025', keepAlive, headers, challenge, session })
}

/** Whether a client that takes event streams and JSON alike names streams first. */
function prefersStream(accept: string | undefined): boolean {
  return /^\s*text\/event-stream\s*(,|$)/i.test(accept ?? '')
}

function accepted({ response, headers }: HttpExchange): void {
  response.writeHead(202, [...headers])
  response.end()
}

function challengeOf(
  { authenticator }: StreamableParts,
  endpoint: string,
): (refusal: Fault) => readonly string[] {
  return (refusal) => authenticator.challenge(endpoint, refusal)
}

function binding({ endpoint, principal }: KnownExchange): Binding {
  return { endpoint, principal }
}

/** The session a request belongs to, by the header alone. */
function sessionOf(
  parts: StreamableParts,
  exchange: KnownExchange,
  { header, version }: { header: HeaderReader; version: string | undefined },
): Session {
  if (version === MODERN_REVISION) {
    const text = `MCP ${version} has no sessions, batches or responses from clients`
    throw new Fault('invalid_request', text)
  }
  if (version !== undefined && !isLegacyRevision(version)) {
    throw new Fault('unsupported_version', `MCP revision ${version.slice(0, 40)} is not served`, {
      data: { supported: SERVED_REVISIONS, requested: version },
    })
  }
  const id = header(HEADER.sessionId)
  if (id === undefined) {
    throw new Fault('session_required', 'Mcp-Session-Id is missing; initialize first')
  }
  return parts.sessions.find(id, binding(exchange))
}

function openStream(parts: StreamableParts, exchange: KnownExchange): Promise<void> {
  const { request, response, headers } = exchange
  const header = headerReader(exchange)
  if (header(HEADER.sessionId) === undefined) {
    throw new Fault('http_method', 'GET opens the stream of a session; there is no Mcp-Session-Id')
  }
  if (!accepts(request.headers.accept, 'text/event-stream')) {
    throw new Fault('not_acceptable', 'Accept must list text/event-stream')
  }
  const version = header(HEADER.protocolVersion)?.trim()
  const { key, revision, capabilities } = sessionOf(parts, exchange, { header, version })
  const { endpoint, principal } = exchange
  const watcher = { endpoint, principal, federated: capabilities.federation !== undefined }
  if (!parts.open()) throw new Fault('shutting_down', 'this node is shutting down')
  const counted = count(parts, exchange)
  return parts.streams.open({
    session: key,
    response,
    headers: [...headers, ...counted],
    revision,
    // Empty is what a client sends that has none.
    lastEventId: header(HEADER.lastEventId) || undefined,
    hasRoom: parts.hasRoom,
    watcher,
    watch: (listener) => parts.serving.watch(watcher, listener),
    isValid: () => isValid(parts, exchange),
  })
}

/** Counts a GET, and gives the headers that say what is left. @throws Limited */
function count({ meter }: StreamableParts, exchange: KnownExchange): readonly string[] {
  const { principal, endpoint, response } = exchange
  const lease = meter()?.take({ principal, endpoint, method: 'GET' })
  if (lease?.holds === true) response.once('close', () => lease.release())
  return lease?.headers ?? []
}

/** Whether the session of a request is good still. */
function isValid(parts: StreamableParts, exchange: KnownExchange): boolean {
  if (Date.now() >= exchange.principal.expiresAt) return false
  try {
    sessionOf(parts, exchange, { header: headerReader(exchange), version: undefined })
    return true
  } catch {
    return false
  }
}

function endSession(parts: StreamableParts, exchange: KnownExchange): void {
  const header = headerReader(exchange)
  if (header(HEADER.sessionId) === undefined) {
    throw new Fault('http_method', 'DELETE ends a session; there is no Mcp-Session-Id')
  }
  const version = header(HEADER.protocolVersion)?.trim()
  const session = sessionOf(parts, exchange, { header, version })
  parts.sessions.end(session)
  parts.streams.end(session.key)
  parts.memory.end(session.key)
  parts.asks.end(session.key)
  // Behind the answers: who asked is told, and asks nobody again.
  parts.inflight.end(session.key, new Fault('cancelled', 'the client ended the session'))
  parts.serving.endSession(session.key)
  exchange.response.writeHead(204, [...exchange.headers])
  exchange.response.end()
}
