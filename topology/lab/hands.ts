import type { NodeId } from '../../protocol/federation.ts'
import type { Lie } from './lab-draft.ts'

/** Which ways of a link carry nothing: to the node that is used, and back from it. */
export interface Blocked {
  readonly forth: boolean
  readonly back: boolean
}

/**
 * What the faults of a schedule are done with, in a simulated mesh or in one of processes. Each returns at once; what takes
 * time goes on behind it, in the order it was asked for.
 */
export interface Hands {
  /** Milliseconds since the beginning of the schedule. */
  readonly now: number
  /** Runs something at a time. */
  at(time: number, run: () => void): void
  /** Ends a node without a word. @param loseDisk it remembers nothing when it starts again */
  crash(node: NodeId, loseDisk: boolean): void
  /** Starts a node that does not run. */
  start(node: NodeId): void
  /** Takes the bus from one node, or gives it back. */
  apart(node: NodeId, is: boolean): void
  /** A node changes what its namespaces hold. */
  publish(node: NodeId): void
  /** A node has no namespaces any more, or again those it had. */
  withdraw(node: NodeId, is: boolean): void
  drain(node: NodeId): void
  /** The server of a bus goes, or comes back. */
  bus(bus: string, up: boolean): void
  /** A bus loses this share of what it carries. */
  drop(bus: string, share: number): void
  /** @param by how wrong the wall clock of a node is from now on, ms */
  skew(node: NodeId, by: number): void
  /** Says things in the name of a node to others of its organisation. */
  lie(node: NodeId, kinds: readonly Lie[]): void
  /** What a link carries from now on. */
  block(from: NodeId, to: NodeId, ways: Blocked): void
}
