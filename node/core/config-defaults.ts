import type { ConfigDraft, EndpointDraft, IssuerDraft } from './config-drafts.ts'
import { isLoopback } from './config-fields.ts'
import { ALGORITHMS, OWN_ALGORITHMS } from './config-identity-fields.ts'
import type { EgressSettings, EndpointAuth, IssuerSettings } from './config-identity-types.ts'
import { privateByName } from './config-private-hosts.ts'
import type { EndpointConfig, NodeConfig, NodeSettings } from './config-types.ts'

/** Host of the URL clients know the node by. */
function publicHost({ url, listen }: NodeSettings): string {
  return url === undefined ? listen.host : new URL(url).hostname
}

/** The URL clients know a node by, without a slash at its end; undefined while its port is any free one. */
export function baseUrlOf({ url, listen, tls }: NodeSettings): string | undefined {
  if (url !== undefined) return url
  if (listen.port === 0) return undefined
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host
  // Through the parser, so that a port that is the scheme's own is left out as everywhere.
  return new URL(`${tls === undefined ? 'http' : 'https'}://${host}:${listen.port}`).origin
}

function issuerOf(issuer: IssuerDraft, node: NodeSettings): IssuerSettings {
  const egress = { allowPrivate: isLoopback(publicHost(node)) }
  return { egress, ...issuer }
}

function egressTo(url: string | undefined, own: IssuerSettings | undefined): EgressSettings {
  if (url !== undefined) return { allowPrivate: privateByName(new URL(url).hostname) }
  return own?.egress ?? { allowPrivate: false }
}

function authOf(endpoint: EndpointDraft, own: IssuerSettings | undefined): 'none' | EndpointAuth {
  const auth = endpoint.auth ?? (own === undefined ? 'none' : { scopeMap: {}, keys: [] })
  if (auth === 'none') return auth
  const byNodes = auth.issuer === undefined && own?.mode !== 'external'
  return {
    algs: auth.issuer === undefined ? (own?.algs ?? OWN_ALGORITHMS) : ALGORITHMS,
    types: auth.issuer === undefined ? (own?.types ?? []) : [],
    dpop: byNodes ? 'required' : 'accepted',
    dpopNonces: 'off',
    egress: egressTo(auth.issuer, own),
    ...auth,
  }
}

/** Fills in the defaults that depend on other parts. */
export function withDefaults({ issuer: draft, endpoints, ...rest }: ConfigDraft): NodeConfig {
  const issuer = draft === undefined ? undefined : issuerOf(draft, rest.node)
  const complete = Object.create(null) as Record<string, EndpointConfig>
  for (const [name, endpoint] of Object.entries(endpoints)) {
    complete[name] = { ...endpoint, auth: authOf(endpoint, issuer) }
  }
  return { ...rest, ...(issuer === undefined ? {} : { issuer }), endpoints: complete }
}
