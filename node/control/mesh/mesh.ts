import type { KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { BusState } from '../../../topology/bus-state.ts'
import type { ProbeOutcome } from '../../../topology/link-health.ts'
import type { Shows } from '../../../topology/links.ts'
import type { OwnNamespace } from '../../../topology/speaker-types.ts'
import { isLoopback } from '../../core/config-fields.ts'
import type { NodeConfig, NodeUpstream } from '../../core/config-types.ts'
import type { Logger } from '../../core/logger.ts'
import type { LinkedNode, MeshEnds, MeshTalk, MeshWire } from '../../core/mesh-ends.ts'
import type { Principal } from '../../core/principal.ts'
import { OWN } from '../../core/stages.ts'
import type { Upstreams } from '../../hop/exchange.ts'
import type { Mirrors } from '../../hop/mirrors.ts'
import { fingerprint } from '../links.ts'
import { Ends, type DownEnd } from './ends.ts'
import { Incarnation } from './incarnation.ts'
import { membersOf } from './members.ts'
import { MeshNews } from './news.ts'
import { openBus } from './open-bus.ts'
import { placeOf, type Place } from './places.ts'
import { ownNamespaces } from './own-namespaces.ts'
import { probe } from './probe.ts'
import { MeshRun } from './run.ts'
import { shownAbroad, shownTo, type ShownParts } from './shown.ts'
import { MESH_TIMING, type MeshTiming } from './settings.ts'
import { WayRanks } from './way-ranks.ts'

/** What the mesh uses of a node. */
export interface MeshParts {
  readonly node: LinkedNode & { readonly key: KeyObject }
  /** State folder; undefined where nothing is kept. */
  readonly folder: string | undefined
  readonly upstreams: () => Upstreams
  readonly mirrors: (label: string) => Mirrors | undefined
  readonly catalogue: ShownParts['catalogue']
  readonly log: Logger
  /** Nodes may be somewhere else now. */
  readonly relocate?: (() => void) | undefined
  /** Default: those of a real mesh. */
  readonly timing?: MeshTiming | undefined
}

/** Changes of lists are gathered for so long before anybody is told, ms. */
const REVIEW_MS = 50

/**
 * What this node knows of the mesh, and says to it. Without `gossip` in the configuration it only remembers who is at the
 * other ends of its links: nothing is told, opened, written or timed.
 */
export class Mesh implements MeshEnds {
  readonly ranks: WayRanks = new WayRanks()
  readonly news: MeshNews
  readonly #parts: MeshParts
  readonly #ends = new Ends()
  readonly #incarnation: Incarnation
  #config: NodeConfig
  #url: string | undefined
  #run: MeshRun | undefined
  #print: string | undefined
  #told: string | undefined
  #away = false
  #review: NodeJS.Timeout | undefined
  #seeking: NodeJS.Timeout | undefined
  #switching: Promise<void> = Promise.resolve()
  #closed = false

  constructor(config: NodeConfig, parts: MeshParts) {
    this.#config = config
    this.#parts = parts
    this.#incarnation = new Incarnation(parts.folder, parts.log)
    this.news = new MeshNews(parts.log, {
      heard: () => this.#seek(),
      outdone: (inc) => void this.#incarnation.keep(inc),
    })
  }

  /** The node listens, and can be reached there. Resolves when it speaks, or has no reason to. */
  begin(url: string): Promise<void> {
    this.#url = url
    return this.#follow()
  }

  /** Follows a changed configuration, which upstreams and endpoints follow already. */
  configure(config: NodeConfig): Promise<void> {
    this.#config = config
    for (const label of this.#ends.ups.keys()) {
      if (config.upstreams[label]?.kind !== 'node') this.#forget(label)
    }
    this.listed()
    return this.#follow()
  }

  /** The speaker, while there is one. */
  get current(): MeshRun | undefined {
    return this.#run
  }

  /** How the bus stands; undefined where there is none. */
  get busState(): BusState | undefined {
    if (this.#config.gossip === undefined || this.#config.gossip.nats.length === 0) return undefined
    return this.#run?.speaker.bus ?? 'lost'
  }

  /** Id of this node. */
  get self(): string {
    return this.#parts.node.node
  }

  get organisation(): string {
    return this.#parts.node.organisation
  }

  get ends(): Ends {
    return this.#ends
  }

  /** Where an upstream node is that is looked for, by the records there are. */
  place(upstream: NodeUpstream): Place {
    const db = this.#run?.speaker.db
    const records = db === undefined ? [] : [...db.nodes()].flatMap((id) => db.get(id) ?? [])
    const { organisation } = this.#parts.node
    const isLocal = isLoopback(new URL(this.#url ?? 'http://localhost').hostname)
    return placeOf(upstream, { records, organisation, isLocal })
  }

  /** The link to an upstream came up or went down. */
  turned(label: string, up: boolean): void {
    this.news.feed.tell({ type: 'upstream', label, up })
    if (this.#config.upstreams[label]?.kind !== 'node') return
    const known = this.#ends.ups.get(label)
    if (!up) {
      if (known !== undefined) this.#run?.doubt(known.peer.node)
      return
    }
    const peer = this.#parts.upstreams().get(label)?.link.current(OWN)?.server.federation
    // What a node proved on a wire counts for more than what it says of itself.
    if (peer === undefined || known?.wire !== undefined || peer.node === this.#parts.node.node)
      return
    this.#setUp(label, peer, undefined)
  }

  /** What upstreams list changed, or who sees what of it. */
  listed(): void {
    this.news.feed.tell({ type: 'lists' })
    if (this.#run === undefined || this.#review !== undefined) return
    this.#review = setTimeout(() => this.#look(), REVIEW_MS)
    this.#review.unref()
  }

  readonly up = (label: string, wire: MeshWire): MeshTalk => {
    const { peer } = wire
    this.#setUp(label, peer, wire)
    return {
      message: (text) => this.#onMessage(peer, 'up', text),
      closed: () => {
        const end = this.#ends.ups.get(label)
        if (end?.wire === wire) this.#ends.setUp({ label, peer, wire: undefined })
      },
    }
  }

  readonly down = (endpoint: string, principal: Principal, wire: MeshWire): MeshTalk => {
    const end: DownEnd = { endpoint, principal, wire }
    const { node } = wire.peer
    const isTaken = this.#ends.addDown(end)
    if (isTaken) this.#run?.openDown(node)
    return {
      message: (text) => this.#onMessage(wire.peer, 'down', text),
      closed: () => {
        if (!isTaken) return
        const was = this.#ends.down(node)
        this.#ends.removeDown(end)
        if (was === end) this.#run?.openDown(node)
      },
    }
  }

  /** Sends work elsewhere, or asks for it again. */
  drain(away: boolean): void {
    this.#away = away
    this.#run?.tell((speaker) => {
      speaker.drain(away)
      speaker.wake()
    })
  }

  /** Ends it, within a moment, whatever state the bus is in. @param leave whether the node is gone for good; default as configured */
  async close(leave?: boolean): Promise<void> {
    this.#closed = true
    clearTimeout(this.#review)
    clearTimeout(this.#seeking)
    await this.#switching
    await this.#run?.close(leave ?? this.#config.gossip?.leave === true)
    this.#run = undefined
  }

  /** Looks where nodes are that are found by their records, if there are any. */
  #seek(): void {
    const { upstreams } = this.#config
    const seeks = Object.values(upstreams).some((one) => one.kind === 'node' && one.node.find)
    if (!seeks || this.#closed || this.#seeking !== undefined) return
    this.#seeking = setTimeout(() => {
      this.#seeking = undefined
      this.#parts.relocate?.()
    }, REVIEW_MS)
    this.#seeking.unref()
  }

  #onMessage(peer: LinkedNode, side: 'up' | 'down', text: string): void {
    if (this.#run?.message(peer, side, text) === false) this.news.unreadable(peer.node)
  }

  #setUp(label: string, peer: LinkedNode, wire: MeshWire | undefined): void {
    const before = this.#ends.peerOf(label)
    const end = { label, peer, wire }
    this.#ends.setUp(end)
    if (before !== undefined && before !== peer.node) this.#run?.closeUp(before)
    this.#run?.openUp(end)
  }

  #forget(label: string): void {
    const id = this.#ends.peerOf(label)
    this.#ends.removeUp(label)
    if (id !== undefined) this.#run?.closeUp(id)
  }

  #look(): void {
    this.#review = undefined
    const namespaces = this.#namespaces()
    const told = JSON.stringify(namespaces)
    this.#run?.review(told === this.#told ? undefined : namespaces)
    this.#told = told
  }

  #namespaces(): readonly OwnNamespace[] {
    const { node, mirrors, catalogue } = this.#parts
    return ownNamespaces({
      config: this.#config,
      organisation: node.organisation,
      node: node.node,
      mirrors,
      sights: (endpoint) => catalogue.sights(endpoint),
    })
  }

  /** One after the other: of several configurations the last holds. */
  #follow(): Promise<void> {
    this.#switching = this.#switching
      .then(() => this.#switch())
      .catch((cause: unknown) => {
        this.#parts.log.error({ cause }, 'the mesh could not be joined')
      })
    return this.#switching
  }

  async #switch(): Promise<void> {
    if (this.#closed || this.#url === undefined) return
    const { gossip } = this.#config
    const print = gossip && fingerprint([gossip, namesOf(gossip)])
    if (print === this.#print) return
    const before = this.#run
    const run = gossip === undefined ? undefined : await this.#make(gossip, this.#url)
    // What cannot be made leaves all as it was.
    this.#print = print
    this.#run = undefined
    const records = before === undefined ? [] : [...before.records()]
    await before?.close(false)
    if (run === undefined || gossip === undefined) return
    this.#run = run
    const namespaces = this.#namespaces()
    this.#told = JSON.stringify(namespaces)
    run.start(namespaces, records)
    if (this.#away) this.drain(true)
    await this.#openBus(run, gossip)
  }

  async #make(gossip: NonNullable<NodeConfig['gossip']>, url: string): Promise<MeshRun> {
    const { node, timing = MESH_TIMING } = this.#parts
    const { node: id, organisation, name, key } = node
    const members = membersOf(gossip, organisation, Date.now)
    const membership =
      gossip.membership === undefined
        ? undefined
        : (await readFile(gossip.membership, 'utf8')).trim()
    const inc = await this.#incarnation.next(Date.now())
    const own = { id, organisation, name, urls: [url], protocols: ['http', 'ws'] }
    return new MeshRun({
      gossip,
      profile: { ...own, disclosure: gossip.disclose, membership },
      key,
      inc,
      hopBudget: this.#config.limits.hopBudget,
      timing,
      members,
      ends: this.#ends,
      ranks: this.ranks,
      shows: (end) => shownTo(this.#shown, end),
      abroad: (to) => this.#shownAbroad(to),
      probe: (label) => this.#probe(label, timing.link.interval),
      breakOff: (label, since) => this.#parts.upstreams().get(label)?.link.breakOff(since),
      heard: (event) => this.news.on(event),
      counts: this.news,
      count: (kind, by) => this.news.count(kind, by),
    })
  }

  async #openBus(run: MeshRun, gossip: NonNullable<NodeConfig['gossip']>): Promise<void> {
    const { node, organisation } = this.#parts.node
    const nodes = gossip.members.kind === 'listed' ? gossip.members.names.size : 1
    const bus = await openBus(
      gossip,
      { organisation, id: node, nodes },
      {
        connected: (is) => {
          this.news.bus(is)
          run.onBus(is)
        },
        record: (id, text) => {
          this.news.count('heard:bus')
          run.tell((speaker) => speaker.onBusRecord(id, text))
        },
        sync: (request) => run.speaker.onSyncRequest(request),
        border: run.atBorder,
        problem: (text) => this.news.problem(text),
      },
    )
    run.useBus(bus)
  }

  async #probe(label: string, timeoutMs: number): Promise<ProbeOutcome> {
    const link = this.#parts.upstreams().get(label)?.link
    return link === undefined ? 'refused' : probe(link, timeoutMs)
  }

  get #shown(): ShownParts {
    const { catalogue, node } = this.#parts
    return { catalogue, organisation: node.organisation }
  }

  #shownAbroad(to: string | undefined): Shows {
    const endpoints = Object.keys(this.#config.endpoints)
    return shownAbroad({ ...this.#shown, ends: this.#ends, endpoints }, to)
  }
}

/** Maps are no JSON: what is in one is told apart by this. */
function namesOf({ members, borders }: NonNullable<NodeConfig['gossip']>): readonly unknown[] {
  return [members.kind === 'listed' ? [...members.names] : [], borders && [...borders]]
}
