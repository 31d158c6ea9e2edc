import { globsOverlap, matchesGlob } from '../../protocol/glob.ts'
import { importedGlobs } from '../core/config-imports.ts'
import type { EndpointConfig, NodeConfig, UpstreamConfig } from '../core/config-types.ts'

/** One upstream, without anything that could be secret. */
export interface UpstreamReport {
  readonly label: string
  readonly kind: UpstreamConfig['kind']
  /** The command without arguments, or the URL without query. */
  readonly target: string
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
  readonly offers: readonly OfferReport[]
}

/** What a configuration means, as far as that is known without starting anything. */
export interface ConfigReport {
  readonly name: string
  readonly organisation: string
  /** Base URL; its port is `<port>` when any free one is taken. */
  readonly url: string
  readonly endpoints: readonly EndpointReport[]
}

function baseUrlOf({ node }: NodeConfig): string {
  const { host, port } = node.listen
  const address = host.includes(':') ? `[${host}]` : host
  return node.url ?? `http://${address}:${port === 0 ? '<port>' : port}`
}

function targetOf(upstream: UpstreamConfig): string {
  if (upstream.kind === 'stdio') return upstream.stdio.command
  const { origin, pathname } = new URL(
    upstream.kind === 'http' ? upstream.http.url : upstream.node.url,
  )
  return `${origin}${pathname}`
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

/** Explains a configuration: each endpoint, what it offers, and where that comes from. Starts and reads nothing. */
export function explainConfig(config: NodeConfig): ConfigReport {
  const url = baseUrlOf(config)
  const endpoints = Object.entries(config.endpoints).map(([name, endpoint]) => ({
    name,
    url: `${url}/mcp/${name}`,
    names: endpoint.names,
    nameLength: endpoint.nameLength,
    offers: [...ownOffers(endpoint, config), ...importedOffers(endpoint, config)],
  }))
  return { name: config.node.name, organisation: config.node.organisation, url, endpoints }
}
