import { changedMethod, filterKey, LIST_KINDS, type ListKind } from '../../protocol/capability.ts'
import { Fault, type FaultCode } from '../../protocol/errors.ts'
import { writeError, writeNotification, writeResult } from '../../protocol/hop-response.ts'
import { isObject, type JsonObject, type RpcId } from '../../protocol/jsonrpc.ts'
import { META } from '../../protocol/meta.ts'
import type { CallScope } from '../core/call-scope.ts'
import type { Limits } from '../core/config-limits.ts'
import { rescue } from '../core/rescue.ts'
import type { Authenticated, Received, Serving, Subscribed, Watcher } from '../core/stages.ts'
import { Announcements } from './announcements.ts'
import { noStream } from './event-stream.ts'
import { TASKS, tasksMissing } from './answers.ts'

/** What listens need. */
export interface ListenParts {
  readonly serving: Serving
  readonly limits: Limits
  /** JSON text of the node's serverInfo. */
  readonly serverInfo: string
  /** The listens that are open, and whose they are: they are answered when the node closes, or their caller must ask anew. */
  readonly listens: Map<CallScope, Watcher>
  /** Whether one more stream of server messages may be opened. */
  readonly hasRoom: () => boolean
}

/** What a listen asks for. */
interface Filter {
  readonly lists: readonly ListKind[]
  readonly uris: readonly string[]
  readonly taskIds: readonly string[]
}

/**
 * Serves `subscriptions/listen` (MCP 2026-07-28, patterns/subscriptions): the acknowledgement first, with what is
 * honoured, then one notification for each change, until the caller leaves or the node closes. The promise, where
 * upstreams have to grant something first, resolves with the acknowledgement and never rejects.
 *
 * @throws Fault `invalid_params`, `missing_capability`, `overloaded`
 */
export function listen(parts: ListenParts, call: Authenticated): Promise<void> | undefined {
  const filter = readFilter(call.received, parts.limits)
  if (!parts.hasRoom()) throw noStream()
  const opened = new Listen(parts, call, filter)
  endAt(call.principal.expiresAt, call.received.scope)
  if (filter.uris.length > 0 || filter.taskIds.length > 0) return opened.subscribe(call)
  opened.acknowledge()
  return undefined
}

/** A listen that is open. */
class Listen {
  readonly #parts: ListenParts
  readonly #received: Received
  readonly #filter: Filter
  readonly #announcements: Announcements
  #acknowledged = false
  #unwatch: () => void = () => undefined
  #subscribed: readonly Subscribed[] = []

  constructor(parts: ListenParts, { received, principal }: Authenticated, filter: Filter) {
    this.#parts = parts
    this.#received = received
    this.#filter = filter
    // What changes while upstreams are asked comes after the acknowledgement.
    this.#announcements = new Announcements(received.reply, false)
    if (filter.lists.length > 0) {
      const federated = received.caller.capabilities.federation !== undefined
      const watcher = { endpoint: received.endpoint, principal, federated }
      this.#unwatch = parts.serving.watch(watcher, (of) => {
        if (filter.lists.includes(of)) this.#announce(of, changedMethod(of))
      })
    }
    parts.listens.set(received.scope, { endpoint: received.endpoint, principal })
    received.scope.onEnd((reason) => this.#end(reason))
  }

  /** Asks upstreams for the resources and tasks, then acknowledges those that were granted. */
  async subscribe(call: Authenticated): Promise<void> {
    const [resources, tasks] = await Promise.all([this.#resources(call), this.#tasks(call)])
    this.#subscribed = [resources, tasks]
    if (this.#received.scope.ended) this.#unsubscribe()
    else this.acknowledge(new Set(resources.granted), new Set(tasks.granted))
  }

  acknowledge(
    resources: ReadonlySet<string> = new Set(),
    tasks: ReadonlySet<string> = new Set(),
  ): void {
    const { lists, uris, taskIds } = this.#filter
    const honoured: JsonObject = Object.fromEntries(lists.map((of) => [filterKey(of), true]))
    // Asked for nothing, it is told of nothing; granted nothing, it is told that.
    if (uris.length > 0) {
      honoured['resourceSubscriptions'] = uris.filter((uri) => resources.has(uri))
    }
    if (taskIds.length > 0) honoured['taskIds'] = taskIds.filter((id) => tasks.has(id))
    this.#acknowledged = true
    this.#announcements.begin(
      this.#tagged('notifications/subscriptions/acknowledged', { notifications: honoured }),
    )
  }

  async #resources(call: Authenticated): Promise<Subscribed> {
    const { uris } = this.#filter
    if (uris.length === 0) return NOTHING
    return this.#parts.serving.subscribe(call, {
      uris,
      updated: (uri) => this.#announce(uri, 'notifications/resources/updated', { uri }),
    })
  }

  async #tasks(call: Authenticated): Promise<Subscribed> {
    const { taskIds } = this.#filter
    if (taskIds.length === 0) return NOTHING
    return this.#parts.serving.watchTasks(call, {
      taskIds,
      // What has become of a task since takes the place of what waits.
      changed: (id, message) => this.#announcements.announce(`task ${id}`, message),
    })
  }

  #unsubscribe(): void {
    for (const subscribed of this.#subscribed) subscribed.end()
  }

  #announce(about: string, method: string, params: JsonObject = {}): void {
    this.#announcements.announce(about, this.#tagged(method, params))
  }

  #tagged(method: string, params: JsonObject): Buffer {
    const meta = { [META.subscriptionId]: this.#received.request.id }
    return writeNotification(method, { ...params, _meta: meta })
  }

  #end(reason: Fault | undefined): void {
    const { request, reply, scope } = this.#received
    this.#parts.listens.delete(scope)
    this.#unwatch()
    this.#unsubscribe()
    if (reason === undefined || !ANSWERED.has(reason.code)) return
    // A complete result is the end of a listen that had begun.
    const answer = this.#acknowledged
      ? ended(request.id, this.#parts.serverInfo)
      : writeError(request.id, rescue(reason))
    reply.finish([answer])
  }
}

