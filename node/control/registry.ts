import { CAPABILITY_KINDS, type CapabilityKind } from '../../protocol/capability.ts'
import type { Listed } from '../../protocol/listing.ts'
import { MODERN_REVISION, type Era } from '../../protocol/revisions.ts'
import type { NodeConfig, NodeUpstream, UpstreamConfig } from '../core/config-types.ts'
import type { Sealer } from '../core/seal.ts'
import { OWN, SHARED } from '../core/stages.ts'
import { Catalogue } from '../hop/catalogue.ts'
import type { EndpointPlan } from '../hop/endpoint-views.ts'
import { whoseAt, type Upstream, type Upstreams } from '../hop/exchange.ts'
import type { Mirrors } from '../hop/mirrors.ts'
import { Subscriptions } from '../hop/subscriptions.ts'
import type { ProofCounts } from '../hop/proofs.ts'
import type { View } from '../hop/view.ts'
import type { Link } from '../outbound/link.ts'
import type { LinkPhase } from '../outbound/link-events.ts'
import { fingerprint } from './links.ts'
import {
  makeUpstream,
  type MadeUpstream,
  type UpstreamGround,
  type UpstreamParts,
} from './make-upstream.ts'
import type { Place } from './mesh/places.ts'
import { plansOf, type PlannedConfig } from './plans.ts'
import { namespacesFedBy } from './proving.ts'

/** How much there is of each kind. */
export interface Counts {
  readonly tools: number
  readonly prompts: number
  readonly resources: number
  readonly templates: number
}

/** How an upstream stands, for the operator. */
export interface UpstreamStatus extends Counts {
  readonly label: string
  readonly kind: UpstreamConfig['kind']
  readonly phase: LinkPhase
  /** URL or command. */
  readonly target: string
  readonly era: Era | undefined
  readonly revision: string | undefined
  /** Name of the server or node. */
  readonly server: string | undefined
  /** How it is reached; undefined while it is not, and for processes. */
  readonly transport: 'http' | 'websocket' | undefined
  readonly callsInFlight: number
  /** How many results and descriptions got each verdict; undefined where none is checked. */
  readonly proofs: ProofCounts | undefined
  /** What is wrong with it; undefined when nothing is. */
  readonly problem: string | undefined
}

/** What an endpoint shows, for the operator. */
export interface EndpointStatus extends Counts {
  readonly name: string
  /** What is left out, with the reason. */
  readonly problems: readonly {
    readonly upstream: string
    readonly kind: CapabilityKind
    /** Name, URI or template, as the upstream has it. */
    readonly name: string
    readonly reason: string
  }[]
}

interface Registered extends MadeUpstream {
  readonly fingerprint: string
}

export interface RegistryParts extends UpstreamParts {
  readonly sealer: Sealer
  /** Finds nodes that are configured without a URL; default: they are not found. */
  readonly place?: ((upstream: NodeUpstream) => Place | undefined) | undefined
}

/** How often mirrors whose upstream reports no changes are looked after while somebody watches, milliseconds. */
const POLL_MS = 1_000

/** The upstreams and endpoints that are configured, and what changes when the configuration does. */
export class Registry {
  readonly catalogue: Catalogue
  readonly subscriptions: Subscriptions
  readonly #parts: RegistryParts
  #config: NodeConfig
  #registered = new Map<string, Registered>()
  #upstreams: Upstreams = new Map()
  /** Links of upstreams that were taken out, until their calls are over. */
  readonly #retiring = new Set<Link>()
  #poll: NodeJS.Timeout | undefined
  #closed = false

  constructor(config: NodeConfig, parts: RegistryParts) {
    this.#config = config
    this.#parts = parts
    const { sealer, log } = parts
    this.catalogue = new Catalogue({ sealer, log })
    this.subscriptions = new Subscriptions({
      catalogue: this.catalogue,
      link: (label) => this.#upstreams.get(label)?.link,
      whose: (label, who) => {
        const upstream = this.#upstreams.get(label)
        return upstream === undefined ? SHARED.whose : whoseAt(upstream, who)
      },
    })
    this.#register()
  }

