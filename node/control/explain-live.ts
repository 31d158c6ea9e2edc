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

type Listing = Pick<Catalogue, 'view' | 'feeding'>

/** Explains what endpoints list, a part at a time. */
export async function explainListed(
  catalogue: Listing,
  ground: ExplainGround,
  { asked, limit, visible, ...plan }: LiveQuestion,
  slices: Slices,
): Promise<LiveExplanations> {
  const explainers = new Map(
    plan.endpoints.map((name) => [name, explainAt(ground, asked, name)] as const),
  )
  const notes = [...explainers].flatMap(([name, explainer]) =>
    liveNotes(catalogue, name, explainer),
  )
  const items: Explanation[] = []
  for (const { endpoint, item } of walk(catalogue, plan)) {
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

/** What nodes and servers show each caller of its own, nobody knows here. */
export function liveNotes(
  catalogue: Listing,
  endpoint: string,
  explainer: EndpointExplainer,
): readonly Note[] {
  const apart = catalogue.feeding(endpoint).filter(({ perCaller }) => perCaller)
  const labels = apart.map(({ label }) => label).join(', ')
  const note = `told who calls, and listing to each what it may see: ${labels}; what is said here is of what this node itself is shown`
  const own = explainer.notes
  return apart.length === 0 ? own : [...own, { endpoint, note }]
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
