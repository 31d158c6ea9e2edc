import { CAPABILITY_KINDS, LIST_RULES, type CapabilityKind } from '../../protocol/capability.ts'
import { Fault } from '../../protocol/errors.ts'
import type { JsonObject } from '../../protocol/jsonrpc.ts'
import type { Logger } from '../core/logger.ts'
import type { Sealer } from '../core/seal.ts'
import type { Principal } from '../core/principal.ts'
import type {
  Authenticated,
  ChangeListener,
  Entry,
  ListPage,
  ListQuery,
  Watcher,
} from '../core/stages.ts'
import { coreTasksOf, extensionsOf, type ShownUpstream } from './abilities.ts'
import { callerKey, type ListChange } from './delegated-lists.ts'
import { EndpointViews, type EndpointPlan } from './endpoint-views.ts'
import { askerOf, feedsFor, freshness, missing, refreshing, type ListAsker } from './fresh-lists.ts'
import type { Mirror } from './mirror.ts'
import type { Mirrors } from './mirrors.ts'
import { withFinder } from './search/brief-list.ts'
import type { Sight, Sights } from './sight.ts'
import type { ViewRule } from './sources.ts'
import { sameItems, type View, type ViewItem } from './view.ts'

/** Resources and templates are fetched for one look-up, whatever the caller has. */
const BY_URI: readonly CapabilityKind[] = ['resource', 'template']

/**
 * The endpoints and what each shows. Lists are answered from here; upstreams are asked only when a list is out of date,
 * and a list asked for by another node never makes this one ask a third, so that a mesh of nodes cannot amplify.
 */
export class Catalogue {
  readonly #sealer: Sealer
  readonly #log: Logger
  #endpoints = new Map<string, EndpointViews>()
  readonly #watchers = new Map<string, Set<Watching>>()

  constructor(options: { sealer: Sealer; log: Logger }) {
    this.#sealer = options.sealer
    this.#log = options.log
  }

  /** Replaces all endpoints; those that show something else now tell their watchers. */
  configure(plans: ReadonlyMap<string, EndpointPlan>): void {
    const before = this.#endpoints
    this.#endpoints = new Map()
    for (const [name, plan] of plans) {
      const views = new EndpointViews(name, plan, before.get(name))
      this.#endpoints.set(name, views)
      const earlier = before.get(name) ?? views
      for (const kind of CAPABILITY_KINDS) this.#rebuild({ name, views, earlier }, kind)
    }
  }

  /** What a mirror holds changed: the endpoints that show some of it are made anew. */
  mirrorChanged(mirror: Mirror): void {
    const { kind } = mirror
    for (const [name, views] of this.#endpoints) {
      const { feeds } = views.plan
      if (feeds.some(({ mirrors }) => mirrors.of(kind) === mirror)) {
        this.#rebuild({ name, views, earlier: views }, kind)
      }
    }
  }

  has(endpoint: string): boolean {
    return this.#endpoints.has(endpoint)
  }

  /** What a caller sees of an endpoint; undefined: everything there is. */
  sightOf({ endpoint, principal }: Watcher): Sight | undefined {
    return this.#endpoints.get(endpoint)?.sights.of(principal)
  }

  /** How it is decided what callers of an endpoint see; undefined when there is no such endpoint. */
  sights(endpoint: string): Sights | undefined {
    return this.#endpoints.get(endpoint)?.sights
  }

  /** What an endpoint shows to the node itself of one kind; undefined when there is no such endpoint. */
  view(endpoint: string, kind: CapabilityKind): View | undefined {
    return this.#endpoints.get(endpoint)?.view(kind)
  }

  /** Labels of the upstreams an endpoint can show something of, and whether each shows every caller something else. */
  feeding(endpoint: string): readonly { readonly label: string; readonly perCaller: boolean }[] {
    const feeds = this.#endpoints.get(endpoint)?.plan.feeds ?? []
    return [...new Set(feeds.map(({ mirrors }) => mirrors))].map(({ link, delegated }) => {
      return { label: link.label, perCaller: delegated !== undefined }
    })
  }

  rule(endpoint: string): ViewRule | undefined {
    return this.#endpoints.get(endpoint)?.plan.rule
  }

