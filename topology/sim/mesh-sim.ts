import type { NodeId } from '../../protocol/federation.ts'
import { ADVERT_TIMING } from '../advertiser.ts'
import { SYNC_TIMING } from '../bus-state.ts'
import { LINK_TIMING, type ProbeOutcome } from '../link-health.ts'
import type { LinkMessage } from '../link-message.ts'
import type { Side } from '../links.ts'
import { RECORD_TIMING } from '../own-record.ts'
import type { Route } from '../route.ts'
import type { ExportRule, ImportRule } from '../route-policy.ts'
import type { SignedRecord } from '../signed-record.ts'
import type { OwnNamespace, SpeakerSettings, TopologyEvent } from '../speaker-types.ts'
import type { SyncRequest } from '../sync.ts'
import { Agenda } from './agenda.ts'
import { Notary } from './notary.ts'
import { SeededRandom } from './random.ts'
import { SimNode } from './sim-node.ts'
import { SimBus } from './sim-bus.ts'

/** Virtual wall time of the beginning, ms since 1970. */
const EPOCH = Date.UTC(2026, 0, 1)

/** What is lost is sent again after so long, then after twice that, ms (RFC 6298, with the minimum kernels have). */
const RESEND_MS = 200
const RESEND_MAX_MS = 12_800

/** Parts of what goes over a wire, bytes: of a record as JWS, of a delta of routes as JSON. */
const RECORD_BYTES = 400
const LINK_BYTES = 80
const NAMESPACE_BYTES = 130
const ROUTE_BYTES = 100
const STEP_BYTES = 44

export interface NodePlan {
  readonly id: NodeId
  readonly organisation: string
  readonly namespaces?: readonly OwnNamespace[]
  readonly imports?: readonly ImportRule[]
  readonly exports?: readonly ExportRule[]
}

export interface LinkPlan {
  /** The node that uses the other one. */
  readonly from: NodeId
  readonly to: NodeId
  /** One way, ms. */
  readonly latency?: number
  /** Added to it, exponentially distributed with this mean, ms; messages do not overtake each other. */
  readonly jitter?: number
  /** Or evenly, from 0 to twice the mean. */
  readonly dist?: 'exponential' | 'uniform'
  /** Share of messages that must be sent again, which to who waits for them is delay. */
  readonly loss?: number
  readonly cost?: number
}

export type Tuning = Partial<Omit<SpeakerSettings, 'profile' | 'imports' | 'exports'>>

/** What is counted of a whole run. */
export interface Counts {
  /** Messages on links: of routes, and of records and greetings. */
  routes: number
  records: number
  /** Deltas in the messages of routes. */
  deltas: number
  /** Deliveries of records by the bus. */
  bus: number
  syncs: number
  probes: number
  /** Of records and routes, as they would go over a wire; reckoned from what is in them. */
  bytes: number
}

/** A link as it is between two nodes, whatever they know of it. */
export class SimLink {
  plan: Required<LinkPlan>
  /** What is sent this way never arrives. */
  readonly cut: { forth: boolean; back: boolean } = { forth: false, back: false }
  /** Whether the two ends have a connection. */
  open = false
  /** When the last message arrives, each way. */
  readonly last: { forth: number; back: number } = { forth: 0, back: 0 }

  constructor(plan: LinkPlan) {
    this.plan = { latency: 10, jitter: 2, dist: 'exponential', loss: 0, cost: 1, ...plan }
  }

  get isCut(): boolean {
    return this.cut.forth || this.cut.back
  }
}

/** A mesh of speakers in virtual time. */
export class MeshSim {
  readonly agenda: Agenda = new Agenda()
  readonly notary: Notary = new Notary()
  readonly random: SeededRandom
  readonly nodes: Map<NodeId, SimNode> = new Map<NodeId, SimNode>()
  readonly links: Map<string, SimLink> = new Map<string, SimLink>()
  readonly #buses = new Map<string, SimBus>()
  readonly counts: Counts = {
    routes: 0,
    records: 0,
    deltas: 0,
    bus: 0,
    syncs: 0,
    probes: 0,
    bytes: 0,
  }
  readonly #tuning: Tuning
  /** Hears of everything that happens, in order. */
  log: (node: NodeId, event: TopologyEvent | SimEvent) => void = () => undefined

  constructor(seed: number, tuning: Tuning = {}) {
    this.random = new SeededRandom(seed)
    this.#tuning = tuning
  }

  get now(): number {
    return this.agenda.now
  }

  /** The wall clock of those whose clock is right. */
  get wall(): number {
    return EPOCH + this.agenda.now
  }

  bus(organisation: string): SimBus {
    const found = this.#buses.get(organisation)
    if (found !== undefined) return found
    const bus = new SimBus(this, organisation)
    this.#buses.set(organisation, bus)
    return bus
  }

  settings({ id, organisation, imports = [], exports = [] }: NodePlan): SpeakerSettings {
    return {
      profile: { id, organisation, urls: [], protocols: ['ws'], disclosure: 'full' },
      imports,
      exports,
      db: { records: 100_000, ttl: 3_600_000 },
      rib: { maxDepth: 16, routesPerPeer: 100_000, staleFor: 60_000 },
      link: LINK_TIMING,
      record: RECORD_TIMING,
      adverts: ADVERT_TIMING,
      sync: SYNC_TIMING,
      gather: 10,
      ...this.#tuning,
    }
  }

