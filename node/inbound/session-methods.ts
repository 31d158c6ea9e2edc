/** Methods of the 2025 era alone: what they do belongs to a session. */

import { Fault } from '../../protocol/errors.ts'
import { writeNotification } from '../../protocol/hop-response.ts'
import { isSeverity } from '../../protocol/log-level.ts'
import type { Limits } from '../core/config-limits.ts'
import type { Authenticated, Received, Serving, Subscribed, Watcher } from '../core/stages.ts'
import { complete } from './answers.ts'
import type { HeldSubscription, SessionMemory } from './session-memory.ts'

/** What the methods of sessions need. */
export interface SessionMethodParts {
  readonly serving: Serving
  readonly limits: Limits
  readonly memory: SessionMemory
  /** Sends a session a message that belongs to no request; dropped where nobody listens. */
  readonly tell: (session: string, message: Buffer) => void
}

const NOTHING = '{}'

/** Answers `ping` (MCP 2025-11-25, basic/utilities/ping). */
export function ping(_parts: SessionMethodParts, { received }: Authenticated): undefined {
  complete(received, NOTHING)
}

/**
 * Keeps the level a session wants to hear of from now on (MCP 2025-11-25, server/utilities/logging).
 *
 * @throws Fault `invalid_params`
 */
export function setLevel(parts: SessionMethodParts, { received }: Authenticated): undefined {
  const level = received.request.param('level')
  if (!isSeverity(level)) throw new Fault('invalid_params', 'params.level must be a log level')
  parts.memory.setLogLevel(sessionOf(received), level)
  complete(received, NOTHING)
}

/**
 * Subscribes a session to a resource; answered once upstreams have granted it (MCP 2025-11-25, server/resources). Updates
 * go out on the session's own stream, and are dropped while it has none.
 *
 * @throws Fault `invalid_params`, also where it is not granted
 */
export async function subscribe(parts: SessionMethodParts, call: Authenticated): Promise<void> {
  const { received } = call
  const session = sessionOf(received)
  const uri = uriIn(received, parts.limits)
  const held = parts.memory.subscription(session, uri) ?? begin(parts, call, { session, uri })
  if (!(await held.granted)) {
    if (parts.memory.subscription(session, uri) === held) parts.memory.release(session, uri)
    throw refused('the resource cannot be subscribed')
  }
  complete(received, NOTHING)
}

/**
 * Ends a session's subscription to a resource; one it does not have is no error.
 *
 * @throws Fault `invalid_params`
 */
export function unsubscribe(parts: SessionMethodParts, { received }: Authenticated): undefined {
  parts.memory.release(sessionOf(received), uriIn(received, parts.limits))
  complete(received, NOTHING)
}

/** What is subscribed upstream for one resource of a session. */
class SessionSubscription implements HeldSubscription {
  readonly watcher: Watcher
  readonly granted: Promise<boolean>
  #subscribed: Subscribed | undefined
  #ended = false

  constructor(watcher: Watcher, asked: Promise<Subscribed>) {
    this.watcher = watcher
    this.granted = asked.then((subscribed) => {
      if (this.#ended) subscribed.end()
      else this.#subscribed = subscribed
      return subscribed.granted.length > 0
    })
  }

  get ended(): boolean {
    return this.#ended
  }

  end(): void {
    this.#ended = true
    this.#subscribed?.end()
  }
}

function begin(
  { serving, memory, tell }: SessionMethodParts,
  call: Authenticated,
  { session, uri }: { readonly session: string; readonly uri: string },
): SessionSubscription {
  const watcher = { endpoint: call.received.endpoint, principal: call.principal }
  const grant = Promise.withResolvers<Subscribed>()
  const held = new SessionSubscription(watcher, grant.promise)
  if (!memory.hold(session, uri, held)) {
    throw refused('the resource cannot be subscribed: there are too many subscriptions')
  }
  const updated = (changed: string): void => {
    if (held.ended) return
    tell(session, writeNotification('notifications/resources/updated', { uri: changed }))
  }
  grant.resolve(serving.subscribe(call, { uris: [uri], updated }))
  return held
}

function refused(message: string): Fault {
  return new Fault('invalid_params', message)
}

function uriIn({ request }: Received, { uriBytes }: Limits): string {
  const uri = request.param('uri')
  if (typeof uri !== 'string' || uri === '') {
    throw new Fault('invalid_params', 'params.uri must be a resource URI')
  }
  if (Buffer.byteLength(uri) > uriBytes) {
    const text = `params.uri is longer than ${uriBytes} bytes`
    throw new Fault('invalid_params', text, { limit: 'uriBytes' })
  }
  return uri
}

function sessionOf({ caller }: Received): string {
  if (caller.session === undefined) throw new TypeError('a request without a session')
  return caller.session
}
