// What stays open at an endpoint when the configuration changes, and must not.
import { claimNames, type Classes } from '../../protocol/policy/classes.ts'
import { Fault } from '../../protocol/errors.ts'
import type { CallScope } from '../core/call-scope.ts'
import type { Principal } from '../core/principal.ts'
import type { Serving, Watcher } from '../core/stages.ts'
import type { SessionMemory } from './session-memory.ts'
import type { Sessions } from './session.ts'
import type { Streams } from './streams.ts'

/** What holds something open. */
export interface OpenParts {
  readonly serving: Pick<Serving, 'has' | 'admits'>
  readonly listens: ReadonlyMap<CallScope, Watcher>
  readonly streams: Streams
  readonly memory: SessionMemory
  readonly sessions: Sessions
}

/**
 * Whether of a caller more must be known now than when its token was read. Of a token those claims are kept that some class
 * asks for; one that has not been read again since would be of no class that asks for another.
 */
export function outdatedBy(before: Classes, now: Classes): (principal: Principal) => boolean {
  const known = claimNames(before)
  const isMore = [...claimNames(now)].some((name) => !known.has(name))
  return ({ claims }) => isMore && claims !== undefined
}

/**
 * Ends listens, streams and subscriptions at endpoints that are not there for their callers any more, and of callers who are
 * `outdated`. These come back at once, and what they may be told is decided by what their tokens say.
 */
export function endOutdated(parts: OpenParts, outdated: (principal: Principal) => boolean): void {
  const { serving, listens, streams, memory, sessions } = parts
  const isShut = ({ endpoint, principal }: Watcher): boolean =>
    !serving.has(endpoint) || !serving.admits(endpoint, principal)
  for (const [scope, watcher] of listens) {
    if (isShut(watcher)) scope.stop(new Fault('unknown_endpoint', 'there is no such endpoint'))
    else if (outdated(watcher.principal)) {
      scope.stop(new Fault('unauthenticated', 'the credential has to be looked at anew'))
    }
  }
  // Nothing tells a session that its subscriptions have ended but its own end.
  for (const session of memory.sessionsOf(outdated)) {
    sessions.end({ key: session })
    memory.end(session)
    streams.end(session)
  }
  streams.endOf((watcher) => isShut(watcher) || outdated(watcher.principal))
}