  addNode(plan: NodePlan): SimNode {
    const node = new SimNode(this, plan)
    this.nodes.set(plan.id, node)
    node.start()
    return node
  }

  addLink(plan: LinkPlan): void {
    const link = new SimLink(plan)
    this.links.set(`${plan.from} ${plan.to}`, link)
    const to = this.nodes.get(plan.to)
    if (to !== undefined) this.nodes.get(plan.from)?.use(to.plan, link.plan.cost)
  }

  removeLink(from: NodeId, to: NodeId): void {
    this.links.delete(`${from} ${to}`)
    this.nodes.get(from)?.unuse(to)
    this.nodes.get(to)?.speaker?.closeDownlink(from)
  }

  link(from: NodeId, to: NodeId): SimLink | undefined {
    return this.links.get(`${from} ${to}`)
  }

  /** The links a node uses, in the order they were made. */
  linksOf(from: NodeId): SimLink[] {
    return [...this.links.values()].filter(({ plan }) => plan.from === from)
  }

  /** Carries a message from one end of a link to the other, unless something is between. */
  carry(from: SimNode, to: NodeId, side: Side, message: LinkMessage): void {
    const forth = side === 'up'
    const link = forth ? this.link(from.id, to) : this.link(to, from.id)
    if (link === undefined || !link.open) return
    if (message.type === 'routes') {
      this.counts.routes += 1
      this.counts.deltas += message.routes.length
      for (const { route } of message.routes) this.counts.bytes += routeBytes(route)
    } else this.counts.records += 1
    if ('records' in message) {
      for (const text of message.records) this.counts.bytes += this.recordBytes(text)
    }
    this.#deliver(link, forth, () => {
      const other = this.nodes.get(to)
      if (link.open)
        other?.hear((speaker) => speaker.onLinkMessage(from.id, forth ? 'down' : 'up', message))
    })
  }

  /** Runs something after the way of a link; gives false when it is cut, and the connection breaks instead. */
  #deliver(link: SimLink, forth: boolean, run: () => void): boolean {
    const way = forth ? 'forth' : 'back'
    if (link.cut[way]) {
      link.open = false
      return false
    }
    const wanted = this.now + link.plan.latency + this.#extra(link.plan)
    const at = Math.max(wanted, link.last[way])
    link.last[way] = at
    this.agenda.add(at, run)
    return true
  }

  /** Bytes of a signed record on a wire, about. */
  recordBytes(text: string): number {
    const { links = [], namespaces = [] } = this.notary.open(text)?.record ?? {}
    return RECORD_BYTES + LINK_BYTES * links.length + NAMESPACE_BYTES * namespaces.length
  }

  /** What a message takes longer than the latency, ms. */
  #extra({ jitter, dist, loss }: SimLink['plan']): number {
    const { random } = this
    let extra = 0
    if (jitter > 0)
      extra = dist === 'uniform' ? random.next() * 2 * jitter : random.exponential(jitter)
    if (loss > 0) {
      for (let wait = RESEND_MS; wait <= RESEND_MAX_MS && random.next() < loss; wait *= 2)
        extra += wait
    }
    return extra
  }

  /** One probe: there, and back. A connection is made if there is none. */
  probe(from: SimNode, to: NodeId): void {
    this.counts.probes += 1
    const { life } = from
    const link = this.link(from.id, to)
    if (link === undefined) return
    const sentAt = this.now
    const answer = (outcome: ProbeOutcome): void => {
      if (from.life === life) from.hear((speaker) => speaker.onProbe(to, outcome))
    }
    const silence = (): void => {
      link.open = false
      const { interval } = this.settings(from.plan).link
      this.agenda.add(sentAt + interval, () => answer('silent'))
    }
    const arrives = this.#deliver(link, true, () => {
      const isThere = this.#isThere(link, from)
      const returns = this.#deliver(link, false, () => answer(isThere ? 'ok' : 'refused'))
      if (!returns) silence()
    })
    if (!arrives) silence()
  }

  /** Whether the upstream end of a link runs; if it does, there is a connection now. */
  #isThere(link: SimLink, from: SimNode): boolean {
    const other = this.nodes.get(link.plan.to)
    if (other?.speaker === undefined) return false
    if (!link.open) {
      link.open = true
      const { id, organisation } = from.plan
      other.hear((speaker) => speaker.openDownlink({ id, organisation }))
    }
    return true
  }

  /** A record goes out on the bus of its organisation. */
  publish(from: SimNode, signed: SignedRecord): void {
    this.bus(from.plan.organisation).publish(from, signed)
  }

  sync(from: SimNode, request: SyncRequest): void {
    this.counts.syncs += 1
    this.bus(from.plan.organisation).ask(from, request)
  }

  /** Runs for so long. @param duration virtual ms */
  run(duration: number): void {
    this.agenda.runUntil(this.now + duration)
  }
}

function routeBytes(route: Route | undefined): number {
  return ROUTE_BYTES + STEP_BYTES * (route?.path.length ?? 0)
}

/** What a simulation does to a mesh. */
export interface SimEvent {
  readonly type: 'start' | 'crash' | 'routes'
  readonly detail?: string
}
