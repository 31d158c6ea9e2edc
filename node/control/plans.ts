import { globsOverlap } from '../../protocol/glob.ts'
import type { NodeConfig } from '../core/config-types.ts'
import type { EndpointPlan, Feed } from '../hop/endpoint-views.ts'
import type { Mirrors } from '../hop/mirrors.ts'
import type { RequiredScopes, VisibilityPolicy } from '../hop/sight.ts'
import { namespacesFed, type ViewRule } from '../hop/sources.ts'

/** What of a configuration endpoints are made from. */
export type PlannedConfig = Pick<
  NodeConfig,
  'endpoints' | 'namespaces' | 'upstreams' | 'visibility' | 'clients' | 'tags' | 'limits'
>

/** What plans are made with. */
export interface PlanParts {
  readonly self: ViewRule['self']
  /** What an upstream lists; undefined where it is not there. */
  readonly mirrors: (label: string) => Mirrors | undefined
}

/** The rules of a configuration; undefined where scopes alone decide. */
export function policyOf({
  visibility,
  clients,
  tags,
}: PlannedConfig): VisibilityPolicy | undefined {
  return visibility === 'open' ? undefined : { rules: visibility, tags, classes: clients }
}

/** What callers must have for upstreams that are not told who calls, or where each signs in itself. */
export function requiredBy({ upstreams }: PlannedConfig): RequiredScopes {
  const all = Object.entries(upstreams).map(([label, upstream]): [string, readonly string[]] => {
    const auth = upstream.kind === 'stdio' ? undefined : upstream.auth
    return [label, auth !== undefined && 'requires' in auth ? auth.requires : []]
  })
  return new Map(all.filter(([, scopes]) => scopes.length > 0))
}

/** What the endpoints of a configuration are made from. */
export function plansOf(
  config: PlannedConfig,
  { self, mirrors }: PlanParts,
): ReadonlyMap<string, EndpointPlan> {
  const { endpoints, limits } = config
  const { node, organisation } = self
  const all = feedsOf(config, mirrors)
  const visibility = policyOf(config)
  const required = requiredBy(config)
  const plans = Object.entries(endpoints).map(([name, endpoint]): [string, EndpointPlan] => {
    const { namespaces, names: style, nameLength: maxLength, pageSize, tools } = endpoint
    const rule = {
      self: { node, organisation },
      namespaces,
      names: { style, maxLength },
      uriBytes: limits.uriBytes,
      hopBudget: limits.hopBudget,
    }
    // Only what can show up here counts for freshness, and is fetched for this endpoint's sake.
    const feeds = all.filter((feed) => mayFeed(feed, namespaces))
    const { nameMemory } = limits
    return [name, { rule, feeds, pageSize, nameMemory, tools, visibility, required }]
  })
  return new Map(plans)
}

/** All feeds in the order of the file: own namespaces first, then what is imported. */
function feedsOf(
  { namespaces, upstreams }: PlannedConfig,
  mirrorsOf: PlanParts['mirrors'],
): readonly Feed[] {
  const own = Object.entries(namespaces).flatMap(([namespace, { from }]) =>
    from.map((label) => ({ label, from: { kind: 'own', namespace } as const })),
  )
  const imported = Object.entries(upstreams).flatMap(([label, config]) => {
    if (config.kind !== 'node') return []
    const { import: patterns, as } = config.node
    return [{ label, from: { kind: 'imported', import: patterns, as } as const }]
  })
  return [...own, ...imported].flatMap(({ label, from }) => {
    const mirrors = mirrorsOf(label)
    return mirrors === undefined ? [] : [{ mirrors, from }]
  })
}

/** Whether an endpoint that offers `namespaces` can show something of a feed. */
function mayFeed({ from, mirrors }: Feed, namespaces: readonly string[]): boolean {
  return namespacesFed(from, mirrors.link.label).some((name) =>
    namespaces.some((pattern) => globsOverlap(pattern, name)),
  )
}
