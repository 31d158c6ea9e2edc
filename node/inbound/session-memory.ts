import type { LogSeverity } from '../../protocol/log-level.ts'
import type { Watcher } from '../core/stages.ts'
import type { Beating } from './event-stream.ts'

/** A subscription of a session, from when it is asked for. */
export interface HeldSubscription {
  /** Who asked for it. */
  readonly watcher: Watcher
  /** Whether upstreams grant it; never rejects. */
  readonly granted: Promise<boolean>
  end(): void
}

/**
 * What sessions of the 2025 era hold beyond their sealed ids. Where several replicas serve one endpoint, all that reach
 * a session must find the same.
 */
export interface SessionMemory {
  /** Sessions that hold subscriptions here, and how many each. */
  readonly sessions: ReadonlyMap<string, number>
  /** The least severe log messages a session wants; undefined when it never said. */
  logLevel(session: string): LogSeverity | undefined
  setLogLevel(session: string, level: LogSeverity): void
  subscription(session: string, uri: string): HeldSubscription | undefined
  /** Holds the subscription to a resource; false when the session, or all of them together, have as many as they may. */
  hold(session: string, uri: string, held: HeldSubscription): boolean
  /** Ends the subscription to a resource, if there is one. */
  release(session: string, uri: string): void
  /** Ends what is held for a session, and forgets it. */
  end(session: string): void
  /** The sessions with a subscription that somebody asked for who is one of these. */
  sessionsOf(isMeant: (who: Watcher) => boolean): readonly string[]
}

export interface SessionMemoryOptions {
  /** Subscriptions of one session. */
  readonly subscriptions: number
  /** How long subscriptions outlive the stream their updates go out on, milliseconds. */
  readonly idleMs: number
  /** Whether a session has a stream for messages that belong to no request. */
  readonly isHeard: (session: string) => boolean
}

/** Sessions whose log level is remembered; beyond it the oldest is forgotten, and gets what it would have unasked. */
const MAX_LEVELS = 10_000

/** Subscriptions of all sessions together. */
const MAX_HELD = 100_000

interface Subscriptions {
  readonly byUri: Map<string, HeldSubscription>
  /** By `performance.now()`. */
  heardAt: number
}

/**
 * Keeps it in the memory of this process; a restart forgets it. Subscriptions end with `unsubscribe`, with the session,
 * or once nobody has heard of their updates for `idleMs`: sessions have no end that could be relied on.
 */
export class LocalSessionMemory implements SessionMemory, Beating {
  readonly #options: SessionMemoryOptions
  readonly #levels = new Map<string, LogSeverity>()
  readonly #subscriptions = new Map<string, Subscriptions>()
  #held = 0

  constructor(options: SessionMemoryOptions) {
    this.#options = options
  }

  /** Subscriptions held. */
  get held(): number {
    return this.#held
  }

  get sessions(): ReadonlyMap<string, number> {
    return new Map([...this.#subscriptions].map(([session, { byUri }]) => [session, byUri.size]))
  }

  logLevel(session: string): LogSeverity | undefined {
    return this.#levels.size === 0 ? undefined : this.#levels.get(session)
  }

  setLogLevel(session: string, level: LogSeverity): void {
    this.#levels.delete(session)
    this.#levels.set(session, level)
    const [oldest] = this.#levels.keys()
    if (this.#levels.size > MAX_LEVELS && oldest !== undefined) this.#levels.delete(oldest)
  }

  subscription(session: string, uri: string): HeldSubscription | undefined {
    return this.#subscriptions.get(session)?.byUri.get(uri)
  }

  hold(session: string, uri: string, held: HeldSubscription): boolean {
    const own: Subscriptions = this.#subscriptions.get(session) ?? { byUri: new Map(), heardAt: 0 }
    if (own.byUri.size >= this.#options.subscriptions || this.#held >= MAX_HELD) return false
    this.release(session, uri)
    own.byUri.set(uri, held)
    own.heardAt = performance.now()
    this.#subscriptions.set(session, own)
    this.#held += 1
    return true
  }

  release(session: string, uri: string): void {
    const own = this.#subscriptions.get(session)
    const held = own?.byUri.get(uri)
    if (own === undefined || held === undefined) return
    own.byUri.delete(uri)
    this.#held -= 1
    if (own.byUri.size === 0) this.#subscriptions.delete(session)
    held.end()
  }

  end(session: string): void {
    this.#levels.delete(session)
    this.#endSubscriptions(session)
  }

  sessionsOf(isMeant: (who: Watcher) => boolean): readonly string[] {
    return [...this.#subscriptions]
      .filter(([, { byUri }]) => [...byUri.values()].some(({ watcher }) => isMeant(watcher)))
      .map(([session]) => session)
  }

  /** Ends the subscriptions whose updates nobody hears. */
  beat(): void {
    const now = performance.now()
    const { idleMs, isHeard } = this.#options
    for (const [session, own] of this.#subscriptions) {
      if (isHeard(session)) own.heardAt = now
      else if (now - own.heardAt >= idleMs) this.#endSubscriptions(session)
    }
  }

  #endSubscriptions(session: string): void {
    const uris = this.#subscriptions.get(session)?.byUri.keys() ?? []
    for (const uri of uris) this.release(session, uri)
  }
}
