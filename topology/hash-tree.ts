import { createHash, hash } from 'node:crypto'
import type { NodeId } from '../protocol/federation.ts'

/** Buckets of the tree; a node is always in the same one. */
export const BUCKETS = 256

const EMPTY = hash('sha256', '', 'base64url')

/** The bucket of a node. */
export function bucketOf(id: NodeId): number {
  return hash('sha256', id, 'buffer')[0] ?? 0
}

/**
 * Digests of a set of lines, one a node, in two levels: two trees have equal roots exactly if they have equal lines, and
 * else the buckets that differ tell where. Digests are made when they are asked for, of what changed since.
 */
export class HashTree {
  /** Nodes there ever was a line of: a digest each time would be most of the work. */
  readonly #bucketOf = new Map<NodeId, number>()
  readonly #lines: Map<NodeId, string>[] = Array.from({ length: BUCKETS }, () => new Map())
  readonly #digests: (string | undefined)[] = Array.from({ length: BUCKETS }, () => EMPTY)
  #root: string | undefined
  #size = 0

  /** Nodes with a line. */
  get size(): number {
    return this.#size
  }

  /** Puts a line in place of that of a node; undefined takes it away. */
  set(id: NodeId, line: string | undefined): void {
    const bucket = this.#bucket(id)
    const lines = this.#lines[bucket]
    if (lines === undefined || lines.get(id) === line) return
    this.#size -= lines.size
    if (line === undefined) lines.delete(id)
    else lines.set(id, line)
    this.#size += lines.size
    this.#digests[bucket] = undefined
    this.#root = undefined
  }

  #bucket(id: NodeId): number {
    const known = this.#bucketOf.get(id)
    if (known !== undefined) return known
    const bucket = bucketOf(id)
    this.#bucketOf.set(id, bucket)
    return bucket
  }

  /** The nodes of a bucket, in no order. */
  nodesIn(bucket: number): Iterable<NodeId> {
    return this.#lines[bucket]?.keys() ?? []
  }

  /** SHA-256 of each bucket, base64url. */
  buckets(): readonly string[] {
    return this.#lines.map((lines, bucket) => {
      const digest = this.#digests[bucket] ?? digestOf(lines)
      this.#digests[bucket] = digest
      return digest
    })
  }

  /** SHA-256 of all, base64url. */
  root(): string {
    this.#root ??= hash('sha256', this.buckets().join(' '), 'base64url')
    return this.#root
  }
}

function digestOf(lines: ReadonlyMap<NodeId, string>): string {
  if (lines.size === 0) return EMPTY
  const sum = createHash('sha256')
  // By code units: the order must be the same on every machine.
  for (const id of [...lines.keys()].toSorted(byCodeUnits)) sum.update(`${id} ${lines.get(id)}\n`)
  return sum.digest('base64url')
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
