import type { FederationSettings } from '../../protocol/federation.ts'
import { exposeTemplate, exposeUri, readExposed, type UriHome } from '../../protocol/uris.ts'
import type { Candidate, Entry } from '../core/stages.ts'

/** How the URIs of one upstream relate to those an endpoint shows. */
export interface UriRule {
  /** `plain` endpoints change no URI. */
  readonly names: 'prefixed' | 'plain'
  /** The node behind an imported namespace; undefined where a server feeds a namespace of this node's own. */
  readonly peer: FederationSettings | undefined
}

/**
 * How the URIs in what comes back from an upstream read at the endpoint; undefined where both sides use the same.
 *
 * @param peer the upstream, if it is a node
 */
export function urisFrom(
  names: UriRule['names'],
  { entry, candidate }: { readonly entry: Entry; readonly candidate: Candidate },
  peer: FederationSettings | undefined,
): ((uri: string) => string) | undefined {
  if (names === 'plain') return undefined
  // Nodes that show URIs as this one does have made them what they are.
  if (candidate.imported && peer?.uris !== 'plain') return undefined
  const rule = { names, peer: candidate.imported ? peer : undefined }
  const home = { ...entry.id, source: entry.source }
  // What was asked for goes back as it was asked for: a URI may have more than one spelling.
  const asked = entry.kind === 'tool' || entry.kind === 'prompt' ? undefined : candidate.name
  return (uri) => (uri === asked ? entry.name : uriForCaller(rule, home, uri))
}

/** A URI of an upstream as the endpoint shows it; `home` is where it means something when it does not say so itself. */
export function uriForCaller({ names, peer }: UriRule, home: UriHome, uri: string): string {
  if (names === 'plain') return uri
  // Nodes agree on what they make of a URI. Of a server it is a URI like any other, or it could speak for others.
  return peer !== undefined && readExposed(uri) !== undefined ? uri : exposeUri(home, uri)
}

/** The same for a URI template. */
export function templateForCaller({ names, peer }: UriRule, home: UriHome, uri: string): string {
  if (names === 'plain') return uri
  return peer !== undefined && readExposed(uri) !== undefined ? uri : exposeTemplate(home, uri)
}

/** A URI the endpoint shows as the upstream knows it. */
export function uriForUpstream({ names, peer }: UriRule, home: UriHome, uri: string): string {
  const exposed = names === 'plain' ? undefined : readExposed(uri)
  if (exposed === undefined) return uri
  if (peer === undefined) return exposed.uri
  // One that shows its own as they are still shows those of nodes behind it as they do.
  return peer.uris === 'plain' && peer.node === home.node ? exposed.uri : uri
}
