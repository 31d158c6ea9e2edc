import type { CapabilityKind } from '../../protocol/capability.ts'
import type { NodeId } from '../../protocol/federation.ts'
import { writeListed, type Listed } from '../../protocol/listing.ts'
import { exposedName, toolKey, writeOrigin, type ToolId } from '../../protocol/names.ts'
import type { UriVeil } from '../../protocol/result-uris.ts'
import { hasCoreTasks, type Era } from '../../protocol/revisions.ts'
import type { Entry } from '../core/stages.ts'
import type { AliasBook, Bearer } from './alias-book.ts'
import { homesOf, type Homes } from './homes.ts'
import {
  gather,
  isUri,
  problemOf,
  URI_TOO_LONG,
  type Found,
  type Source,
  type ViewProblem,
  type ViewRule,
} from './sources.ts'
import { templateForCaller, uriForCaller, type UriRule } from './uri-map.ts'

/** Something in a view: how it is called and what it is made from. */
export interface ViewItem {
  readonly entry: Entry
  readonly listed: Listed
  /** Nodes from this one to the origin, and those known behind it. */
  readonly path: readonly NodeId[]
  /** How URIs in it are to be read. */
  readonly uris: UriRule
  /** Of the upstream that lists it; undefined while that is not known. */
  readonly era: Era | undefined
}

/** What one endpoint shows of one kind, by the name or URI shown, and in the order of those. */
export interface View {
  readonly kind: CapabilityKind
  readonly items: readonly ViewItem[]
  readonly byName: ReadonlyMap<string, ViewItem>
  /** What is left out because the hop budget does not reach it, by name. */
  readonly outOfReach: ReadonlyMap<string, Entry>
  /** The servers behind it that are known from what is listed. */
  readonly homes: Homes
  readonly problems: readonly ViewProblem[]
}

/**
 * Builds the view of an endpoint for one kind. What several upstreams lead to appears once, under the name of the
 * shortest path, the other ways behind it. Of two things with one name the later is dropped and reported: another name
 * for it would slip past a rule made for the first.
 *
 * @param names what names still stand for; default: nothing
 */
export function buildView(
  kind: CapabilityKind,
  rule: ViewRule,
  sources: readonly Source[],
  names: Names = UNHELD,
): View {
  const { found, far, problems: left } = gather(rule, sources)
  const problems = [...left]
  const items: ViewItem[] = []
  const byName = new Map<string, ViewItem>()
  for (const ways of waysByOrigin(found)) {
    const item = viewItem(
      rule,
      ways,
      namedBy(kind, ways, (way) => names.knows(shownName(rule, way), way.id)),
    )
    const { name } = item.entry
    const taken = byName.get(name)
    const holder = names.heldBy(name, bearerOf(item))
    if (holder !== undefined) problems.push(problemAt(ways[0], heldReason(kind, name, holder)))
    else if (taken !== undefined) problems.push(collision(item, taken))
    else if (isTooLong(rule, item)) problems.push(problemAt(ways[0], URI_TOO_LONG))
    else {
      byName.set(name, item)
      items.push(item)
    }
  }
  items.sort((a, b) => compare(a.entry.name, b.entry.name))
  const tooFar = unreached(rule, far, byName)
  const reason = 'it lies farther away than the hop budget reaches'
  problems.push(...[...tooFar.values()].map((one) => problemAt(one, reason)))
  const outOfReach = new Map(
    [...tooFar].map(([name, one]) => [name, viewItem(rule, [one], one).entry] as const),
  )
  return { kind, items, byName, outOfReach, homes: homesOf(found), problems }
}

/** What the name of an item stands for. The way to a node itself is the shortest there is to what it has. */
export function bearerOf({ entry: { id, candidates }, uris: { peer } }: ViewItem): Bearer {
  return { id, direct: peer?.node === id.node ? candidates[0].upstream : undefined }
}

/** What names stand for. */
type Names = Pick<AliasBook, 'heldBy' | 'knows'>

/** Names that stand for nothing yet. */
const UNHELD: Names = { heldBy: () => undefined, knows: () => false }

function heldReason(
  kind: CapabilityKind,
  name: string,
  { name: own, namespace, node }: ToolId,
): string {
  const what = isUri(kind) ? 'URI' : 'name'
  return `its ${what} ${name} stood for "${own}" in namespace "${namespace}" of node ${node} until lately (limit nameMemory)`
}

function problemAt({ candidate, listed }: Found, reason: string): ViewProblem {
  return problemOf(candidate.upstream, listed, reason)
}

