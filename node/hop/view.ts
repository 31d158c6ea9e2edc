import type { NodeId } from '../../protocol/federation.ts'
import { matchesGlob } from '../../protocol/glob.ts'
import { writeTool, type ListedTool } from '../../protocol/listing.ts'
import {
  exposedName,
  importedNamespace,
  MAX_ORIGIN_TEXT,
  toolKey,
  writeOrigin,
  type NameRule,
  type ToolId,
} from '../../protocol/names.ts'
import type { Candidate, ToolEntry } from '../core/stages.ts'

/** Where an endpoint's tools come from, in the operator's order. */
export interface Source {
  /** Label of the upstream. */
  readonly upstream: string
  /** The node the list came from; undefined when that is no node. */
  readonly peer: NodeId | undefined
  readonly tools: readonly ListedTool[]
  /** `own`: tools of a server, in a namespace of this node. `imported`: namespaces of another node. */
  readonly from:
    | { readonly kind: 'own'; readonly namespace: string }
    | { readonly kind: 'imported'; readonly import: readonly string[]; readonly as: string }
}

/** What a view is made by. */
export interface ViewRule {
  readonly self: { readonly node: NodeId; readonly organisation: string }
  /** Globs over own and imported namespaces. */
  readonly namespaces: readonly string[]
  readonly names: NameRule
  /** Nodes a request may enter: what lies farther away cannot be called. */
  readonly hopBudget: number
}

/** A tool in a view: how it is called and what it is made from. */
export interface ViewTool {
  readonly entry: ToolEntry
  readonly listed: ListedTool
  /** Nodes from this one to the origin, and those known behind it. */
  readonly path: readonly NodeId[]
}

/** Something the operator should know. */
export interface ViewProblem {
  readonly upstream: string
  readonly tool: string
  readonly reason: string
}

/** The tools of one endpoint by exposed name, and in the order of those names. */
export interface View {
  readonly tools: readonly ViewTool[]
  readonly byName: ReadonlyMap<string, ViewTool>
  /** Names of tools that are left out because the hop budget does not reach them. */
  readonly outOfReach: ReadonlySet<string>
  readonly problems: readonly ViewProblem[]
}

interface Found {
  readonly id: ToolId
  readonly namespace: string
  readonly path: readonly NodeId[]
  readonly listed: ListedTool
  readonly candidate: Candidate
}

/** What is gathered besides the tools that can be shown. */
interface Findings {
  readonly problems: ViewProblem[]
  readonly far: Found[]
}

/**
 * Builds the view of an endpoint. A tool that several upstreams lead to appears once, under the name of the shortest
 * path, the other ways behind it. Of two tools with one name the later is dropped and reported: another name for it
 * would slip past a rule made for the first.
 */
export function buildView(rule: ViewRule, sources: readonly Source[]): View {
  const problems: ViewProblem[] = []
  const far: Found[] = []
  const tools: ViewTool[] = []
  const byName = new Map<string, ViewTool>()
  for (const ways of waysByTool(rule, sources, { problems, far })) {
    const tool = viewTool(rule, ways)
    const taken = byName.get(tool.entry.name)
    if (taken === undefined) {
      byName.set(tool.entry.name, tool)
      tools.push(tool)
    } else problems.push(collision(tool, taken))
  }
  tools.sort((a, b) => compare(a.entry.name, b.entry.name))
  return { tools, byName, problems, outOfReach: reportFar(rule, { far, byName, problems }) }
}

