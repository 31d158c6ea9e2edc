import type { NodeId } from '../protocol/federation.ts'
import type { LinkMessage } from './link-message.ts'
import type { Links, Side } from './links.ts'
import type { RecordDb } from './record-db.ts'
import type { RecordPeer } from './record-peer.ts'
import type { SignedRecord } from './signed-record.ts'
import { answerSync, PAGE_CHARS, SyncRound, type SyncRequest } from './sync.ts'

/** One end of a link. */
export interface LinkEnd {
  readonly id: NodeId
  readonly side: Side
}

interface Flooded {
  readonly db: RecordDb
  readonly links: Links
  readonly now: () => number
  /** Whether this node is connected to the bus, and whether it missed something that the bus does not bring. */
  readonly bus: () => { readonly hears: boolean; readonly behind: boolean }
  readonly send: (peer: NodeId, side: Side, message: LinkMessage) => void
  /** Joins in records that came over a link, and says how many were news. */
  readonly take: (records: readonly string[], from: LinkEnd) => number
  /** Records are gathered for so long before they are passed on, ms. */
  readonly gather: number
}

type Of<T extends LinkMessage['type']> = Extract<LinkMessage, { type: T }>

/**
 * Records on links: for those who do not hear the bus, and from them. What changes is passed on, each version once over a
 * link; what two ends did not hear of from each other they find by comparing notes, when one says hello: two that have the
 * same say no more than that.
 */
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

  /** Says hello over a new connection. */
  greet(id: NodeId, side: Side): void {
    const records = this.#parts.links.get(id, side)?.records
    if (records === undefined) return
    records.reset()
    this.#say(id, side, false)
  }

  /** The way records took to a node is gone: if it uses this one, they go that way now, and some may have been lost. */
  reroute(id: NodeId): void {
    if (this.#parts.links.get(id, 'down')?.records !== undefined) this.#say(id, 'down', false)
  }

  /**
   * The other end says whether it hears the bus, and what it has. The downstream end is the one that asks: if both did,
   * everything would be said twice.
   */
  onHello(id: NodeId, side: Side, { answer, behind, bus, root }: Of<'hello'>): void {
    const { db, links } = this.#parts
    const records = links.get(id, side)?.records
    if (records === undefined) return
    links.setHearing(records, bus)
    const own = this.#parts.bus()
    const differs = (behind || own.behind) && root !== db.tree.root()
    if (differs && side === 'up') this.#compare(id, records)
    if (!answer && (!own.hears || (differs && side === 'down'))) this.#say(id, side, true)
  }

  /** A downstream end compares notes. */
  onAsk(id: NodeId, side: Side, { request, round }: Of<'ask'>): void {
    const { db, links, send, take } = this.#parts
    if (links.get(id, side)?.records === undefined) return
    const reply = answerSync(db, request, (texts) => take(texts, { id, side }))
    send(id, side, { type: 'reply', round, reply })
  }

  /** The upstream end says what this one asked. */
  onReply(id: NodeId, { reply, round }: Of<'reply'>): void {
    const records = this.#parts.links.get(id, 'up')?.records
    const { comparing } = records ?? {}
    if (records === undefined || comparing?.round !== round) return
    const next = comparing.sync.onReply(reply)
    if (next !== undefined) this.#ask(id, round, next)
    else {
      records.comparing = undefined
      if (comparing.again) this.#compare(id, records)
    }
  }

  /** Tells everybody how this node hears of records. */
  announce(): void {
    for (const { id, side } of this.#parts.links.inside()) this.#say(id, side, false)
  }

  /** Passes a record on to those who would not hear of it otherwise. @param from the end it came from */
  pass(signed: SignedRecord, from?: LinkEnd): void {
    const { bus, gather, links, now } = this.#parts
    const isHeard = bus().hears
    if (isHeard && !links.hasDeaf) return
    let waits = false
    for (const { id, records } of links.carriers()) {
      if ((isHeard && records.bus) || id === from?.id) continue
      records.offer(signed)
      waits = true
    }
    if (waits) this.#due = Math.min(this.#due, now() + gather)
  }

  /** Sends what was gathered. */
  flush(): void {
    this.#due = Infinity
    const { links, send } = this.#parts
    for (const { id, side, records: peer } of links.inside()) {
      for (const records of pages(peer.take())) send(id, side, { type: 'records', records })
    }
  }

  #say(id: NodeId, side: Side, answer: boolean): void {
    const { bus, db, send } = this.#parts
    const { behind, hears } = bus()
    send(id, side, { type: 'hello', bus: hears, behind, root: db.tree.root(), answer })
  }

  #compare(id: NodeId, records: RecordPeer): void {
    if (records.comparing !== undefined) {
      records.comparing.again = true
      return
    }
    const { db, take } = this.#parts
    records.rounds += 1
    const sync = new SyncRound(db, (texts) => take(texts, { id, side: 'up' }))
    records.comparing = { round: records.rounds, sync, again: false }
    this.#ask(id, records.rounds, sync.start())
  }

  #ask(id: NodeId, round: number, request: SyncRequest): void {
    this.#parts.send(id, 'up', { type: 'ask', round, request })
  }
}

/** Texts in messages of a size that a link takes. */
function pages(texts: readonly string[]): (readonly string[])[] {
  const all: string[][] = []
  let [page, chars]: [string[], number] = [[], 0]
  for (const text of texts) {
    if (page.length === 0) all.push(page)
    page.push(text)
    chars += text.length
    if (chars > PAGE_CHARS) [page, chars] = [[], 0]
  }
  return all
}
