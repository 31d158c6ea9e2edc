import { Buffer } from 'node:buffer'
import { Fault } from '../../protocol/errors.ts'
import { mirrorArguments } from '../../protocol/headers.ts'
import {
  writeHopRequest,
  type OwnTrace,
  type Retry,
  type TraceMembers,
} from '../../protocol/hop-request.ts'
import { memberOf } from '../../protocol/json-bytes.ts'
import type { RpcRequest } from '../../protocol/jsonrpc.ts'
import { Body } from '../../protocol/link/body.ts'
import type { Told } from '../../protocol/link/frames.ts'
import { META } from '../../protocol/meta.ts'
import { hasCoreTasks } from '../../protocol/revisions.ts'
import type { Continuation, Delegated, Received, Returned } from '../core/stages.ts'
import { nextId } from '../outbound/ask.ts'
import type { Connection, OutFrame } from '../outbound/connection.ts'
import type { Upstream } from './exchange.ts'
import { Flight } from './flight.ts'
import { CallLanding, type LandingParts } from './landing.ts'
import { badState } from './request-state.ts'
import { isSignIn, signedIn } from './sign-in-tool.ts'
import { proofOf } from './result-proof.ts'

/** What forwarding takes, the same for all calls of a node. */
export interface ForwardParts extends LandingParts {
  /** How long a caller may let a question wait, milliseconds. */
  readonly inputTimeoutMs: number
}

/**
 * Sends a delegated call over its link, or takes the call up that its caller let wait. The promise gives the answer for
 * the caller, or rejects with the Fault that ended the call without one.
 *
 * @throws Fault `overloaded`, `bad_state`
 */
export function forward(
  parts: ForwardParts,
  upstream: Upstream,
  delegated: Delegated,
): Promise<Returned> {
  const { continuation, principal, received } = delegated
  if (continuation?.kind === 'parked') {
    const { id, round } = continuation
    const call = parts.parked.take(id, principal.key, round)
    if (call === undefined) throw badState()
    return call.resume(received)
  }
  if (isSignIn(upstream, delegated)) return signedIn(upstream, delegated, parts.serverInfo)
  const { link, concurrency } = upstream
  if (link.inFlight >= concurrency) {
    const text = `upstream "${link.label}" has ${concurrency} calls in flight`
    throw new Fault('overloaded', text, { limit: 'concurrency' })
  }
  const { inputTimeoutMs } = parts
  const proof = proofOf(upstream.results, delegated)
  const landing = (flight: Flight): CallLanding => new CallLanding(parts, flight, proof)
  const nonce = proof?.nonce
  const frame: typeof frameFor =
    nonce === undefined ? frameFor : (...[call, ...rest]) => frameFor({ ...call, nonce }, ...rest)
  return Flight.fly({ delegated, upstream, inputTimeoutMs, frame, landing })
}

const NO_HEADERS: readonly string[] = []

/** Methods whose target `Mcp-Name` mirrors (MCP 2026-07-28, streamable-http). */
const NAMED: ReadonlySet<string> = new Set([
  'tools/call',
  'prompts/get',
  'resources/read',
  'tasks/get',
  'tasks/update',
  'tasks/cancel',
])

/** The call as this connection's upstream gets it, under an id that is used once. */
function frameFor(
  delegated: Delegated & { readonly nonce?: string },
  connection: Connection,
  retry: Retry | undefined,
): OutFrame {
  const unread = unreadFrame(delegated, connection, retry)
  if (unread !== undefined) return unread
  const { received, entry, target, candidate, onward, context, authorization } = delegated
  const id = nextId()
  const { request, caller, header, scope } = received
  scope.sentAs = id
  const { name } = candidate
  const { method } = request
  const again = retryFor(delegated, connection, retry)
  const body = writeHopRequest(
    {
      source: request,
      id,
      target,
      name,
      trail: onward,
      logLevel: caller.logLevel,
      trace: traceIn(header),
      ownTrace: ownTraceOf(received),
      nonce: delegated.nonce,
      retry: again,
      withoutTask: asksInVain(received, connection),
    },
    connection.meta(context.offered),
  )
  const headers =
    entry.paramHeaders.length === 0 || method !== 'tools/call'
      ? NO_HEADERS
      : mirrorArguments(entry.paramHeaders, request.param('arguments'))
  const mirrored = NAMED.has(method) ? name : undefined
  const told = saysNow(request, again) ? undefined : toldOf(delegated, id)
  return { id, method, name: mirrored, headers, authorization, trail: onward, told, body }
}

