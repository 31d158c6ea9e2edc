/** What 2025 servers send unasked, on whatever stream or pipe is open. */

import { changedKind } from '../../protocol/capability.ts'
import { readParams, type UpstreamMessage } from '../../protocol/upstream-message.ts'
import type { ConnectionEvents, Respond } from './connection.ts'
import { answerPing } from './server-request.ts'

/** Reports a change of a list or of a resource; false when the message tells of none. */
export function reportNews(message: UpstreamMessage, events: ConnectionEvents): boolean {
  const of = changedKind(message.method)
  if (of !== undefined) {
    events.listChanged(of)
    return true
  }
  if (message.method !== 'notifications/resources/updated') return false
  const { uri } = readParams(message)
  if (typeof uri === 'string') events.updated(uri)
  return true
}

/** Hands on a message that belongs to none of our requests. */
export function hearUnasked(
  message: UpstreamMessage,
  events: ConnectionEvents,
  respond: Respond,
): void {
  if (message.method === undefined) return
  if (message.id !== undefined) {
    if (!answerPing(message, respond)) events.request(message, respond)
    return
  }
  // Progress names its request: here that one is over.
  if (message.method === 'notifications/progress' || reportNews(message, events)) return
  events.notification(message)
}
