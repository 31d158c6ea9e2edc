import { LIST_RULES, type CapabilityKind } from '../../protocol/capability.ts'
import type { FederationSettings, NodeId } from '../../protocol/federation.ts'
import { matchesGlob } from '../../protocol/glob.ts'
import type { Listed } from '../../protocol/listing.ts'
import { importedNamespace, maxOriginText, type NameRule } from '../../protocol/names.ts'
import type { Era } from '../../protocol/revisions.ts'
import { exposeTemplate, exposeUri } from '../../protocol/uris.ts'
import type { Reached } from './homes.ts'

/** Where what an endpoint shows comes from, in the operator's order. */
export interface Source {
  /** Label of the upstream. */
  readonly upstream: string
  /** The node the list came from; undefined when that is no node. */
  readonly peer: FederationSettings | undefined
  /** The era it was listed in; undefined while there is no list. */
  readonly era: Era | undefined
  readonly items: readonly Listed[]
  /** `own`: a server, in a namespace of this node. `imported`: namespaces of another node. */
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
  /** The longest URI or template a request may name, bytes. */
  readonly uriBytes: number
  /** Nodes a request may enter: what lies farther away cannot be called. */
  readonly hopBudget: number
}

/** Something the operator should know. */
export interface ViewProblem {
  readonly upstream: string
  readonly kind: CapabilityKind
  /** As the upstream has it. */
  readonly name: string
  readonly reason: string
}

/** One way to something, as an upstream lists it. */
export interface Found extends Reached {
  readonly listed: Listed
  readonly era: Era | undefined
}

/** What the sources of an endpoint have of one kind. */
export interface Findings {
  readonly found: readonly Found[]
  /** What the hop budget does not reach. */
  readonly far: readonly Found[]
  /** What must be left out. */
  readonly problems: readonly ViewProblem[]
}

/** Gathers what sources have for an endpoint. */
export function gather(rule: ViewRule, sources: readonly Source[]): Findings {
  const found: Found[] = []
  const far: Found[] = []
  const problems: ViewProblem[] = []
  for (const source of sources) {
    for (const listed of source.items) {
      const one =
        source.from.kind === 'own' ? own(rule, source, listed) : imported(rule, source, listed)
      if (typeof one === 'string') problems.push(problemOf(source.upstream, listed, one))
      else if (one === undefined || !isOffered(rule, one.namespace)) continue
      else if (one.path.length > rule.hopBudget) far.push(one)
      else found.push(one)
    }
  }
  return { found, far, problems }
}

/** Says why something an upstream lists is left out. */
export function problemOf(upstream: string, { kind, name }: Listed, reason: string): ViewProblem {
  return { upstream, kind, name, reason }
}

export const URI_TOO_LONG = 'its URI is too long'

/** Globs over the namespaces here that an upstream feeds. */
export function namespacesFed(from: Source['from'], upstream: string): readonly string[] {
  if (from.kind === 'own') return [from.namespace]
  return from.import.map((glob) => importedNamespace(from.as, upstream, glob))
}

/** Whether an endpoint offers a namespace. */
export function isOffered({ namespaces }: ViewRule, namespace: string): boolean {
  return namespaces.some((pattern) => matchesGlob(pattern, namespace))
}

/** Something a server lists, or why it must be left out. */
function own(rule: ViewRule, { upstream, from, era }: Source, listed: Listed): Found | string {
  const { self } = rule
  const { name, kind } = listed
  const namespace = from.kind === 'own' ? from.namespace : ''
  if (listed.unpublishable !== undefined) return listed.unpublishable
  // Here it could be shown, but no node in front of this one could show it.
  if (name.length > maxOriginText(kind)) return isUri(kind) ? URI_TOO_LONG : 'its name is too long'
  // A gateway that is no node, but keeps `_meta`, hands our own tools back to us.
  if (listed.origin?.path.includes(self.node) === true) return 'it comes from this node: a loop'
  // A node configured as a plain server is one all the same: without the way behind it, two that list each other would
  // list each other's copies without end.
  const path = [self.node, ...(listed.origin?.path ?? [])]
  return {
    id: { organisation: self.organisation, node: self.node, namespace, name },
    source: upstream,
    namespace,
    path,
    listed,
    candidate: { upstream, name, imported: false },
    peer: undefined,
    era,
  }
}

/** Whether things of a kind go by a URI. */
export function isUri(kind: CapabilityKind): boolean {
  return LIST_RULES[kind].key !== 'name'
}

/** Something of another node; undefined when it is not wanted, a text when it cannot be had. */
function imported(
  rule: ViewRule,
  { upstream, peer, from, era }: Source,
  listed: Listed,
): Found | string | undefined {
  if (from.kind !== 'imported') return undefined
  const { origin, name } = listed
  if (origin === undefined || peer === undefined) {
    return `the upstream does not say where the ${listed.kind} lives: it is no node`
  }
  if (listed.unpublishable !== undefined) return listed.unpublishable
  const { id, source, namespace, path } = origin
  // A shorter way than there is would make its node the preferred one.
  if (path[0] !== peer.node) return 'the path it states does not begin at the node that lists it'
  if (!path.includes(id.node)) return 'the path it states does not lead to its origin'
  // In a mesh that is every second one, and nothing to report.
  if (path.includes(rule.self.node)) return undefined
  if (!from.import.some((pattern) => matchesGlob(pattern, namespace))) return undefined
  if (!isOfOrigin(listed)) return 'its URI is not that of its origin'
  return {
    id,
    source,
    namespace: importedNamespace(from.as, upstream, namespace),
    path: [rule.self.node, ...path],
    listed,
    candidate: { upstream, name, imported: true },
    peer,
    era,
  }
}

/** A node shows a URI as it is at its origin or exposed; with another it would speak for somebody else's. */
function isOfOrigin({ kind, name, origin }: Listed): boolean {
  if (!isUri(kind) || origin === undefined || name === origin.id.name) return true
  const home = { ...origin.id, source: origin.source }
  const expose = kind === 'template' ? exposeTemplate : exposeUri
  return name === expose(home, origin.id.name)
}
