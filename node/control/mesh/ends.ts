import type { NodeId } from '../../../protocol/federation.ts'
import type { LinkedNode, MeshWire } from '../../core/mesh-ends.ts'
import type { Principal } from '../../core/principal.ts'

/** An upstream that is a node: who is there, and the wire to it, while there is one. */
export interface UpEnd {
  readonly label: string
  readonly peer: LinkedNode
  readonly wire: MeshWire | undefined
}

/** A node that uses an endpoint of this one. */
export interface DownEnd {
  readonly endpoint: string
  readonly principal: Principal
  readonly wire: MeshWire
}

/** Downstream wires that are kept; the links behind them are bounded by the connections of the listener. */
const MAX_DOWNS = 100_000

/** Who is at the other ends of the links of this node, whether anything is told there or not. */
export class Ends {
  readonly #ups = new Map<string, UpEnd>()
  /** Of each node its wires, the newest last. Two endpoints of this node are two wires. */
  readonly #downs = new Map<NodeId, DownEnd[]>()
  #downCount = 0

  get ups(): ReadonlyMap<string, UpEnd> {
    return this.#ups
  }

  /** The nodes that use this one. */
  get downs(): Iterable<NodeId> {
    return this.#downs.keys()
  }

  setUp(end: UpEnd): void {
    this.#ups.set(end.label, end)
  }

  removeUp(label: string): void {
    this.#ups.delete(label)
  }

  peerOf(label: string): NodeId | undefined {
    return this.#ups.get(label)?.peer.node
  }

  /** The upstreams that lead to a node: two endpoints of one node are two of them. */
  upsTo(id: NodeId): readonly UpEnd[] {
    return [...this.#ups.values()].filter(({ peer }) => peer.node === id)
  }

  /** The wire to say something to an upstream node on. */
  wireUp(id: NodeId): MeshWire | undefined {
    return this.upsTo(id).find(({ wire }) => wire !== undefined)?.wire
  }

  /** False where there are too many. */
  addDown(end: DownEnd): boolean {
    if (this.#downCount >= MAX_DOWNS) return false
    this.#downCount += 1
    const { node } = end.wire.peer
    this.#downs.set(node, [...(this.#downs.get(node) ?? []), end])
    return true
  }

  removeDown(end: DownEnd): void {
    const { node } = end.wire.peer
    const before = this.#downs.get(node) ?? []
    const left = before.filter((one) => one !== end)
    this.#downCount -= before.length - left.length
    if (left.length === 0) this.#downs.delete(node)
    else this.#downs.set(node, left)
  }

  /** Where a downstream node is told things: on its newest wire, and what it may see there. */
  down(id: NodeId): DownEnd | undefined {
    return this.#downs.get(id)?.at(-1)
  }
}
