import type { PublicCard } from '../../protocol/discovery/server-card.ts'
import type { Classes } from '../../protocol/policy/classes.ts'
import type { Expectation } from '../../protocol/policy/expectation.ts'
import type { Policy, Rule } from '../../protocol/policy/policy.ts'
import type { Quota } from '../../protocol/quota/quota.ts'
import type { GossipSettings } from './config-gossip-types.ts'
import type {
  EgressSettings,
  EndpointAuth,
  IssuerSettings,
  NodeClient,
  ProvenanceSettings,
  TrustRecord,
  UpstreamAuth,
  WorkloadClient,
} from './config-identity-types.ts'
import type { Limits } from './config-limits.ts'
import type { Secret } from './secret.ts'

/** Which revision family a link speaks; `auto` asks the upstream. */
export type EraChoice = 'auto' | '2025' | '2026'

/** Who may share one upstream session or child process. */
export type Isolation = 'principal' | 'session'

/** Where the node listens; port 0 means any free one. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** TLS that ends in the node. The three are absolute paths of PEM files. */
export interface TlsSettings {
  /** The certificate, and after it those between it and a root. */
  readonly cert: string
  readonly key: string
  /** Who signs the certificates of clients. Present: clients are asked for one, and may have none. */
  readonly clientCa?: string
}

/** The node itself. */
export interface NodeSettings {
  readonly name: string
  readonly organisation: string
  readonly listen: ListenAddress
  /** Public base URL without a trailing slash; absent: `http://<listen>` (`https` with `tls`) with the real port. */
  readonly url?: string
  /** Absent: plain HTTP, for loopback and for a proxy in front. */
  readonly tls?: TlsSettings
  /** Absolute folder of the node key and session key, or `memory`. */
  readonly state: string
  /** 32 bytes in base64url; absent: generated and kept in `state`. */
  readonly sessionKey?: Secret
  /** Lower-case `host` or `host:port` values accepted besides the node's own. */
  readonly allowedHosts: readonly string[]
  readonly allowedOrigins: readonly string[]
  /** Absolute path of the file of pinned descriptions. */
  readonly pins: string
}

/** What every kind of upstream has. Times are milliseconds. */
export interface UpstreamSettings {
  /** Deadline of one call, ms; progress extends it up to `maxTimeout`. */
  readonly timeout: number
  /** Hard end of one call, ms. */
  readonly maxTimeout: number
  /** How long a list without a ttl of its own stays fresh, ms. */
  readonly listTtl: number
  readonly isolate: Isolation
  readonly era: EraChoice
  /** Calls in flight. */
  readonly concurrency: number
  /** Absent: nothing is signed, checked or pinned. */
  readonly provenance?: ProvenanceSettings
}

/** How to run an MCP server as a child process. Times are milliseconds. */
export interface StdioSettings {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, Secret>>
  /** Absolute. */
  readonly cwd: string
  /** Back-off between restarts after a crash, ms. */
  readonly restart: { readonly min: number; readonly max: number }
  /** Time between closing the child's input and stronger means, ms. */
  readonly stopGrace: number
  /** Time between the start of the child and its first answer, ms. */
  readonly startTimeout: number
}

/** How to reach an MCP server over Streamable HTTP. */
export interface HttpSettings {
  readonly url: string
  /** Names are lower-case. */
  readonly headers: Readonly<Record<string, Secret>>
}

/** A node whose place is told by its record, and where that may be. */
export interface NodeSearch {
  readonly id?: string
  readonly name?: string
  /** Name of its endpoint. */
  readonly endpoint: string
  /** `https://host`, `https://*.host`, each with a port at will: nowhere else. Absent: see the schema. */
  readonly urls?: readonly string[]
}

/** How to reach another Banyan node, and which of its namespaces to import under which names. */
export interface PeerSettings {
  /** Of an endpoint; while a node is looked for (`find`) one that leads nowhere. */
  readonly url: string
  /** Absent: the node is where `url` says. */
  readonly find?: NodeSearch
  /** Globs over the peer's namespace names. */
  readonly import: readonly string[]
  /** Template with `{namespace}` and, at will, `{upstream}`. */
  readonly as: string
  /** By which transport it is reached. */
  readonly link: 'auto' | 'http' | 'websocket'
}

export interface StdioUpstream extends UpstreamSettings {
  readonly kind: 'stdio'
  readonly stdio: StdioSettings
}

/** How an upstream on the network is told who calls, and where the node may go for that. */
export interface RemoteSettings {
  readonly auth: UpstreamAuth
  /** For the upstream itself and for the issuer of `auth`. */
  readonly egress: EgressSettings
}

export interface HttpUpstream extends UpstreamSettings, RemoteSettings {
  readonly kind: 'http'
  readonly http: HttpSettings
}

