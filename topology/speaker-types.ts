import type { NodeId } from '../protocol/federation.ts'
import type { AdvertTiming } from './advertiser.ts'
import type { SyncTiming } from './bus-state.ts'
import type { BorderParts, SummaryTiming } from './border-desk.ts'
import type { LinkMessage } from './link-message.ts'
import type { LinkTiming } from './link-health.ts'
import type { Shows, Side } from './links.ts'
import type { Profile, RecordTiming } from './own-record.ts'
import type { NodeRecord } from './record.ts'
import type { DbLimits } from './record-db.ts'
import type { RibLimits } from './rib.ts'
import type { ExportRule, ImportRule } from './route-policy.ts'
import type { OpenRecord, SealRecord, SignedRecord } from './signed-record.ts'
import type { SignedSummary } from './summary.ts'
import type { SummaryLimits } from './summary-book.ts'
import type { SyncRequest } from './sync.ts'

/** What a speaker needs from the world. Nothing else decides what it does. */
export interface World {
  /** Monotonic, ms. */
  readonly now: () => number
  /** Milliseconds since 1970; may be wrong by a day. */
  readonly wall: () => number
  /** From 0 up to 1. */
  readonly random: () => number
  readonly seal: SealRecord
  readonly open: OpenRecord
  /** Whether configuration says the node is a member of its organisation. */
  readonly isMember: (record: NodeRecord) => boolean
  /** What a border node needs besides; left out, nothing is summed up. */
  readonly border?: Pick<BorderParts, 'isBorder' | 'open' | 'seal'> & {
    /** What may be summed up for an organisation, or for all, at the most; default all that export rules allow. */
    readonly shows?: (to: string | undefined) => Shows
  }
}

/** Where what a speaker says goes. Calls return at once; nothing comes back through them. */
export interface Outlet {
  /** To all nodes of the organisation, over the bus. Only called while it is connected. */
  readonly publish: (signed: SignedRecord) => void
  /** To one other node on the bus; what becomes of it goes to `onSyncOutcome`. */
  readonly sync: (request: SyncRequest) => void
  readonly send: (peer: NodeId, side: Side, message: LinkMessage) => void
  /** Asks an upstream whether it is there; the outcome goes to `onProbe`. */
  readonly probe: (peer: NodeId) => void
  /** What a border says to the borders of all other organisations, over a bus; left out where they share none. */
  readonly publishSummary?: (signed: SignedSummary) => void
  /** What is known of another organisation changed. */
  readonly summaryChanged?: (organisation: string) => void
  /** Entries of the table of routes changed. */
  readonly routesChanged: (keys: readonly string[]) => void
  readonly heard: (event: TopologyEvent) => void
}

/** What people and metrics are told of. */
export type TopologyEvent =
  | { readonly type: 'link'; readonly peer: NodeId; readonly up: boolean; readonly epoch: number }
  | { readonly type: 'record'; readonly id: NodeId; readonly verdict: string }
  | { readonly type: 'refused'; readonly why: RefusedWhy; readonly id?: NodeId }
  | { readonly type: 'twin'; readonly id: NodeId }
  | { readonly type: 'outdone'; readonly by: number }
  | { readonly type: 'expired'; readonly ids: readonly NodeId[] }

export type RefusedWhy =
  'unreadable' | 'other-organisation' | 'other-subject' | 'no-member' | 'far-ahead' | 'over'

export interface SpeakerSettings {
  readonly profile: Profile
  readonly imports: readonly ImportRule[]
  readonly exports: readonly ExportRule[]
  readonly db: DbLimits
  readonly rib: RibLimits
  readonly link: LinkTiming
  readonly record: RecordTiming
  readonly adverts: AdvertTiming
  readonly sync: SyncTiming
  /** Of summaries, on border nodes; {@link SUMMARY_TIMING} and {@link SUMMARY_LIMITS} when left out. */
  readonly summaries?: { readonly timing: SummaryTiming; readonly limits: SummaryLimits }
  /** Changes of routes are gathered for so long before anything is chosen, ms. */
  readonly gather: number
}

/** A namespace of this node's own. */
export interface OwnNamespace {
  readonly name: string
  /** SHA-256 of its catalogue, base64url. */
  readonly revision: string
  readonly count: number
  readonly tags: readonly string[]
  /** Nodes that give the same service have one origin, `svc:<name>`. */
  readonly service?: string | undefined
  /** Left out of records, or named by this HMAC. */
  readonly hidden?: 'omitted' | { readonly blinded: string } | undefined
}
