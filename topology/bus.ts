import type { NodeId } from '../protocol/federation.ts'
import type { SyncOutcome } from './bus-state.ts'
import type { SignedRecord } from './signed-record.ts'
import type { SyncReply, SyncRequest } from './sync.ts'

/** What a node hears from the bus of its organisation. */
export interface BusListener {
  /** It came, or went. Whatever was said in between is missed. */
  readonly connected: (is: boolean) => void
  /** A record, of the node its subject names, or so the sender says. */
  readonly record: (subject: NodeId, text: string) => void
  /** Somebody wants to compare notes. */
  readonly sync: (request: SyncRequest) => SyncReply
  /** Something an operator should know; without secrets. */
  readonly problem: (text: string) => void
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
  /** Its servers are at other addresses: the next connection goes there. */
  readonly useServers: (urls: readonly string[]) => void
  /** Ends it for good. */
  readonly close: () => Promise<void>
}
