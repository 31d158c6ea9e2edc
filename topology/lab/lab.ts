import type { NodeId } from '../../protocol/federation.ts'
import type { ExportRule, ImportRule } from '../route-policy.ts'
import type { OwnNamespace } from '../speaker-types.ts'
import type { ClientDraft, ExpectDraft, FaultDraft, LinkFields, LinkFilter } from './lab-draft.ts'
import type { ServerKind } from './workload.ts'

/** Something wrong with a lab file, or doubtful, and where: keys from its root. */
export interface LabProblem {
  readonly path: readonly (string | number)[]
  readonly message: string
}

export interface LabOrganisation {
  /** Name of its bus; undefined when it has none. */
  readonly gossip: string | undefined
  readonly exports: readonly ExportRule[]
  readonly imports: readonly ImportRule[]
}

/** A namespace, and what the server behind it is like where there really is one. */
export interface LabNamespace extends OwnNamespace {
  readonly serves: ServerKind
}

export interface LabNode {
  readonly id: NodeId
  readonly organisation: string
  readonly isBorder: boolean
  readonly namespaces: readonly LabNamespace[]
}

type Complete<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> }

export interface LabLink extends Complete<LinkFields> {
  readonly from: NodeId
  readonly to: NodeId
  readonly filter: LinkFilter['deny']
}

/** A mesh, what happens to it and what is expected of it, with nothing left to be generated. Times in ms. */
export interface Lab {
  readonly name: string
  readonly seed: number
  readonly duration: number
  readonly organisations: ReadonlyMap<string, LabOrganisation>
  readonly nodes: ReadonlyMap<NodeId, LabNode>
  readonly links: readonly LabLink[]
  readonly clients: ReadonlyMap<string, ClientDraft>
  readonly faults: readonly FaultDraft[]
  readonly expect: readonly ExpectDraft[]
}

/** How long all is watched after what an expectation waits for, to see that nobody speaks any more. */
export const SILENCE_MS = 10_000
export const WITHIN_MS = 30_000
export const EVERY_FROM_MS = 5_000
export const EVERY_SPAN_MS = 60_000
