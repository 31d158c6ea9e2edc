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
  /** The digests of the causes last told, by their nodes. */
  readonly #told = new Map<NodeId, string>()
  readonly #waiting = new Map<NodeId, SignedRecord>()

  /** The other end has it. */
  has({ digest, record }: SignedRecord): void {
    if (this.#waiting.get(record.id)?.digest === digest) this.#waiting.delete(record.id)
  }

  /** It is to be told, with what else there is by then, unless it comes from there first. */
  offer(signed: SignedRecord): void {
    this.#waiting.set(signed.record.id, signed)
  }

  /** The texts of what waits; from now on the other end has them. */
  take(): readonly string[] {
    if (this.#waiting.size === 0) return []
    const texts = Array.from(this.#waiting.values(), ({ text }) => text)
    this.#waiting.clear()
    return texts
  }

  /** The texts of the causes the other end was not told of lately; from now on it has them. */
  takeCauses(records: Iterable<SignedRecord>): readonly string[] {
    const texts: string[] = []
    for (const signed of records) {
      const { digest, record, text } = signed
      if (this.#told.get(record.id) === digest) continue
      this.#remember(record.id, digest)
      this.has(signed)
      texts.push(text)
    }
    return texts
  }

  /** The connection is a new one: nothing is known of the other end. */
  reset(): void {
    this.#told.clear()
    this.#waiting.clear()
    this.comparing = undefined
  }

  #remember(id: NodeId, digest: string): void {
    const told = this.#told
    told.delete(id)
    told.set(id, digest)
    if (told.size <= REMEMBERED) return
    for (const oldest of told.keys()) {
      told.delete(oldest)
      break
    }
  }
}