export interface NodeUpstream extends UpstreamSettings, RemoteSettings {
  readonly kind: 'node'
  readonly node: PeerSettings
}

/** One upstream; `kind` tells which of the three. */
export type UpstreamConfig = StdioUpstream | HttpUpstream | NodeUpstream

export interface NamespaceConfig {
  /** Labels of `stdio` and `http` upstreams, in order of precedence. */
  readonly from: readonly string[]
}

export interface EndpointConfig {
  /** Globs over own and imported namespace names. */
  readonly namespaces: readonly string[]
  readonly names: 'prefixed' | 'plain'
  /** Longest exposed name, characters. */
  readonly nameLength: number
  /** Items on one page of a list. */
  readonly pageSize: number
  /** Which tools are listed: all, or those whose `<namespace>__<name>` matches, and three to find the others by. */
  readonly tools: 'all' | { readonly listed: readonly string[] }
  readonly title?: string
  readonly instructions?: string
  /** What is published of it; absent: nothing. */
  readonly card?: PublicCard
  /** Who may call it; `none`: whoever reaches it, only on loopback. */
  readonly auth: 'none' | EndpointAuth
  /** Classes whose members, nodes in front, may ask what is decided here about themselves and whom they pass on. */
  readonly explainTo: readonly string[]
}

/** Where calls and decisions about tokens are written down. */
export interface AuditSettings {
  /** Absolute; absent: the log. */
  readonly file?: string
  /** What is written of arguments and results. */
  readonly arguments: 'none' | 'digest'
  /** Refusals written one by one in a second. */
  readonly refusalsPerSecond: number
  /** Size at which the file is put aside, bytes. */
  readonly maxBytes: number
  /** Lines kept in memory, bytes. */
  readonly bufferBytes: number
}

/** A key of an operator. */
export interface AdminKey {
  readonly name: string
  /** `sha256$` and the digest of the key, base64url. */
  readonly hash: string
  /** It may change nothing, whatever {@link AdminSettings.write} says. */
  readonly readOnly: boolean
  /** ms since 1970; absent: no end. */
  readonly notAfter?: number
}

/** The listener for operators. */
export interface AdminSettings {
  readonly listen: ListenAddress
  /** `none`: whoever reaches it, only on loopback. */
  readonly auth: 'keys' | 'none'
  readonly keys: readonly AdminKey[]
  /** Whether anything can be changed there. */
  readonly write: boolean
  /** Whether the page for operators is served there, at `/console/`. */
  readonly console: boolean
  /** Lower-case `host` or `host:port` values accepted besides the listener's own. */
  readonly allowedHosts: readonly string[]
  /** Absent: plain HTTP. Without `clientCa`. */
  readonly tls?: TlsSettings
}

/** Where traces go, and how many. */
export interface TelemetrySettings {
  readonly otlp: {
    readonly url: string
    /** Names are lower-case. */
    readonly headers: Readonly<Record<string, Secret>>
    /** ms. */
    readonly timeout: number
  }
  /** Share of the requests without a trace that begin one, 0 to 1. */
  readonly sample: number
  readonly tracesPerSecond: number
}

/**
 * The configuration of one node, checked and with every default filled in.
 *
 * Keys are those of the file. Times are milliseconds, sizes bytes. The three tables have no prototype, so that looking
 * up `constructor` finds nothing.
 */
export interface NodeConfig {
  readonly node: NodeSettings
  readonly limits: Limits
  /** The organisation's token issuer; absent: this node knows none. */
  readonly issuer?: IssuerSettings
  /** Nodes that may use token exchange here. Empty unless the issuer is embedded, as are the next two. */
  readonly nodes: readonly NodeClient[]
  readonly workloads: readonly WorkloadClient[]
  /** Other organisations' issuers that this one believes, and how far. */
  readonly trust: readonly TrustRecord[]
  readonly upstreams: Readonly<Record<string, UpstreamConfig>>
  readonly namespaces: Readonly<Record<string, NamespaceConfig>>
  readonly endpoints: Readonly<Record<string, EndpointConfig>>
  /** Classes of callers, from what was verified of them. */
  readonly clients: Classes
  /** Names for sets of capabilities. */
  readonly tags: Policy['tags']
  /** Who sees what. `open`: what the caller's scopes cover. */
  readonly visibility: 'open' | readonly Rule[]
  /** What `visibility` must come to, and does. */
  readonly expect: readonly Expectation[]
  /** Limits per client, in the order of the file. */
  readonly quotas: readonly Quota[]
  /** Absent: the log, where the node knows who calls. */
  readonly audit?: 'off' | AuditSettings
  /** Absent: there is no such listener. */
  readonly admin?: AdminSettings
  /** Absent: nodes tell each other nothing but calls. */
  readonly gossip?: GossipSettings
  /** Absent: no traces are made. */
  readonly telemetry?: TelemetrySettings
}
