import { CAPABILITY_KINDS, type CapabilityKind } from '../../protocol/capability.ts'
import { hasCoreTasks } from '../../protocol/revisions.ts'
import { authorityOf, type UriHome } from '../../protocol/uris.ts'
import type { Sealer } from '../core/seal.ts'
import type { Entry } from '../core/stages.ts'
import { homeKey, type Home } from './homes.ts'
import type { Mirrors } from './mirrors.ts'
import { pageOf, writePages, type Page, type Pages } from './pages.ts'
import type { Sight } from './sight.ts'
import { isOffered, type Source, type ViewProblem, type ViewRule } from './sources.ts'
import { findUnlisted } from './unlisted.ts'
import { buildView, sameView, type Dialect, type View } from './view.ts'

/** One feed of an endpoint: the lists of an upstream and what of them is taken. */
export interface Feed {
  readonly mirrors: Mirrors
  readonly from: Source['from']
}

/** Who asks for a list. */
export interface PageRequest {
  readonly dialect: Dialect
  /** Undefined: sees everything. */
  readonly sight: Sight | undefined
  readonly sealer: Sealer
}

/** Kinds of callers whose pages are kept as text; beyond it the oldest are written anew when they are asked for. */
const MAX_WRITTEN = 64

/** What an endpoint is made from. */
export interface EndpointPlan {
  readonly rule: ViewRule
  readonly feeds: readonly Feed[]
  readonly pageSize: number
}

/** What a change of a list did to an endpoint. */
export interface Rebuilt {
  /** Callers see something else now. */
  readonly changed: boolean
  /** Those that were not there before: each is reported once, and not with every change of the list. */
  readonly problems: readonly ViewProblem[]
}

interface Shown {
  view: View
  /** Pages as text, by dialect, made when first asked for. */
  readonly pages: Map<string, Pages>
}

/** What one endpoint shows: a view for each kind, and the texts made from them. */
export class EndpointViews {
  readonly plan: EndpointPlan
  readonly #name: string
  readonly #shown: Readonly<Record<CapabilityKind, Shown>>
  readonly #own: ReadonlyMap<string, Home>

  /** @param before what the endpoint showed so far, by another plan */
  constructor(name: string, plan: EndpointPlan, before: EndpointViews | undefined) {
    this.#name = name
    this.plan = plan
    this.#own = ownHomes(plan)
    const start = (kind: CapabilityKind): Shown => {
      return { view: before?.view(kind) ?? emptyView(kind), pages: new Map() }
    }
    this.#shown = {
      tool: start('tool'),
      prompt: start('prompt'),
      resource: start('resource'),
      template: start('template'),
      skill: start('skill'),
    }
  }

  view(kind: CapabilityKind): View {
    return this.#shown[kind].view
  }

  has(kind: CapabilityKind, name: string): boolean {
    return this.#shown[kind].view.byName.has(name)
  }

  /** By table: a name is never taken apart. */
  find(kind: CapabilityKind, name: string): Entry | undefined {
    return this.#shown[kind].view.byName.get(name)?.entry
  }

  /** A resource, also one that is on no list. */
  findResource(uri: string): Entry | undefined {
    return this.find('resource', uri) ?? this.#findUnlisted(uri)
  }

  /** The page of a list. @throws Fault `bad_cursor` */
  page(
    kind: CapabilityKind,
    { dialect, sight, sealer }: PageRequest,
    cursor: string | undefined,
  ): Page {
    const { view, pages } = this.#shown[kind]
    const { pageSize } = this.plan
    const seen = sight === undefined ? '' : ` ${sight.key}`
    const context = { sealer, bound: `${kind} ${this.#name}${seen}`, pageSize, dialect, sight }
    const key = `${dialect.era} ${hasCoreTasks(dialect.revision)} ${dialect.federated}${seen}`
    let made = pages.get(key)
    if (made === undefined) {
      made = writePages(view, context)
      pages.set(key, made)
      const [oldest] = pages.keys()
      if (pages.size > MAX_WRITTEN && oldest !== undefined) pages.delete(oldest)
    }
    return cursor === undefined ? made.written[0] : pageOf(made, cursor, context)
  }

  /** Makes the view of a kind anew from what is listed now. */
  rebuild(kind: CapabilityKind): Rebuilt {
    const shown = this.#shown[kind]
    const { rule, feeds } = this.plan
    const sources = feeds.map(({ mirrors, from }): Source => {
      const { items, peer, era } = mirrors.of(kind)
      return { upstream: mirrors.link.label, peer, era, items, from }
    })
    const before = shown.view
    shown.view = buildView(kind, rule, sources)
    const changed = !sameView(before, shown.view)
    if (changed) shown.pages.clear()
    return { changed, problems: newProblems(before, shown.view) }
  }

  #findUnlisted(uri: string): Entry | undefined {
    const { rule, feeds } = this.plan
    const views = CAPABILITY_KINDS.map((kind) => this.view(kind))
    const around = {
      names: rule.names.style,
      own: this.#own,
      views,
      templates: this.view('template'),
      hasResources: (upstream: string) =>
        feeds.some(
          ({ mirrors }) => mirrors.link.label === upstream && mirrors.mayHave('resources'),
        ),
    }
    return findUnlisted(around, uri)
  }
}

function emptyView(kind: CapabilityKind): View {
  const [byName, homes, outOfReach] = [new Map(), new Map(), new Set<string>()]
  return { kind, items: [], byName, outOfReach, homes, problems: [] }
}

/** The servers that feed an endpoint by the configuration. */
function ownHomes({ rule, feeds }: EndpointPlan): ReadonlyMap<string, Home> {
  const homes = feeds.flatMap(({ mirrors, from }): [string, Home][] => {
    if (from.kind !== 'own' || !isOffered(rule, from.namespace)) return []
    const { namespace } = from
    const upstream = mirrors.link.label
    const home: UriHome = { ...rule.self, namespace, source: upstream }
    const way = { upstream, namespace, distance: 1, peer: undefined }
    return [[homeKey(authorityOf(home), upstream), { home, ways: [way] }]]
  })
  return new Map(homes)
}

function newProblems(before: View, after: View): readonly ViewProblem[] {
  const known = new Set(before.problems.map(problemKey))
  return after.problems.filter((problem) => !known.has(problemKey(problem)))
}

function problemKey({ upstream, name, reason }: ViewProblem): string {
  return JSON.stringify([upstream, name, reason])
}
