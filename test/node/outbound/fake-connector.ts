// A connector without a network: every attempt waits until the test decides it.
import type { Context } from '../../../node/core/stages.ts'
import type { QuestionTaker } from '../../../node/outbound/calls.ts'
import type { Connection, ConnectionEvents, Connector } from '../../../node/outbound/connection.ts'
import type { LinkEvents } from '../../../node/outbound/link-events.ts'
import type { Fault } from '../../../protocol/errors.ts'
import type { FederationSettings } from '../../../protocol/federation.ts'

/** A connection that only knows whether it was closed. */
export class FakeConnection implements Connection {
  readonly era = '2026'
  readonly revision = '2026-07-28'
  readonly server: Connection['server']
  readonly stateless: boolean
  secluded = false
  closed = 0

  constructor(stateless: boolean, node?: string) {
    const federation: FederationSettings | undefined =
      node === undefined ? undefined : { version: 1, node, organisation: 'acme', name: node }
    this.server = { capabilities: {}, name: 'fake', federation }
    this.stateless = stateless
  }

  meta(): string {
    return ''
  }

  watching(): boolean {
    return false
  }

  subscribe(): Promise<boolean> {
    return Promise.resolve(false)
  }

  unsubscribe(): void {
    // Nothing is ever subscribed to.
  }

  wantLogs(): undefined {
    return undefined
  }

  send(): never {
    throw new Error('nothing is sent here')
  }

  close(): Promise<void> {
    this.closed += 1
    return Promise.resolve()
  }
}

/** One call of `connect`. */
export class Attempt {
  readonly events: ConnectionEvents
  readonly offered: string
  readonly promise: Promise<Connection>
  readonly #resolve: (connection: Connection) => void
  readonly #reject: (fault: Error) => void

  constructor(events: ConnectionEvents, offered: string) {
    const { promise, resolve, reject } = Promise.withResolvers<Connection>()
    this.events = events
    this.offered = offered
    this.promise = promise
    this.#resolve = resolve
    this.#reject = reject
  }

  /** Opens a connection, to another node if `node` is its id. */
  succeed(stateless = true, node?: string): FakeConnection {
    const connection = new FakeConnection(stateless, node)
    this.#resolve(connection)
    return connection
  }

  fail(fault: Error): void {
    this.#reject(fault)
  }

  lose(fault: Fault): void {
    this.events.lost(fault)
  }
}

/** Keeps every attempt for the test to decide. */
export class FakeConnector implements Connector {
  readonly target = 'fake://upstream'
  readonly backoff: { readonly min: number; readonly max: number }
  readonly attempts: Attempt[] = []
  closed = 0
  /** Called by `close`, as a real connector ends what it is opening. */
  onClose: () => void = () => undefined

  constructor(backoff: { readonly min: number; readonly max: number } = { min: 100, max: 800 }) {
    this.backoff = backoff
  }

  connect(events: ConnectionEvents, offered: string): Promise<Connection> {
    const attempt = new Attempt(events, offered)
    this.attempts.push(attempt)
    return attempt.promise
  }

  close(): Promise<void> {
    this.closed += 1
    this.onClose()
    return Promise.resolve()
  }

  /** The attempt under way, or the last one. */
  get last(): Attempt {
    const attempt = this.attempts.at(-1)
    if (attempt === undefined) throw new Error('nobody tried to connect')
    return attempt
  }
}

/** The context of a 2025 session that shares with no other; of all who share, if its id is empty. */
export function ofSession(session: string, offered: string = ''): Context {
  return { key: `${session}\n${offered}`, whose: session, offered }
}

/** Somebody who does not care what happens on a link. */
export const INDIFFERENT: LinkEvents = {
  up: () => undefined,
  down: () => undefined,
  listChanged: () => undefined,
  updated: () => undefined,
  openedApart: () => undefined,
}

/** A call that takes nothing. */
export const DEAF: QuestionTaker = {
  caller: 'somebody',
  request: () => undefined,
  notification: () => undefined,
}
