import { isIP } from 'node:net'
import type { NodeRecord } from '../../../topology/record.ts'
import { isLoopback, problemOfUrl } from '../../core/config-fields.ts'
import { isAllowedPlace } from '../../core/config-node-search.ts'
import { privateByName } from '../../core/config-private-hosts.ts'
import type { NodeSearch, NodeUpstream } from '../../core/config-types.ts'

/** What is known of where nodes are. */
export interface Known {
  readonly records: readonly NodeRecord[]
  readonly organisation: string
  /** Whether this node is reached on loopback: then others may be, too. */
  readonly isLocal: boolean
}

/** Where an upstream node is, or why that is not known. */
export type Place =
  | { readonly upstream: NodeUpstream; readonly problem?: never }
  | { readonly problem: string; readonly upstream?: never }

/** How a node that is looked for is called in messages. */
export function searchText({ id, name, endpoint }: NodeSearch): string {
  return `node ${name ?? id} (${endpoint})`
}

/** Names listed in a message. */
const MAX_NAMED = 8

/**
 * Finds an upstream node by its record. What the record says is where the node is, and nothing else: which URLs are
 * taken, what is imported and in whose name calls are made stands in the configuration.
 */
export function placeOf(upstream: NodeUpstream, known: Known): Place {
  const { find } = upstream.node
  if (find === undefined) return { upstream }
  const found = known.records.filter((record) => isMeant(record, find, known.organisation))
  const [record, another] = found
  if (record === undefined) return { problem: unknown(find, known) }
  if (another !== undefined) {
    return { problem: `${found.length} nodes say that their name is ${find.name}: use the id` }
  }
  const allowed = record.urls.flatMap((base) => {
    const url = endpointOf(base, find)
    return url !== undefined && isTaken(url, find, known) ? [url] : []
  })
  const [url] = allowed
  if (url === undefined) {
    return { problem: `its record says it is at ${said(record)}, which "urls" does not allow` }
  }
  const { hostname } = url
  const isPrivate = upstream.egress.allowPrivate || privateByName(hostname)
  const node = { ...upstream.node, url: url.href }
  return { upstream: { ...upstream, node, egress: { allowPrivate: isPrivate } } }
}

function isMeant(
  { id, name, status, organisation }: NodeRecord,
  find: NodeSearch,
  own: string,
): boolean {
  if (status === 'left' || organisation !== own) return false
  return find.id === undefined ? name === find.name : id === find.id
}

function endpointOf(base: string, { endpoint }: NodeSearch): URL | undefined {
  if (problemOfUrl(base) !== undefined || /[?#]/.test(base)) return undefined
  return new URL(`${base.replace(/\/+$/, '')}/mcp/${endpoint}`)
}

function isTaken(url: URL, { urls }: NodeSearch, { isLocal }: Known): boolean {
  const { hostname, protocol } = url
  if (urls !== undefined) return isAllowedPlace(url, urls)
  if (isLoopback(hostname)) return isLocal
  const bare = hostname.replace(/^\[(.*)\]$/, '$1')
  return protocol === 'https:' && isIP(bare) === 0 && !privateByName(hostname)
}

/** The hosts a record names; what else stands there may be anything. */
function said({ urls }: NodeRecord): string {
  const hosts = urls.flatMap((url) => (URL.canParse(url) ? [new URL(url).origin] : []))
  return hosts.length === 0 ? 'no URL' : hosts.slice(0, MAX_NAMED).join(', ')
}

function unknown(find: NodeSearch, { records }: Known): string {
  const names = records.map(({ name, id }) => name ?? id).toSorted()
  const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : ''
  const known = names.length === 0 ? 'nobody' : `${names.slice(0, MAX_NAMED).join(', ')}${more}`
  return `no record of ${searchText(find)} has been heard; known: ${known}`
}
