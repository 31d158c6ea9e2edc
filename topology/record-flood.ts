import type { NodeId } from '../protocol/federation.ts'
import type { LinkMessage } from './link-message.ts'
import type { Links, Side } from './links.ts'
import type { RecordDb } from './record-db.ts'
import type { SignedRecord } from './signed-record.ts'

interface Flooded {
  readonly db: RecordDb
  readonly links: Links
  readonly now: () => number
  /** Whether this node hears the bus, and has missed nothing of it. */
  readonly hearsBus: () => boolean
  readonly send: (peer: NodeId, side: Side, message: LinkMessage) => void
  /** Records are gathered for so long before they are passed on, ms. */
  readonly gather: number
}

/** Records on links: for those who do not hear the bus, and from them. Each version goes over a link once. */
export class RecordFlood {
  readonly #parts: Flooded
  #due = Infinity

  constructor(parts: Flooded) {
    this.#parts = parts
  }

  /** When records are to be passed on, ms of the node's clock. */
  get due(): number {
    return this.#due
  }

  /** Says hello over a new connection; who does not hear the bus is told all there is. */
  greet(id: NodeId, side: Side): void {
    const records = this.#parts.links.get(id, side)?.records
    if (records === undefined) return
    records.reset()
    this.#say(id, side)
  }

  /** The other end says whether it hears the bus. */
  onHello(id: NodeId, side: Side, bus: boolean): void {
    const { links } = this.#parts
    const records = links.get(id, side)?.records
    if (records === undefined) return
    links.setHearing(records, bus)
    if (!bus) this.#tellAll(id, side)
  }

  /** Tells everybody whether this node hears the bus. */
  announce(): void {
    for (const { id, side } of this.#parts.links.inside()) this.#say(id, side)
  }

  /** Passes a record on to those who would not hear of it otherwise. */
  pass(signed: SignedRecord): void {
    const { gather, hearsBus, links, now } = this.#parts
    const isHeard = hearsBus()
    if (isHeard && !links.hasDeaf) return
    let waits = false
    for (const { records } of links.inside()) {
      if (isHeard && records.bus) continue
      waits = records.offer(signed) || waits
    }
    if (waits) this.#due = Math.min(this.#due, now() + gather)
  }

  /** Sends what was gathered. */
  flush(): void {
    this.#due = Infinity
    for (const { id, side, records: peer } of this.#parts.links.inside()) {
      this.#send(id, side, peer.take())
    }
  }

  #say(id: NodeId, side: Side): void {
    const bus = this.#parts.hearsBus()
    this.#parts.send(id, side, { type: 'hello', bus })
    if (!bus) this.#tellAll(id, side)
  }

  #tellAll(id: NodeId, side: Side): void {
    const { db, links } = this.#parts
    const peer = links.get(id, side)?.records
    const all = Array.from(db.nodes()).flatMap((node) => db.texts(node))
    this.#send(id, side, peer?.takeOf(all) ?? [])
  }

  #send(id: NodeId, side: Side, records: readonly string[]): void {
    if (records.length > 0) this.#parts.send(id, side, { type: 'records', records })
  }
}
