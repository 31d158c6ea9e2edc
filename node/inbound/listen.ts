import { changedMethod, filterKey, LIST_KINDS, type ListKind } from '../../protocol/capability.ts'
import { Fault } from '../../protocol/errors.ts'
import { writeError, writeNotification, writeResult } from '../../protocol/hop-response.ts'
import { isObject, type JsonObject, type RpcId } from '../../protocol/jsonrpc.ts'
import { META } from '../../protocol/meta.ts'
import type { CallScope } from '../core/call-scope.ts'
import type { Limits } from '../core/config-limits.ts'
import { rescue } from '../core/rescue.ts'
import type { Authenticated, Received, Serving, Subscribed } from '../core/stages.ts'
import { Announcements } from './announcements.ts'

/** What listens need. */
export interface ListenParts {
  readonly serving: Serving
  readonly limits: Limits
  /** JSON text of the node's serverInfo. */
  readonly serverInfo: string
  /** The listens that are open: they are answered when the node closes. */
  readonly listens: Set<CallScope>
  /** Whether one more stream of server messages may be opened. */
  readonly hasRoom: () => boolean
}

/** What a listen asks for. */
interface Filter {
  readonly lists: readonly ListKind[]
  readonly uris: readonly string[]
}

/**
 * Serves `subscriptions/listen` (MCP 2026-07-28, patterns/subscriptions): the acknowledgement first, with what is
 * honoured, then one notification for each change, until the caller leaves or the node closes. The promise, where
 * upstreams have to grant something first, resolves with the acknowledgement and never rejects.
 *
 * @throws Fault `invalid_params`, `overloaded`
 */
export function listen(parts: ListenParts, call: Authenticated): Promise<void> | undefined {
  const filter = readFilter(call.received.request.param('notifications'), parts.limits)
  if (!parts.hasRoom()) throw new Fault('overloaded', 'this node has no stream to spare')
  const opened = new Listen(parts, call.received, filter)
  if (filter.uris.length > 0) return opened.subscribe(call)
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
  #subscribed: Subscribed | undefined

  constructor(parts: ListenParts, received: Received, filter: Filter) {
    this.#parts = parts
    this.#received = received
    this.#filter = filter
    // What changes while upstreams are asked comes after the acknowledgement.
    this.#announcements = new Announcements(received.reply, false)
    if (filter.lists.length > 0) {
      this.#unwatch = parts.serving.watch(received.endpoint, (of) => {
        if (filter.lists.includes(of)) this.#announce(of, changedMethod(of))
      })
    }
    parts.listens.add(received.scope)
    received.scope.onEnd((reason) => this.#end(reason))
  }

  /** Asks upstreams for the resources, then acknowledges those that were granted. */
  async subscribe(call: Authenticated): Promise<void> {
    const subscribed = await this.#parts.serving.subscribe(call, {
      uris: this.#filter.uris,
      updated: (uri) => this.#announce(uri, 'notifications/resources/updated', { uri }),
    })
    if (this.#received.scope.ended) {
      subscribed.end()
      return
    }
    this.#subscribed = subscribed
    this.acknowledge(new Set(subscribed.granted))
  }

  acknowledge(granted: ReadonlySet<string> = new Set()): void {
    const { lists, uris } = this.#filter
    const honoured: JsonObject = Object.fromEntries(lists.map((of) => [filterKey(of), true]))
    // Asked for nothing, it is told of nothing; granted nothing, it is told that.
    if (uris.length > 0) honoured['resourceSubscriptions'] = uris.filter((uri) => granted.has(uri))
    this.#acknowledged = true
    this.#announcements.begin(
      this.#tagged('notifications/subscriptions/acknowledged', { notifications: honoured }),
    )
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
    this.#subscribed?.end()
    if (reason?.code !== 'shutting_down') return
    // A complete result is the end of a listen that had begun.
    const answer = this.#acknowledged
      ? ended(request.id, this.#parts.serverInfo)
      : writeError(request.id, rescue(reason))
    reply.finish([answer])
  }
}

/** @throws Fault `invalid_params` */
function readFilter(value: unknown, limits: Limits): Filter {
  if (!isObject(value)) throw new Fault('invalid_params', 'params.notifications must be an object')
  return {
    lists: LIST_KINDS.filter((of) => isWanted(value, filterKey(of))),
    uris: urisIn(value['resourceSubscriptions'], limits),
  }
}

function isWanted(filter: JsonObject, key: string): boolean {
  const wanted = filter[key] ?? false
  if (typeof wanted === 'boolean') return wanted
  throw new Fault('invalid_params', `params.notifications.${key} must be a boolean`)
}

/** Each URI once, in order; those beyond the limit are not granted. */
function urisIn(value: unknown, { uriBytes, subscriptions }: Limits): readonly string[] {
  const given: unknown = value ?? []
  if (!Array.isArray(given) || !given.every((uri) => isUri(uri, uriBytes))) {
    const text = `params.notifications.resourceSubscriptions must be resource URIs of at most ${uriBytes} bytes`
    throw new Fault('invalid_params', text)
  }
  return [...new Set<string>(given)].slice(0, subscriptions)
}

function isUri(value: unknown, maxBytes: number): value is string {
  return typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= maxBytes
}

function ended(id: RpcId, serverInfo: string): Buffer {
  const meta = `"_meta":{"${META.subscriptionId}":${JSON.stringify(id)},"${META.serverInfo}":${serverInfo}}`
  return writeResult(id, `{"resultType":"complete",${meta}}`)
}
