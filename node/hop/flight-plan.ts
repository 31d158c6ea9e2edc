import type { Retry } from '../../protocol/hop-request.ts'
import type { Body } from '../../protocol/link/body.ts'
import type { UpstreamMessage } from '../../protocol/upstream-message.ts'
import type { Delegated, Returned } from '../core/stages.ts'
import type { Connection, OutFrame, Respond } from '../outbound/connection.ts'
import type { Upstream } from './exchange.ts'
import type { Flight } from './flight.ts'

/** What becomes of a call's questions and of its answer, for one kind of caller. */
export interface Landing {
  /** A request of the upstream that belongs to the call. */
  question(message: UpstreamMessage, respond: Respond): void
  /** The upstream withdrew a question. */
  withdrawn(id: unknown): void
  /**
   * Turns a response into the answer for the caller; undefined when the call goes on. A promise only where keys have to be
   * fetched to know what the answer is worth.
   *
   * @throws Fault; the promise rejects with it too
   */
  answer(message: UpstreamMessage): Returned | Promise<Returned> | undefined
  /** The same for a result of which nothing is known but that it ends the call; undefined where it has to be read. */
  unread(text: Body): Returned | undefined
  /** The flight has ended, whatever came of it. */
  over(): void
}

/** What a flight needs. */
export interface FlightPlan {
  readonly delegated: Delegated
  readonly upstream: Upstream
  /** How long a caller may let a question wait, milliseconds. */
  readonly inputTimeoutMs: number
  /** Writes the call for a connection, each time under a new id. */
  readonly frame: (
    delegated: Delegated,
    connection: Connection,
    retry: Retry | undefined,
  ) => OutFrame
  readonly landing: (flight: Flight) => Landing
}
