import { CAPABILITY_KINDS, LIST_RULES, type CapabilityKind } from '../../protocol/capability.ts'
import { asFault, Fault, untaken } from '../../protocol/errors.ts'
import {
  enterNode,
  EXPLAIN_METHOD,
  PROBE_METHOD,
  readTrail,
  type HopTrail,
} from '../../protocol/federation.ts'
import { writeError } from '../../protocol/hop-response.ts'
import { memberOf } from '../../protocol/json-bytes.ts'
import { readValue } from '../../protocol/json-value.ts'
import type { RpcRequest } from '../../protocol/jsonrpc.ts'
import { META } from '../../protocol/meta.ts'
import { hasCoreTasks, type Era } from '../../protocol/revisions.ts'
import type { CallAudit } from '../core/audit.ts'
import type { CallWatch } from '../core/call-watch.ts'
import type { Logger } from '../core/logger.ts'
import { meterCall, type CurrentMeter } from '../core/meter.ts'
import type { Principal } from '../core/principal.ts'
import { rescue } from '../core/rescue.ts'
import type { Authenticated, EndpointDescription, Received, Watcher } from '../core/stages.ts'
import {
  complete,
  discoverResult,
  listResponse,
  SKILLS,
  TASKS,
  tasksMissing,
  type Identity,
} from './answers.ts'
import { listen, type ListenParts } from './listen.ts'
import {
  ping,
  setLevel,
  subscribe,
  unsubscribe,
  type SessionMethodParts,
} from './session-methods.ts'
import { TextMemo } from './text-memo.ts'

/** What answering a request takes, whatever transport it came by. */
export interface MethodParts extends ListenParts, SessionMethodParts {
  readonly identity: Identity
  /** Nodes a request without a trail may enter. */
  readonly hopBudget: number
  readonly log: Logger
  /** Undefined where calls are not written down. */
  readonly audit?: CallAudit | undefined
  /** Undefined where nobody counts. */
  readonly watch?: CallWatch | undefined
  /** Whether the node takes requests; false while it closes. */
  readonly open: () => boolean
  /** What counts requests, but for those that are relayed: the hop knows what they are about. */
  readonly meter: CurrentMeter
}

/** Answers a request; may throw while nothing is under way. The promise, where there is one, never rejects. */
type Method = (parts: MethodParts, call: Authenticated) => Promise<void> | undefined

/**
 * The trail of a request that enters this node.
 *
 * @throws Fault `loop`, `hop_budget`, `invalid_params`
 */
export function trailOf(request: RpcRequest, parts: MethodParts): HopTrail {
  if (request.metaMembers === undefined) {
    throw new Fault('invalid_params', 'params._meta must be an object')
  }
  const { budget, path } = trailIn(request)
  const trail = { budget: Math.min(budget, parts.hopBudget), path }
  return enterNode(trail, parts.identity.federation.node)
}

/** Nobody starts with more nodes to enter than each node allows by itself. */
const UNLIMITED = Number.MAX_SAFE_INTEGER

const NO_TRAIL = readTrail(undefined, UNLIMITED)

// Of a pure function, as that of capabilities: the calls of a node that came by one way all say the same.
const trails = new TextMemo((value) => readTrail(value, UNLIMITED))

function trailIn({ raw, metaMembers }: RpcRequest): HopTrail {
  const place = memberOf(metaMembers ?? [], META.federation)
  return place === undefined ? NO_TRAIL : trails.read(raw, place)
}

/** The endpoint of a request, which the transport has found to exist. */
export function describeEndpoint(
  { serving }: Pick<MethodParts, 'serving'>,
  { endpoint, principal }: Watcher,
): EndpointDescription {
  const description = serving.describe(endpoint, principal)
  if (description === undefined) throw new Fault('unknown_endpoint', 'there is no such endpoint')
  return description
}

/** Answers a request the era has; errors become responses. The promise, where there is one, never rejects. */
export function answer(
  parts: MethodParts,
  received: Received,
  principal: Principal,
): Promise<void> | undefined {
  const call = { received, principal }
  parts.watch?.begin(call)
  try {
    if (!parts.open()) throw untaken(new Fault('shutting_down', 'this node is shutting down'))
    const { caller, request } = received
    const method = METHODS[caller.era].get(request.method)
    if (method === undefined) throw unknownMethod(request)
    return method(parts, call)
  } catch (error) {
    fail(parts, received, { error, principal })
    return undefined
  }
}

/** Answers a request with what went wrong. */
export function fail(
  parts: Pick<MethodParts, 'log' | 'audit' | 'watch'>,
  received: Omit<Received, 'caller' | 'trail' | 'mirrored'>,
  { error, principal }: { readonly error: unknown; readonly principal: Principal },
): void {
  const { request, reply, scope } = received
  const fault = asFault(error)
  scope.finish(fault)
  if (scope.run === undefined) parts.watch?.refused(fault, received.endpoint)
  if (fault.code === 'internal') parts.log.error({ cause: fault.cause }, 'a request failed')
  const wire = rescue(fault)
  reply.finish([writeError(request.id, wire)], wire.code, fault)
  parts.audit?.call({ received, principal, fault })
}