/** What is reached over a shorter way as well is no news. */
function reportFar(
  rule: ViewRule,
  { far, byName, problems }: Pick<View, 'byName'> & Findings,
): ReadonlySet<string> {
  const names = new Set<string>()
  for (const { namespace, id, candidate } of far) {
    const name = exposedName(namespace, id, rule.names)
    if (byName.has(name)) continue
    names.add(name)
    const reason = 'it lies farther away than the hop budget reaches'
    problems.push({ upstream: candidate.upstream, tool: candidate.name, reason })
  }
  return names
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/** All ways to each tool, the best first; tools in the operator's order of the first way to each. */
function waysByTool(
  rule: ViewRule,
  sources: readonly Source[],
  findings: Findings,
): readonly (readonly [Found, ...Found[]])[] {
  const groups = new Map<string, [Found, ...Found[]]>()
  for (const found of sources.flatMap((source) => findAll(rule, source, findings))) {
    const key = identity(rule, found)
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

/** Servers that feed one namespace may each have a tool of that name: two tools, not two ways to one. */
function identity({ self }: ViewRule, { id, candidate }: Found): string {
  return id.node === self.node ? `${candidate.upstream} ${toolKey(id)}` : toolKey(id)
}

function findAll(rule: ViewRule, source: Source, { problems, far }: Findings): Found[] {
  const found: Found[] = []
  for (const listed of source.tools) {
    const one =
      source.from.kind === 'own' ? own(rule, source, listed) : imported(rule, source, listed)
    if (typeof one === 'string') {
      problems.push({ upstream: source.upstream, tool: listed.name, reason: one })
    } else if (one !== undefined && isOffered(rule, one.namespace)) {
      if (one.path.length > rule.hopBudget) far.push(one)
      else found.push(one)
    }
  }
  return found
}

function isOffered(rule: ViewRule, namespace: string): boolean {
  return rule.namespaces.some((pattern) => matchesGlob(pattern, namespace))
}

/** A tool of a server, or why it must be left out. */
function own(rule: ViewRule, { upstream, from }: Source, listed: ListedTool): Found | string {
  const { self } = rule
  const namespace = from.kind === 'own' ? from.namespace : ''
  if (listed.unpublishable !== undefined) return listed.unpublishable
  // Here it could be shown, but no node in front of this one could show it.
  if (listed.name.length > MAX_ORIGIN_TEXT) return 'its name is too long'
  // A gateway that is no node, but keeps `_meta`, hands our own tools back to us.
  if (listed.origin?.path.includes(self.node) === true) return 'it comes from this node: a loop'
  // A node configured as a plain server is one all the same: without the way behind it, two that list each other would
  // list each other's copies without end.
  const path = [self.node, ...(listed.origin?.path ?? [])]
  return {
    id: { organisation: self.organisation, node: self.node, namespace, name: listed.name },
    namespace,
    path,
    listed,
    candidate: { upstream, name: listed.name },
  }
}

/** A tool of another node; undefined when it is not wanted, a text when it cannot be had. */
function imported(
  rule: ViewRule,
  { upstream, peer, from }: Source,
  listed: ListedTool,
): Found | string | undefined {
  if (from.kind !== 'imported') return undefined
  const { origin } = listed
  if (origin === undefined) return 'the upstream does not say where the tool lives: it is no node'
  if (listed.unpublishable !== undefined) return listed.unpublishable
  const { id, namespace, path } = origin
  // A shorter way than there is would make its node the preferred one.
  if (path[0] !== peer) return 'the path it states does not begin at the node that lists it'
  if (!path.includes(id.node)) return 'the path it states does not lead to its origin'
  // In a mesh that is every second tool, and nothing to report.
  if (path.includes(rule.self.node)) return undefined
  if (!from.import.some((pattern) => matchesGlob(pattern, namespace))) return undefined
  return {
    id,
    namespace: importedNamespace(from.as, upstream, namespace),
    path: [rule.self.node, ...path],
    listed,
    candidate: { upstream, name: listed.name },
  }
}

function viewTool(rule: ViewRule, ways: readonly [Found, ...Found[]]): ViewTool {
  const [best, ...others] = ways
  const seen = new Set([best.candidate.upstream])
  const spare = others.filter(({ candidate }) => {
    const fresh = !seen.has(candidate.upstream)
    seen.add(candidate.upstream)
    return fresh
  })
  return {
    entry: {
      name: exposedName(best.namespace, best.id, rule.names),
      id: best.id,
      namespace: best.namespace,
      paramHeaders: best.listed.paramHeaders,
      candidates: [best.candidate, ...spare.map(({ candidate }) => candidate)],
    },
    listed: best.listed,
    path: best.path,
  }
}

function collision(dropped: ViewTool, kept: ViewTool): ViewProblem {
  const { upstream, name } = dropped.entry.candidates[0]
  const other = kept.entry.candidates[0]
  const reason = `its name ${dropped.entry.name} is taken by "${other.name}" of upstream "${other.upstream}"`
  return { upstream, tool: name, reason }
}

/** Whether two views look the same to every caller. */
export function sameView(a: View, b: View): boolean {
  if (a.tools.length !== b.tools.length) return false
  return a.tools.every((tool, index) => {
    const other = b.tools[index]
    return (
      other !== undefined &&
      tool.entry.name === other.entry.name &&
      tool.listed === other.listed &&
      tool.entry.namespace === other.entry.namespace &&
      tool.path.join() === other.path.join()
    )
  })
}

/** How a view is written for one kind of caller. */
export interface Dialect {
  readonly era: '2025' | '2026'
  /** Another node is told where each tool lives. */
  readonly federated: boolean
}

/** The text of a tool for one kind of caller. */
export function writeViewTool(tool: ViewTool, { era, federated }: Dialect): Buffer {
  const { entry, listed, path } = tool
  const { id, namespace } = entry
  return writeTool(listed, {
    name: entry.name,
    origin: federated ? writeOrigin({ id, namespace, path }) : undefined,
    objectOutputOnly: era === '2025',
  })
}
