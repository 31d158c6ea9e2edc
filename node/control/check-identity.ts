import { formatScope, intersect } from '../../protocol/token/scopes.ts'
import type {
  EndpointAuth,
  GrantRule,
  GrantSigner,
  IssuerSettings,
  NodeClient,
  TrustRecord,
  UpstreamAuth,
  WorkloadClient,
} from '../core/config-identity-types.ts'
import type { NodeConfig } from '../core/config-types.ts'
import { formatDuration } from '../core/units.ts'
import { followsRevocations, signerIdOf } from '../identity/own-issuer.ts'

/** Scopes to what they become. */
type ScopeTable = Readonly<Record<string, readonly string[]>>

/** The issuer of the organisation. Durations are text as in the file. */
export interface IssuerReport {
  readonly mode: IssuerSettings['mode']
  readonly url: string
  /** Of the embedded service. */
  readonly tokenTtl?: string
  /** How often another node is asked what was revoked; absent where none is. */
  readonly revocationPoll?: string
  /** Who signs grants in its place; absent where it does itself. */
  readonly grants?: {
    readonly mode: GrantSigner['mode']
    readonly url: string
    /** Of this process. */
    readonly grantTtl?: string
  }
}

/** Who may call an endpoint. */
export type CallersReport =
  /** Whoever reaches it. */
  | { readonly open: true }
  | {
      readonly open: false
      /** Whose tokens are taken; absent: nobody's, there are only keys. */
      readonly issuer?: string
      readonly dpop: EndpointAuth['dpop']
      readonly dpopNonces: EndpointAuth['dpopNonces']
      /** Whether tokens that are no JWT are asked about at the issuer. */
      readonly introspection: boolean
      /** Scopes that open a whole namespace each; imported namespaces have theirs, unknown before they are. */
      readonly scopes: readonly string[]
      /** Scopes of the issuer to those of the endpoint. */
      readonly scopeMap: ScopeTable
      readonly keys: readonly KeyReport[]
    }

export interface KeyReport {
  readonly name: string
  readonly scopes: readonly string[]
  /** A time of RFC 3339. */
  readonly notAfter?: string
}

/** How an upstream on the network is told who calls. */
export interface PassingReport {
  readonly mode: UpstreamAuth['mode']
  /** Whose token it gets; absent: it gets none, or one of the server it names itself. */
  readonly issuer?: string
  /** With mode xaa, the identity provider that vouches for the node. */
  readonly provider?: string
  /** Scopes of callers to what they become there; what is not in it stays here. */
  readonly scopes?: ScopeTable
  /** With client credentials, what the node has there. */
  readonly granted?: readonly string[]
  /** With client credentials, what a caller must have here. */
  readonly requires?: readonly string[]
  readonly subject?: 'pairwise' | 'public'
  readonly disclose?: 'full' | 'self' | 'hashed'
}

/** What another organisation may do here. Durations are text as in the file. */
export interface TrustReport {
  readonly issuer: string
  readonly clients: readonly string[]
  readonly resources: readonly string[]
  /** The most it can get: what the map gives, as far as the maximum allows. */
  readonly scopes: readonly string[]
  readonly subjects: TrustRecord['subjects']['mode']
  readonly anonymous: boolean
  readonly transit: readonly string[]
  readonly maxDepth: number
  /** Never longer than what the issuer itself allows. */
  readonly maxTtl: string
  readonly cnf: TrustRecord['cnf']
  readonly profiles: TrustRecord['profiles']
  /** A time of RFC 3339. */
  readonly notAfter?: string
  readonly exchangesPerMinute: number
}

/** A node that may use token exchange. */
export interface NodeReport extends Pick<NodeClient, 'client' | 'spends' | 'reaches'> {
  /** What grants for some of those it reaches may say at most. */
  readonly grants: readonly GrantRule[]
}

/** A program with tokens of its own. */
export interface WorkloadReport {
  readonly client: string
  /** How it proves itself. */
  readonly proof: 'keys' | 'secret' | 'platform'
  /** Whose platform tokens stand for it. */
  readonly platform?: string
  readonly resources: readonly string[]
  readonly scopes: readonly string[]
}

/** What a configuration says about identity besides endpoints and upstreams. */
export interface IdentityReport {
  readonly issuer?: IssuerReport
  readonly nodes: readonly NodeReport[]
  readonly workloads: readonly WorkloadReport[]
  readonly trust: readonly TrustReport[]
}

/** A URL without its query, which may hold a key. */
export function plainUrl(url: string): string {
  const { origin, pathname, search } = new URL(url)
  return search === '' ? url : `${origin}${pathname}`
}

function ending({ notAfter }: { readonly notAfter?: number }): { notAfter?: string } {
  return notAfter === undefined ? {} : { notAfter: new Date(notAfter).toISOString() }
}

