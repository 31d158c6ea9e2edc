import type { CapabilityKind } from '../../protocol/capability.ts'
import { LOCAL_CALLER } from '../core/principal.ts'
import type { Entry } from '../core/stages.ts'
import type { Catalogue } from '../hop/catalogue.ts'
import type { AskedAbout } from './asked-about.ts'
import {
  explainAt,
  type EndpointExplainer,
  type Explainable,
  type ExplainGround,
  type Explanation,
  type Explanations,
  type Note,
} from './explain.ts'
import type { HopQuestion } from './hop-question.ts'
import type { Slices } from './slices.ts'
import { walk, type WalkPlace } from './view-walk.ts'

/** A question about what a running node lists. */
export interface LiveQuestion {
  readonly asked: AskedAbout
  readonly endpoints: readonly string[]
  /** Default: all. */
  readonly kinds?: readonly CapabilityKind[]
  /** Only what is visible, or only what is hidden; default both. */
  readonly visible?: boolean | undefined
  readonly after?: WalkPlace | undefined
  /** Explanations of one answer. */
  readonly limit: number
}

/** A part of the answer. */
export interface LiveExplanations extends Pick<Explanations, 'items' | 'notes'> {
  /** Where it goes on; undefined at the end. */
  readonly next: WalkPlace | undefined
}

/** What is listed, and by whom. */
export interface Listing {
  readonly catalogue: Pick<Catalogue, 'view' | 'feeding'>
  /** Whether an upstream is another node. */
  readonly isNode: (label: string) => boolean
}

/** Explains what endpoints list, a part at a time. */
export async function explainListed(
  listing: Listing,
  ground: ExplainGround,
  { asked, limit, visible, ...plan }: LiveQuestion,
  slices: Slices,
): Promise<LiveExplanations> {
  const explainers = new Map(
    plan.endpoints.map((name) => [name, explainAt(ground, asked, name)] as const),
  )
  const notes = [...explainers].flatMap(([name, explainer]) => liveNotes(listing, name, explainer))
  const items: Explanation[] = []
  for (const { endpoint, item } of walk(listing.catalogue, plan)) {
    const pause = slices.turn()
    if (pause !== undefined) await pause
    const explained = explainers.get(endpoint)?.explain(listedItem(item.entry))
    if (explained === undefined) continue
    if (visible !== undefined && explained.visible !== visible) continue
    const last = items.at(-1)
    if (items.length >= limit && last !== undefined) return { items, notes, next: last }
    items.push(explained)
  }
  return { items, notes, next: undefined }
}

/** What is not known here of what an endpoint shows: what nodes hide from this one, and what each caller is shown of its own. */
function liveNotes(
  { catalogue, isNode }: Listing,
  endpoint: string,
  explainer: EndpointExplainer,
): readonly Note[] {
  const fed = catalogue.feeding(endpoint)
  const nodes = fed.filter(({ label }) => isNode(label)).map(({ label }) => label)
  const hiding = `nodes, and not asked unless by name: ${nodes.join(', ')}; what they hide from this one is not on the list`
  const behind = nodes.length === 0 ? [] : [{ endpoint, note: hiding }]
  return [...explainer.notes, ...apartNotes(endpoint, fed), ...behind]
}

/** What each caller is shown of its own, nobody knows here. */
export function apartNotes(
  endpoint: string,
  fed: ReturnType<Catalogue['feeding']>,
): readonly Note[] {
  const labels = fed.filter(({ perCaller }) => perCaller).map(({ label }) => label)
  const note = `told who calls, and listing to each what it may see: ${labels.join(', ')}; what is said here is of what this node itself is shown`
  return labels.length === 0 ? [] : [{ endpoint, note }]
}

/** Something that is listed, to explain. */
export function listedItem(entry: Entry): Explainable {
  return { entry, origin: entry.id }
}

/** What an endpoint has of a name: as calls find it, or as a namespace or the server of a resource has it. */
export function entriesOf(
  catalogue: Pick<Catalogue, 'view' | 'find' | 'findResource' | 'findTemplate'>,
  { endpoint, kind }: { readonly endpoint: string; readonly kind: CapabilityKind },
  { name, namespace }: Pick<HopQuestion, 'name' | 'namespace'>,
): readonly Entry[] {
  const known = namespace === undefined ? findOne(catalogue, { endpoint, kind }, name) : undefined
  if (known !== undefined) return [known]
  if (namespace === undefined && (kind === 'tool' || kind === 'prompt')) return []
  const items = catalogue.view(endpoint, kind)?.items ?? []
  const isMeant = ({ id, ...entry }: Entry): boolean =>
    id.name === name && (namespace === undefined || entry.namespace === namespace)
  return items.map(({ entry }) => entry).filter(isMeant)
}

/** As a call would find it. */
function findOne(
  catalogue: Pick<Catalogue, 'find' | 'findResource' | 'findTemplate'>,
  { endpoint, kind }: { readonly endpoint: string; readonly kind: CapabilityKind },
  name: string,
): Entry | undefined {
  // In the name of the node itself: whom upstreams would be told of, nobody knows here.
  const asker = { endpoint, principal: LOCAL_CALLER }
  if (kind === 'resource') return catalogue.findResource(asker, name)
  if (kind === 'template') return catalogue.findTemplate(asker, name)
  return catalogue.find(asker, kind, name)
}