/** Longest `tracestate` and `baggage` taken over from a header, characters: as long as everybody has to pass on. */
const MAX_STATE = 512
const MAX_BAGGAGE = 8_192

/** What the headers of a request say of a trace. Without `traceparent` the others say nothing. */
function traceIn(header: Received['header']): TraceMembers | undefined {
  const traceparent = header('traceparent')
  if (traceparent === undefined) return undefined
  const tracestate = upTo(MAX_STATE, header('tracestate'))
  return { traceparent, tracestate, baggage: upTo(MAX_BAGGAGE, header('baggage')) }
}

function upTo(length: number, value = ''): string | undefined {
  return value === '' || value.length > length ? undefined : value
}

function ownTraceOf({ scope: { run } }: Received): OwnTrace | undefined {
  const traceparent = run?.traceparent
  return traceparent === undefined ? undefined : { traceparent, isNew: run?.isNewTrace === true }
}

/**
 * The call as it came, where it came from a node and goes to one over links and nothing in its text is this hop's to change:
 * undefined where it has to be written anew.
 */
function unreadFrame(
  delegated: Delegated & { readonly nonce?: string },
  connection: Connection,
  retry: Retry | undefined,
): OutFrame | undefined {
  const { received, entry, candidate, continuation, nonce } = delegated
  const { request, header, scope } = received
  const { envelope, id, method } = request
  if (envelope === undefined || typeof id !== 'number') return undefined
  if (connection.transport !== 'websocket' || candidate.name !== envelope.name) return undefined
  const isChanged = retry !== undefined || continuation !== undefined || nonce !== undefined
  // Headers that mirror arguments, and a trace that may be missing in the text.
  const isTraced = scope.run?.traceparent !== undefined || header('traceparent') !== undefined
  const needsText = entry.paramHeaders.length > 0 || isTraced
  if (isChanged || needsText) return undefined
  scope.sentAs = id
  const { onward: trail, authorization } = delegated
  const facts = { name: candidate.name, headers: NO_HEADERS, authorization, trail }
  const unread = new Body(envelope.parts)
  return { id, method, ...facts, told: toldOf(delegated, id), unread, body: IS_UNREAD }
}

const IS_UNREAD = Buffer.alloc(0)

/** Whether the next hop gets a retry. */
function saysNow(request: RpcRequest, retry: Retry | undefined): boolean {
  if (retry === undefined) return saysRetry(request)
  return retry.inputResponses !== '' || retry.requestState !== ''
}

function toldOf({ received, context: { offered } }: Delegated, id: number): Told {
  const { request, caller } = received
  const progress =
    request.envelope?.progress ??
    memberOf(request.metaMembers ?? [], META.progressToken) !== undefined
  return { id, progress, logLevel: caller.logLevel, offered }
}

/**
 * Whether the caller says what would make a task of its call although it speaks a revision without such tasks: it could
 * do nothing with one.
 */
function asksInVain({ caller, request }: Received, { era }: Connection): boolean {
  if (era !== '2025' || hasCoreTasks(caller.revision)) return false
  return request.method === 'tools/call' && memberOf(request.paramMembers, 'task') !== undefined
}

const NOT_ONE: Retry = { inputResponses: '', requestState: '' }

/** What the next hop is told of answers; undefined leaves what the caller's request says of them as it is. */
function retryFor(
  { received, continuation }: Delegated,
  { era }: Connection,
  gathered: Retry | undefined,
): Retry | undefined {
  const { request, caller } = received
  // It may have been one of 2026 when it asked.
  if (era === '2025') return saysRetry(request) ? NOT_ONE : undefined
  // In era 2025 there are no retries: what a caller says of one is not from here.
  if (caller.era === '2025') return gathered ?? (saysRetry(request) ? NOT_ONE : undefined)
  return continuation === undefined ? undefined : retryOf(request, continuation)
}

function retryOf(request: RpcRequest, continuation: Continuation): Retry {
  if (continuation.kind !== 'relay') return NOT_ONE
  const { raw, paramMembers } = request
  const answers = memberOf(paramMembers, 'inputResponses')
  return {
    inputResponses: answers === undefined ? '' : raw.toString('utf8', answers.start, answers.end),
    requestState: continuation.inner,
  }
}

/** An upstream of era 2025 knows nothing of retries. */
function saysRetry({ paramMembers }: RpcRequest): boolean {
  return (
    memberOf(paramMembers, 'inputResponses') !== undefined ||
    memberOf(paramMembers, 'requestState') !== undefined
  )
}
