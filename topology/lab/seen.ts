import type { NodeId } from '../../protocol/federation.ts'
import type { FibEntry } from '../rib.ts'
import type { KnownRecords } from '../route.ts'
import type { Counts } from '../sim/mesh-sim.ts'
import type { OwnNamespace } from '../speaker-types.ts'
import type { Version } from '../version.ts'

/** What a node knows of others, as far as it is judged by it. */
export interface SeenRecords extends KnownRecords {
  readonly tree: { root(): string }
  nodes(): Iterable<NodeId>
  version(id: NodeId): Version | undefined
}

/** What a running node knows and has chosen. */
export interface SeenSpeaker {
  readonly fib: ReadonlyMap<string, Pick<FibEntry, 'key' | 'candidates'>>
  readonly db: SeenRecords
}

/** A node as whoever judges a run sees it. */
export interface SeenNode {
  readonly id: NodeId
  readonly organisation: string
  /** Counts its starts and ends: what was known in another life is nothing to this one. */
  readonly life: number
  /** What it truly has. */
  readonly namespaces: readonly OwnNamespace[]
  /** Undefined while it does not run. */
  readonly speaker: SeenSpeaker | undefined
}

/** A link as it truly is. */
export interface SeenLink {
  readonly plan: { readonly from: NodeId; readonly to: NodeId; readonly cost: number }
  /** Whether something is between its ends, one way or both. */
  readonly isCut: boolean
}

/**
 * A mesh as whoever judges a run sees it: simulated, or made of real processes. Nodes go by the names of the file. What is
 * seen of real ones is as old as the last look; `agenda` looks anew before it runs anything.
 */
export interface SeenMesh {
  /** Milliseconds since the beginning, virtual or real. */
  readonly now: number
  readonly agenda: { add(at: number, run: () => void): void }
  readonly nodes: ReadonlyMap<NodeId, SeenNode>
  /** By `from to`. */
  readonly links: ReadonlyMap<string, SeenLink>
  readonly counts: Counts
}
