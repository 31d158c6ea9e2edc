import { asFault, Fault } from '../../protocol/errors.ts'
import { enterNode, type HopTrail } from '../../protocol/federation.ts'
import { HEADER } from '../../protocol/headers.ts'
import { writeError } from '../../protocol/hop-response.ts'
import { readBody, type RpcRequest } from '../../protocol/jsonrpc.ts'
import type { RequestFrame } from '../../protocol/link/frames.ts'
import { MODERN_REVISION } from '../../protocol/revisions.ts'
import type { CallScope } from '../core/call-scope.ts'
import type { Principal } from '../core/principal.ts'
import { rescue } from '../core/rescue.ts'
import type { Reply } from '../core/stages.ts'
import { answer, trailOf, type MethodParts } from './methods.ts'
import { checkMirrors, modernCaller, type HeaderReader } from './modern.ts'

/** One request that came on a link, and the way back. */
export interface LinkCall {
  readonly endpoint: string
  readonly principal: Principal
  readonly frame: RequestFrame
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
    // All requests of a link are of one revision.
    checkMirrors(request, { version: MODERN_REVISION, method: frame.method, name: frame.name })
    const caller = modernCaller(request)
    const trail = trailFor(parts, request, frame.trail)
    const about = { endpoint, caller, request, trail, header, mirrored: true }
    void answer(parts, { ...about, reply, scope }, principal)
  } catch (error) {
    refuse(parts, call, { request, header, error })
  }
}

/** @throws Fault as `readBody`, and `body_too_large` */
function requestIn({ limits }: MethodParts, { body }: RequestFrame): RpcRequest {
  if (body.length > limits.bodyBytes) {
    throw new Fault('body_too_large', `the body is larger than ${limits.bodyBytes} bytes`)
  }
  const read = readBody(body, limits)
  if (!read.batch && read.message.kind === 'request') return read.message
  throw new Fault('invalid_request', 'a link carries single requests')
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
  { audit, log }: MethodParts,
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
  scope.finish()
  const wire = rescue(fault)
  reply.finish([writeError(request?.id ?? null, wire)], wire.code, fault)
  if (request === undefined) audit?.call({ endpoint, fault })
  else audit?.call({ received: { endpoint, request, header, scope }, principal, fault })
}
