import { baseUrlOf } from './config-defaults.ts'
import type { EndpointDraft } from './config-drafts.ts'
import type { ConfigProblem } from './config-error.ts'
import { didYouMean } from './config-hints.ts'
import { known, type ConfigOutline } from './config-outline.ts'

/** A resource somewhere in the file. */
interface Mention {
  readonly path: ConfigProblem['path']
  readonly resource: string
}

function mentions(path: ConfigProblem['path'], resources: readonly string[]): readonly Mention[] {
  return resources.map((resource, i) => ({ path: [...path, i], resource }))
}

/** Resources the embedded service issues tokens for. */
function issued({ trust, workloads }: ConfigOutline): readonly Mention[] {
  return [
    ...known(workloads.entries()).flatMap(([i, { resources }]) =>
      mentions(['workloads', i, 'resources'], resources),
    ),
    ...known(trust.entries()).flatMap(([i, { resources }]) =>
      mentions(['trust', i, 'resources'], resources),
    ),
  ]
}

function ofNodes({ nodes }: ConfigOutline): readonly Mention[] {
  return known(nodes.entries()).flatMap(([i, { spends, reaches }]) => [
    ...mentions(['nodes', i, 'spends'], spends),
    ...mentions(['nodes', i, 'reaches'], reaches),
  ])
}

/** Name of the endpoint of this node a resource is; undefined when it is none. */
function ownEndpoint(resource: string, base: string): string | undefined {
  const prefix = `${base}/mcp/`
  return resource.startsWith(prefix) ? resource.slice(prefix.length) : undefined
}

function checkExists(outline: ConfigOutline, base: string): readonly ConfigProblem[] {
  return [...ofNodes(outline), ...issued(outline)].flatMap(({ path, resource }) => {
    const name = ownEndpoint(resource, base)
    if (name === undefined || outline.endpoints.has(name)) return []
    const hint = didYouMean(name, [...outline.endpoints.keys()])
    const problem = { path, message: 'this node has no such endpoint' }
    return [hint === undefined ? problem : { ...problem, hint }]
  })
}

/** Why an endpoint takes no token of the issuer of the organisation. */
function deafness({ auth }: EndpointDraft): string | undefined {
  if (auth === 'none') return 'asks for no tokens: its auth is "none"'
  if (auth?.issuer !== undefined) return 'takes tokens of the issuer of its own auth only'
  return undefined
}

function checkTakesTokens(outline: ConfigOutline, base: string): readonly ConfigProblem[] {
  return issued(outline).flatMap(({ path, resource }) => {
    const endpoint = outline.endpoints.get(ownEndpoint(resource, base) ?? '')
    const reason = endpoint === undefined ? undefined : deafness(endpoint)
    return reason === undefined ? [] : [{ path, message: `this endpoint ${reason}` }]
  })
}

/** What others may be let into must belong to this organisation. */
function checkOwned(outline: ConfigOutline, base: string): readonly ConfigProblem[] {
  const nodes = known(outline.nodes.entries())
  if (nodes.length < outline.nodes.length) return []
  const spent = new Set(nodes.flatMap(([, { spends }]) => spends))
  return known(outline.trust.entries()).flatMap(([i, { resources }]) =>
    mentions(['trust', i, 'resources'], resources)
      .filter(({ resource }) => ownEndpoint(resource, base) === undefined && !spent.has(resource))
      .map(({ path }) => ({
        path,
        message: 'is no endpoint of this node, nor of one under "nodes"',
        hint: 'list the node it belongs to, with this URL among what it spends',
      })),
  )
}

/** Mistakes in the URLs of endpoints. While the port is any free one, those of this node are not known. */
export function resourceChecks(outline: ConfigOutline): readonly ConfigProblem[] {
  const base = outline.node === undefined ? undefined : baseUrlOf(outline.node)
  if (base === undefined) return []
  return [
    ...checkExists(outline, base),
    ...checkTakesTokens(outline, base),
    ...checkOwned(outline, base),
  ]
}
