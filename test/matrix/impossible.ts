// What cannot work, and why. The cells named here are run too, and have to fail in the way that is stated.
import type { Era } from '../fixtures/wire.ts'
import type { ServerKind } from './servers.ts'

/** A reason for which cells of the matrix cannot work. */
export interface Impossible {
  /** Ids of the features. */
  readonly features: readonly string[]
  /** The cells behind one node or more. */
  readonly where: (kind: ServerKind, client: Era) => boolean
  /** For the reader of the document. */
  readonly reason: string
  /** What the proof fails with. */
  readonly fails: RegExp
}

/** All of them, in the order of the notes in the document. */
export const IMPOSSIBLE: readonly Impossible[] = [
  {
    features: ['tools-changed-unasked', 'prompts-changed-unasked', 'resources-changed-unasked'],
    where: ({ era, transport }) => era === '2025' && transport === 'stdio',
    reason:
      'A stdio server of era 2025 learns once, when it starts, what its client can be asked. So callers that can be ' +
      'asked different things have a process each, and a tool that changes a list changes that of its own process. A ' +
      'node lists in the process of those that can be asked. It cannot show each caller the list of its own process: no ' +
      'call may change a list for its caller alone, and lists must not depend on the connection (2026-07-28, ' +
      'server/tools). A server that keeps its lists outside the process is not affected, nor is one that only callers ' +
      'of one kind use.',
    fails: /^waited in vain/,
  },
  {
    features: ['form', 'page', 'sampling', 'roots'],
    where: ({ make, transport }) => make === 'everything' && transport === 'HTTP',
    reason:
      'This server lists the tools that ask only in sessions of clients that can be asked. A node lists once for all ' +
      'its callers, in a session of its own that offers nothing: no call may change a list, and a list must not depend ' +
      'on who is connected.',
    fails: /^waited in vain for: .* to be listed/,
  },
  {
    features: ['subscribe'],
    where: ({ make, transport }) => make === 'everything' && transport === 'HTTP',
    reason:
      'This server sends updates to the session in which a tool switched them on. A node subscribes once for all ' +
      'callers, in a session of its own; only the calls of clients that cannot be asked anything share it. It does not ' +
      'subscribe in the sessions of callers as well, as it does in the processes of a stdio server, where it must: the ' +
      'sessions of a server over HTTP mostly show one state, each change would be told once for each, and nothing in a ' +
      'message says that two of them tell of one change.',
    fails: /^waited in vain/,
  },
  {
    features: ['task', 'task-error', 'task-asks', 'task-cancel', 'task-news'],
    where: ({ era }, client) => era !== client,
    reason:
      'Tasks stay within their era, and are not declared to clients of the other. In 2025 the client decides that a call ' +
      'becomes a task and fetches its result by a request that waits; in 2026 the server decides, for clients that declare ' +
      'it in that very request, and there is no such request. A node that made one of the other would have to keep the ' +
      'tasks of its callers; it keeps none, their ids say where they are. So a tool that may run as a task is called ' +
      'without one. A tool that only runs as a task is not shown to clients of 2026 where its server of 2025 says so; a ' +
      'server of 2026 does not say so, and refuses the call by naming the extension.',
    fails: /^no tasks are declared/,
  },
  {
    features: ['task-news'],
    where: ({ era }, client) => era === '2025' && client === '2025',
    reason:
      'A server of 2025 may say how a task stands in its session, which callers of a node share. The message names the ' +
      'task and nobody it is for, and a node does not know whose a task is: it keeps none, and whoever shows an id ' +
      'proves by it that the task is theirs. The revision has clients poll, and not rely on being told.',
    fails: /^waited in vain for: notifications\/tasks\/status/,
  },
]

/** Why that cell cannot work; undefined when it can. */
export function impossible(kind: ServerKind, client: Era, feature: string): Impossible | undefined {
  return IMPOSSIBLE.find(({ features, where }) => features.includes(feature) && where(kind, client))
}
