import type { NodeId } from '../protocol/federation.ts'
import type { SignedRecord } from './signed-record.ts'
import type { SyncRound } from './sync.ts'

/** Nodes of which it is remembered what the other end has. Who is forgotten may be told once more, and takes no notice. */
const REMEMBERED = 128

/** Notes being compared with the other end of a link. */
export interface LinkRound {
  /** Counts the rounds this node began with it: what belongs to another one is not looked at. */
  readonly round: number
  readonly sync: SyncRound
  /** Something was said meanwhile that asks for another round. */
  again: boolean
}

/** One end of a link inside the organisation, as far as records are concerned. */
export class RecordPeer {
  /** Whether the other end hears the bus; told by its `hello`. */
  bus = true
  /** Rounds begun. */
  rounds = 0
  comparing: LinkRound | undefined
  /** The digest of the last record that went over this link, in either direction, of the nodes last spoken of. */
  readonly #told = new Map<NodeId, string>()
  readonly #waiting = new Map<NodeId, SignedRecord>()

  /** The other end has it. */
  has(signed: SignedRecord): void {
    const { digest, record } = signed
    const told = this.#told
    told.delete(record.id)
    told.set(record.id, digest)
    if (told.size > REMEMBERED) {
      for (const oldest of told.keys()) {
        told.delete(oldest)
        break
      }
    }
    if (this.#waiting.get(record.id)?.digest === digest) this.#waiting.delete(record.id)
  }

  /** It is to be told, with what else there is by then, unless it comes from there first. False when it is known there. */
  offer(signed: SignedRecord): boolean {
    if (this.#told.get(signed.record.id) === signed.digest) return false
    this.#waiting.set(signed.record.id, signed)
    return true
  }

  /** The texts of what waits; from now on the other end has them. */
  take(): readonly string[] {
    const texts = this.takeOf(this.#waiting.values())
    this.#waiting.clear()
    return texts
  }

  /** The texts of those the other end does not have; from now on it has them. */
  takeOf(records: Iterable<SignedRecord>): readonly string[] {
    const texts: string[] = []
    for (const signed of records) {
      if (this.#told.get(signed.record.id) === signed.digest) continue
      this.has(signed)
      texts.push(signed.text)
    }
    return texts
  }

  /** The connection is a new one: nothing is known of the other end. */
  reset(): void {
    this.#told.clear()
    this.#waiting.clear()
    this.comparing = undefined
  }
}
