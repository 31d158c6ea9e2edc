// What stays open at an endpoint when the configuration changes, and must not.
import { Fault } from '../../protocol/errors.ts'
import type { CallScope } from '../core/call-scope.ts'
import type { Serving, Watcher } from '../core/stages.ts'
import type { SessionMemory } from './session-memory.ts'
import type { LinkServer } from './link-upgrade.ts'
import type { Sessions } from './session.ts'
import type { Streams } from './streams.ts'

/** What holds something open. */
export interface OpenParts {
  readonly serving: Pick<Serving, 'has' | 'admits'>
  readonly listens: ReadonlyMap<CallScope, Watcher>
  readonly streams: Streams
  readonly memory: SessionMemory
  readonly sessions: Sessions
  readonly links: Pick<LinkServer, 'leave'>
}

/**
 * Ends listens, streams, subscriptions and links at endpoints that are not there for their callers any more, and of callers who
 * would not be taken as the same. These come back at once, and what they may be told is decided by who they are then.
 */
export function endOutdated(parts: OpenParts, stays: (who: Watcher) => boolean): void {
  const { serving, listens, streams, memory, sessions, links } = parts
  const isShut = ({ endpoint, principal }: Watcher): boolean =>
    !serving.has(endpoint) || !serving.admits(endpoint, principal)
  for (const [scope, watcher] of listens) {
    if (isShut(watcher)) scope.stop(new Fault('unknown_endpoint', 'there is no such endpoint'))
    else if (!stays(watcher)) {
      scope.stop(new Fault('unauthenticated', 'the credential has to be looked at anew'))
    }
  }
  // Nothing tells a session that its subscriptions have ended but its own end.
  for (const session of memory.sessionsOf((watcher) => !stays(watcher))) {
    sessions.end({ key: session })
    memory.end(session)
    streams.end(session)
  }
  // What was presented on them besides is looked at with each request.
  links.leave((link) => isShut(link) || !stays(link))
  streams.keep((watcher) => !isShut(watcher) && stays(watcher))
}
