import type { NodeId } from '../protocol/federation.ts'
import { bucketOf } from './hash-tree.ts'
import type { RecordDb } from './record-db.ts'
import { compareVersions } from './version.ts'

/** Characters of records in one reply, about: a payload of the bus has 1 MB at most. */
export const PAGE_CHARS = 256_000

/** Nodes told of in one request. */
const PAGE_NODES = 2_000

/** What somebody has of one node: `[id, inc, seq, digests]`. */
export type Holding = readonly [id: NodeId, inc: number, seq: number, digests: string]

/** A question of one who wants to have what others have. Each has one reply. */
export type SyncRequest =
  | { readonly ask: 'root'; readonly root: string; readonly count: number }
  | {
      readonly ask: 'records'
      /** Buckets that differ, ascending. */
      readonly buckets: readonly number[]
      readonly have: readonly Holding[]
    }
  | { readonly ask: 'take'; readonly records: readonly string[] }

export type SyncReply =
  | { readonly same: true }
  | { readonly buckets: readonly string[] }
  | {
      readonly records: readonly string[]
      /** Nodes the asker has something newer of. */
      readonly need: readonly NodeId[]
      /** The bucket to ask from next, when not all fitted. */
      readonly next?: number | undefined
    }
  | { readonly taken: number }

/** Answers others. @param take joins in records that are brought, and says how many were news */
export function answerSync(
  db: RecordDb,
  request: SyncRequest,
  take: (records: readonly string[]) => number,
): SyncReply {
  switch (request.ask) {
    case 'root':
      return request.root === db.tree.root() ? { same: true } : { buckets: db.tree.buckets() }
    case 'records':
      return recordsFor(db, request)
    case 'take':
      return { taken: take(request.records) }
    default:
      return request satisfies never
  }
}

type Wanted = Extract<SyncRequest, { ask: 'records' }>
type Page = Extract<SyncReply, { need: unknown }>

function recordsFor(db: RecordDb, { buckets, have }: Wanted): Page {
  const theirs = new Map(have.map((holding) => [holding[0], holding]))
  const only = notIn(db, have)
  const [records, need]: [string[], NodeId[]] = [[], []]
  let chars = 0
  for (const bucket of buckets) {
    if (chars > PAGE_CHARS) return { records, need, next: bucket }
    for (const id of db.tree.nodesIn(bucket)) {
      const held = theirs.get(id)
      const texts = textsFor(db, id, held)
      records.push(...texts)
      chars += texts.reduce((sum, text) => sum + text.length, 0)
      if (held !== undefined && hasMore(db, id, held)) need.push(id)
    }
    need.push(...(only.get(bucket) ?? []))
  }
  return { records, need }
}

/** Nodes, by bucket, that somebody has and that are not here; of those that expired here only what is newer. */
function notIn(db: RecordDb, have: readonly Holding[]): ReadonlyMap<number, readonly NodeId[]> {
  const missing = have.filter(
    (held) => db.texts(held[0]).length === 0 && compareHoldings(db, held[0], held) < 0,
  )
  return Map.groupBy(
    missing.map(([id]) => id),
    bucketOf,
  )
}

/** What somebody lacks of a node. */
function textsFor(db: RecordDb, id: NodeId, held: Holding | undefined): readonly string[] {
  const order = compareHoldings(db, id, held)
  if (order < 0) return []
  const known = order === 0 ? (held?.[3].split(' ') ?? []) : []
  const missing = db.texts(id).filter(({ digest }) => !known.includes(digest))
  return missing.map(({ text }) => text)
}

/** Whether somebody has of a node what is not here. */
function hasMore(db: RecordDb, id: NodeId, held: Holding): boolean {
  const order = compareHoldings(db, id, held)
  if (order !== 0) return order < 0
  const here = db.texts(id).map(({ digest }) => digest)
  return held[3].split(' ').some((digest) => !here.includes(digest))
}

/** Negative when theirs is newer. */
function compareHoldings(db: RecordDb, id: NodeId, held: Holding | undefined): number {
  const mine = db.version(id)
  if (held === undefined) return 1
  if (mine === undefined) return -1
  return compareVersions(mine, { inc: held[1], seq: held[2] })
}

/**
 * One round with one other: what is missing here comes, what is missing there goes. Every reply may be lost; the round
 * just ends then, and the next one begins anew.
 */
export class SyncRound {
  readonly #db: RecordDb
  readonly #take: (records: readonly string[]) => number
  /** Buckets still to ask about, ascending; those asked about stand first. */
  #left: readonly number[] = []
  #asked = 0
  readonly #need = new Set<NodeId>()
  /** Whether the round came to its end, so that this node is in step. */
  done = false

  /** @param take as for {@link answerSync} */
  constructor(db: RecordDb, take: (records: readonly string[]) => number) {
    this.#db = db
    this.#take = take
  }

  start(): SyncRequest {
    return { ask: 'root', root: this.#db.tree.root(), count: this.#db.tree.size }
  }

  /** What to ask next; undefined when the round is over. */
  onReply(reply: SyncReply): SyncRequest | undefined {
    if ('same' in reply) return this.#end()
    if ('taken' in reply) return this.#give()
    if ('buckets' in reply) {
      const mine = this.#db.tree.buckets()
      this.#left = mine.flatMap((digest, at) => (reply.buckets[at] === digest ? [] : [at]))
      return this.#ask()
    }
    this.#take(reply.records)
    for (const id of reply.need) this.#need.add(id)
    this.#left = this.#left.slice(this.#answered(reply.next))
    return this.#ask()
  }

  /** How many of the buckets asked about were answered: one at least, whatever the other says. */
  #answered(next: number | undefined): number {
    const at = next === undefined ? -1 : this.#left.indexOf(next)
    return at < 1 || at > this.#asked ? this.#asked : at
  }

  #ask(): SyncRequest | undefined {
    if (this.#left.length === 0) return this.#give()
    const have: Holding[] = []
    this.#asked = 0
    for (const bucket of this.#left) {
      if (have.length > PAGE_NODES) break
      this.#asked += 1
      for (const id of this.#db.tree.nodesIn(bucket)) have.push(holdingOf(this.#db, id))
    }
    return { ask: 'records', buckets: this.#left.slice(0, this.#asked), have }
  }

  #give(): SyncRequest | undefined {
    const records: string[] = []
    let chars = 0
    for (const id of this.#need) {
      if (chars > PAGE_CHARS) break
      this.#need.delete(id)
      for (const { text } of this.#db.texts(id)) {
        records.push(text)
        chars += text.length
      }
    }
    return records.length === 0 ? this.#end() : { ask: 'take', records }
  }

  #end(): undefined {
    this.done = true
  }
}

function holdingOf(db: RecordDb, id: NodeId): Holding {
  const { inc, seq } = db.version(id) ?? { inc: 0, seq: 0 }
  const digests = db.texts(id).map(({ digest }) => digest)
  return [id, inc, seq, digests.join(' ')]
}
