import { CAPABILITY_KINDS, type CapabilityKind } from '../../protocol/capability.ts'
import { authorityOf, type UriHome } from '../../protocol/uris.ts'
import type { Sealer } from '../core/seal.ts'
import type { Entry } from '../core/stages.ts'
import { homeKey, type Home } from './homes.ts'
import type { Mirrors } from './mirrors.ts'
import { PageStore } from './page-store.ts'
import { pageOf, type Page } from './pages.ts'
import { Sights, type RequiredScopes, type Sight, type VisibilityPolicy } from './sight.ts'
import { isOffered, type Source, type ViewProblem, type ViewRule } from './sources.ts'
import { findUnlisted } from './unlisted.ts'
import { buildView, sameItems, type Dialect, type View } from './view.ts'

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

/** Sights of which it is remembered what upstreams they show. */
const MAX_REMEMBERED = 1_000

/** What an endpoint is made from. */
export interface EndpointPlan {
  readonly rule: ViewRule
  readonly feeds: readonly Feed[]
  readonly pageSize: number
  /** Undefined: what scopes cover is seen. */
  readonly visibility?: VisibilityPolicy | undefined
  /** Scopes its callers must have for upstreams that are not told who calls; absent: none. */
  readonly required?: RequiredScopes | undefined
}

/** What a change of a list did to an endpoint. */
export interface Rebuilt {
  /** What was shown before. */
  readonly before: View
  /** Who sees everything sees something else now. */
  readonly changed: boolean
  /** Those that were not there before: each is reported once, and not with every change of the list. */
  readonly problems: readonly ViewProblem[]
}

interface Shown {
  view: View
  /** What is written of it, made when first asked for. */
  readonly pages: PageStore
}

/** What one endpoint shows: a view for each kind, and the texts made from them. */
export class EndpointViews {
  readonly plan: EndpointPlan
  /** What callers see of it. */
  readonly sights: Sights
  readonly #shown: Readonly<Record<CapabilityKind, Shown>>
  readonly #own: ReadonlyMap<string, Home>
  /** By sight. */
  readonly #shownUpstreams = new Map<string, ReadonlySet<string>>()

  /** @param before what the endpoint showed so far, by another plan */
  constructor(name: string, plan: EndpointPlan, before: EndpointViews | undefined) {
    this.sights = new Sights(name, plan.visibility, plan.required)
    this.plan = plan
    this.#own = ownHomes(plan)
    const start = (kind: CapabilityKind): Shown => {
      return {
        view: before?.view(kind) ?? emptyView(kind),
        pages: new PageStore(`${kind} ${name}`),
      }
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

  /** Labels of the upstreams of which the policy shows something. */
  upstreamsFor(sight: Sight): ReadonlySet<string> {
    const known = this.#shownUpstreams.get(sight.key)
    if (known !== undefined) return known
    const labels = CAPABILITY_KINDS.flatMap((kind) =>
      this.view(kind)
        .items.filter(({ entry }) => sight.shows(entry))
        .flatMap(({ entry }) => entry.candidates.map(({ upstream }) => upstream)),
    )
    const made = new Set(labels)
    if (this.#shownUpstreams.size >= MAX_REMEMBERED) this.#shownUpstreams.clear()
    this.#shownUpstreams.set(sight.key, made)
    return made
  }

  /** The page of a list. @throws Fault `bad_cursor` */
  page(
    kind: CapabilityKind,
    { dialect, sight, sealer }: PageRequest,
    cursor: string | undefined,
  ): Page {
    const { view, pages } = this.#shown[kind]
    const context = { sealer, bound: pages.bound, pageSize: this.plan.pageSize, dialect }
    const made = pages.of(view, context, sight)
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
    const changed = !sameItems(before.items, shown.view.items)
    if (changed) {
      shown.pages.clear()
      this.#shownUpstreams.clear()
    }
    return { before, changed, problems: newProblems(before, shown.view) }
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
  const [byName, homes, outOfReach] = [new Map(), new Map(), new Map<string, Entry>()]
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
