import type { NodeId } from '../protocol/federation.ts'
import { HashTree } from './hash-tree.ts'
import type { NodeRecord } from './record.ts'
import type { SignedRecord } from './signed-record.ts'
import { compareVersions, type Version } from './version.ts'

/** What became of a record: `twin` is another text of the same version, which only a node with two minds signs. */
export type Verdict = 'newer' | 'known' | 'older' | 'twin' | 'full'

export interface DbLimits {
  /** Nodes remembered at most, those that expired included. */
  readonly records: number
  /** How long a record counts after it was received, ms of presence. */
  readonly ttl: number
}

interface Entry {
  readonly version: Version
  /** One, or the two of lowest digest of all that were seen of this version. */
  readonly texts: readonly [SignedRecord] | readonly [SignedRecord, SignedRecord]
  readonly receivedAt: number
  readonly expired: boolean
}

/**
 * The latest record of each node: a join of what was heard, so that order, repetition and loss along the way make no
 * difference. A node of which two texts of the latest version were seen says nothing that counts until it says something
 * newer. Whatever expires leaves its version behind, so that nothing older comes back.
 *
 * Time is presence: milliseconds this node has been connected and in step with others. Someone cut off must not find
 * everybody else expired.
 */
export class RecordDb {
  readonly #entries = new Map<NodeId, Entry>()
  readonly #limits: DbLimits
  readonly tree: HashTree = new HashTree()
  /** Records that found no place. */
  refused = 0

  constructor(limits: DbLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#entries.size
  }

  /** Joins in a record whose signature was verified. @param presence ms */
  put(signed: SignedRecord, presence: number): Verdict {
    const { record } = signed
    const entry = this.#entries.get(record.id)
    if (entry === undefined) {
      if (this.#entries.size >= this.#limits.records) {
        this.refused += 1
        return 'full'
      }
      this.#set(signed, [signed], presence)
      return 'newer'
    }
    const order = compareVersions(record, entry.version)
    if (order < 0) return 'older'
    if (order > 0) {
      this.#set(signed, [signed], presence)
      return 'newer'
    }
    const texts = lowest(entry.texts, signed)
    if (texts === undefined) return 'known'
    this.#set(signed, texts, entry.receivedAt)
    return 'twin'
  }

  /** What counts of a node: nothing when it expired, or speaks with two tongues. */
  get(id: NodeId): NodeRecord | undefined {
    const entry = this.#entries.get(id)
    const counts = entry !== undefined && !entry.expired && entry.texts.length === 1
    return counts ? entry.texts[0].record : undefined
  }

  /** The latest version of a node there is any memory of. */
  version(id: NodeId): Version | undefined {
    const { inc, seq } = this.#entries.get(id)?.version ?? {}
    return inc === undefined || seq === undefined ? undefined : { inc, seq }
  }

  /** The texts others should have of a node: two are the proof of its two minds. */
  texts(id: NodeId): readonly SignedRecord[] {
    const entry = this.#entries.get(id)
    return entry === undefined || entry.expired ? [] : entry.texts
  }

  /** Whether two texts of the latest version of a node were seen. */
  isTwofold(id: NodeId): boolean {
    return this.texts(id).length > 1
  }

  /** Nodes that are not forgotten, in the order they were first heard of. */
  nodes(): Iterable<NodeId> {
    return this.#entries.keys()
  }

  /** Lets records go that nobody renewed. Gives their nodes. @param presence ms */
  expire(presence: number): NodeId[] {
    const gone: NodeId[] = []
    for (const [id, entry] of this.#entries) {
      if (entry.expired || presence - entry.receivedAt <= this.#limits.ttl) continue
      this.#entries.set(id, { ...entry, expired: true })
      this.tree.set(id, undefined)
      gone.push(id)
    }
    return gone
  }

  #set({ record }: SignedRecord, texts: Entry['texts'], receivedAt: number): void {
    const entry: Entry = { version: record, texts, receivedAt, expired: false }
    this.#entries.set(record.id, entry)
    this.tree.set(record.id, texts)
  }
}

/** The two lowest of what is there and one more; undefined when that changes nothing. */
function lowest(texts: Entry['texts'], more: SignedRecord): Entry['texts'] | undefined {
  if (texts.some(({ digest }) => digest === more.digest)) return undefined
  const [first, second] = [...texts, more].toSorted((a, b) => (a.digest < b.digest ? -1 : 1))
  if (first === undefined || second === undefined) return undefined
  const same = texts.length === 2 && texts[0] === first && texts[1] === second
  return same ? undefined : [first, second]
}
