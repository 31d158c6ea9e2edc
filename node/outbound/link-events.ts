import type { ListKind } from '../../protocol/capability.ts'
import type { Era } from '../../protocol/revisions.ts'
import type { Logger } from '../core/logger.ts'
import type { Connection, Connector } from './connection.ts'

/** Where a link stands. */
export type LinkPhase = 'connecting' | 'up' | 'down' | 'closed'

/** What the operator sees of a link. */
export interface LinkStatus {
  readonly phase: LinkPhase
  readonly target: string
  readonly era: Era | undefined
  readonly revision: string | undefined
  readonly server: string | undefined
  /** How it is reached, where there is a choice. */
  readonly transport: 'http' | 'websocket' | undefined
  /** Why it is down. */
  readonly error: string | undefined
}

/** What happens on a link. */
export interface LinkEvents {
  /** A connection is there, for the first time or again. What it lists may have changed. */
  up(): void
  down(): void
  listChanged(of: ListKind): void
  /**
   * A resource that is subscribed to changed; `uri` as the upstream gives it. With `whose`, it said so on one of the
   * connections of `Link.apart`: for anybody else nothing has changed.
   */
  updated(uri: string, whose?: string): void
  /**
   * One more of `Link.apart` is there: opened, before the call that it was opened for is sent, or the node's own until
   * now.
   */
  openedApart(connection: Connection, whose: string): void
}

/** What became of a link and of calls on it, for metrics. */
export interface LinkCounts {
  /** Times the node's own connection came up. */
  connects: number
  /** Attempts for it that failed, and connections that were lost. */
  failures: number
  /** Calls the upstream had not taken that were sent once more. */
  resends: number
  /** Calls that went on over another upstream. */
  failovers: number
}

/** What a link is made with. */
export interface LinkOptions {
  readonly connector: Connector
  readonly events: LinkEvents
  /** How long a context other than the shared one may be without calls before what it holds is let go, milliseconds. */
  readonly sessionIdleMs: number
  /** Contexts besides the shared one that may be open at once. */
  readonly sessions: number
  readonly log: Logger
}