function unknownMethod({ method }: RpcRequest): Fault {
  return new Fault('method_not_found', `there is no method ${method.slice(0, 100)}`)
}

/** A method of skills (SEP-2640): an endpoint without them does not know it. */
function ofSkills(method: Method): Method {
  return (parts, call) => {
    const { endpoint, request } = call.received
    const { extensions } = describeEndpoint(parts, { endpoint, principal: call.principal })
    if (!Object.hasOwn(extensions, SKILLS)) throw unknownMethod(request)
    return method(parts, call)
  }
}

/** Goes to whoever serves what it names. */
const relayed: Method = ({ serving }, call) => serving.call(call)

/** A task of the extension (SEP-2663). */
const relayedTask: Method = (parts, call) => {
  if (!call.received.caller.capabilities.extensions.has(TASKS)) throw tasksMissing()
  return relayed(parts, call)
}

/** A task of the core (MCP 2025-11-25, basic/utilities/tasks). */
const relayedCoreTask: Method = (parts, call) => {
  const { caller, request } = call.received
  if (!hasCoreTasks(caller.revision)) throw unknownMethod(request)
  return relayed(parts, call)
}

const discover: Method = (parts, { received, principal }) => {
  const description = describeEndpoint(parts, { endpoint: received.endpoint, principal })
  const result = discoverResult(description, parts.identity)
  complete(received, JSON.stringify(result))
  return undefined
}

function list(kind: CapabilityKind): Method {
  return guarded(async (parts, call) => {
    const { request, reply, scope, caller } = call.received
    const cursor = request.param('cursor')
    if (cursor !== undefined && typeof cursor !== 'string') {
      throw new Fault('bad_cursor', 'params.cursor must be a string')
    }
    const known = caller.capabilities.federation === undefined ? undefined : knownView(request)
    const page = await parts.serving.list(call, kind, { cursor, known })
    scope.finish()
    reply.finish(listResponse(request.id, page, { era: caller.era, serverInfo: parts.serverInfo }))
  })
}

/** The list a node says it has; what is no digest is the digest of nothing. */
function knownView({ raw, metaMembers }: RpcRequest): string | undefined {
  const place = memberOf(metaMembers ?? [], META.view)
  const value = place === undefined ? undefined : readValue(raw, place)
  return typeof value === 'string' ? value : undefined
}

/** What nodes are asked that lie behind others (see `Serving`); for whoever may not ask there is no such method. */
function ofNodes(question: 'explain' | 'probe'): Method {
  return guarded(async ({ serving }, call) => {
    const { received } = call
    const told = await serving[question](call)
    if (told === undefined) throw unknownMethod(received.request)
    complete(received, JSON.stringify({ resultType: 'complete', ...told }))
  })
}

/** A method that may fail later than at once. */
function guarded(run: (parts: MethodParts, call: Authenticated) => Promise<void>): Method {
  return async (parts, call) => {
    try {
      await run(parts, call)
    } catch (error) {
      fail(parts, call.received, { error, principal: call.principal })
    }
  }
}

/** A method that is answered here, and counted first. */
function metered(method: Method): Method {
  return (parts, call) => {
    const meter = parts.meter()
    if (meter !== undefined) meterCall(meter, call)
    return method(parts, call)
  }
}

const COMMON: Readonly<Record<string, Method>> = {
  ...Object.fromEntries(
    CAPABILITY_KINDS.map((kind) => [LIST_RULES[kind].method, metered(list(kind))]),
  ),
  'tools/call': relayed,
  'prompts/get': relayed,
  'resources/read': relayed,
  'completion/complete': relayed,
  'skills/list': ofSkills(metered(list('skill'))),
  'skills/get': ofSkills(relayed),
  'resources/directory/read': ofSkills(relayed),
}

/** What each era can ask for, besides `initialize`, which the transports serve. */
const METHODS: Readonly<Record<Era, ReadonlyMap<string, Method>>> = {
  '2025': new Map(
    Object.entries<Method>({
      ...COMMON,
      ping,
      'logging/setLevel': setLevel,
      'resources/subscribe': metered(guarded(subscribe)),
      'resources/unsubscribe': unsubscribe,
      'tasks/get': relayedCoreTask,
      'tasks/result': relayedCoreTask,
      'tasks/cancel': relayedCoreTask,
    }),
  ),
  '2026': new Map(
    Object.entries<Method>({
      ...COMMON,
      'server/discover': discover,
      [EXPLAIN_METHOD]: ofNodes('explain'),
      [PROBE_METHOD]: ofNodes('probe'),
      'subscriptions/listen': metered(listen),
      'tasks/get': relayedTask,
      'tasks/update': relayedTask,
      'tasks/cancel': relayedTask,
    }),
  ),
}