  /** The table calls are sent by. It is replaced, never changed. */
  get upstreams(): Upstreams {
    return this.#upstreams
  }

  /** Starts all links. Resolves when the first attempt of each, and its first list, is over. */
  async start(): Promise<void> {
    this.#poll = setInterval(() => this.#pollWatched(), POLL_MS)
    this.#poll.unref()
    await this.#startLinks([...this.#registered.values()])
  }

  /**
   * Takes another configuration. Upstreams that stay the same keep their connections; calls on those that go are
   * finished first, within `graceMs`.
   */
  async apply(config: NodeConfig): Promise<void> {
    const before = this.#registered
    this.#config = config
    this.#register()
    const fresh = [...this.#registered.values()].filter((one) => !hasLink(before, one))
    const gone = [...before.values()].filter((one) => !hasLink(this.#registered, one))
    await Promise.all([this.#startLinks(fresh), ...gone.map((one) => this.#retire(one))])
  }

  /** Nodes may be somewhere else now: upstreams that are found by who they are follow. Resolves when they have. */
  async relocate(): Promise<void> {
    const moved = Object.entries(this.#config.upstreams).some(([label, written]) => {
      const known = this.#registered.get(label)
      return known?.fingerprint !== this.#printOf(label, this.#placed(written))
    })
    if (moved && !this.#closed) await this.apply(this.#config)
  }

  /** Frees what upstreams hold for one session alone. */
  endSession(session: string): void {
    for (const { upstream } of this.#registered.values()) void upstream.link.release(session)
  }

  /** What a configuration makes endpoints from; upstreams that are not here feed nothing. */
  plans(config: PlannedConfig): ReadonlyMap<string, EndpointPlan> {
    return plansOf(config, {
      self: this.#parts.self.federation,
      mirrors: (label) => this.#registered.get(label)?.mirrors,
    })
  }

  /** What an upstream lists; undefined when there is none of that label. */
  mirrors(label: string): Mirrors | undefined {
    return this.#registered.get(label)?.mirrors
  }

  /** The tools an upstream lists, as far as they are shown; undefined while it has not listed any. */
  tools(label: string): readonly Listed[] | undefined {
    const mirror = this.#registered.get(label)?.mirrors.of('tool')
    return mirror?.listed === true ? mirror.items : undefined
  }

  upstreamStatus(): UpstreamStatus[] {
    return [...this.#registered].map(([label, { upstream, mirrors, proving, waits }]) => {
      const { error, ...status } = statusOf(upstream.link, waits)
      const { kind } = upstream
      const callsInFlight = upstream.link.inFlight
      const problem = error ?? peerProblem(upstream, this.#parts.self.federation.node)
      const counts = countsOf((one) => mirrors.of(one).items.length)
      const { counts: proofs } = proving
      return { label, kind, ...status, ...counts, callsInFlight, proofs, problem }
    })
  }

  endpointStatus(): EndpointStatus[] {
    return Object.keys(this.#config.endpoints).map((name) => {
      const view = (kind: CapabilityKind): View | undefined => this.catalogue.view(name, kind)
      const counts = countsOf((kind) => view(kind)?.items.length ?? 0)
      const problems = CAPABILITY_KINDS.flatMap((kind) => view(kind)?.problems ?? [])
      return { name, ...counts, problems }
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#poll)
    this.subscriptions.close()
    const registered = [...this.#registered.values()]
    for (const { mirrors } of registered) mirrors.close()
    const links = registered.map(({ upstream }) => upstream.link)
    await Promise.all([...links, ...this.#retiring].map((link) => link.close()))
  }

  #register(): void {
    const before = this.#registered
    this.#registered = new Map()
    for (const [label, written] of Object.entries(this.#config.upstreams)) {
      const config = this.#placed(written)
      const print = this.#printOf(label, config)
      const known = before.get(label)
      const entry = known?.fingerprint === print ? known : this.#make(label, config, print)
      this.#registered.set(label, entry)
    }
    const table = [...this.#registered].map(([label, { upstream }]) => [label, upstream] as const)
    this.#upstreams = new Map(table)
    this.catalogue.configure(this.plans(this.#config))
    this.subscriptions.review()
  }

  #printOf(label: string, config: UpstreamConfig): string {
    const { limits, namespaces } = this.#config
    return fingerprint([config, limits, config.provenance && namespacesFedBy(label, namespaces)])
  }

  /** An upstream with the URL it is reached at, as far as that is known. */
  #placed(written: UpstreamConfig): UpstreamConfig {
    if (written.kind !== 'node' || written.node.find === undefined) return written
    return this.#parts.place?.(written)?.upstream ?? written
  }

  /** Why a node cannot be reached; undefined when its place is known. */
  #waits(config: UpstreamConfig): (() => string) | undefined {
    if (config.kind !== 'node' || config.node.find === undefined) return undefined
    // What was found differs from what is written.
    const written = Object.values(this.#config.upstreams)
    if (!written.includes(config)) return undefined
    return () => this.#parts.place?.(config)?.problem ?? 'nobody says where it is'
  }

  #make(label: string, config: UpstreamConfig, print: string): Registered {
    const ground: UpstreamGround = {
      parts: this.#parts,
      config: this.#config,
      catalogue: this.catalogue,
      subscriptions: this.subscriptions,
      waits: this.#waits(config),
    }
    return { ...makeUpstream(label, config, ground), fingerprint: print }
  }

  async #startLinks(entries: readonly Registered[]): Promise<void> {
    const started = entries.map(async ({ upstream, mirrors }) => {
      await upstream.link.start()
      if (upstream.link.current(OWN) !== undefined) await mirrors.refresh()
    })
    await Promise.all(started)
  }

  async #retire({ mirrors, upstream }: Registered): Promise<void> {
    const { link } = upstream
    mirrors.close()
    this.#retiring.add(link)
    await link.drain(this.#config.limits.shutdownGrace)
    await link.close()
    this.#retiring.delete(link)
  }

  #pollWatched(): void {
    const now = Date.now()
    for (const { proving, mirrors } of this.#registered.values()) {
      proving.review(() => void mirrors.of('tool').evict())
    }
    for (const mirror of this.catalogue.watched()) {
      if (mirror.isDue(now)) void mirror.refresh()
    }
    this.catalogue.pollDelegated(now)
  }
}

/** A node that is not found yet is waited for: it is not down. */
function statusOf(link: Link, waits: (() => string) | undefined): Link['status'] {
  const { status } = link
  if (waits === undefined || status.phase === 'closed') return status
  return { ...status, phase: 'connecting', error: waits() }
}

function countsOf(count: (kind: CapabilityKind) => number): Counts {
  return {
    tools: count('tool'),
    prompts: count('prompt'),
    resources: count('resource'),
    templates: count('template'),
  }
}

function hasLink(entries: ReadonlyMap<string, Registered>, { upstream }: Registered): boolean {
  return entries.get(upstream.link.label)?.upstream === upstream
}

/** What is wrong with an upstream that answers, but is no other node. */
function peerProblem({ kind, link }: Upstream, self: string): string | undefined {
  const connection = link.current(OWN)
  if (kind !== 'node' || connection === undefined) return undefined
  const { federation } = connection.server
  if (federation === undefined) {
    return `it is not a Banyan node, so its namespaces cannot be imported: configure it under "http" (MCP ${MODERN_REVISION} or older)`
  }
  return federation.node === self
    ? 'it is this node itself; nothing is imported from it'
    : undefined
}
