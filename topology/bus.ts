import type { NodeId } from '../protocol/federation.ts'
import type { SyncOutcome } from './bus-state.ts'
import type { SignedRecord } from './signed-record.ts'
import type { SignedSummary } from './summary.ts'
import type { SyncReply, SyncRequest } from './sync.ts'

/** What a node hears from the bus of its organisation. */
export interface BusListener {
  /** It came, or went. Whatever was said in between is missed. */
  readonly connected: (is: boolean) => void
  /** A record, of the node its subject names, or so the sender says. */
  readonly record: (subject: NodeId, text: string) => void
  /** Somebody wants to compare notes. */
  readonly sync: (request: SyncRequest) => SyncReply
  /** What a border node hears and says besides; left out on others. */
  readonly border?: BorderListener | undefined
  /** Something an operator should know; without secrets. */
  readonly problem: (text: string) => void
}

/** A border node at a bus that several organisations share. */
export interface BorderListener {
  /** A border says what its organisation offers, or so its subject says. */
  readonly summary: (organisation: string, border: NodeId, text: string) => void
  /** What this border says itself, for those who ask. */
  readonly pull: () => readonly string[]
}

/**
 * The bus of an organisation: everybody hears what is published, if they are connected at that time; nothing is stored,
 * and nothing is promised.
 */
export interface Bus {
  /** Says nothing, silently, while it is not connected. */
  readonly publish: (signed: SignedRecord) => void
  /** Asks any one other node. */
  readonly sync: (request: SyncRequest) => Promise<SyncOutcome>
  /** Tells the borders of other organisations. Says nothing, silently, while it is not connected. */
  readonly publishSummary: (signed: SignedSummary) => void
  /** Asks the borders of another organisation; what they answer is heard like what they say. */
  readonly pullSummaries: (organisation: string) => Promise<void>
  /** Its servers are at other addresses: the next connection goes there. */
  readonly useServers: (urls: readonly string[]) => void
  /** Ends it for good. */
  readonly close: () => Promise<void>
}
