import type { Fault } from '../../protocol/errors.ts'
import type { UpstreamMessage } from '../../protocol/upstream-message.ts'
import type { Era } from '../../protocol/revisions.ts'
import type {
  Connection,
  ConnectionEvents,
  FrameSink,
  OutFrame,
  Sent,
  ServerFacts,
} from './connection.ts'
import { Listen, reportsChanges } from './listen.ts'
import type { StdioPipe } from './stdio-pipe.ts'

/** What was found out about the server behind a pipe. */
export interface StdioFacts {
  readonly era: Era
  readonly revision: string
  readonly server: ServerFacts
  /** As `Connection.meta`. */
  readonly meta: string
}

/** A conversation with an MCP server that runs as a child process, in the era it speaks. */
export class StdioConnection implements Connection {
  readonly era: Era
  readonly revision: string
  readonly server: ServerFacts
  readonly meta: string
  readonly stateless: boolean
  readonly #pipe: StdioPipe
  readonly #events: ConnectionEvents
  readonly #listen: Listen | undefined
  #closed = false

  constructor(pipe: StdioPipe, facts: StdioFacts, events: ConnectionEvents) {
    this.era = facts.era
    this.revision = facts.revision
    this.server = facts.server
    this.meta = facts.meta
    this.stateless = facts.era === '2026'
    this.#pipe = pipe
    this.#events = events
    if (this.stateless) this.#listen = new Listen(this.send.bind(this), this.meta, events)
    pipe.attach({
      answers: !this.stateless,
      notification: (message) => this.#heard(message),
      lost: (fault) => this.#lost(fault),
    })
  }

  /** A 2025 server reports changes unasked, one of 2026 when a listen is granted. */
  get watching(): boolean {
    if (this.#closed) return false
    return this.#listen === undefined ? reportsChanges(this.server) : this.#listen.active
  }

  /** Asks a 2026 server to be told of changes. Resolves when that is granted, refused, or takes too long. */
  async watch(): Promise<void> {
    if (reportsChanges(this.server)) await this.#listen?.start()
  }

  send(frame: OutFrame, sink: FrameSink): Sent {
    return this.#pipe.send(frame, sink)
  }

  async close(): Promise<void> {
    this.#stop()
    await this.#pipe.close()
  }

  /** Nothing else that names no request is passed on: it would reach callers it was not meant for. */
  #heard(message: UpstreamMessage): void {
    if (message.method === 'notifications/tools/list_changed') this.#events.listChanged()
  }

  #lost(fault: Fault): void {
    this.#stop()
    this.#events.lost(fault)
  }

  #stop(): void {
    this.#closed = true
    this.#listen?.stop()
  }
}
