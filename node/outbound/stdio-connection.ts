import type { ListKind } from '../../protocol/capability.ts'
import type { Fault } from '../../protocol/errors.ts'
import type { LinkMeta } from '../../protocol/hop-request.ts'
import type { LogSeverity } from '../../protocol/log-level.ts'
import type { Era } from '../../protocol/revisions.ts'
import type { UpstreamMessage } from '../../protocol/upstream-message.ts'
import type {
  Connection,
  ConnectionEvents,
  FrameSink,
  OutFrame,
  Respond,
  Sent,
  ServerFacts,
} from './connection.ts'
import { reportsChanges, sendsLogs, takesSubscriptions } from './declared.ts'
import { Listen } from './listen.ts'
import type { ModernMeta } from './modern-meta.ts'
import { SessionLogs } from './session-logs.ts'
import { SessionSubscriptions } from './session-subscriptions.ts'
import type { StdioPipe } from './stdio-pipe.ts'
import { hearUnasked } from './unasked.ts'

/** What was found out about the server behind a pipe. */
export type StdioFacts = {
  readonly revision: string
  readonly server: ServerFacts
} & ({ readonly era: '2025' } | { readonly era: '2026'; readonly meta: ModernMeta })

/** What a connection does in the way of its era. */
interface EraDuties {
  meta(offered: string): LinkMeta
  watching(of: ListKind): boolean
  subscribe(uri: string): Promise<boolean>
  unsubscribe(uri: string): void
  wantLogs(level: LogSeverity): Promise<void> | undefined
  /** Asks to be told of changes. Resolves when that is granted, refused, or takes too long. */
  start(): Promise<void>
  /** Takes what belongs to no request of ours. */
  unasked(message: UpstreamMessage, respond: Respond): void
  stop(): void
}

/** A conversation with an MCP server that runs as a child process, in the era it speaks. */
export class StdioConnection implements Connection {
  readonly era: Era
  readonly revision: string
  readonly server: ServerFacts
  readonly stateless: boolean
  readonly secluded: boolean
  readonly #pipe: StdioPipe
  readonly #events: ConnectionEvents
  readonly #duties: EraDuties
  #closed = false

  constructor(pipe: StdioPipe, facts: StdioFacts, events: ConnectionEvents) {
    this.era = facts.era
    this.revision = facts.revision
    this.server = facts.server
    this.stateless = facts.era === '2026'
    this.secluded = facts.era === '2025'
    this.#pipe = pipe
    this.#events = events
    this.#duties = facts.era === '2026' ? this.#modern(facts.meta) : this.#legacy()
    pipe.attach({
      era: facts.era,
      unasked: (message, respond) => this.#duties.unasked(message, respond),
      lost: (fault) => this.#lost(fault),
    })
  }

  meta(offered: string): LinkMeta {
    return this.#duties.meta(offered)
  }

  watching(of: ListKind): boolean {
    return !this.#closed && this.#duties.watching(of)
  }

  subscribe(uri: string): Promise<boolean> {
    return this.#duties.subscribe(uri)
  }

  unsubscribe(uri: string): void {
    this.#duties.unsubscribe(uri)
  }

  wantLogs(level: LogSeverity): Promise<void> | undefined {
    return this.#duties.wantLogs(level)
  }

  /** Asks to be told of changes. Resolves when that is granted, refused, or takes too long. */
  watch(): Promise<void> {
    return this.#duties.start()
  }

  send(frame: OutFrame, sink: FrameSink): Sent {
    return this.#pipe.send(frame, sink)
  }

  async close(): Promise<void> {
    this.#stop()
    await this.#pipe.close()
  }

  /** A server of 2026 tells of changes when it is asked to, and asks nothing itself. */
  #modern(meta: ModernMeta): EraDuties {
    const events = this.#events
    const parts = { meta: meta.of(''), server: this.server, events }
    const listen = new Listen({ ...parts, send: this.send.bind(this) })
    return {
      meta: (offered) => meta.of(offered),
      watching: (of) => listen.watching(of),
      subscribe: (uri) => listen.subscribe(uri),
      unsubscribe: (uri) => listen.unsubscribe(uri),
      wantLogs: () => undefined,
      start: () => listen.start(),
      unasked: (message, respond) => {
        if (message.id === undefined) hearUnasked(message, events, respond)
      },
      stop: () => listen.stop(),
    }
  }

  /** The pipe is always open, so that a server of 2025 can say on it all it has to say. */
  #legacy(): EraDuties {
    const { server } = this
    const events = this.#events
    const send = this.send.bind(this)
    const takes = (): boolean => !this.#closed && takesSubscriptions(server)
    const subscriptions = new SessionSubscriptions(send, takes)
    const logs = new SessionLogs(send, () => sendsLogs(server))
    return {
      meta: () => '',
      watching: (of) => reportsChanges(server, of),
      subscribe: (uri) => subscriptions.subscribe(uri),
      unsubscribe: (uri) => subscriptions.unsubscribe(uri),
      wantLogs: (level) => logs.want(level),
      start: () => Promise.resolve(),
      unasked: (message, respond) => hearUnasked(message, events, respond),
      stop: () => undefined,
    }
  }

  #lost(fault: Fault): void {
    this.#stop()
    this.#events.lost(fault)
  }

  #stop(): void {
    this.#closed = true
    this.#duties.stop()
  }
}
