import type { CapabilityKind } from '../../protocol/capability.ts'
import { EVERYBODY } from '../../protocol/policy/policy.ts'
import type { NodeConfig } from '../core/config-types.ts'
import type { Explainable } from './explain.ts'
import { explainAt, type ExplainGround } from './explain.ts'
import { fingerprint } from './links.ts'
import type { Slices } from './slices.ts'

/** One of two configurations that are compared. */
export interface DiffSide {
  readonly ground: ExplainGround
  /** What an endpoint offers, before anything is hidden; each kind and name once. */
  readonly items: (endpoint: string) => Iterable<Explainable>
}

/** Something that somebody sees on one side only. */
export interface Changed {
  readonly kind: CapabilityKind
  /** As callers of the endpoint know it. */
  readonly name: string
  /** Why it is seen on the one side, or is not on the other. */
  readonly because: string
}

/** What changes for one class at one endpoint. */
export interface ClassDiff {
  readonly endpoint: string
  /** Of who is in it and in no other; `*`: who is in none. */
  readonly class: string
  /** How many there are, also beyond those that are named. */
  readonly appearing: number
  readonly vanishing: number
  readonly appears: readonly Changed[]
  readonly vanishes: readonly Changed[]
}

/** What would change for whom. */
export interface PolicyDiff {
  /** Where nothing changes for a class, nothing is said of it. */
  readonly changes: readonly ClassDiff[]
  /** What may change besides, and is not in the changes. */
  readonly notes: readonly string[]
}

/** What is compared, and how much is told of it. */
export interface DiffPlan {
  readonly before: DiffSide
  readonly after: DiffSide
  /** Changes that are named, for each class at each endpoint and each direction. */
  readonly limit: number
}

/** Compares what each class sees at each endpoint, its scopes taken to cover everything. */
export async function diffPolicies(plan: DiffPlan, slices: Slices): Promise<PolicyDiff> {
  const [before, after] = [plan.before.ground.config, plan.after.ground.config]
  const classes = union(Object.keys(before.clients), Object.keys(after.clients), [EVERYBODY])
  const endpoints = union(Object.keys(before.endpoints), Object.keys(after.endpoints))
  const changes: ClassDiff[] = []
  for (const endpoint of endpoints) {
    for (const name of classes) {
      const change = await diffOne(plan, { endpoint, class: name }, slices)
      if (change.appearing + change.vanishing > 0) changes.push(change)
    }
  }
  return { changes, notes: notesOf(before, after) }
}

function union(...lists: readonly (readonly string[])[]): readonly string[] {
  return [...new Set(lists.flat())]
}

/** What it is about. */
type Place = Pick<ClassDiff, 'endpoint' | 'class'>

async function diffOne(
  { before, after, limit }: DiffPlan,
  place: Place,
  slices: Slices,
): Promise<ClassDiff> {
  const [then, now] = [await seenBy(before, place, slices), await seenBy(after, place, slices)]
  const gone = [...then].filter(([key]) => !now.has(key))
  const fresh = [...now].filter(([key]) => !then.has(key))
  const named = (all: typeof gone, side: DiffSide, isShown: boolean): readonly Changed[] =>
    all.slice(0, limit).map(([, item]) => changedAs(item, side, { ...place, isShown }))
  return {
    ...place,
    appearing: fresh.length,
    vanishing: gone.length,
    appears: named(fresh, after, true),
    vanishes: named(gone, after, false),
  }
}

function askedAs({ class: name }: Place): { readonly classes: readonly string[] } {
  return { classes: [name] }
}

/** What a class sees, by kind and name. */
async function seenBy(
  { ground, items }: DiffSide,
  place: Place,
  slices: Slices,
): Promise<ReadonlyMap<string, Explainable>> {
  const seen = new Map<string, Explainable>()
  const { at } = explainAt(ground, askedAs(place), place.endpoint)
  const sights = ground.sights(place.endpoint)
  if ('refused' in at || sights === undefined) return seen
  const sight = sights.from(at.onlooker)
  for (const item of items(place.endpoint)) {
    const pause = slices.turn()
    if (pause !== undefined) await pause
    const { entry } = item
    if (sight.sees(entry)) seen.set(`${entry.kind} ${entry.name}`, item)
  }
  return seen
}

/** Why it is so on the side that is to come. */
function changedAs(
  item: Explainable,
  after: DiffSide,
  { isShown, ...place }: Place & { readonly isShown: boolean },
): Changed {
  const { kind, name } = item.entry
  const { because, visible } = explainAt(after.ground, askedAs(place), place.endpoint).explain(item)
  // Of what the endpoint would not offer any more, rules may say what they will.
  return { kind, name, because: visible === isShown ? because : 'it is not offered there' }
}

function differs(before: unknown, after: unknown): boolean {
  return fingerprint([before]) !== fingerprint([after])
}

function changedKeys(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): readonly string[] {
  return Object.keys(before).filter((key) => key in after && differs(before[key], after[key]))
}

/** What decides who is in a class, who may call, and what there is: what comes of it no file knows. */
export function notesOf(before: NodeConfig, after: NodeConfig): readonly string[] {
  const classes = changedKeys(before.clients, after.clients).map(
    (name) => `who is in class "${name}" changes`,
  )
  const callers = changedKeys(authOf(before), authOf(after)).map(
    (name) => `who may call endpoint "${name}", or what its scopes are, changes`,
  )
  const upstreams = changedKeys(listings(before), listings(after)).map(
    (label) => `upstream "${label}" changes, and so may what it lists`,
  )
  const fresh = Object.keys(after.upstreams).filter((label) => !(label in before.upstreams))
  const unknown = fresh.map((label) => `upstream "${label}" is new: what it lists is not known`)
  return [...classes, ...callers, ...upstreams, ...unknown]
}

function authOf({ endpoints }: NodeConfig): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(endpoints).map(([name, { auth }]) => [name, auth]))
}

/** What decides what upstreams list; what of it is taken is compared itself. */
function listings({ upstreams }: NodeConfig): Readonly<Record<string, unknown>> {
  const all = Object.entries(upstreams).map(([label, upstream]) => {
    const { url } = upstream.kind === 'node' ? upstream.node : { url: undefined }
    return [label, upstream.kind === 'node' ? { ...upstream, node: { url } } : upstream] as const
  })
  return Object.fromEntries(all)
}