/** The identifier of the issuer of the organisation; undefined when there is none. */
function ownIssuer({ issuer }: NodeConfig, url: string): string | undefined {
  return issuer === undefined ? undefined : (issuer.url ?? url)
}

/** Who may call an endpoint that offers `namespaces` of this node. `url` is the base URL of the node. */
export function explainCallers(
  auth: 'none' | EndpointAuth,
  namespaces: readonly string[],
  { config, url }: { readonly config: NodeConfig; readonly url: string },
): CallersReport {
  if (auth === 'none') return { open: true }
  const issuer = auth.issuer ?? ownIssuer(config, url)
  const whole = { kind: undefined, name: undefined, readOnly: false }
  return {
    open: false,
    ...(issuer === undefined ? {} : { issuer }),
    dpop: auth.dpop,
    dpopNonces: auth.dpopNonces,
    introspection: auth.introspection !== undefined,
    scopes: namespaces.flatMap((namespace) => formatScope({ namespace, ...whole }) ?? []),
    scopeMap: auth.scopeMap,
    keys: auth.keys.map((key) => ({ name: key.name, scopes: key.scopes, ...ending(key) })),
  }
}

/** How callers are passed on. `url` is the base URL of the node. */
export function explainPassing(
  auth: UpstreamAuth,
  { config, url }: { readonly config: NodeConfig; readonly url: string },
): PassingReport {
  const { mode } = auth
  if (mode === 'none') return { mode }
  if (mode !== 'exchange' && mode !== 'chain') {
    const { issuer, scopes: granted = [], requires } = auth
    const by = mode === 'xaa' ? { provider: auth.provider.issuer } : {}
    return { mode, ...(issuer === undefined ? {} : { issuer }), ...by, granted, requires }
  }
  const scopes = auth.scopes.map
  if (mode === 'exchange') {
    const issuer = ownIssuer(config, url)
    return { mode, ...(issuer === undefined ? {} : { issuer }), scopes }
  }
  const { issuer, subject, disclose } = auth
  return { mode, issuer, scopes, subject, disclose }
}

function explainIssuer(config: NodeConfig, url: string): IssuerReport | undefined {
  const { issuer } = config
  if (issuer === undefined) return undefined
  const { mode, tokenTtl, grantTtl, grants } = issuer
  const made = mode === 'embedded' ? { tokenTtl: formatDuration(tokenTtl) } : {}
  const poll = followsRevocations(issuer)
    ? { revocationPoll: formatDuration(issuer.revocationPoll) }
    : {}
  const report = { mode, url: issuer.url ?? url, ...made, ...poll }
  if (grants === undefined) return report
  const life = grants.mode === 'embedded' ? { grantTtl: formatDuration(grantTtl) } : {}
  return { ...report, grants: { mode: grants.mode, url: signerIdOf(issuer, url), ...life } }
}

function explainTrust(record: TrustRecord, tokenTtl: number): TrustReport {
  const { issuer, transit, maxDepth, cnf, profiles, exchangesPerMinute } = record
  return {
    issuer,
    clients: record.clients.map(({ id }) => id),
    resources: record.resources.map(plainUrl),
    scopes: intersect(Object.values(record.scopes.map).flat(), record.scopes.max),
    subjects: record.subjects.mode,
    anonymous: record.subjects.anonymous,
    transit,
    maxDepth,
    maxTtl: formatDuration(Math.min(record.maxTtl, tokenTtl)),
    cnf,
    profiles,
    ...ending(record),
    exchangesPerMinute,
  }
}

function explainWorkload(workload: WorkloadClient): WorkloadReport {
  const { client, keys, federated, scopes } = workload
  const shared = { client, resources: workload.resources.map(plainUrl), scopes }
  if (federated !== undefined) return { ...shared, proof: 'platform', platform: federated.issuer }
  return { ...shared, proof: keys === undefined ? 'secret' : 'keys' }
}

function explainNode({ client, spends, reaches, grants = [] }: NodeClient): NodeReport {
  const rules = grants.map(({ resources, ...rule }) => ({
    ...rule,
    ...(resources && { resources: resources.map(plainUrl) }),
  }))
  return { client, spends: spends.map(plainUrl), reaches: reaches.map(plainUrl), grants: rules }
}

/** Explains who may get tokens. `url` is the base URL of the node. No secret, hash or key is in it. */
export function explainIdentity(config: NodeConfig, url: string): IdentityReport {
  const issuer = explainIssuer(config, url)
  return {
    ...(issuer === undefined ? {} : { issuer }),
    nodes: config.nodes.map(explainNode),
    workloads: config.workloads.map(explainWorkload),
    trust: config.trust.map((record) =>
      explainTrust(record, config.issuer?.tokenTtl ?? record.maxTtl),
    ),
  }
}
