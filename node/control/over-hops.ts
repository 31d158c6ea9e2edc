import type { CapabilityKind } from '../../protocol/capability.ts'
import type { HopTrail, NodeId } from '../../protocol/federation.ts'
import { mapScopes } from '../../protocol/token/scopes.ts'
import type { NodeConfig } from '../core/config-types.ts'
import type { Entry } from '../core/stages.ts'
import type { Upstream } from '../hop/exchange.ts'
import { askNode } from './ask-node.ts'
import type { EndpointExplainer, Explanation, HopDecision } from './explain.ts'
import { entriesOf, listedItem } from './explain-live.ts'
import type { HopQuestion, PassedOn } from './hop-question.ts'
import type { Registry } from './registry.ts'
import { waysTo } from './ways-to.ts'

/** What explanations over hops are made from. */
export interface HopGround {
  readonly config: NodeConfig
  readonly registry: Pick<Registry, 'catalogue' | 'upstreams'>
  readonly self: NodeId
}

/** About whom, where, and on what way it was asked. */
export interface HopAsking {
  readonly endpoint: string
  /** Of this node. */
  readonly explainer: EndpointExplainer
  readonly whom: PassedOn
  readonly kinds: readonly CapabilityKind[]
  /** As the question came. */
  readonly trail: HopTrail
}

/** Something, and what the nodes on the way to it decide. */
export interface Told {
  readonly what: Omit<Explanation, keyof HopDecision | 'beyond'>
  /** Whether this node has it: then the first decision is its own. */
  readonly isListed: boolean
  /** The nearest node first; at least one. */
  readonly decisions: readonly HopDecision[]
}

/** All that is known of a name. */
export interface ToldOver {
  readonly told: readonly Told[]
  /** Why more is not known. */
  readonly notes: readonly string[]
}

/** Explains what goes by a name here and at the nodes behind: each says its part to nodes it allows to ask. */
export async function explainOver(
  ground: HopGround,
  asking: HopAsking,
  name: Omit<HopQuestion, 'whom'>,
): Promise<ToldOver> {
  const { catalogue } = ground.registry
  const { endpoint, kinds } = asking
  const found = kinds.flatMap((kind) => entriesOf(catalogue, { endpoint, kind }, name))
  const entries = [...new Set(found)]
  const all =
    entries.length > 0
      ? entries.map((entry) => toldOf(ground, asking, entry))
      : hiddenWays(ground, asking, name)
  const over = await Promise.all(all)
  return { told: over.flatMap(({ told }) => told), notes: over.flatMap(({ notes }) => notes) }
}

/** Of something this node has. A call would take the preferred way, so that is the one that is asked. */
async function toldOf(ground: HopGround, asking: HopAsking, entry: Entry): Promise<ToldOver> {
  const explained = asking.explainer.explain(listedItem(entry))
  const own = { what: explained, isListed: true, decisions: [explained] }
  const [first] = entry.candidates
  const upstream = first && ground.registry.upstreams.get(first.upstream)
  if (upstream?.kind !== 'node') return { told: [own], notes: [] }
  const question = { kind: entry.kind, name: first?.name ?? '' }
  const { answer, notes } = await ask(ground, asking, { upstream, question })
  const [item] = answer?.items ?? []
  return {
    told: [{ ...own, decisions: [explained, ...(item?.decisions ?? [])] }],
    notes: [...notes, ...(answer?.notes ?? [])],
  }
}

/** Of something that nodes behind may have, and hide from this one. */
function hiddenWays(
  { config, ...rest }: HopGround,
  asking: HopAsking,
  name: Omit<HopQuestion, 'whom'>,
): readonly Promise<ToldOver>[] {
  const ways = waysTo(config, asking.endpoint, name)
  // Whoever asks for another node asks one more at most: in a mesh all would ask all.
  if (ways.length > 1 && asking.trail.path.length > 0) {
    const note = `${placeOf(config, asking)}it could be behind several nodes, of which none was asked`
    return [Promise.resolve({ told: [], notes: [note] })]
  }
  return ways.map(async ({ label, namespace, question }) => {
    const upstream = rest.registry.upstreams.get(label)
    if (upstream === undefined) return { told: [], notes: [] }
    const { answer, notes } = await ask({ config, ...rest }, asking, { upstream, question })
    const told = (answer?.items ?? []).map(({ decisions, ...item }): Told => {
      const what = { ...item, namespace: namespace ?? item.namespace, name: name.name }
      return { what: { ...what, upstreams: [label] }, isListed: false, decisions }
    })
    return { told, notes: [...notes, ...(answer?.notes ?? [])] }
  })
}

interface Asked {
  readonly answer: Exclude<Awaited<ReturnType<typeof askNode>>, string> | undefined
  readonly notes: readonly string[]
}

async function ask(
  { config, self }: HopGround,
  asking: HopAsking,
  { upstream, question }: { readonly upstream: Upstream; readonly question: HopQuestion },
): Promise<Asked> {
  const { whom, trail } = asking
  const { listTimeout: patience } = config.limits
  const passed = passedOn(config, upstream, whom)
  const asked = passed === undefined ? question : { ...question, whom: passed }
  const answer = await askNode(upstream, asked, { self, trail, patience })
  const place = placeOf(config, asking)
  if (typeof answer === 'string') return { answer: undefined, notes: [`${place}${answer}`] }
  const isUnnamed = passed !== undefined && passed.subject === undefined
  const { label } = upstream.link
  const note = `${place}upstream "${label}" was asked about somebody whose subject is not known there: rules for subjects are left out`
  return { answer, notes: isUnnamed ? [note] : [] }
}

/** Whose words a note is in, where it is read elsewhere. */
function placeOf({ node }: NodeConfig, { trail }: HopAsking): string {
  return trail.path.length === 0 ? '' : `${node.organisation}/${node.name}: `
}

/** Who a caller is at the next node; undefined where all come in the name of this one. */
export function passedOn(
  { upstreams }: NodeConfig,
  { link, delegator }: Upstream,
  { subject, scopes }: PassedOn,
): PassedOn | undefined {
  const config = upstreams[link.label]
  if (delegator?.perCaller !== true || config === undefined || config.kind === 'stdio') {
    return undefined
  }
  const { auth } = config
  if (auth.mode !== 'exchange' && auth.mode !== 'chain') return undefined
  const isNamed = auth.mode === 'exchange' || auth.subject === 'public'
  return {
    ...(isNamed && subject !== undefined && { subject }),
    ...(scopes !== undefined && { scopes: mapScopes(scopes, auth.scopes.map) }),
  }
}
