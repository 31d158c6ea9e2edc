import type { NodeId } from '../protocol/federation.ts'
import type { RecordDb, Verdict } from './record-db.ts'
import type { NodeRecord } from './record.ts'
import type { SignedRecord } from './signed-record.ts'
import type { TopologyEvent, World } from './speaker-types.ts'
import { isPlausible, MAX_SKEW_MS } from './version.ts'

interface Gate {
  readonly self: NodeId
  readonly organisation: string
  readonly world: World
  readonly heard: (event: TopologyEvent) => void
}

/** Records of which it is remembered that they were verified. */
const RECENT = 1_024

/** A record that was let in, and what stood there before. */
export interface Taken {
  readonly signed: SignedRecord
  readonly before: NodeRecord | undefined
  readonly verdict: Verdict
}

/** The one way into the memory of records: nothing is in it that its own node did not sign. */
export class RecordIntake {
  readonly #db: RecordDb
  readonly #gate: Gate
  /** What was verified lately, by its text. */
  readonly #recent = new Map<string, SignedRecord>()

  constructor(db: RecordDb, gate: Gate) {
    this.#db = db
    this.#gate = gate
  }

  /**
   * Reads a record, and joins it in when it may be believed. One of this node itself is never joined in, only handed
   * back: it is an older self, or somebody with its key.
   *
   * @param subject the node the bus says it is of; undefined when it came otherwise
   */
  take(text: string, subject: NodeId | undefined, presence: number): Taken | undefined {
    const { heard, self, world } = this.#gate
    const known = subject === undefined ? undefined : this.#db.texts(subject)
    // A refresh that comes over several ways is verified once.
    if (known?.some((one) => one.text === text) === true) return undefined
    const signed = subject === undefined ? this.#openOnce(text) : world.open(text)
    if (signed === undefined) return this.#refuse('unreadable', subject)
    const { record } = signed
    if (subject !== undefined && record.id !== subject)
      return this.#refuse('other-subject', subject)
    const why = this.#objection(record)
    if (why !== undefined) return this.#refuse(why, record.id)
    const before = this.#db.get(record.id)
    if (record.id === self) return { signed, before, verdict: 'known' }
    const verdict = this.#db.put(signed, presence)
    if (verdict === 'twin') heard({ type: 'twin', id: record.id })
    if (verdict === 'newer') heard({ type: 'record', id: record.id, verdict })
    return { signed, before, verdict }
  }

  /** Reads what came over a link: over how many it comes, it is verified once. */
  #openOnce(text: string): SignedRecord | undefined {
    const recent = this.#recent
    const found = recent.get(text) ?? this.#gate.world.open(text)
    if (found === undefined || recent.has(text)) return found
    recent.set(text, found)
    if (recent.size > RECENT) {
      for (const oldest of recent.keys()) {
        recent.delete(oldest)
        break
      }
    }
    return found
  }

  #objection(
    record: NodeRecord,
  ): 'other-organisation' | 'far-ahead' | 'over' | 'no-member' | undefined {
    const { organisation, world } = this.#gate
    const wall = world.wall()
    if (record.organisation !== organisation) return 'other-organisation'
    if (!isPlausible(record.inc, wall)) return 'far-ahead'
    if (record.expiresAt * 1_000 + MAX_SKEW_MS < wall) return 'over'
    return world.isMember(record) ? undefined : 'no-member'
  }

  #refuse(
    why: Extract<TopologyEvent, { type: 'refused' }>['why'],
    id: NodeId | undefined,
  ): undefined {
    this.#gate.heard({ type: 'refused', why, ...(id !== undefined && { id }) })
    return undefined
  }
}
