import type { NodeId } from '../../protocol/federation.ts'
import type { Disclosure } from '../../topology/record.ts'
import type { ExportRule, ImportRule } from '../../topology/route-policy.ts'
import type { Secret } from './secret.ts'

/** How the node proves itself to a NATS server. */
export type GossipCredentials =
  | { readonly kind: 'nkey'; readonly seed: Secret }
  /** Absolute path of a `.creds` file: a user JWT and its seed. */
  | { readonly kind: 'creds'; readonly file: string }
  | { readonly kind: 'password'; readonly user: string; readonly password: Secret }
  | { readonly kind: 'token'; readonly token: Secret }

/** Absolute paths of PEM files. */
export interface GossipTls {
  /** Certificates the server's is checked against; absent: those of the system. */
  readonly ca?: string
  /** The node's own certificate and key, where the server asks for one. */
  readonly cert?: string
  readonly key?: string
}

/** Who belongs to the organisation. */
export type Members =
  /** Whoever says so. */
  | { readonly kind: 'first-use' }
  | { readonly kind: 'listed'; readonly names: ReadonlyMap<NodeId, string | undefined> }
  /** Whoever has a membership token that one of these keys (public JWKs, RFC 7517) signed. */
  | { readonly kind: 'issued'; readonly keys: readonly Readonly<Record<string, unknown>>[] }

/** How nodes of the organisation find each other, and what they tell. */
export interface GossipSettings {
  /** Servers of the bus; empty: records go over links alone. */
  readonly nats: readonly string[]
  readonly credentials?: GossipCredentials
  /** Present: the connection is encrypted, or there is none. */
  readonly tls?: GossipTls
  readonly members: Members
  /** Absolute path of the node's own membership token. */
  readonly membership?: string
  readonly disclose: Disclosure
  readonly imports: readonly ImportRule[]
  readonly exports: readonly ExportRule[]
  /**
   * Nodes that are believed on the bus to speak for other organisations, by organisation. Present: this node is a border
   * there too, and says what its own offers to all; otherwise that goes over links alone.
   */
  readonly borders?: ReadonlyMap<string, readonly NodeId[]>
  /** Price of the links to upstream nodes, by label; others have {@link cost}. */
  readonly links: Readonly<Record<string, number>>
  readonly cost: number
  /** Whether the node says that it is gone for good when it is stopped. */
  readonly leave: boolean
}
