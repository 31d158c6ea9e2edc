import { hash } from 'node:crypto'
import type { NodeId } from '../protocol/federation.ts'
import type { Version } from './version.ts'

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

/** What there is of one node. */
export interface Leaf {
  readonly version: Version
  /** Told apart by their digests. */
  readonly texts: readonly { readonly digest: string }[]
}

/**
 * Digests of a set of lines, one a node, in two levels: two trees have equal roots exactly if they have equal lines, and
 * else the buckets that differ tell where. Digests are made when they are asked for, of what changed since.
 */
export class HashTree {
  readonly #lines: Map<NodeId, Leaf>[] = Array.from({ length: BUCKETS }, () => new Map())
  readonly #digests: (string | undefined)[] = Array.from({ length: BUCKETS }, () => EMPTY)
  #root: string | undefined
  #size = 0

  /** Nodes with a line. */
  get size(): number {
    return this.#size
  }

  /** Puts a leaf in place of that of a node; undefined takes it away. */
  set(id: NodeId, leaf: Leaf | undefined): void {
    const bucket = bucketOf(id)
    const lines = this.#lines[bucket]
    if (lines === undefined) return
    this.#size -= lines.size
    if (leaf === undefined) lines.delete(id)
    else lines.set(id, leaf)
    this.#size += lines.size
    this.#digests[bucket] = undefined
    this.#root = undefined
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

function digestOf(leaves: ReadonlyMap<NodeId, Leaf>): string {
  if (leaves.size === 0) return EMPTY
  // By code units: the order must be the same on every machine.
  const lines = Array.from(leaves, ([id, leaf]) => lineOf(id, leaf)).toSorted(byCodeUnits)
  return hash('sha256', lines.join(''), 'base64url')
}

function lineOf(id: NodeId, { texts, version: { inc, seq } }: Leaf): string {
  return `${id} ${inc} ${seq} ${texts.map(({ digest }) => digest).join(' ')}\n`
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
