import { CAPABILITY_KINDS, LIST_RULES, type CapabilityKind } from '../../protocol/capability.ts'
import { RELAYED_EXTENSIONS, TASKS_EXTENSION } from '../../protocol/client-capabilities.ts'
import { Fault } from '../../protocol/errors.ts'
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts'
import type { Logger } from '../core/logger.ts'
import type { Sealer } from '../core/seal.ts'
import type { Principal } from '../core/principal.ts'
import type { Authenticated, ChangeListener, Entry, ListPage, Watcher } from '../core/stages.ts'
import { EndpointViews, type EndpointPlan, type Feed } from './endpoint-views.ts'
import type { Mirror } from './mirror.ts'
import type { Mirrors } from './mirrors.ts'
import type { Sight } from './sight.ts'
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
  sightOf(endpoint: string, principal: Principal): Sight | undefined {
    return this.#endpoints.get(endpoint)?.sights.of(principal)
  }

  /** What an endpoint shows of one kind; undefined when there is no such endpoint. */
  view(endpoint: string, kind: CapabilityKind): View | undefined {
    return this.#endpoints.get(endpoint)?.view(kind)
  }

  rule(endpoint: string): ViewRule | undefined {
    return this.#endpoints.get(endpoint)?.plan.rule
  }

  /** The tool, prompt or skill of that name, by table: a name is never taken apart. */
  find(endpoint: string, kind: 'tool' | 'prompt' | 'skill', name: string): Entry | undefined {
    return this.#endpoints.get(endpoint)?.find(kind, name)
  }

  /** The resource of that URI, also one on no list, if it can be told which server has it. */
  findResource(endpoint: string, uri: string): Entry | undefined {
    return this.#endpoints.get(endpoint)?.findResource(uri)
  }

  findTemplate(endpoint: string, template: string): Entry | undefined {
    return this.#endpoints.get(endpoint)?.find('template', template)
  }

  /** What there is of that name, but the hop budget does not reach. */
  outOfReach(endpoint: string, kind: CapabilityKind, name: string): Entry | undefined {
    return this.view(endpoint, kind)?.outOfReach.get(name)
  }

  /** Settings of the extensions that upstreams of an endpoint have a caller sees, those of the first that has one. */
  extensions(endpoint: string, principal: Principal): JsonObject {
    const all = this.#upstreams(endpoint, principal)
    const found = RELAYED_EXTENSIONS.flatMap((name): [string, unknown][] => {
      // A session of era 2025 has no methods for these tasks, whatever the server says of itself in it.
      const able = name === TASKS_EXTENSION ? all.filter(({ era }) => era === '2026') : all
      const settings = able.map(({ capabilities }) => capabilities?.['extensions'])
      const first = settings
        .filter(isObject)
        .map((extensions) => extensions[name])
        .find(isObject)
      return first === undefined ? [] : [[name, first]]
    })
    return Object.fromEntries(found)
  }

  /**
   * What the first upstream that has tasks of 2025-11-25 says of them. Without `list`: ids lead to who owns them, lists of
   * several are not one.
   */
  tasks(endpoint: string, principal: Principal): JsonObject | undefined {
    const settings = this.#upstreams(endpoint, principal)
      .filter(({ era }) => era === '2025')
      .map(({ capabilities }) => capabilities?.['tasks'])
      .find(isObject)
    if (settings === undefined) return undefined
    return Object.fromEntries(Object.entries(settings).filter(([key]) => key !== 'list'))
  }

  /** @throws Fault `unknown_endpoint`, `bad_cursor` */
  async list(
    request: Authenticated,
    kind: CapabilityKind,
    cursor: string | undefined,
  ): Promise<ListPage> {
    const { endpoint, caller } = request.received
    const federated = caller.capabilities.federation !== undefined
    const waiting = refreshing(this.#views(endpoint).plan, kind, federated)
    if (waiting !== undefined) await waiting
    const { era, revision } = caller
    const dialect = { era, revision, federated }
    // It may have been replaced while it was waited for.
    const views = this.#views(endpoint)
    const sight = views.sights.of(request.principal)
    const { items } = views.page(kind, { dialect, sight, sealer: this.#sealer }, cursor)
    const fresh = freshness(views.plan, kind)
    // What was filtered for one is nobody else's (MCP 2026-07-28, utilities/caching).
    return sight === undefined ? { items, ...fresh } : { items, ...fresh, cacheScope: 'private' }
  }

  /**
   * What must be waited for before `name` can be called unknown: lists that were never fetched. For whom it is hidden, as
   * long as for something that is not there.
   */
  firstLists(
    endpoint: string,
    kind: CapabilityKind,
    { name, sight }: { readonly name: string; readonly sight: Sight | undefined },
  ): Promise<unknown> | undefined {
    const views = this.#endpoints.get(endpoint)
    if (views === undefined) return undefined
    const known = views.find(kind, name)
    if (known !== undefined && sight?.shows(known) !== false) return undefined
    const { feeds, rule } = views.plan
    if (kind === 'tool' || kind === 'prompt') return missing(feeds, [kind])
    const waiting = missing(feeds, BY_URI)
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
  watch({ endpoint, principal }: Watcher, listener: ChangeListener): () => void {
    const set = this.#watchers.get(endpoint) ?? new Set()
    this.#watchers.set(endpoint, set)
    const watching = { principal, listener }
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

  #views(endpoint: string): EndpointViews {
    const views = this.#endpoints.get(endpoint)
    if (views === undefined) throw new Fault('unknown_endpoint', 'there is no such endpoint')
    return views
  }

  /** What a hidden upstream is able to do would say that it is there. */
  #upstreams(endpoint: string, principal: Principal): readonly Mirrors[] {
    const views = this.#endpoints.get(endpoint)
    if (views === undefined) return []
    const all = views.plan.feeds.map(({ mirrors }) => mirrors)
    const sight = views.plan.visibility && views.sights.of(principal)
    if (sight === undefined) return all
    const shown = views.upstreamsFor(sight)
    return all.filter(({ link }) => shown.has(link.label))
  }

  #rebuild({ name, views, earlier }: Rebuilding, kind: CapabilityKind): void {
    const { before, changed, problems } = views.rebuild(kind)
    for (const { upstream, name: left, reason } of problems) {
      this.#log.warn({ endpoint: name, upstream, [kind]: left, reason }, `a ${kind} is left out`)
    }
    const watchers = this.#watchers.get(name)
    if (watchers === undefined || (!changed && earlier === views)) return
    const differs = difference(before.items, views.view(kind).items, changed)
    for (const { principal, listener } of watchers) {
      const [then, now] = [earlier.sights.of(principal), views.sights.of(principal)]
      if (differs(then, now)) listener(LIST_RULES[kind].of)
    }
  }
}

/** Somebody who is told of changes. */
interface Watching {
  readonly principal: Principal
  readonly listener: ChangeListener
}

/** An endpoint whose view is made anew, and what decided about it before. */
interface Rebuilding {
  readonly name: string
  readonly views: EndpointViews
  readonly earlier: EndpointViews
}

/**
 * Says whether those who saw by one sight and see by another now can tell the difference: a change of what is hidden from
 * them is no news. Decided once for all who see the same.
 */
function difference(
  before: readonly ViewItem[],
  after: readonly ViewItem[],
  changed: boolean,
): (then: Sight | undefined, now: Sight | undefined) => boolean {
  const decided = new Map<string, boolean>()
  return (then, now) => {
    if (then === undefined && now === undefined) return changed
    const key = JSON.stringify([then?.key, now?.key])
    const known = decided.get(key) ?? !sameItems(seen(before, then), seen(after, now))
    decided.set(key, known)
    return known
  }
}

function seen(items: readonly ViewItem[], sight: Sight | undefined): readonly ViewItem[] {
  return sight === undefined ? items : items.filter(({ entry }) => sight.sees(entry))
}

/** Starts what must be fetched; the promise is undefined when nothing has to be waited for. */
function refreshing(
  { feeds }: EndpointPlan,
  kind: CapabilityKind,
  forNode: boolean,
): Promise<unknown> | undefined {
  const now = Date.now()
  const waiting: Promise<void>[] = []
  for (const { mirrors, from } of feeds) {
    const mirror = mirrors.of(kind)
    if (mirror.isFresh(now)) continue
    const fetch = mirror.refresh()
    // A node that waited for nodes on behalf of a node would, in a mesh, wait for itself.
    const ofNode = from.kind === 'imported' || mirror.ofNode
    if (!(forNode && ofNode)) waiting.push(bounded(fetch, mirror.patience))
  }
  return waiting.length === 0 ? undefined : Promise.all(waiting)
}

/**
 * The first fetch of lists that were never fetched; undefined when there are none. Lists that could not be fetched are
 * tried again, but not waited for: an upstream that cannot be listed holds up nobody.
 */
function missing(
  feeds: readonly Feed[],
  kinds: readonly CapabilityKind[],
): Promise<unknown> | undefined {
  const now = Date.now()
  const all = feeds.flatMap(({ mirrors }) => kinds.map((kind) => mirrors.of(kind)))
  for (const mirror of all) if (mirror.isLacking(now)) void mirror.refresh()
  const waiting = all
    .filter((mirror) => mirror.untried)
    .map((mirror) => bounded(mirror.refresh(), mirror.patience))
  return waiting.length === 0 ? undefined : Promise.all(waiting)
}

/** The least freshness of the parts, and `private` if one part is (MCP 2026-07-28, utilities/caching). */
function freshness(
  { feeds }: EndpointPlan,
  kind: CapabilityKind,
): Pick<ListPage, 'ttlMs' | 'cacheScope'> {
  const now = Date.now()
  let ttlMs = Number.MAX_SAFE_INTEGER
  let cacheScope: ListPage['cacheScope'] = 'public'
  for (const { mirrors } of feeds) {
    const mirror = mirrors.of(kind)
    ttlMs = Math.min(ttlMs, mirror.freshFor(now))
    if (mirror.cacheScope === 'private') cacheScope = 'private'
  }
  return { ttlMs: feeds.length === 0 ? 0 : ttlMs, cacheScope }
}

async function bounded(work: Promise<unknown>, milliseconds: number): Promise<void> {
  if (milliseconds <= 0) return
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise((resolve) => {
    timer = setTimeout(resolve, milliseconds)
  })
  await Promise.race([work, limit])
  clearTimeout(timer)
}
