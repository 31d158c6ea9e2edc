import { hash } from 'node:crypto'
import type { NodeId } from '../protocol/federation.ts'

/** Buckets of the tree; a node is always in the same one. */
export const BUCKETS = 256

const EMPTY = hash('sha256', '', 'base64url')

/** The bucket of a node: by FNV-1a, 32 bits folded to 8. Who makes ids to fit one bucket makes that one slow, and no more. */
export function bucketOf(id: NodeId): number {
  let sum = 0x811c9dc5
  for (let at = 0; at < id.length; at += 1) sum = Math.imul(sum ^ id.charCodeAt(at), 0x01000193)
  const half = sum ^ (sum >>> 16)
  return (half ^ (half >>> 8)) & 0xff
}

/** The texts there are of one node: their digests tell all of them. */
export type Leaf = readonly { readonly digest: string }[]

/**
 * Digests of a set of texts, by their nodes, in two levels: two trees have equal roots exactly if they have equal texts, and
 * else the buckets that differ tell where. Digests are made when they are asked for, of what changed since.
 */
export class HashTree {
  readonly #leaves: Map<NodeId, Leaf>[] = Array.from({ length: BUCKETS }, () => new Map())
  readonly #digests: (string | undefined)[] = Array.from({ length: BUCKETS }, () => EMPTY)
  #root: string | undefined
  #size = 0

  /** Nodes with a leaf. */
  get size(): number {
    return this.#size
  }

  /** Puts a leaf in place of that of a node; undefined takes it away. */
  set(id: NodeId, leaf: Leaf | undefined): void {
    const bucket = bucketOf(id)
    const leaves = this.#leaves[bucket]
    if (leaves === undefined) return
    this.#size -= leaves.size
    if (leaf === undefined) leaves.delete(id)
    else leaves.set(id, leaf)
    this.#size += leaves.size
    this.#digests[bucket] = undefined
    this.#root = undefined
  }

  /** The nodes of a bucket, in no order. */
  nodesIn(bucket: number): Iterable<NodeId> {
    return this.#leaves[bucket]?.keys() ?? []
  }

  /** SHA-256 of each bucket, base64url. */
  buckets(): readonly string[] {
    return this.#leaves.map((leaves, bucket) => {
      const digest = this.#digests[bucket] ?? digestOf(leaves)
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

function digestOf(leaves: ReadonlyMap<NodeId, Leaf>): string {
  if (leaves.size === 0) return EMPTY
  const lines: string[] = []
  for (const texts of leaves.values()) for (const { digest } of texts) lines.push(digest)
  // By code units: the order must be the same on every machine.
  return hash('sha256', lines.toSorted(byCodeUnits).join('\n'), 'base64url')
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