  /** The tool, prompt or skill of that name, by table: a name is never taken apart. */
  find(asker: Watcher, kind: 'tool' | 'prompt' | 'skill', name: string): Entry | undefined {
    return this.#viewsOf(asker)?.find(kind, name)
  }

  /** The resource of that URI, also one on no list, if it can be told which server has it. */
  findResource(asker: Watcher, uri: string): Entry | undefined {
    return this.#viewsOf(asker)?.findResource(uri)
  }

  findTemplate(asker: Watcher, template: string): Entry | undefined {
    return this.#viewsOf(asker)?.find('template', template)
  }

  /** What there is of that name, but the hop budget does not reach. */
  outOfReach(asker: Watcher, kind: CapabilityKind, name: string): Entry | undefined {
    return this.#viewsOf(asker)?.view(kind).outOfReach.get(name)
  }

  /**
   * Why a caller is shown less than there may be: it cannot be passed on to an upstream. Said of every name that is not
   * there, whether the upstream has it or not.
   */
  refusal({ endpoint, principal }: Watcher, kind: CapabilityKind): Fault | undefined {
    const views = this.#endpoints.get(endpoint)
    if (views === undefined) return undefined
    for (const { mirrors } of feedsFor(views.plan.feeds, [kind], views.sights.of(principal))) {
      const refusal = mirrors.delegated?.refusal(kind, principal)
      if (refusal !== undefined) return refusal
    }
    return undefined
  }

