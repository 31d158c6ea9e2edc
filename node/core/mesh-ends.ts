import type { FederationSettings } from '../../protocol/federation.ts'
import type { Principal } from './principal.ts'

/** What a node said of itself on a link, and proved: it holds the key its id is the thumbprint of. */
export type LinkedNode = Pick<FederationSettings, 'node' | 'organisation' | 'name'>

/** One end of a link between two nodes, for what they tell each other besides calls. */
export interface MeshWire {
  readonly peer: LinkedNode
  /** Sends JSON text, in order with what was sent before; dropped when the link is gone. */
  send(text: string): void
}

/** Takes what the other end says. */
export interface MeshTalk {
  /** JSON text as it came, not checked in any way. */
  message(text: string): void
  /** The link is gone; called once, and last. */
  closed(): void
}

/** What a node makes of its links to other nodes. Links without it are for calls alone. */
export interface MeshEnds {
  /** A link to an upstream is open. @param label of the upstream */
  up(label: string, wire: MeshWire): MeshTalk
  /** Another node opened a link to an endpoint of this one, as a caller that may be there. */
  down(endpoint: string, principal: Principal, wire: MeshWire): MeshTalk
}
