import { CAPABILITY_KINDS, type CapabilityKind } from '../../protocol/capability.ts'
import { authorityOf, type UriHome } from '../../protocol/uris.ts'
import { LOCAL_CALLER, type Principal } from '../core/principal.ts'
import type { Sealer } from '../core/seal.ts'
import type { Entry } from '../core/stages.ts'
import { AliasBook } from './alias-book.ts'
import type { Edition } from './delegated-lists.ts'
import { homeKey, type Home } from './homes.ts'
import type { Mirrors } from './mirrors.ts'
import { PageStore } from './page-store.ts'
import { pageOf, pageText, type Pages } from './pages.ts'
import { Represented } from './represented.ts'
import { BriefList, withFinder, type ToolListing } from './search/brief-list.ts'
import { Sights, type RequiredScopes, type Sight, type VisibilityPolicy } from './sight.ts'
import { isOffered, type Source, type ViewProblem, type ViewRule } from './sources.ts'
import { findUnlisted } from './unlisted.ts'
import { bearerOf, buildView, sameItems, type Dialect, type View, type ViewItem } from './view.ts'

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
  /** Key of the principal: what of a list one caller sees, the cursors of another say nothing about. */
  readonly whose: string
  readonly sealer: Sealer
}

/** Different views of callers that are kept; beyond it the one used longest ago is made anew. */
const MAX_PERSONAL = 256
/** Sights of which it is remembered what upstreams they show. */
const MAX_REMEMBERED = 1_000

/** Names remembered of one kind, those that are shown included. */
const MAX_NAMES = 100_000
const DAY_MS = 24 * 3_600_000

type Books = Readonly<Record<CapabilityKind, AliasBook>>

/** A page to send. */
export interface PageText extends Pick<Pages, 'digest'> {
  readonly items: Buffer
}

/** What an endpoint is made from. */
export interface EndpointPlan {
  readonly rule: ViewRule
  readonly feeds: readonly Feed[]
  readonly pageSize: number
  /** How long a name stays with what it was last shown for, milliseconds; default a day. */
  readonly nameMemory?: number
  /** Which tools are listed; default all. Other nodes are told of all, whatever it says: they list for themselves. */
  readonly tools?: ToolListing
  /** Undefined: what scopes cover is seen. */
  readonly visibility?: VisibilityPolicy | undefined
  /** Scopes its callers must have for upstreams that are not told who calls; absent: none. */
  readonly required?: RequiredScopes | undefined
}

/** A list in place of the one a caller is shown now. */
export interface Instead {
  readonly mirrors: Mirrors
  readonly kind: CapabilityKind
  readonly edition: Edition | undefined
}

/** What a change of a list did to an endpoint. */
export interface Rebuilt {
  /** Who sees everything sees something else now. */
  readonly changed: boolean
  /** Those that were not there before: each is reported once, and not with every change of the list. */
  readonly problems: readonly ViewProblem[]
}

/** What an upstream shows a caller in place of what it shows this node; undefined: nothing yet. */
type EditionOf = (mirrors: Mirrors, kind: CapabilityKind) => Edition | undefined

/** Kinds by label of the upstream. */
type ShownUpstreams = ReadonlyMap<string, ReadonlySet<CapabilityKind>>

interface Shown {
  view: View
  /** What it is made from has not been looked at since it last changed. */
  isStale: boolean
  /** What is written of it, made when first asked for. */
  readonly pages: PageStore
}

/** What one endpoint shows: a view for each kind, and the texts made from them. */
export class EndpointViews {
  readonly plan: EndpointPlan
  /** What callers see of it. */
  readonly sights: Sights
  /** Whom the nodes in front of it speak for. */
  readonly represented: Represented
  /** What names stand for, and stood for lately. */
  readonly #books: Books
  readonly #name: string
  /** Upstreams that show each caller something else. */
  readonly #delegating: readonly Mirrors[]
  /** What callers are shown for whom upstreams show the same, by the digests of that; what was used last at the end. */
  readonly #personal = new Map<string, EndpointViews>()
  #editionOf: EditionOf | undefined
  readonly #shown: Readonly<Record<CapabilityKind, Shown>>
  /** What is listed of the tools, where that is not all. */
  readonly #brief: BriefList | undefined
  readonly #own: ReadonlyMap<string, Home>
  /** By sight. */
  readonly #shownUpstreams = new Map<string, ShownUpstreams>()