  /** Settings of the extensions that upstreams of an endpoint have a caller sees, those of the first that has one. */
  extensions(endpoint: string, principal: Principal): JsonObject {
    return extensionsOf(this.#upstreams(endpoint, principal))
  }

  /** Settings of the tasks of 2025-11-25 that a caller can use. */
  tasks(endpoint: string, principal: Principal): JsonObject | undefined {
    return coreTasksOf(this.#upstreams(endpoint, principal))
  }

  /** Whether an endpoint has tools of its own to find others by. */
  hasFinder(endpoint: string): boolean {
    return this.#endpoints.get(endpoint)?.hasFinder === true
  }

  /** Everything of one kind that upstreams show a caller, and what that caller sees of it. @throws Fault `unknown_endpoint` */
  seen({ received, principal }: Onlooking, kind: CapabilityKind): Seen {
    const views = this.#views(received.endpoint)
    return { view: views.of(principal).view(kind), sight: views.sights.of(principal) }
  }

  /** Fetches what is out of date; undefined when nothing has to be waited for. @throws Fault `unknown_endpoint` */
  refresh(request: Authenticated, kind: CapabilityKind): Promise<unknown> | undefined {
    const { plan, sights } = this.#views(request.received.endpoint)
    const feeds = feedsFor(plan.feeds, [kind], sights.of(request.principal))
    return refreshing(feeds, kind, askerOf(request))
  }

  /**
   * @param known digest of the list that the asker, a node, has
   * @throws Fault `unknown_endpoint`, `bad_cursor`
   */
  async list(
    request: Authenticated,
    kind: CapabilityKind,
    { cursor, known }: ListQuery,
  ): Promise<ListPage> {
    const { received, principal } = request
    const { endpoint, caller } = received
    const federated = caller.capabilities.federation !== undefined
    const isFixed = this.#views(endpoint).isFixed(kind, federated)
    const waiting = isFixed ? undefined : this.refresh(request, kind)
    if (waiting !== undefined) await waiting
    const { era, revision } = caller
    const dialect = { era, revision, federated }
    // It may have been replaced while it was waited for.
    const views = this.#views(endpoint)
    if (federated) views.represented.remember(principal)
    const sight = views.sights.of(principal)
    const query = { dialect, sight, whose: principal.key, sealer: this.#sealer }
    const page = views.of(principal).page(kind, query, cursor)
    const fresh = freshness(feedsFor(views.plan.feeds, [kind], sight), kind, principal, sight)
    // What was filtered for one is nobody else's, and what is brief is not for nodes (MCP 2026-07-28, utilities/caching).
    const isShared = sight === undefined && !(kind === 'tool' && views.hasFinder)
    const scope = isShared ? {} : ({ cacheScope: 'private' } as const)
    const { digest } = page
    if (digest === undefined || cursor !== undefined)
      return { items: page.items, ...fresh, ...scope }
    const unchanged = digest === known
    const items = unchanged ? noItems(kind) : page.items
    return { items, ...fresh, ...scope, view: { digest, unchanged } }
  }

  /**
   * What must be waited for before `name` can be called unknown: lists that were never fetched. For whom it is hidden, as
   * long as for something that is not there.
   */
  firstLists(asker: ListAsker, kind: CapabilityKind, name: string): Promise<unknown> | undefined {
    const common = this.#endpoints.get(asker.endpoint)
    if (common === undefined) return undefined
    const { feeds, rule } = common.plan
    const [views, sight] = [common.of(asker.principal), common.sights.of(asker.principal)]
    const known = views.find(kind, name)
    if (known !== undefined && sight?.shows(known) !== false) return undefined
    if (kind === 'tool' || kind === 'prompt') {
      return missing(feedsFor(feeds, [kind], sight), [kind], asker)
    }
    const waiting = missing(feedsFor(feeds, BY_URI, sight), BY_URI, asker)
    // An exposed URI says where it leads; lists can only confirm it.
    const found = rule.names.style === 'prefixed' ? views.findResource(name) : undefined
    return found !== undefined && sight?.shows(found) !== false ? undefined : waiting
  }

  /** Fetches lists of an upstream anew, whatever their age: all, or that of one kind. */
  async evict(upstream: string, kind?: CapabilityKind): Promise<void> {
    const found = new Set<Mirrors>()
    for (const { plan } of this.#endpoints.values()) {
      for (const { mirrors } of plan.feeds) {
        if (mirrors.link.label === upstream) found.add(mirrors)
      }
    }
    const evicted = [...found].map((mirrors) =>
      kind === undefined ? mirrors.evict() : mirrors.of(kind).evict(),
    )
    await Promise.all(evicted)
  }

  /** Tells of every change that the watcher can see, until the returned function is called. */
  watch({ endpoint, principal, federated = false }: Watcher, listener: ChangeListener): () => void {
    const set = this.#watchers.get(endpoint) ?? new Set()
    this.#watchers.set(endpoint, set)
    const watching = { principal, listener, federated }
    set.add(watching)
    return () => set.delete(watching)
  }

  /** Mirrors somebody watches through an endpoint. */
  watched(): ReadonlySet<Mirror> {
    const mirrors = new Set<Mirror>()
    for (const [name, { plan }] of this.#endpoints) {
      if ((this.#watchers.get(name)?.size ?? 0) === 0) continue
      for (const feed of plan.feeds) for (const mirror of feed.mirrors.all) mirrors.add(mirror)
    }
    return mirrors
  }

  /** A caller is shown something else by an upstream than before: whoever listens for it, hears of it. */
  delegatedChanged(mirrors: Mirrors, { caller, kind, before }: ListChange): void {
    const now = Date.now()
    for (const [name, views] of this.#endpoints) {
      if (!views.plan.feeds.some((feed) => feed.mirrors === mirrors)) continue
      for (const { principal, listener, federated } of this.#watchers.get(name) ?? []) {
        const all = views.represented.by(principal, now)
        const meant = all.find((one) => callerKey(one) === caller)
        if (meant === undefined) continue
        const sight = views.sights.of(meant)
        const instead = { mirrors, kind, edition: before }
        const then = seen(views.of(meant, instead).listed(kind, federated), sight)
        const after = seen(views.of(meant).listed(kind, federated), sight)
        if (!sameItems(then, after)) listener(LIST_RULES[kind].of)
      }
    }
  }

  /** Fetches lists of callers somebody listens for, where they are out of date: nobody else would say that they changed. */
  pollDelegated(now: number): void {
    for (const [name, { plan, represented }] of this.#endpoints) {
      const trail = { budget: plan.rule.hopBudget, path: [] }
      const lists = new Set(plan.feeds.flatMap(({ mirrors }) => mirrors.delegated ?? []))
      if (lists.size === 0) continue
      const watchers = [...(this.#watchers.get(name) ?? [])]
      const callers = new Set(watchers.flatMap(({ principal }) => represented.by(principal, now)))
      for (const delegated of lists) delegated.poll([...callers], trail, now)
    }
  }

  #viewsOf({ endpoint, principal }: Watcher): EndpointViews | undefined {
    return this.#endpoints.get(endpoint)?.of(principal)
  }

  #views(endpoint: string): EndpointViews {
    const views = this.#endpoints.get(endpoint)
    if (views === undefined) throw new Fault('unknown_endpoint', 'there is no such endpoint')
    return views
  }

  /** What a hidden upstream is able to do would say that it is there. */
  #upstreams(endpoint: string, principal: Principal): readonly ShownUpstream[] {
    const views = this.#endpoints.get(endpoint)
    if (views === undefined) return []
    const all = views.plan.feeds.map(({ mirrors }) => mirrors)
    const sight = views.plan.visibility && views.sights.of(principal)
    if (sight === undefined) return all.map((mirrors) => ({ mirrors, kinds: undefined }))
    const shown = views.of(principal).upstreamsFor(sight)
    return all.flatMap((mirrors) => {
      const kinds = shown.get(mirrors.link.label)
      return kinds === undefined ? [] : [{ mirrors, kinds }]
    })
  }

  #rebuild({ name, views, earlier }: Rebuilding, kind: CapabilityKind): void {
    const now = Date.now()
    const watchers = [...(this.#watchers.get(name) ?? [])].map((watching) => {
      const callers = views.represented.by(watching.principal, now)
      const before = callers.map((one) => look(earlier, kind, { ...watching, principal: one }))
      return { watching, callers, before }
    })
    const { changed, problems } = views.rebuild(kind)
    for (const { upstream, name: left, reason } of problems) {
      this.#log.warn({ endpoint: name, upstream, [kind]: left, reason }, `a ${kind} is left out`)
    }
    if (!changed && earlier === views) return
    const differs = differences()
    for (const { watching, callers, before } of watchers) {
      const isNews = before.some((then, index) => {
        const principal = callers[index]
        const after = principal && look(views, kind, { ...watching, principal })
        return after !== undefined && differs(then, after)
      })
      if (isNews) watching.listener(LIST_RULES[kind].of)
    }
  }
}

/** Who looks at an endpoint. */
interface Onlooking {
  readonly received: Pick<Authenticated['received'], 'endpoint'>
  readonly principal: Principal
}

/** Somebody who is told of changes. */
interface Watching {
  readonly principal: Principal
  readonly listener: ChangeListener
  readonly federated: boolean
}

/** Everything there is of one kind, and what one caller sees of it. */
export interface Seen {
  readonly view: View
  /** Undefined: everything. */
  readonly sight: Sight | undefined
}

/** An endpoint whose view is made anew, and what decided about it before. */
interface Rebuilding {
  readonly name: string
  readonly views: EndpointViews
  readonly earlier: EndpointViews
}

function look(
  views: EndpointViews,
  kind: CapabilityKind,
  { principal, federated }: Watching,
): Looked {
  const items = views.of(principal).listed(kind, federated)
  return { items, sight: views.sights.of(principal) }
}

/** A list, and what of it somebody sees. */
interface Looked {
  readonly items: readonly ViewItem[]
  readonly sight: Sight | undefined
}

/**
 * Says whether somebody can tell two lists apart: a change of what is hidden from them is no news. Decided once for all
 * who see the same.
 */
function differences(): (then: Looked, now: Looked) => boolean {
  type Decided = Map<string, boolean>
  const decided = new Map<readonly ViewItem[], Map<readonly ViewItem[], Decided>>()
  return (then, now) => {
    // Who is shown the same now may have been shown something else before, and the other way round.
    const since = decided.get(then.items) ?? new Map<readonly ViewItem[], Decided>()
    decided.set(then.items, since)
    const ofList: Decided = since.get(now.items) ?? new Map()
    since.set(now.items, ofList)
    const key = JSON.stringify([then.sight?.key, now.sight?.key])
    const known =
      ofList.get(key) ?? !sameItems(seen(then.items, then.sight), seen(now.items, now.sight))
    ofList.set(key, known)
    return known
  }
}

function seen(items: readonly ViewItem[], sight: Sight | undefined): readonly ViewItem[] {
  const widened = withFinder(sight)
  return widened === undefined ? items : items.filter(({ entry }) => widened.sees(entry))
}

function noItems(kind: CapabilityKind): Buffer {
  return Buffer.from(`"${LIST_RULES[kind].items}":[]`)
}
