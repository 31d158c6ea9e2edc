import { asFault, Fault } from '../../protocol/errors.ts'
import { enterNode, readTrail, type HopTrail } from '../../protocol/federation.ts'
import { writeError, writeResult } from '../../protocol/hop-response.ts'
import type { RpcRequest } from '../../protocol/jsonrpc.ts'
import { META } from '../../protocol/meta.ts'
import { rescue } from '../core/rescue.ts'
import type { CallScope } from '../core/call-scope.ts'
import type { Logger } from '../core/logger.ts'
import type { Authenticated, EndpointDescription, Received, Serving } from '../core/stages.ts'
import { discoverResult, listResponse, type Identity } from './answers.ts'
import { listen } from './listen.ts'
import { LOCAL_CALLER } from '../core/principal.ts'

/** What answering a request takes, whatever transport it came by. */
export interface MethodParts {
  readonly serving: Serving
  readonly identity: Identity
  /** JSON text of `identity.serverInfo`. */
  readonly serverInfo: string
  /** Nodes a request without a trail may enter. */
  readonly hopBudget: number
  readonly log: Logger
  /** Whether the node takes requests; false while it closes. */
  readonly open: () => boolean
  /** The listens that are open: they are answered when the node closes. */
  readonly listens: Set<CallScope>
  /** Whether one more stream of server messages may be opened. */
  readonly hasRoom: () => boolean
}

/**
 * The trail of a request that enters this node.
 *
 * @throws Fault `loop`, `hop_budget`, `invalid_params`
 */
export function trailOf(request: RpcRequest, parts: MethodParts): HopTrail {
  if (request.metaMembers === undefined) {
    throw new Fault('invalid_params', 'params._meta must be an object')
  }
  const trail = readTrail(request.meta(META.federation), parts.hopBudget)
  return enterNode(trail, parts.identity.federation.node)
}

/** The endpoint of a request, which the transport has found to exist. */
export function describeEndpoint(parts: MethodParts, endpoint: string): EndpointDescription {
  const description = parts.serving.describe(endpoint)
  if (description === undefined) throw new Fault('unknown_endpoint', 'there is no such endpoint')
  return description
}

/** Makes the principal. Without authentication configured a node serves loopback only, and all callers are one. */
function authenticate(received: Received): Authenticated {
  return { received, principal: LOCAL_CALLER }
}

/** Answers a request the era has; errors become responses. The promise, where there is one, never rejects. */
export function answer(parts: MethodParts, received: Received): Promise<void> | undefined {
  try {
    if (!parts.open()) throw new Fault('shutting_down', 'this node is shutting down')
    return dispatch(parts, authenticate(received))
  } catch (error) {
    fail(parts, received, error)
    return undefined
  }
}

/** Answers a request with what went wrong. */
export function fail(
  parts: MethodParts,
  { request, reply, scope }: Pick<Received, 'request' | 'reply' | 'scope'>,
  error: unknown,
): void {
  scope.finish()
  const fault = asFault(error)
  if (fault.code === 'internal') parts.log.error({ cause: fault.cause }, 'a request failed')
  const wire = rescue(fault)
  reply.finish([writeError(request.id, wire)], wire.code)
}

/** Runs a method; the promise is undefined where the answer is already out. */
function dispatch(parts: MethodParts, call: Authenticated): Promise<void> | undefined {
  const { received } = call
  const { request, reply, scope, caller } = received
  const modern = caller.era === '2026'
  switch (request.method) {
    case 'tools/call':
      return parts.serving.call(call)
    case 'tools/list':
      return listTools(parts, call)
    case 'server/discover':
      if (!modern) break
      scope.finish()
      reply.finish([discovered(parts, received)])
      return undefined
    case 'subscriptions/listen':
      if (!modern) break
      listen(parts, received)
      return undefined
    case 'ping':
      if (modern) break
      scope.finish()
      reply.finish([writeResult(request.id, '{}')])
      return undefined
    default:
  }
  throw new Fault('method_not_found', `there is no method ${request.method.slice(0, 100)}`)
}

function discovered(parts: MethodParts, { request, endpoint }: Received): Buffer {
  const result = discoverResult(describeEndpoint(parts, endpoint), parts.identity)
  return writeResult(request.id, JSON.stringify(result))
}

async function listTools(parts: MethodParts, call: Authenticated): Promise<void> {
  const { request, reply, scope, caller } = call.received
  try {
    const cursor = request.param('cursor')
    if (cursor !== undefined && typeof cursor !== 'string') {
      throw new Fault('bad_cursor', 'params.cursor must be a string')
    }
    const page = await parts.serving.listTools(call, cursor)
    scope.finish()
    reply.finish(listResponse(request.id, page, { era: caller.era, serverInfo: parts.serverInfo }))
  } catch (error) {
    fail(parts, call.received, error)
  }
}
