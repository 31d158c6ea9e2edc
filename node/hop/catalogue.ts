import {
  CAPABILITY_KINDS,
  LIST_RULES,
  type CapabilityKind,
  type ListKind,
} from '../../protocol/capability.ts'
import { RELAYED_EXTENSIONS, TASKS_EXTENSION } from '../../protocol/client-capabilities.ts'
import { Fault } from '../../protocol/errors.ts'
import { isObject, type JsonObject } from '../../protocol/jsonrpc.ts'
import type { Logger } from '../core/logger.ts'
import type { Sealer } from '../core/seal.ts'
import type { Authenticated, ChangeListener, Entry, ListPage } from '../core/stages.ts'
import { EndpointViews, type EndpointPlan, type Feed } from './endpoint-views.ts'
import type { Mirror } from './mirror.ts'
import type { Mirrors } from './mirrors.ts'
import { sightOf } from './sight.ts'
import type { ViewRule } from './sources.ts'
import type { View } from './view.ts'

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
  readonly #watchers = new Map<string, Set<ChangeListener>>()

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
      for (const kind of CAPABILITY_KINDS) this.#rebuild(name, views, kind)
    }
  }

  /** What a mirror holds changed: the endpoints that show some of it are made anew. */
  mirrorChanged(mirror: Mirror): void {
    const { kind } = mirror
    for (const [name, views] of this.#endpoints) {
      const { feeds } = views.plan
      if (feeds.some(({ mirrors }) => mirrors.of(kind) === mirror)) {
        this.#rebuild(name, views, kind)
      }
    }
  }

  has(endpoint: string): boolean {
    return this.#endpoints.has(endpoint)
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

  /** Whether there is such a thing, but the hop budget does not reach it. */
  outOfReach(endpoint: string, kind: CapabilityKind, name: string): boolean {
    return this.view(endpoint, kind)?.outOfReach.has(name) === true
  }

  /** Settings of the extensions that upstreams of an endpoint have, those of the first that has one. */
  extensions(endpoint: string): JsonObject {
    const all = this.#upstreams(endpoint)
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
  tasks(endpoint: string): JsonObject | undefined {
    const settings = this.#upstreams(endpoint)
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
    const sight = sightOf(request.principal)
    const { items } = views.page(kind, { dialect, sight, sealer: this.#sealer }, cursor)
    const fresh = freshness(views.plan, kind)
    // What was filtered for one is nobody else's (MCP 2026-07-28, utilities/caching).
    return sight === undefined ? { items, ...fresh } : { items, ...fresh, cacheScope: 'private' }
  }

  /** What must be waited for before `name` can be called unknown: lists that were never fetched. */
  firstLists(endpoint: string, kind: CapabilityKind, name: string): Promise<unknown> | undefined {
    const views = this.#endpoints.get(endpoint)
    if (views === undefined || views.has(kind, name)) return undefined
    const { feeds, rule } = views.plan
    if (kind === 'tool' || kind === 'prompt') return missing(feeds, [kind])
    const waiting = missing(feeds, BY_URI)
    // An exposed URI says where it leads; lists can only confirm it.
    const known = rule.names.style === 'prefixed' && views.findResource(name) !== undefined
    return known ? undefined : waiting
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

  watch(endpoint: string, listener: ChangeListener): () => void {
    const set = this.#watchers.get(endpoint) ?? new Set()
    this.#watchers.set(endpoint, set)
    set.add(listener)
    return () => set.delete(listener)
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

  #upstreams(endpoint: string): readonly Mirrors[] {
    return this.#endpoints.get(endpoint)?.plan.feeds.map(({ mirrors }) => mirrors) ?? []
  }

  #rebuild(endpoint: string, views: EndpointViews, kind: CapabilityKind): void {
    const { changed, problems } = views.rebuild(kind)
    for (const { upstream, name, reason } of problems) {
      this.#log.warn({ endpoint, upstream, [kind]: name, reason }, `a ${kind} is left out`)
    }
    if (changed) this.#announce(endpoint, LIST_RULES[kind].of)
  }

  #announce(endpoint: string, of: ListKind): void {
    for (const listener of this.#watchers.get(endpoint) ?? []) listener(of)
  }
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
