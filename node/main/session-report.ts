import { createHash } from 'node:crypto'
import type { SessionsReport } from '../control/admin-models.ts'
import type { StreamableParts } from '../inbound/streamable-http.ts'

/** Characters of a hash that tell sessions apart. */
const ID_LENGTH = 16

/** What a session is called outside: nobody gets into it by that. */
function nameOf(session: string): string {
  return createHash('sha256').update(session).digest('base64url').slice(0, ID_LENGTH)
}

/** What callers hold open, each session by a hash and in the order of those. */
export function reportSessions({
  streams,
  memory,
  inflight,
  listens,
}: StreamableParts): Omit<SessionsReport, 'next'> {
  const attached = new Set(streams.sessions)
  const subscriptions = memory.sessions
  const calls = inflight.sessions
  const keys = new Set([...attached, ...subscriptions.keys(), ...calls.keys()])
  const sessions = [...keys].map((key) => ({
    id: nameOf(key),
    stream: attached.has(key),
    subscriptions: subscriptions.get(key) ?? 0,
    calls: calls.get(key) ?? 0,
  }))
  return {
    streams: attached.size,
    listens: listens.size,
    subscriptions: sessions.reduce((sum, one) => sum + one.subscriptions, 0),
    sessions: sessions.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  }
}