/** What is too far away, by name. What is reached over a shorter way as well is no news. */
function unreached(
  rule: ViewRule,
  far: readonly Found[],
  byName: ReadonlyMap<string, ViewItem>,
): ReadonlyMap<string, Found> {
  const named = far.map((found) => [shownName(rule, found), found] as const)
  return new Map(named.filter(([name]) => !byName.has(name)))
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/** All ways to each origin, the best first; origins in the operator's order of the first way to each. */
function waysByOrigin(all: readonly Found[]): readonly (readonly [Found, ...Found[]])[] {
  const groups = new Map<string, [Found, ...Found[]]>()
  for (const found of all) {
    // Servers that feed one namespace may each have something of that name: two things, not two ways to one.
    const key = `${found.source} ${toolKey(found.id)}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [found])
    else group.push(found)
  }
  for (const group of groups.values()) {
    // The sort is stable: among equal distances the operator's order decides.
    group.sort((a, b) => a.path.length - b.path.length)
  }
  return [...groups.values()]
}

/** What it is called at the endpoint. */
function shownName({ names }: ViewRule, { id, source, namespace, listed, peer }: Found): string {
  const { kind, name } = listed
  if (!isUri(kind)) return exposedName(namespace, id, names)
  const rule = { names: names.style, peer }
  const home = { ...id, source }
  return kind === 'template' ? templateForCaller(rule, home, name) : uriForCaller(rule, home, name)
}

function isTooLong({ uriBytes }: ViewRule, { entry }: ViewItem): boolean {
  // A character of a URI takes four bytes at most.
  if (!isUri(entry.kind) || entry.name.length * 4 <= uriBytes) return false
  return Buffer.byteLength(entry.name) > uriBytes
}

/** The way that names it: of the shortest ones that it is known by, whichever the operator names first. */
function namedBy(
  kind: CapabilityKind,
  ways: readonly [Found, ...Found[]],
  isKnown: (way: Found) => boolean,
): Found {
  // A URI says itself where it leads.
  if (isUri(kind) || ways.length === 1) return ways[0]
  const best = ways[0]
  const shortest = ways.filter(({ path }) => path.length === best.path.length)
  return shortest.find(isKnown) ?? best
}

function viewItem(
  rule: ViewRule,
  [best, ...others]: readonly [Found, ...Found[]],
  named: Found,
): ViewItem {
  const seen = new Set([best.candidate.upstream])
  const spare = others.filter(({ candidate }) => {
    const fresh = !seen.has(candidate.upstream)
    seen.add(candidate.upstream)
    return fresh
  })
  const { id, source, listed, path, peer, era } = best
  const { namespace } = named
  return {
    entry: {
      kind: listed.kind,
      name: shownName(rule, named),
      id,
      source,
      namespace,
      paramHeaders: listed.paramHeaders,
      // In 2025 the caller asks for the task, in 2026 the server decides: neither can be made of the other.
      only: listed.needsTask ? era : undefined,
      hints: listed.hints,
      candidates: [best.candidate, ...spare.map(({ candidate }) => candidate)],
    },
    listed,
    path,
    uris: { names: rule.names.style, peer },
    era,
  }
}

function collision(dropped: ViewItem, kept: ViewItem): ViewProblem {
  const { kind, name: taken } = dropped.entry
  const { upstream, name } = dropped.entry.candidates[0]
  const other = kept.entry.candidates[0]
  const what = isUri(kind) ? 'URI' : 'name'
  const reason = `its ${what} ${taken} is taken by "${other.name}" of upstream "${other.upstream}"`
  return { upstream, kind, name, reason }
}

/** Whether two lists look the same to every caller. */
export function sameItems(a: readonly ViewItem[], b: readonly ViewItem[]): boolean {
  if (a.length !== b.length) return false
  return a.every((item, index) => {
    const other = b[index]
    return (
      other !== undefined &&
      item.entry.name === other.entry.name &&
      item.listed === other.listed &&
      item.entry.namespace === other.entry.namespace &&
      item.era === other.era &&
      item.uris.peer?.uris === other.uris.peer?.uris &&
      item.path.join() === other.path.join()
    )
  })
}

/** What a caller speaks. */
export interface Speaker {
  readonly era: Era
  readonly revision: string
}

/** How a view is written for one kind of caller. */
export interface Dialect extends Speaker {
  /** Another node is told where each item lives. */
  readonly federated: boolean
}

/** Whether a caller can use it: what the lists are made by, and what holds for calls. */
export function isUsable({ only }: Entry, caller: Speaker): boolean {
  return only === undefined || (only === caller.era && mayHaveTasks(caller))
}

/** Whether there are tasks at all in what a caller speaks; in era 2025 only its last revision has them. */
function mayHaveTasks({ era, revision }: Speaker): boolean {
  return era === '2026' || hasCoreTasks(revision)
}

/** What a caller can use. */
export function itemsFor({ items }: View, caller: Speaker): readonly ViewItem[] {
  const usable = ({ entry }: ViewItem): boolean => isUsable(entry, caller)
  return items.every(usable) ? items : items.filter(usable)
}

/** The text of an item for one kind of caller. */
export function writeViewItem(item: ViewItem, dialect: Dialect, hides?: UriVeil): Buffer {
  const { era, federated } = dialect
  const { entry, listed, path, uris, era: spoken } = item
  const { id, source, namespace } = entry
  const home = { ...id, source }
  return writeListed(listed, {
    name: entry.name,
    origin: federated ? writeOrigin({ id, source, namespace, path }) : undefined,
    objectOutputOnly: era === '2025',
    withoutTasks: spoken !== undefined && (spoken !== era || !mayHaveTasks(dialect)),
    uri: uris.names === 'plain' ? undefined : (uri) => uriForCaller(uris, home, uri),
    hides,
  })
}