  /**
   * @param before what the endpoint showed so far, by another plan
   * @param books what names stand for there; default those of `before`
   */
  constructor(name: string, plan: EndpointPlan, before: EndpointViews | undefined, books?: Books) {
    this.plan = plan
    this.#name = name
    this.#own = ownHomes(plan)
    this.#delegating = [...new Set(plan.feeds.map(({ mirrors }) => mirrors))].filter(
      ({ delegated }) => delegated !== undefined,
    )
    this.sights = new Sights(name, plan.visibility, plan.required)
    this.represented = before?.represented ?? new Represented()
    const known = before === undefined ? undefined : before.#books
    this.#books = books ?? known ?? booksFor(plan)
    const start = (kind: CapabilityKind): Shown => {
      const view = before?.view(kind) ?? emptyView(kind)
      return { view, isStale: false, pages: new PageStore(`${kind} ${name}`) }
    }
    this.#shown = {
      tool: start('tool'),
      prompt: start('prompt'),
      resource: start('resource'),
      template: start('template'),
      skill: start('skill'),
    }
    const { tools = 'all', rule } = plan
    this.#brief = tools === 'all' ? undefined : new BriefList(name, rule, tools)
  }

  /** Whether the endpoint has tools of its own to find others by. */
  get hasFinder(): boolean {
    return this.#brief !== undefined
  }

  /** Whether a list is the same whatever upstreams list. */
  isFixed(kind: CapabilityKind, federated: boolean): boolean {
    return this.#briefFor(kind, federated)?.isFixed === true
  }

  /** What a list holds for those who see everything. */
  listed(kind: CapabilityKind, federated: boolean): readonly ViewItem[] {
    const full = this.view(kind)
    return (this.#briefFor(kind, federated)?.of(full).view ?? full).items
  }

  /**
   * The endpoint as it is made for a caller: of what upstreams show that caller, where they are told who it is.
   *
   * @param instead of what the caller was shown last, for one list
   */
  of(principal: Principal, instead?: Instead): EndpointViews {
    // In the name of the node, as which whoever is nobody is passed on, the mirrors are.
    if (this.#delegating.length === 0 || principal === LOCAL_CALLER) return this
    const editions = new Map(
      this.#delegating.map((mirrors) => {
        const of = (kind: CapabilityKind): Edition | undefined =>
          instead?.mirrors === mirrors && instead.kind === kind
            ? instead.edition
            : mirrors.delegated?.edition(kind, principal)
        return [mirrors, CAPABILITY_KINDS.map(of)] as const
      }),
    )
    const digests = [...editions.values()].flat().map((edition) => edition?.digest ?? '')
    return this.#personalised(digests.join(' '), (mirrors, kind) => {
      return editions.get(mirrors)?.[CAPABILITY_KINDS.indexOf(kind)]
    })
  }

  view(kind: CapabilityKind): View {
    const shown = this.#shown[kind]
    if (shown.isStale) {
      shown.isStale = false
      shown.view = this.#build(kind)
      this.#remember(shown.view)
    }
    return shown.view
  }

  has(kind: CapabilityKind, name: string): boolean {
    return this.view(kind).byName.has(name)
  }

  /** By table: a name is never taken apart. */
  find(kind: CapabilityKind, name: string): Entry | undefined {
    return this.view(kind).byName.get(name)?.entry
  }

  /** A resource, also one that is on no list. */
  findResource(uri: string): Entry | undefined {
    return this.find('resource', uri) ?? this.#findUnlisted(uri)
  }

  /** The upstreams of which the policy shows something, by label, and of which kinds. */
  upstreamsFor(sight: Sight): ShownUpstreams {
    const known = this.#shownUpstreams.get(sight.key)
    if (known !== undefined) return known
    const made = new Map<string, Set<CapabilityKind>>()
    for (const { entry } of CAPABILITY_KINDS.flatMap((kind) => this.view(kind).items)) {
      if (!sight.shows(entry)) continue
      for (const { upstream } of entry.candidates) {
        made.set(upstream, (made.get(upstream) ?? new Set()).add(entry.kind))
      }
    }
    if (this.#shownUpstreams.size >= MAX_REMEMBERED) this.#shownUpstreams.clear()
    this.#shownUpstreams.set(sight.key, made)
    return made
  }

  /** The page of a list. @throws Fault `bad_cursor` */
  page(
    kind: CapabilityKind,
    { dialect, sight, whose, sealer }: PageRequest,
    cursor: string | undefined,
  ): PageText {
    const full = this.view(kind)
    const brief = this.#briefFor(kind, dialect.federated)?.of(full)
    const { view, pages } = brief ?? { view: full, pages: this.#shown[kind].pages }
    const bound = sight === undefined ? pages.bound : `${pages.bound}\n${whose}`
    const cursorsApart = sight !== undefined
    const context = { sealer, bound, pageSize: this.plan.pageSize, dialect, cursorsApart }
    const made = pages.of(view, context, brief === undefined ? sight : withFinder(sight))
    const page = cursor === undefined ? made.written[0] : pageOf(made, cursor, context)
    return { items: pageText(page, context), digest: made.digest }
  }

  /** Makes the view of a kind anew from what is listed now. */
  rebuild(kind: CapabilityKind): Rebuilt {
    const shown = this.#shown[kind]
    const before = this.view(kind)
    // Until now all that is in it was shown.
    this.#remember(before)
    shown.view = this.#build(kind)
    this.#remember(shown.view)
    // They are made of this list as well.
    this.#personal.clear()
    const changed = !sameItems(before.items, shown.view.items)
    if (changed) {
      shown.pages.clear()
      this.#shownUpstreams.clear()
    }
    return { changed, problems: newProblems(before, shown.view) }
  }

  #briefFor(kind: CapabilityKind, federated: boolean): BriefList | undefined {
    return kind === 'tool' && !federated ? this.#brief : undefined
  }

  #build(kind: CapabilityKind): View {
    const { rule, feeds } = this.plan
    const sources = feeds.map(({ mirrors, from }): Source => {
      const { items, peer, era } = this.#listOf(mirrors, kind)
      return { upstream: mirrors.link.label, peer, era, items, from }
    })
    return buildView(kind, rule, sources, this.#books[kind])
  }

  #remember({ items, kind }: View): void {
    this.#books[kind].show(items.map((item) => ({ ...bearerOf(item), name: item.entry.name })))
  }

  #listOf(mirrors: Mirrors, kind: CapabilityKind): Pick<Edition, 'items' | 'peer' | 'era'> {
    if (this.#editionOf === undefined || mirrors.delegated === undefined) return mirrors.of(kind)
    return this.#editionOf(mirrors, kind) ?? UNSEEN
  }

  #personalised(key: string, editionOf: EditionOf): EndpointViews {
    const known = this.#personal.get(key)
    this.#personal.delete(key)
    const views = known ?? new EndpointViews(this.#name, this.plan, undefined, this.#books)
    this.#personal.set(key, views)
    if (known !== undefined) return known
    views.#editionOf = editionOf
    for (const shown of Object.values(views.#shown)) shown.isStale = true
    const [oldest] = this.#personal.keys()
    if (this.#personal.size > MAX_PERSONAL && oldest !== undefined) this.#personal.delete(oldest)
    return views
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

/** Of an upstream that has shown a caller nothing yet. */
const UNSEEN: Pick<Edition, 'items' | 'peer' | 'era'> = {
  items: [],
  peer: undefined,
  era: undefined,
}

function booksFor({ nameMemory: memory = DAY_MS }: EndpointPlan): Books {
  const book = (): AliasBook => new AliasBook({ memory, limit: MAX_NAMES, now: Date.now })
  return { tool: book(), prompt: book(), resource: book(), template: book(), skill: book() }
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
