import { CAPABILITY_KINDS, type CapabilityKind } from '../../protocol/capability.ts'
import type { EndpointAuth } from '../core/config-identity-types.ts'
import type { EndpointConfig, NodeConfig, UpstreamConfig } from '../core/config-types.ts'
import { EndpointViews } from '../hop/endpoint-views.ts'
import type { DiffRequest } from './admin-diff-models.ts'
import type { Explainable } from './explain.ts'
import { listedItem } from './explain-live.ts'
import { diffPolicies, type DiffSide, type PolicyDiff } from './policy-diff.ts'
import { policyOfText } from './policy-text.ts'
import type { Registry } from './registry.ts'
import type { Slices } from './slices.ts'
import { walk } from './view-walk.ts'

/** A running node, and what holds there. */
export interface LiveNode {
  readonly config: NodeConfig
  readonly base: string
  readonly registry: Pick<Registry, 'catalogue' | 'plans'>
}

/** Compares what holds with what would, over what upstreams list now. */
export async function diffLive(
  { config, base, registry }: LiveNode,
  request: DiffRequest,
  slices: Slices,
): Promise<PolicyDiff> {
  const { catalogue } = registry
  const before: DiffSide = {
    ground: { config, base, sights: (name) => catalogue.sights(name) },
    *items(endpoint) {
      for (const { item } of walk(catalogue, { endpoints: [endpoint] }))
        yield listedItem(item.entry)
    },
  }
  const next = planned(config, request)
  const previews = new Previews(registry, next)
  const after: DiffSide = {
    ground: { config: next, base, sights: (name) => previews.of(name)?.sights },
    items: (endpoint) => previews.items(endpoint),
  }
  const { changes, notes } = await diffPolicies({ before, after, limit: request.limit }, slices)
  return { changes, notes: [...notes, ...missing(config, request)] }
}

/** Endpoints as they would be, made when they are first asked for. */
class Previews {
  readonly #plans: ReturnType<Registry['plans']>
  readonly #made = new Map<string, EndpointViews>()
  readonly #built = new Set<string>()

  constructor(registry: Pick<Registry, 'plans'>, config: NodeConfig) {
    this.#plans = registry.plans(config)
  }

  of(endpoint: string): EndpointViews | undefined {
    const plan = this.#plans.get(endpoint)
    if (plan === undefined) return undefined
    const made = this.#made.get(endpoint) ?? new EndpointViews(endpoint, plan, undefined)
    this.#made.set(endpoint, made)
    return made
  }

  *items(endpoint: string): Generator<Explainable> {
    const views = this.of(endpoint)
    if (views === undefined) return
    for (const kind of CAPABILITY_KINDS) {
      this.#build(views, endpoint, kind)
      for (const { entry } of views.view(kind).items) yield listedItem(entry)
    }
  }

  #build(views: EndpointViews, endpoint: string, kind: CapabilityKind): void {
    const key = `${endpoint} ${kind}`
    if (this.#built.has(key)) return
    this.#built.add(key)
    views.rebuild(kind)
  }
}

/** Of a new endpoint it is only known that callers are asked who they are. */
const ASKED: EndpointAuth = {
  algs: [],
  types: [],
  dpop: 'required',
  dpopNonces: 'required',
  scopeMap: {},
  keys: [],
  egress: { allowPrivate: false },
}

/** The configuration as it would be, as far as it decides what is seen. */
function planned(config: NodeConfig, request: DiffRequest): NodeConfig {
  const { endpoints: given, namespaces = config.namespaces, imports = {} } = request
  const endpoints = given === undefined ? config.endpoints : endpointsOf(config, given)
  const upstreams = Object.entries(config.upstreams).map(([label, upstream]) => {
    const taken = imports[label]
    const isNode = upstream.kind === 'node' && taken !== undefined
    const next: UpstreamConfig = isNode
      ? { ...upstream, node: { ...upstream.node, ...taken } }
      : upstream
    return [label, next] as const
  })
  const rest = { endpoints, namespaces, upstreams: Object.fromEntries(upstreams) }
  return { ...config, ...policyOfText(request), ...rest }
}

function endpointsOf(
  { endpoints }: NodeConfig,
  given: NonNullable<DiffRequest['endpoints']>,
): NodeConfig['endpoints'] {
  const all = Object.entries(given).map(([name, { auth: asked, ...offer }]) => {
    const known = endpoints[name]
    const kept = known === undefined || known.auth === 'none' ? ASKED : known.auth
    const auth = asked === 'none' ? asked : kept
    const made: EndpointConfig = {
      pageSize: 1_000,
      tools: 'all',
      explainTo: [],
      ...known,
      ...offer,
      auth,
    }
    return [name, made] as const
  })
  return Object.fromEntries(all)
}

/** What would feed namespaces, and is not here to be asked. */
function missing({ upstreams }: NodeConfig, request: DiffRequest): readonly string[] {
  const { namespaces = {}, imports = {} } = request
  const labels = [
    ...Object.values(namespaces).flatMap(({ from }) => from),
    ...Object.keys(imports),
  ].filter((label) => !Object.hasOwn(upstreams, label))
  return [...new Set(labels)].map(
    (label) => `upstream "${label}" is new: what it lists is not known`,
  )
}
