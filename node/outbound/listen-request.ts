import { changedKind, filterKey, type ListKind } from '../../protocol/capability.ts'
import { RPC, type Fault } from '../../protocol/errors.ts'
import type { LinkMeta } from '../../protocol/hop-request.ts'
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts'
import { readError, readParams, type UpstreamMessage } from '../../protocol/upstream-message.ts'
import { ownFrame, type Send } from './ask.ts'
import type { Sent } from './connection.ts'

/** What one listen asks to be told of. */
export interface ListenFilter {
  readonly kinds: readonly ListKind[]
  readonly uris: ReadonlySet<string>
}

/** Who is told what comes of a listen. */
export interface ListenOwner {
  acknowledged(listen: ListenRequest): void
  listChanged(of: ListKind): void
  updated(uri: string): void
  /** Nothing comes any more. `again`: it was not refused for good. */
  ended(listen: ListenRequest, again: boolean): void
}

/** One `subscriptions/listen` (MCP 2026-07-28, patterns/subscriptions). */
export class ListenRequest {
  readonly filter: ListenFilter
  readonly #owner: ListenOwner
  #granted: JsonObject | undefined
  #uris: ReadonlySet<string> = new Set()
  #since = 0
  #sent: Sent | undefined

  constructor(filter: ListenFilter, owner: ListenOwner) {
    this.filter = filter
    this.#owner = owner
  }

  /** Whether the upstream has said what it grants. */
  get acknowledged(): boolean {
    return this.#granted !== undefined
  }

  /** Milliseconds since then. */
  get age(): number {
    return this.#granted === undefined ? 0 : performance.now() - this.#since
  }

  grants(of: ListKind): boolean {
    return this.#granted?.[filterKey(of)] === true
  }

  grantsUri(uri: string): boolean {
    return this.#uris.has(uri)
  }

  send(send: Send, meta: LinkMeta): void {
    const { kinds, uris } = this.filter
    const notifications = {
      ...Object.fromEntries(kinds.map((of) => [filterKey(of), true])),
      ...(uris.size > 0 && { resourceSubscriptions: [...uris] }),
    }
    this.#sent = send(ownFrame('subscriptions/listen', { notifications }, meta), {
      notification: (message) => this.#heard(message),
      request: () => undefined,
      response: (message) => {
        // A result ends the listen in good order; an error refuses it for good, unless there is no room just now.
        const code = readError(message)?.code
        const again = code === undefined || code === RPC.overloaded || code === RPC.limited
        this.#owner.ended(this, again)
      },
      failed: (fault, unsent) => this.#owner.ended(this, !unsent || isBusy(fault)),
    })
  }

  /** Ends it; its owner is told nothing any more. */
  cancel(): void {
    this.#sent?.cancel('not needed any more')
  }

  #heard(message: UpstreamMessage): boolean {
    const of = changedKind(message.method)
    if (of !== undefined) this.#owner.listChanged(of)
    else if (message.method === 'notifications/resources/updated') {
      const { uri } = readParams(message)
      if (typeof uri === 'string') this.#owner.updated(uri)
    } else if (message.method === 'notifications/subscriptions/acknowledged') {
      this.#acknowledged(readParams(message)['notifications'])
    }
    return true
  }

  #acknowledged(granted: unknown): void {
    if (this.#granted !== undefined) return
    this.#granted = isObject(granted) ? granted : {}
    const uris = this.#granted['resourceSubscriptions']
    // What was not asked for is not granted either.
    const asked = Array.isArray(uris) ? uris.filter((uri) => this.filter.uris.has(String(uri))) : []
    this.#uris = new Set(asked.map(String))
    this.#since = performance.now()
    this.#owner.acknowledged(this)
  }
}

/** Whether an upstream refused for want of room: it may have some later. */
function isBusy({ data }: Fault): boolean {
  return isObject(data) && (data['status'] === 429 || data['status'] === 503)
}
