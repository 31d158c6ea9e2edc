import { z } from 'zod'
import { defined, distinct, isLoopback, slug } from './config-fields.ts'
import { nodeIdField } from './config-gossip.ts'
import type { NodeSearch, PeerSettings } from './config-types.ts'

/** An origin, or all hosts below one: `https://*.acme.example:8443`. A `*` is all of what stands before a dot, or nothing. */
const PLACE = /^(https?):\/\/(\*\.)?([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?$/

function problemOfPlace(input: string): string | undefined {
  const [, scheme, wild, host = ''] = PLACE.exec(input) ?? []
  if (scheme === undefined) return 'must be https://host or https://*.host, with a port at will'
  if (wild !== undefined && (!host.includes('.') || /^[0-9.]+$/.test(host))) {
    return 'must name at least two labels behind "*."'
  }
  if (scheme === 'http' && (wild !== undefined || !isLoopback(host))) {
    return 'must be https, unless the host is loopback'
  }
  return undefined
}

const place = z.string().superRefine((input, context) => {
  const problem = problemOfPlace(input)
  if (problem !== undefined) context.addIssue(problem)
})

/** What of an upstream node says who it is, in place of a URL. */
export const searchFields: {
  readonly id: z.ZodOptional<z.ZodType<string>>
  readonly name: z.ZodOptional<z.ZodString>
  readonly endpoint: z.ZodOptional<z.ZodString>
  readonly urls: z.ZodOptional<z.ZodType<string[]>>
} = {
  id: nodeIdField
    .optional()
    .describe('Id of the other node, which is found by its record. Needs "gossip".'),
  name: slug
    .optional()
    .describe(
      'Name of the other node, of the same organisation, which is found by its record. Needs "gossip"; as sure as "gossip.members" makes names.',
    ),
  endpoint: slug.optional().describe('Its endpoint, with "id" or "name".'),
  urls: distinct(place, 1)
    .optional()
    .describe(
      'Where it may be, with "id" or "name": https://host, or https://*.host for all hosts below; each with a port at will. What its record says is taken only if it is there. Needed with auth, for tokens are sent there. Default: any public host over https, and loopback if this node is on loopback.',
    ),
}

interface Fields extends Omit<PeerSettings, 'url' | 'find'> {
  readonly url?: string | undefined
  readonly id?: string | undefined
  readonly name?: string | undefined
  readonly endpoint?: string | undefined
  readonly urls?: readonly string[] | undefined
}

/** A URL that leads nowhere (RFC 6761 §6.4), of a node that is looked for. */
function nowhere({ id, name, endpoint }: NodeSearch): string {
  const host = `${(name ?? id ?? '').toLowerCase().replaceAll('_', '-')}.node.invalid`
  return `https://${host}/mcp/${endpoint}`
}

/** One way to say where the node is: its URL, or who it is. */
export function placed(
  { url, id, name, endpoint, urls, ...rest }: Fields,
  context: z.RefinementCtx,
): PeerSettings {
  const isFound = url === undefined
  if ([url, id, name].filter((one) => one !== undefined).length !== 1) {
    context.addIssue('needs exactly one of "url", "id", "name"')
    return z.NEVER
  }
  if (isFound === (endpoint === undefined)) {
    context.addIssue(isFound ? 'needs "endpoint" with "id" or "name"' : 'has "endpoint" with "url"')
    return z.NEVER
  }
  if (url !== undefined) {
    if (urls !== undefined) context.addIssue('has "urls" with "url"')
    return { ...rest, url }
  }
  const find: NodeSearch = defined({ id, name, endpoint: endpoint ?? '', urls })
  return { ...rest, url: nowhere(find), find }
}

/** Whether a URL is at one of the places that are allowed. */
export function isAllowedPlace(url: URL, places: readonly string[]): boolean {
  return places.some((one) => {
    const [, scheme, wild, host = '', port = ''] = PLACE.exec(one) ?? []
    if (`${scheme}:` !== url.protocol) return false
    const usual = scheme === 'https' ? '443' : '80'
    if ((url.port || usual) !== (port || usual)) return false
    const { hostname } = url
    return wild === undefined ? hostname === host : hostname.endsWith(`.${host}`)
  })
}
