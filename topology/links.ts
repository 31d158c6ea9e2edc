import type { NodeId } from '../protocol/federation.ts'
import { Advertiser, type AdvertTiming } from './advertiser.ts'
import { LinkHealth, type LinkTiming } from './link-health.ts'
import { RecordPeer } from './record-peer.ts'
import type { Peer } from './route-policy.ts'
import type { RouteKey } from './route.ts'

/** A node this one uses: it offers routes, and is probed. */
export class Uplink {
  readonly peer: Peer
  readonly cost: number
  readonly health: LinkHealth
  /** Undefined beyond the border: records stay inside. */
  readonly records: RecordPeer | undefined
  /** Sequence number of the next message of routes; undefined when only a full one will do. */
  expected: number | undefined
  /** When to probe, ms of the node's clock. */
  probeAt: number = Infinity
  /** A probe is out. */
  probing = false

  constructor(peer: Peer, parts: { cost: number; timing: LinkTiming; inside: boolean }) {
    this.peer = peer
    this.cost = parts.cost
    this.health = new LinkHealth(parts.timing)
    this.records = parts.inside ? new RecordPeer() : undefined
  }
}

/** Whether a node may be told of a namespace, by the key that has here. */
export type Shows = (key: RouteKey) => boolean

/** A node that uses this one: it is told of routes. */
export class Downlink {
  readonly adverts: Advertiser
  readonly records: RecordPeer | undefined
  /** What it may see at the most, whatever export rules say; undefined: all. */
  shows: Shows | undefined

  constructor(peer: Peer, parts: { timing: AdvertTiming; random: () => number; inside: boolean }) {
    this.adverts = new Advertiser(peer, parts.timing, parts.random)
    this.records = parts.inside ? new RecordPeer() : undefined
  }

  get peer(): Peer {
    return this.adverts.peer
  }
}

/** Which of the two links between two nodes: as seen from this one, `up` leads to an upstream. */
export type Side = 'up' | 'down'

/** The near end of a link inside the organisation. */
export interface RecordEnd {
  readonly id: NodeId
  readonly side: Side
  readonly records: RecordPeer
}

/** The links of a node. Two nodes may use each other: those are two links. */
export class Links {
  readonly up: Map<NodeId, Uplink> = new Map<NodeId, Uplink>()
  readonly down: Map<NodeId, Downlink> = new Map<NodeId, Downlink>()

  /** Ends inside the organisation that do not hear the bus. */
  readonly #deaf = new Set<RecordPeer>()

  /** Whether somebody hears of records over a link only. */
  get hasDeaf(): boolean {
    return this.#deaf.size > 0
  }

  /** The other end says whether it hears the bus. */
  setHearing(records: RecordPeer, bus: boolean): void {
    records.bus = bus
    if (bus) this.#deaf.delete(records)
    else this.#deaf.add(records)
  }

  /** There is no such link any more. */
  drop(id: NodeId, side: Side): void {
    const records = this.get(id, side)?.records
    if (records !== undefined) this.#deaf.delete(records)
    if (side === 'up') this.up.delete(id)
    else this.down.delete(id)
  }

  get(id: NodeId, side: Side): Uplink | Downlink | undefined {
    return side === 'up' ? this.up.get(id) : this.down.get(id)
  }

  /** The ends records go to: one of the two links between nodes that use each other will do, while it is up. */
  *carriers(): Iterable<RecordEnd> {
    for (const end of this.inside()) {
      if (end.side === 'up' || this.up.get(end.id)?.health.state !== 'up') yield end
    }
  }

  /** All ends inside the organisation. */
  *inside(): Iterable<RecordEnd> {
    for (const [id, { records }] of this.up)
      if (records !== undefined) yield { id, side: 'up', records }
    for (const [id, { records }] of this.down) {
      if (records !== undefined) yield { id, side: 'down', records }
    }
  }
}
