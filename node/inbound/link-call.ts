import { asFault, Fault } from '../../protocol/errors.ts'
import { enterNode, type HopTrail } from '../../protocol/federation.ts'
import { HEADER } from '../../protocol/headers.ts'
import { writeError } from '../../protocol/hop-response.ts'
import type { RpcRequest } from '../../protocol/jsonrpc.ts'
import type { RequestFrame } from '../../protocol/link/frames.ts'
import type { CallScope } from '../core/call-scope.ts'
import type { Principal } from '../core/principal.ts'
import { rescue } from '../core/rescue.ts'
import type { Caller, Reply } from '../core/stages.ts'
import type { LinkCallers } from './link-callers.ts'
import { requestOf } from './link-request.ts'
import { answer, trailOf, type MethodParts } from './methods.ts'
import { modernCaller, type HeaderReader } from './modern.ts'

/** One request that came on a link, and the way back. */
export interface LinkCall {
  readonly endpoint: string
  readonly principal: Principal
  readonly frame: RequestFrame
  /** Who calls, where the frame says that. */
  readonly callers: LinkCallers
  readonly reply: Reply
  readonly scope: CallScope
}

/** Answers a request of a link: the road of a POST in era 2026, from the body on. Errors become responses. */
export function serveLinkCall(parts: MethodParts, call: LinkCall): void {
  const { endpoint, principal, frame, reply, scope } = call
  const header = headerOf(frame)
  let request: RpcRequest | undefined
  try {
    request = requestIn(parts, frame)
    const caller = callerOf(call, request)
    const trail = trailFor(parts, request, frame.trail)
    const about = { endpoint, caller, request, trail, header, mirrored: true }
    void answer(parts, { ...about, reply, scope }, principal)
  } catch (error) {
    refuse(parts, call, { request, header, error })
  }
}

/** @throws Fault as `requestOf`, and `body_too_large` */
function requestIn({ limits, audit }: MethodParts, frame: RequestFrame): RpcRequest {
  if (frame.body.length > limits.bodyBytes) {
    throw new Fault('body_too_large', `the body is larger than ${limits.bodyBytes} bytes`)
  }
  const request = requestOf(frame, limits)
  // What is written down of calls stands in the text.
  if (audit !== undefined) request.envelope?.check()
  return request
}

/** Where the envelope says who calls, that counts: `_meta` may be of a node before the one at the other end. */
function callerOf({ frame: { told }, callers }: LinkCall, request: RpcRequest): Caller {
  return request.envelope === undefined || told === undefined
    ? modernCaller(request)
    : callers.of(told)
}

/**
 * The trail in the envelope is that of the call; what `_meta` says besides counts for nothing. Without one the caller is as
 * one over HTTP.
 */
function trailFor(parts: MethodParts, request: RpcRequest, trail: HopTrail | undefined): HopTrail {
  if (trail === undefined) return trailOf(request, parts)
  const clamped = { budget: Math.min(trail.budget, parts.hopBudget), path: trail.path }
  return enterNode(clamped, parts.identity.federation.node)
}

function headerOf({ method, lines }: RequestFrame): HeaderReader {
  return (name) => {
    if (name === HEADER.method) return method
    for (let index = 0; index < lines.length; index += 2) {
      if (lines[index] === name) return lines[index + 1]
    }
    return undefined
  }
}

function refuse(
  { audit, log, watch }: MethodParts,
  { endpoint, principal, reply, scope }: LinkCall,
  refused: {
    readonly request: RpcRequest | undefined
    readonly header: HeaderReader
    readonly error: unknown
  },
): void {
  const { request, header, error } = refused
  const fault = asFault(error)
  if (fault.code === 'internal') log.error({ cause: fault.cause }, 'a request failed')
  scope.finish(fault)
  if (scope.run === undefined) watch?.refused(fault, endpoint)
  const wire = rescue(fault)
  reply.finish([writeError(request?.id ?? null, wire)], wire.code, fault)
  if (request === undefined) audit?.call({ endpoint, fault })
  else audit?.call({ received: { endpoint, request, header, scope }, principal, fault })
}
