import { globsOverlap, matchesGlob } from '../../protocol/glob.ts'
import type { Quota } from '../../protocol/quota/quota.ts'
import { importedGlobs } from '../core/config-imports.ts'
import { searchText } from './mesh/places.ts'
import { baseUrlOf } from '../core/config-defaults.ts'
import type { ProvenanceSettings } from '../core/config-identity-types.ts'
import type { EndpointConfig, NodeConfig, UpstreamConfig } from '../core/config-types.ts'
import {
  explainCallers,
  explainIdentity,
  explainPassing,
  plainUrl,
  type CallersReport,
  type IdentityReport,
  type PassingReport,
} from './check-identity.ts'

/** One upstream, without anything that could be secret. */
export interface UpstreamReport {
  readonly label: string
  readonly kind: UpstreamConfig['kind']
  /** The command without arguments, or the URL without query. */
  readonly target: string
}

/** An upstream on the network, and how it is told who calls. */
export interface RemoteReport extends UpstreamReport {
  readonly passing: PassingReport
  /** Whether the node may connect to private addresses for it. */
  readonly allowPrivate: boolean
}

/** How what an upstream says is proved. */
export interface ProofReport extends Pick<ProvenanceSettings, 'results' | 'descriptors' | 'pin'> {
  readonly label: string
  /** Base URLs of those who are believed, each with its organisation. */
  readonly signers: readonly { readonly url: string; readonly organisation: string }[]
}

/** A namespace an endpoint offers, or a glob over the names it may import. */
export interface OfferReport {
  readonly namespace: string
  readonly imported: boolean
  readonly upstreams: readonly UpstreamReport[]
}

/** What one endpoint offers. */
export interface EndpointReport {
  readonly name: string
  readonly url: string
  readonly names: EndpointConfig['names']
  readonly nameLength: number
  readonly tools: EndpointConfig['tools']
  readonly callers: CallersReport
  /** Classes of nodes in front that may ask why; absent where nobody may. */
  readonly explainTo?: readonly string[]
  readonly offers: readonly OfferReport[]
}

/** What a configuration means, as far as that is known without starting anything. */
export interface ConfigReport {
  readonly name: string
  readonly organisation: string
  /** Base URL; its port is `<port>` when any free one is taken. */
  readonly url: string
  readonly identity: IdentityReport
  readonly endpoints: readonly EndpointReport[]
  /** Upstreams on the network: stdio upstreams have nobody to tell. */
  readonly upstreams: readonly RemoteReport[]
  /** Upstreams of which something is signed, checked or pinned. */
  readonly proofs: readonly ProofReport[]
  /** Limits per client. */
  readonly quotas: readonly Quota[]
  /** Absent where operators cannot ask. */
  readonly admin?: AdminReport
}

/** Where operators ask, and who they are. */
export interface AdminReport {
  /** `host:port`. */
  readonly listen: string
  /** Names of their keys; undefined where nobody is asked for one. */
  readonly keys: readonly string[] | undefined
  /** Whether they can change anything. */
  readonly write: boolean
}

function adminReport({ admin }: NodeConfig): Pick<ConfigReport, 'admin'> {
  if (admin === undefined) return {}
  const { listen, auth, write } = admin
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host
  const keys = auth === 'none' ? undefined : admin.keys.map(({ name }) => name)
  return { admin: { listen: `${host}:${listen.port}`, keys, write } }
}

function shownUrlOf({ node }: NodeConfig): string {
  const url = baseUrlOf(node)
  if (url !== undefined) return url
  const { host } = node.listen
  const address = host.includes(':') ? `[${host}]` : host
  return `${node.tls === undefined ? 'http' : 'https'}://${address}:<port>`
}

function targetOf(upstream: UpstreamConfig): string {
  if (upstream.kind === 'stdio') return upstream.stdio.command
  if (upstream.kind === 'http') return plainUrl(upstream.http.url)
  const { find, url } = upstream.node
  return find === undefined ? plainUrl(url) : searchText(find)
}

function reportUpstream(label: string, config: NodeConfig): readonly UpstreamReport[] {
  const upstream = config.upstreams[label]
  return upstream === undefined ? [] : [{ label, kind: upstream.kind, target: targetOf(upstream) }]
}

function ownOffers(endpoint: EndpointConfig, config: NodeConfig): readonly OfferReport[] {
  return Object.entries(config.namespaces)
    .filter(([name]) => endpoint.namespaces.some((pattern) => matchesGlob(pattern, name)))
    .map(([namespace, { from }]) => ({
      namespace,
      imported: false,
      upstreams: from.flatMap((label) => reportUpstream(label, config)),
    }))
}

function importedOffers(endpoint: EndpointConfig, config: NodeConfig): readonly OfferReport[] {
  return Object.entries(config.upstreams).flatMap(([label, upstream]) => {
    const globs = upstream.kind === 'node' ? importedGlobs(label, upstream) : []
    return globs
      .filter((glob) => endpoint.namespaces.some((pattern) => globsOverlap(pattern, glob)))
      .map((namespace) => ({
        namespace,
        imported: true,
        upstreams: reportUpstream(label, config),
      }))
  })
}

/** What an endpoint offers: own namespaces by name, imported ones as globs. */
export function offersAt(endpoint: EndpointConfig, config: NodeConfig): readonly OfferReport[] {
  return [...ownOffers(endpoint, config), ...importedOffers(endpoint, config)]
}

function remoteReports(config: NodeConfig, url: string): readonly RemoteReport[] {
  return Object.entries(config.upstreams).flatMap(([label, upstream]) => {
    if (upstream.kind === 'stdio') return []
    const passing = explainPassing(upstream.auth, { config, url })
    const { allowPrivate } = upstream.egress
    return [{ label, kind: upstream.kind, target: targetOf(upstream), passing, allowPrivate }]
  })
}

function proofReports({ upstreams }: NodeConfig): readonly ProofReport[] {
  return Object.entries(upstreams).flatMap(([label, { provenance }]) => {
    if (provenance === undefined) return []
    const { results, descriptors, pin } = provenance
    const signers = provenance.signers.map(({ url, organisation }) => ({ url, organisation }))
    return [{ label, results, descriptors, pin, signers }]
  })
}

/**
 * Explains a configuration: each endpoint, what it offers, where that comes from, who may call it and how callers are
 * passed on. Starts and reads nothing.
 */
export function explainConfig(config: NodeConfig): ConfigReport {
  const url = shownUrlOf(config)
  const endpoints = Object.entries(config.endpoints).map(([name, endpoint]) => {
    const own = ownOffers(endpoint, config)
    const namespaces = own.map(({ namespace }) => namespace)
    return {
      name,
      url: `${url}/mcp/${name}`,
      names: endpoint.names,
      nameLength: endpoint.nameLength,
      tools: endpoint.tools,
      callers: explainCallers(endpoint.auth, namespaces, { config, url }),
      ...(endpoint.explainTo.length > 0 && { explainTo: endpoint.explainTo }),
      offers: [...own, ...importedOffers(endpoint, config)],
    }
  })
  return {
    name: config.node.name,
    organisation: config.node.organisation,
    url,
    identity: explainIdentity(config, url),
    endpoints,
    upstreams: remoteReports(config, url),
    proofs: proofReports(config),
    ...adminReport(config),
    quotas: config.quotas,
  }
}
