import { hash } from 'node:crypto'
import type { NodeId } from '../protocol/federation.ts'
import type { NodeRecord } from './record.ts'
import type { RecordDb } from './record-db.ts'

/**
 * Whose a namespace is: a node, a service of several nodes that are the same (`svc:<name>`), or, beyond a border, an
 * organisation (`org:<name>`).
 */
export type Origin = string

/** What a route leads to. */
export interface RouteKey {
  readonly origin: Origin
  readonly namespace: string
}

/** One node of a path, and the link it uses to the next one. */
export interface PathStep {
  readonly id: NodeId
  readonly inc: number
  /** Epoch of its link to the next step; 0 at the last. */
  readonly epoch: number
}

/** What an upstream says it can reach. */
export interface Route {
  readonly key: RouteKey
  /** SHA-256 of the catalogue as exported to this peer. */
  readonly revision: string
  /** From the node that says so to the one where the namespace lives, or to the border behind which it does. */
  readonly path: readonly PathStep[]
  /** Organisations passed, that of the first step first. */
  readonly organisations: readonly string[]
  /** Sum over the links of the path. */
  readonly cost: number
  readonly tags: readonly string[]
}

/** A key as text: neither part has a space. */
export function keyText({ origin, namespace }: RouteKey): string {
  return `${origin} ${namespace}`
}

/** What of the records of nodes says whether a path still leads anywhere. */
export interface KnownRecords {
  get(id: NodeId): Pick<NodeRecord, 'inc' | 'status' | 'links'> | undefined
  isTwofold(id: NodeId): boolean
}

/** Whether what is known of the nodes of a path contradicts it. Who is not known contradicts nothing. */
export function isDead(path: readonly PathStep[], db: KnownRecords): boolean {
  return path.some(({ id, inc, epoch }, at) => {
    const record = db.get(id)
    if (record === undefined) return db.isTwofold(id)
    if (record.status === 'left' && record.inc >= inc) return true
    const next = path[at + 1]
    if (next === undefined) return false
    // A start of the node that the path does not know of: its links are other ones now.
    if (record.inc !== inc) return record.inc > inc
    const link = record.links.find(({ to }) => to === next.id)
    if (link === undefined) return false
    return link.up ? link.epoch > epoch : link.epoch >= epoch
  })
}

/** Whether a node of the path asked to be spared. */
export function isDraining(path: readonly PathStep[], db: RecordDb): boolean {
  return path.some(({ id }) => db.get(id)?.status === 'drain')
}

/** A number between 0 and 1 that all nodes reckon alike, to spread equals by (rendezvous hashing). */
export function lot(...parts: readonly string[]): number {
  return hash('sha256', parts.join('\n'), 'buffer').readUInt32BE(0) / 2 ** 32
}

/** Whether two routes say the same. */
export function sameRoute(a: Route | undefined, b: Route | undefined): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined) return false
  return (
    a.revision === b.revision &&
    a.cost === b.cost &&
    sameTexts(a.organisations, b.organisations) &&
    sameTexts(a.tags, b.tags) &&
    samePath(a.path, b.path)
  )
}

function samePath(a: readonly PathStep[], b: readonly PathStep[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ id, inc, epoch }, at) => {
      const other = b[at]
      return other?.id === id && other.inc === inc && other.epoch === epoch
    })
  )
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, at) => text === b[at])
}
