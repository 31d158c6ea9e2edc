import type { CapabilityKind } from '../../protocol/capability.ts'
import type { Fault } from '../../protocol/errors.ts'

/** How a request ended: with an answer, with an error an upstream answered, or with a fault of this node. */
export type CallEnd = Fault | 'upstream_error' | undefined

/** How a request came. */
export type Arrival = 'http' | 'websocket' | 'stdio'

/** A way a call goes out. */
export interface Departure {
  /** Label of the upstream. */
  readonly upstream: string
  /** How it gets there, where that is known and there is a choice. */
  readonly transport: string | undefined
  readonly kind: CapabilityKind
  /** What is called, as the endpoint shows it: known to exist, and to its caller. */
  readonly name: string
  /** As it is called there. */
  readonly as: string
}

/** Follows one request through the node, for metrics and traces. Nothing here throws or waits. */
export interface CallRun {
  /** What the next hop is told of the trace (W3C Trace Context); undefined: what the caller says of one. */
  readonly traceparent: string | undefined
  /** Whether that begins a trace: what the caller says of another is not passed on. */
  readonly isNewTrace: boolean
  /** It goes out. */
  depart(to: Departure): void
  /** What came of it there. */
  arrive(end: CallEnd): void
  /** A token is fetched for it. */
  exchanging<T>(work: Promise<T>): Promise<T>
  /** It is over; called once, and last. */
  over(end: CallEnd): void
}