/** Why the node ends a listen: of these its caller is told. */
const ANSWERED: ReadonlySet<FaultCode> = new Set([
  'shutting_down',
  'unauthenticated',
  'unknown_endpoint',
])

const NOTHING: Subscribed = { granted: [], end: () => undefined }

/** The longest delay a timer can have, milliseconds. */
const MAX_DELAY_MS = 2 ** 31 - 1

/** Who has listened for as long as its credential lasts comes again with a newer one. */
function endAt(expiresAt: number, scope: CallScope): void {
  if (expiresAt === Infinity || scope.ended) return
  const timer = setTimeout(
    () => scope.stop(new Fault('unauthenticated', 'the credential of this listen has expired')),
    Math.min(expiresAt - Date.now(), MAX_DELAY_MS),
  )
  scope.onEnd(() => clearTimeout(timer))
}

/** @throws Fault `invalid_params`, `missing_capability` */
function readFilter({ request, caller }: Received, limits: Limits): Filter {
  const value = request.param('notifications')
  if (!isObject(value)) throw new Fault('invalid_params', 'params.notifications must be an object')
  return {
    lists: LIST_KINDS.filter((of) => isWanted(value, filterKey(of))),
    uris: listIn(value, 'resourceSubscriptions', limits),
    taskIds: caller.capabilities.extensions.has(TASKS)
      ? listIn(value, 'taskIds', limits)
      : noTaskIds(value),
  }
}

function isWanted(filter: JsonObject, key: string): boolean {
  const wanted = filter[key] ?? false
  if (typeof wanted === 'boolean') return wanted
  throw new Fault('invalid_params', `params.notifications.${key} must be a boolean`)
}

/** What is called for by a caller that could do nothing with it. */
function noTaskIds(filter: JsonObject): readonly string[] {
  if (filter['taskIds'] !== undefined) throw tasksMissing()
  return []
}

/** What a list of the filter may hold. */
const LISTED = { resourceSubscriptions: 'resource URIs', taskIds: 'ids of tasks' } as const

/** Each URI or id once, in order; those beyond the limit are not granted. */
function listIn(
  filter: JsonObject,
  key: keyof typeof LISTED,
  { uriBytes, subscriptions }: Limits,
): readonly string[] {
  const given: unknown = filter[key] ?? []
  if (!Array.isArray(given) || !given.every((one) => isText(one, uriBytes))) {
    const text = `params.notifications.${key} must be ${LISTED[key]} of at most ${uriBytes} bytes`
    throw new Fault('invalid_params', text)
  }
  return [...new Set<string>(given)].slice(0, subscriptions)
}

function isText(value: unknown, maxBytes: number): value is string {
  return typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= maxBytes
}

function ended(id: RpcId, serverInfo: string): Buffer {
  const meta = `"_meta":{"${META.subscriptionId}":${JSON.stringify(id)},"${META.serverInfo}":${serverInfo}}`
  return writeResult(id, `{"resultType":"complete",${meta}}`)
}
