import { Fault } from '../../protocol/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Sealer } from '../core/seal.ts'
import type { Authenticated, ListPage, ToolEntry } from '../core/stages.ts'
import type { Mirror } from './mirror.ts'
import { pageOf, writePages, type Page } from './pages.ts'
import {
  buildView,
  sameView,
  type Dialect,
  type Source,
  type View,
  type ViewProblem,
  type ViewRule,
} from './view.ts'

/** One feed of an endpoint: the mirror of an upstream and what of it is taken. */
export interface Feed {
  readonly mirror: Mirror
  readonly from: Source['from']
}

/** What an endpoint is made from. */
export interface EndpointPlan {
  readonly rule: ViewRule
  readonly feeds: readonly Feed[]
  readonly pageSize: number
}

interface Served {
  readonly plan: EndpointPlan
  view: View
  /** Pages as text, by dialect, made when first asked for. */
  readonly pages: Map<string, readonly Page[]>
}

function isUntried({ mirror }: Feed): boolean {
  return mirror.untried
}

const EMPTY: View = { tools: [], byName: new Map(), outOfReach: new Set(), problems: [] }

/**
 * The endpoints and what each shows. Lists are answered from here; upstreams are asked only when a list is out of date,
 * and a list asked for by another node never makes this one ask a third, so that a mesh of nodes cannot amplify.
 */
export class Catalogue {
  readonly #sealer: Sealer
  readonly #log: Logger
  #endpoints = new Map<string, Served>()
  readonly #watchers = new Map<string, Set<() => void>>()

  constructor(options: { sealer: Sealer; log: Logger }) {
    this.#sealer = options.sealer
    this.#log = options.log
  }

  /** Replaces all endpoints; those that show something else now tell their watchers. */
  configure(plans: ReadonlyMap<string, EndpointPlan>): void {
    const before = this.#endpoints
    this.#endpoints = new Map()
    for (const [name, plan] of plans) {
      const view = before.get(name)?.view ?? EMPTY
      this.#endpoints.set(name, { plan, view, pages: new Map() })
      this.#rebuild(name)
    }
  }

  /** The tools of a mirror changed: the endpoints that show some of them are made anew. */
  mirrorChanged(mirror: Mirror): void {
    for (const [name, { plan }] of this.#endpoints) {
      if (plan.feeds.some((feed) => feed.mirror === mirror)) this.#rebuild(name)
    }
  }

  has(endpoint: string): boolean {
    return this.#endpoints.has(endpoint)
  }

  view(endpoint: string): View {
    return this.#endpoints.get(endpoint)?.view ?? EMPTY
  }

  /** The tool of that name, by table: a name is never taken apart. */
  find(endpoint: string, name: string): ToolEntry | undefined {
    return this.#endpoints.get(endpoint)?.view.byName.get(name)?.entry
  }

  /** @throws Fault `unknown_endpoint`, `bad_cursor` */
  async listTools(request: Authenticated, cursor: string | undefined): Promise<ListPage> {
    const { endpoint, caller } = request.received
    const served = this.#served(endpoint)
    const waiting = this.#refresh(served, caller.federated)
    if (waiting !== undefined) await waiting
    const dialect: Dialect = { era: caller.era, federated: caller.federated }
    return this.#page(endpoint, dialect, cursor)
  }

  /** What must be waited for before `name` can be called unknown: lists that were never fetched. */
  firstLists(endpoint: string, name: unknown): Promise<unknown> | undefined {
    const served = this.#endpoints.get(endpoint)
    if (served === undefined || typeof name !== 'string' || served.view.byName.has(name)) {
      return undefined
    }
    const { feeds } = served.plan
    if (!feeds.some(isUntried)) return undefined
    const untried = feeds.filter(isUntried)
    return Promise.all(untried.map(({ mirror }) => bounded(mirror.refresh(), mirror.patience)))
  }

  /** Fetches the list of an upstream anew, whatever its age. */
  async evict(upstream: string): Promise<void> {
    const mirrors = new Set<Mirror>()
    for (const { plan } of this.#endpoints.values()) {
      for (const { mirror } of plan.feeds) {
        if (mirror.link.label === upstream) mirrors.add(mirror)
      }
    }
    await Promise.all([...mirrors].map((mirror) => mirror.evict()))
  }

  watch(endpoint: string, listener: () => void): () => void {
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
      for (const { mirror } of plan.feeds) mirrors.add(mirror)
    }
    return mirrors
  }

  #served(endpoint: string): Served {
    const served = this.#endpoints.get(endpoint)
    if (served === undefined) throw new Fault('unknown_endpoint', 'there is no such endpoint')
    return served
  }

  /** Starts what must be fetched; the promise is undefined when nothing has to be waited for. */
  #refresh({ plan }: Served, forNode: boolean): Promise<unknown> | undefined {
    const now = Date.now()
    const waiting: Promise<void>[] = []
    for (const { mirror, from } of plan.feeds) {
      if (mirror.isFresh(now)) continue
      const fetch = mirror.refresh()
      // A node that waited for nodes on behalf of a node would, in a mesh, wait for itself.
      const ofNode = from.kind === 'imported' || mirror.ofNode
      if (!(forNode && ofNode)) waiting.push(bounded(fetch, mirror.patience))
    }
    return waiting.length === 0 ? undefined : Promise.all(waiting)
  }

  #page(endpoint: string, dialect: Dialect, cursor: string | undefined): ListPage {
    const served = this.#served(endpoint)
    const { plan, view, pages } = served
    const key = `${dialect.era} ${dialect.federated}`
    const context = { sealer: this.#sealer, bound: endpoint, pageSize: plan.pageSize, dialect }
    let written = pages.get(key)
    if (written === undefined) {
      written = writePages(view, context)
      pages.set(key, written)
    }
    const { items } = cursor === undefined ? first(written) : pageOf(view, written, cursor, context)
    return { items, ...freshness(plan) }
  }

  #rebuild(name: string): void {
    const served = this.#endpoints.get(name)
    if (served === undefined) return
    const { rule, feeds } = served.plan
    const sources = feeds.map(({ mirror, from }) => ({
      upstream: mirror.link.label,
      peer: mirror.peer,
      tools: mirror.tools,
      from,
    }))
    const view = buildView(rule, sources)
    const before = served.view
    served.view = view
    for (const { upstream, tool, reason } of newProblems(before, view)) {
      this.#log.warn({ endpoint: name, upstream, tool, reason }, 'a tool is left out')
    }
    if (sameView(before, view)) return
    served.pages.clear()
    for (const listener of this.#watchers.get(name) ?? []) listener()
  }
}

/** Each is reported once, and not with every change of the list. */
function newProblems(before: View, after: View): readonly ViewProblem[] {
  const known = new Set(before.problems.map(problemKey))
  return after.problems.filter((problem) => !known.has(problemKey(problem)))
}

function problemKey({ upstream, tool, reason }: ViewProblem): string {
  return JSON.stringify([upstream, tool, reason])
}

function first(pages: readonly Page[]): Page {
  const [page] = pages
  if (page === undefined) throw new Fault('internal', 'a list has at least one page')
  return page
}

/** The least freshness of the parts, and `private` if one part is (MCP 2026-07-28, utilities/caching). */
function freshness({ feeds }: EndpointPlan): Pick<ListPage, 'ttlMs' | 'cacheScope'> {
  const now = Date.now()
  let ttlMs = Number.MAX_SAFE_INTEGER
  let cacheScope: ListPage['cacheScope'] = 'public'
  for (const { mirror } of feeds) {
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
